// SPDX-License-Identifier: Apache-2.0
//! Where reports and progress go, by form.

use reqwest::Url;
use sidecar::Problems;

use crate::address::{self, PROGRESS, STATS};
use crate::args::ProgressArgs;
use crate::form::{Form, ProgressForm};
use crate::resolve::run::{Run, variable};
use crate::target::{ProgressTarget, Target};

/// The operator's own variable: its URLs mean its own forms.
pub(crate) fn old_url(form: Form) -> Option<String> {
    match form {
        Form::CanopyStats => variable("PGRO_STATS_CALLBACK_URL"),
        Form::CanopyProgress => old_progress_url(),
        _ => None,
    }
}

fn old_progress_url() -> Option<String> {
    variable("PGRO_PROGRESS_CALLBACK_URL")
}

/// Where the report goes.
pub(crate) fn target(
    form: Form,
    url: Option<String>,
    run: &Run,
    problems: &mut Problems,
) -> Option<Target> {
    let name = form.name();
    match form {
        Form::CanopyStats => {
            Some(Target::Stats(operator_url(("--url", url), STATS, run, problems)?))
        }
        Form::CanopyProgress => {
            let url = operator_url(("--url", url), PROGRESS, run, problems);
            Some(Target::Sample(url?, run.type_(name, problems)?))
        }
        Form::Json => Some(Target::Json(plain_url("--url", url, problems)?)),
        Form::BackupReport => {
            Some(Target::Backup { type_: run.type_(name, problems)?, purpose: run.purpose })
        }
        Form::RestoreVerification => {
            let type_ = run.type_(name, problems);
            let restore = run.restore(problems);
            Some(Target::Verification { type_: type_?, restore: restore? })
        }
    }
}

/// Nothing where no progress is asked for.
pub(crate) fn progress_form(
    args: &ProgressArgs,
    form: Form,
    problems: &mut Problems,
) -> Option<ProgressForm> {
    let given = problems.given("--progress-form", args.progress_form.clone());
    let default =
        if form == Form::Json { ProgressForm::Json } else { ProgressForm::CanopyProgress };
    let is_asked = given.is_some()
        || args.progress_url.is_some()
        || form == Form::CanopyProgress
        || (default == ProgressForm::CanopyProgress && old_progress_url().is_some());
    is_asked.then(|| given.unwrap_or(default))
}

/// Where progress goes.
pub(crate) fn progress_target(
    args: ProgressArgs,
    progress: Option<ProgressForm>,
    (form, report): (Form, Option<&Target>),
    run: &Run,
    problems: &mut Problems,
) -> Option<ProgressTarget> {
    let progress = progress?;
    if form == Form::CanopyProgress {
        if args.progress_url.is_some() || args.progress_form.is_some() {
            problems.add("--form canopy-progress posts its progress to --url: --progress-url and --progress-form do not go with it");
        }
        let Target::Sample(url, type_) = report? else { return None };
        return Some(ProgressTarget::Operator(url.clone(), type_.clone()));
    }
    let (flag, url) = ("--progress-url", args.progress_url);
    match progress {
        ProgressForm::CanopyProgress => {
            let url = url.or_else(old_progress_url);
            let url = operator_url((flag, url), PROGRESS, run, problems);
            let type_ = run.type_("canopy-progress", problems);
            Some(ProgressTarget::Operator(url?, type_?))
        }
        ProgressForm::Json => Some(ProgressTarget::Json(plain_url(flag, url, problems)?)),
        ProgressForm::BackupProgress => {
            let type_ = run.type_("backup-progress", problems)?;
            Some(ProgressTarget::ControlPlane { type_, purpose: run.purpose })
        }
    }
}

fn plain_url(flag: &str, text: Option<String>, problems: &mut Problems) -> Option<Url> {
    let Some(text) = text else {
        problems.add(format!("{flag} is required"));
        return None;
    };
    address::parse(&text).map_err(|why| problems.add(format!("{flag}: {why}"))).ok()
}

/// A full address as it is, else the operator's path below the base.
fn operator_url(
    (flag, text): (&str, Option<String>),
    kind: &str,
    run: &Run,
    problems: &mut Problems,
) -> Option<Url> {
    let url = plain_url(flag, text, problems)?;
    if address::is_full(&url, kind) {
        return Some(url);
    }
    match (&run.about.namespace, &run.about.job) {
        (Some(namespace), Some(job)) => address::below(url, kind, namespace, job)
            .map_err(|why| problems.add(format!("{flag}: {why}")))
            .ok(),
        _ => {
            problems.add(format!("{flag} is a base: --namespace and --job say what is below it, or give an address with /api/v1/{kind}/ in it"));
            None
        }
    }
}
