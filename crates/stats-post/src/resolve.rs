// SPDX-License-Identifier: Apache-2.0
//! The flags' meaning: one small step per concern, every problem collected.

mod run;
mod targets;

use std::path::PathBuf;
use std::time::Duration;

use admin::AdminAt;
use reqwest::Url;
use sidecar::{Problems, Span};

use crate::about::{About, Key};
use crate::args::{Args, DEFAULT_ADMIN, NeighbourArgs, ReportArgs};
use crate::form::{Form, ProgressForm};
use crate::http::{self, Http, Tls};
use crate::resolve::targets::{old_url, progress_form, progress_target, target};
use crate::secret_files::SecretFiles;
use crate::target::{ProgressTarget, Target};

const EVERY: Duration = Duration::from_secs(30);

/// What to do.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) folder: PathBuf,
    pub(crate) executor: Option<PathBuf>,
    pub(crate) until: Until,
    pub(crate) about: About,
    pub(crate) key: Key,
    pub(crate) form: Form,
    pub(crate) target: Target,
    pub(crate) progress: Option<ProgressTarget>,
    pub(crate) every: Duration,
    pub(crate) http: Http,
    pub(crate) canopy: Option<canopy::Config>,
    pub(crate) spool: Option<PathBuf>,
    pub(crate) admin: AdminAt,
}

/// What ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    Signal,
    /// The outcome of the run's executor, too.
    Outcome,
}

/// Judges the flags.
pub(crate) fn plan(args: Args, problems: &mut Problems) -> Option<Plan> {
    let Args { neighbours, run, report, progress, client, admin, process: _ } = args;
    let form = problems.given("--form", report.form.clone()).unwrap_or(Form::CanopyStats);
    let every = problems.given("--every", progress.every.clone());
    let run = run::run(run, form, problems);
    let progress_form = progress_form(&progress, form, problems);
    let url = report.url.clone().or_else(|| old_url(form));
    let of_client = url.clone().filter(|_| form.needs_outcome()).map(|url| ("--url", url));
    let target = run.as_ref().and_then(|run| target(form, url, run, problems));
    let sample = run.as_ref().and_then(|run| {
        progress_target(progress, progress_form, (form, target.as_ref()), run, problems)
    });
    let folder = watched(&neighbours, form, problems);
    let urls =
        [target.as_ref().and_then(Target::url), sample.as_ref().and_then(ProgressTarget::url)];
    let http = plain(&report, urls, problems);
    let needs_client = form.needs_outcome() || progress_form == Some(ProgressForm::BackupProgress);
    let admin = admin.resolve(DEFAULT_ADMIN, problems);
    let canopy = if needs_client { client.resolve(of_client, problems) } else { None };
    let canopy = canopy.map(|config| config.with_timeout(http::TOTAL));
    let run = run?;
    Some(Plan {
        folder: folder?,
        executor: neighbours.outcome_of,
        until: if neighbours.until_outcome { Until::Outcome } else { Until::Signal },
        key: Key::of(&run.about.run_id, form, run.attempt.as_deref()),
        about: run.about,
        form,
        target: target?,
        progress: sample,
        every: every.map_or(EVERY, |Span(span)| span),
        http: http?,
        canopy,
        spool: report.spool_dir,
        admin: admin?,
    })
}

fn watched(args: &NeighbourArgs, form: Form, problems: &mut Problems) -> Option<PathBuf> {
    if form.needs_outcome() && args.outcome_of.is_none() {
        problems.add(format!(
            "--form {} says how the run ended, which a sidecar cannot know by itself: --outcome-of names the --outcome-file of one of our executors",
            form.name()
        ));
    }
    if args.watch.is_none() {
        problems.add("--watch is required (or STATS_POST_WATCH)");
    }
    args.watch.clone()
}

/// Files that cannot be used are found out at start. One that is not there yet holds nothing up: it is read
/// again for each post.
fn plain(args: &ReportArgs, urls: [Option<&Url>; 2], problems: &mut Problems) -> Option<Http> {
    let files =
        SecretFiles { headers: args.headers_file.clone(), token: args.bearer_token_file.clone() };
    if let Err(why) = files.present().read() {
        problems.add(why);
    }
    let is_tls = urls.into_iter().flatten().any(|url| url.scheme() == "https");
    let tls = if is_tls { Tls::Used } else { Tls::Unused };
    Http::open(files, args.ca_bundle.as_deref(), tls).map_err(|why| problems.add(why)).ok()
}
