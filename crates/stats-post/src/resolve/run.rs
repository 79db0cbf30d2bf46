// SPDX-License-Identifier: Apache-2.0
//! Which run it is, by the flags or by the restore operator's variables.

use canopy::wire::Purpose;
use sidecar::{Given, Problems};

use crate::about::{About, Word};
use crate::args::RunArgs;
use crate::canopy_form::Restore;
use crate::form::Form;

/// The words that say which run it is.
pub(crate) struct Run {
    pub(crate) about: About,
    pub(crate) attempt: Option<String>,
    pub(crate) purpose: Purpose,
    server_id: Option<String>,
    intent: Option<String>,
    replica_id: Option<String>,
}

/// The name under which the restore operator sets it. An empty variable counts as unset.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Judges the words.
pub(crate) fn run(args: RunArgs, form: Form, problems: &mut Problems) -> Option<Run> {
    let old = |given: Option<Given<Word>>, name: &str| {
        given.or_else(|| variable(name).and_then(|text| text.parse().ok()))
    };
    let run_id = problems.required("--run-id", old(args.run_id, "PGRO_RUN_ID"));
    let mut word = |flag: &str, given| problems.given(flag, given).map(|Word(text)| text);
    let about = About {
        run_id: String::new(),
        type_: word("--type", old(args.type_, "PGRO_TYPE")),
        group: word("--group", old(args.group, "PGRO_GROUP")),
        namespace: word("--namespace", args.namespace),
        job: word("--job", args.job),
    };
    let attempt = word("--attempt", args.attempt);
    let server_id = word("--server-id", args.server_id);
    let intent = word("--intent", args.intent);
    let replica_id = word("--replica-id", args.replica_id);
    let purpose = purpose(args.purpose.as_deref(), form, problems);
    let about = About { run_id: run_id?.0, ..about };
    Some(Run { about, attempt, purpose, server_id, intent, replica_id })
}

fn purpose(text: Option<&str>, form: Form, problems: &mut Problems) -> Purpose {
    match text {
        Some("backup") => Purpose::Backup,
        Some("restore") => Purpose::Restore,
        Some(other) => {
            problems.add(format!("--purpose {other}: known purposes are backup and restore"));
            Purpose::Restore
        }
        None if form == Form::BackupReport => Purpose::Backup,
        None => Purpose::Restore,
    }
}

impl Run {
    /// The type, for a form that needs it.
    pub(crate) fn type_(&self, form: &str, problems: &mut Problems) -> Option<String> {
        needed("--type", self.about.type_.as_ref(), form, problems)
    }

    /// What restore-verification says of the restore.
    pub(crate) fn restore(&self, problems: &mut Problems) -> Option<Restore> {
        let form = Form::RestoreVerification.name();
        let group = needed("--group", self.about.group.as_ref(), form, problems);
        let server_id = needed("--server-id", self.server_id.as_ref(), form, problems);
        let intent = needed("--intent", self.intent.as_ref(), form, problems);
        let replica_id = self.replica_id.clone();
        Some(Restore { group: group?, server_id: server_id?, intent: intent?, replica_id })
    }
}

fn needed(
    flag: &str,
    word: Option<&String>,
    form: &str,
    problems: &mut Problems,
) -> Option<String> {
    if word.is_none() {
        problems.add(format!("{flag} is required with {form}"));
    }
    word.cloned()
}
