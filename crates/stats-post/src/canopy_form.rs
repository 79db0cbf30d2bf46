// SPDX-License-Identifier: Apache-2.0
//! Reports in the control plane's own forms: what our facts are called there.

use canopy::wire::{BackupProgress, BackupReport, Outcome, Purpose, RestoreVerification, Traffic};

use crate::ended::Ended;
use crate::report::{Final, Report};
use crate::tallies::Tallies;

/// Of an error text; the reason stands last.
const ERROR_CHARACTERS: usize = 1500;

/// What the restore was of and for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Restore {
    pub(crate) group: String,
    pub(crate) server_id: String,
    pub(crate) intent: String,
    pub(crate) replica_id: Option<String>,
}

/// How far a run is.
pub(crate) fn progress(report: &Report, type_: &str, purpose: Purpose) -> BackupProgress {
    BackupProgress {
        run_id: report.about.run_id.clone(),
        type_: type_.to_owned(),
        purpose: Some(purpose),
        traffic: traffic(report.tallies),
        ..BackupProgress::default()
    }
}

/// How a backup ended.
pub(crate) fn backup(all: &Final, ended: &Ended, type_: &str, purpose: Purpose) -> BackupReport {
    let run_id = &all.report.about.run_id;
    let mut report = BackupReport::new(run_id, type_, purpose, outcome(ended));
    report.error = error(ended);
    report.traffic = traffic(all.report.tallies);
    if ended.is_success() {
        report.snapshot_id = ended.snapshot_id();
        report.bytes_uploaded = ended.bytes_uploaded();
        report.snapshot_taken_at = ended.snapshot_taken_at();
    }
    report
}

/// Whether a backup restores.
pub(crate) fn verification(
    all: &Final,
    ended: &Ended,
    type_: &str,
    restore: &Restore,
) -> RestoreVerification {
    RestoreVerification {
        replica_id: restore.replica_id.clone(),
        run_id: Some(all.report.about.run_id.clone()),
        group: restore.group.clone(),
        server_id: restore.server_id.clone(),
        type_: type_.to_owned(),
        intent: restore.intent.clone(),
        snapshot_id: ended.snapshot_id(),
        outcome: outcome(ended),
        replica_healthy: ended.is_replica_healthy(),
        error: error(ended),
        postgres_version: ended.postgres_version(),
        observed_at: all.ended,
        traffic: traffic(all.report.tallies),
        health_details: Some(ended.facts.clone()).filter(|facts| !facts.is_null()),
        migration: None,
    }
}

fn outcome(ended: &Ended) -> Outcome {
    if ended.is_success() { Outcome::Success } else { Outcome::Failure }
}

/// A failure's sentence, its end if it is long.
fn error(ended: &Ended) -> Option<String> {
    if ended.is_success() {
        return None;
    }
    let count = ended.sentence.chars().count();
    Some(ended.sentence.chars().skip(count.saturating_sub(ERROR_CHARACTERS)).collect())
}

fn traffic(tallies: Tallies) -> Traffic {
    Traffic {
        s3_sent_raw_bytes: tallies.sent_raw_bytes,
        s3_sent_payload_bytes: tallies.sent_payload_bytes,
        s3_received_raw_bytes: tallies.received_raw_bytes,
        s3_received_payload_bytes: tallies.received_payload_bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn an_error_keeps_its_end_and_a_success_has_none() {
        let sentence = format!("{}the reason €", "warning ".repeat(400));
        let ended = |exit| Ended {
            name: "kopia".to_owned(),
            exit,
            sentence: sentence.clone(),
            facts: Value::Null,
        };
        let told = error(&ended(1)).unwrap();
        assert_eq!(told.chars().count(), ERROR_CHARACTERS);
        assert!(told.ends_with("the reason €"));
        assert_eq!(error(&ended(0)), None);
    }
}
