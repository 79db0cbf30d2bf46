// SPDX-License-Identifier: Apache-2.0
//! What came of the proof of one snapshot, with its grade.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use sidecar::{Exit, Failure};
use snapshot::{EtcdFacts, Id, Place};

use crate::prove::answers::{Answers, Teller};

/// What is known of a snapshot now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Grade {
    /// etcd came up with it, and holds what live members had agreed on when it was taken.
    Proven,
    /// etcd came up with it, and holds what the file held. No member was asked when it was taken.
    Matched,
    /// It is bad.
    Failed,
    /// It could not be tried, which says nothing of it.
    Untried,
}

/// How far a proof came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Stage {
    /// Which snapshot is it?
    Select,
    /// Are the image's programs there, and new enough?
    Tool,
    /// From the store, verified.
    Fetch,
    /// By the image's tool.
    Restore,
    /// By the image's etcd.
    Boot,
    /// With the manifest.
    Compare,
}

/// The proof of one snapshot.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Proof {
    pub(crate) grade: Grade,
    /// The exit code it deserves.
    #[serde(serialize_with = "code")]
    pub(crate) exit: Exit,
    /// The one that it did not get beyond.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stage: Option<Stage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    #[serde(flatten)]
    pub(crate) subject: Subject,
    pub(crate) began: Timestamp,
    pub(crate) seconds: Seconds,
    /// The release that was booted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) etcd: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) compared: Option<Compared>,
    pub(crate) notes: Vec<String>,
    /// Why its record could not be made.
    #[serde(skip_serializing_if = "Option::is_none")]
    unrecorded: Option<String>,
}

/// Whose proof it is.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Subject {
    pub(crate) snapshot: Option<Id>,
    #[serde(flatten)]
    pub(crate) place: Option<Place>,
    pub(crate) taken: Option<Timestamp>,
    /// Of the content.
    pub(crate) bytes: Option<u64>,
}

/// How long each stage took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(crate) struct Seconds {
    pub(crate) fetch: f64,
    pub(crate) restore: f64,
    pub(crate) boot: f64,
    pub(crate) compare: f64,
}

/// What was expected, and what was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Compared {
    revision: i64,
    compact_revision: Pair<i64>,
    keys: Told<u64>,
    hash: Told<u32>,
    /// The members that had given the expected hash when the snapshot was taken.
    agreed: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Pair<T> {
    expected: T,
    found: T,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Told<T> {
    expected: T,
    found: T,
    told_by: Teller,
}

impl Proof {
    /// One that begins now, and has not been tried until it is judged.
    pub(crate) fn begin(subject: Subject, began: Timestamp) -> Self {
        Self {
            grade: Grade::Untried,
            exit: Exit::Unavailable,
            stage: Some(Stage::Select),
            reason: None,
            subject,
            began,
            seconds: Seconds::default(),
            etcd: None,
            compared: None,
            notes: vec![],
            unrecorded: None,
        }
    }

    /// The next stage begins.
    pub(crate) fn enter(&mut self, stage: Stage) {
        self.stage = Some(stage);
    }

    /// It came to its end: what was found is held against what was expected.
    pub(crate) fn judge(&mut self, expected: &EtcdFacts, answers: Answers) {
        let compared = Compared::new(expected, &answers);
        self.notes.extend(answers.notes);
        match compared.differences() {
            differences if differences.is_empty() => {
                let is_agreed = !compared.agreed.is_empty();
                self.grade = if is_agreed { Grade::Proven } else { Grade::Matched };
                self.exit = Exit::Done;
                self.stage = None;
            }
            differences => {
                (self.grade, self.exit) = (Grade::Failed, Exit::Corrupt);
                self.reason = Some(differences.join("; "));
            }
        }
        self.compared = Some(compared);
    }

    /// It broke off. Only what fails verification is held against the snapshot.
    pub(crate) fn broke_off(&mut self, error: &anyhow::Error) {
        self.exit = match Failure::exit_of(error) {
            // A program's own mistake is no verdict.
            Exit::Failed | Exit::Done | Exit::Partial => Exit::Unavailable,
            exit => exit,
        };
        self.grade = if self.exit == Exit::Corrupt { Grade::Failed } else { Grade::Untried };
        self.reason = Some(format!("{error:#}"));
    }

    /// The verdict stands, and nobody will find it.
    pub(crate) fn unrecorded(&mut self, error: &store::Error) {
        if self.exit == Exit::Done {
            self.exit = error.exit();
        }
        self.unrecorded = Some(error.to_string());
    }

    /// One sentence for a person.
    pub(crate) fn sentence(&self) -> String {
        match &self.unrecorded {
            None => self.verdict(),
            Some(why) => format!("{}; the proof is not recorded: {why}", self.verdict()),
        }
    }

    fn verdict(&self) -> String {
        let name = self.subject.snapshot.map_or("the snapshot".to_owned(), |id| id.to_string());
        let etcd = self.etcd.as_deref().unwrap_or("?");
        let keys = self.compared.as_ref().map_or(0, |compared| compared.keys.found);
        match (&self.grade, &self.reason) {
            (Grade::Proven, _) => format!(
                "{name} is proven: etcd {etcd} came up with it and holds {keys} keys, with the hash \
                 that its members had agreed on"
            ),
            (Grade::Matched, _) => format!(
                "{name} matches: etcd {etcd} came up with it and holds {keys} keys, with the hash of \
                 the file; no member had been asked for its own"
            ),
            (Grade::Failed, reason) => {
                format!("{name} FAILED its proof{}", self.place_of(reason.as_deref()))
            }
            (Grade::Untried, reason) => {
                format!("{name} could not be tried{}", self.place_of(reason.as_deref()))
            }
        }
    }

    fn place_of(&self, reason: Option<&str>) -> String {
        let stage = match self.stage {
            Some(Stage::Select) => "it was selected",
            Some(Stage::Tool) => "etcd's programs were looked for",
            Some(Stage::Fetch) => "it was fetched",
            Some(Stage::Restore) => "it was restored",
            Some(Stage::Boot) => "etcd was booted on it",
            Some(Stage::Compare) => "it was compared",
            None => "it was told",
        };
        format!(" while {stage}: {}", reason.unwrap_or("it was given up"))
    }
}

impl Compared {
    fn new(expected: &EtcdFacts, answers: &Answers) -> Self {
        let (hash, keys) = (answers.hash, answers.keys);
        let should = &expected.hash_kv;
        Self {
            revision: should.revision,
            compact_revision: Pair {
                expected: should.compact_revision,
                found: hash.compact_revision,
            },
            keys: Told { expected: expected.live_keys, found: keys.count, told_by: keys.told_by },
            hash: Told { expected: should.hash, found: hash.hash, told_by: hash.told_by },
            agreed: should.agreed.clone(),
        }
    }

    fn differences(&self) -> Vec<String> {
        let mut differences = Vec::new();
        let at = self.revision;
        let mut note = |what: &str, expected: String, found: String| {
            if expected != found {
                differences.push(format!(
                    "{what} at revision {at} is {found} in the restored etcd, {expected} by the manifest"
                ));
            }
        };
        let Pair { expected, found } = self.compact_revision;
        note("the compact revision", expected.to_string(), found.to_string());
        note("the number of keys", self.keys.expected.to_string(), self.keys.found.to_string());
        note("the hash of the keys", self.hash.expected.to_string(), self.hash.found.to_string());
        differences
    }
}

/// Runs a stage and notes how long it took.
pub(crate) async fn timed<T>(seconds: &mut f64, stage: impl Future<Output = T>) -> T {
    let begun = tokio::time::Instant::now();
    let done = stage.await;
    *seconds = to_seconds(begun.elapsed());
    done
}

/// To the millisecond.
fn to_seconds(span: Duration) -> f64 {
    (span.as_secs_f64() * 1000.0).round() / 1000.0
}

fn code<S: Serializer>(exit: &Exit, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u8(exit.code())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prove::answers::{Hash, Keys};
    use anyhow::anyhow;

    fn facts(agreed: &[&str]) -> EtcdFacts {
        let hash_kv = snapshot::HashKv {
            revision: 9,
            compact_revision: 4,
            hash: 77,
            agreed: agreed.iter().map(|&id| id.to_owned()).collect(),
            not_compared: vec![],
        };
        EtcdFacts {
            revision: 9,
            compact_revision: 4,
            live_keys: 3,
            total_keys: 12,
            storage_version: None,
            cluster_version: None,
            auth_enabled: false,
            alarms: vec![],
            members: 1,
            leases: 0,
            status_hash: 1,
            hash_kv,
        }
    }

    fn judged(agreed: &[&str], hash: u32, compact_revision: i64, count: u64) -> Proof {
        let told_by = Teller::Etcd;
        let hash = Hash { hash, compact_revision, told_by };
        let answers = Answers { hash, keys: Keys { count, told_by }, notes: vec![] };
        let mut proof = Proof::begin(Subject::default(), Timestamp::UNIX_EPOCH);
        proof.judge(&facts(agreed), answers);
        proof
    }

    #[test]
    fn only_what_members_had_agreed_on_is_proven() {
        assert_eq!(judged(&["a"], 77, 4, 3).grade, Grade::Proven);
        assert_eq!(judged(&[], 77, 4, 3).grade, Grade::Matched);
    }

    #[test]
    fn each_difference_fails_and_is_named() {
        for (proof, word) in [
            (judged(&["a"], 78, 4, 3), "the hash of the keys at revision 9 is 78"),
            (judged(&["a"], 77, 5, 3), "the compact revision"),
            (judged(&["a"], 77, 4, 2), "the number of keys"),
        ] {
            assert_eq!((proof.grade, proof.exit), (Grade::Failed, Exit::Corrupt));
            assert!(proof.reason.unwrap().contains(word), "{word}");
        }
    }

    #[test]
    fn an_outage_is_no_verdict() {
        for (exit, grade) in [
            (Exit::Corrupt, Grade::Failed),
            (Exit::Unavailable, Grade::Untried),
            (Exit::Temporary, Grade::Untried),
            (Exit::Denied, Grade::Untried),
        ] {
            let mut proof = Proof::begin(Subject::default(), Timestamp::UNIX_EPOCH);
            proof.broke_off(&Failure::new(exit, anyhow!("why")));
            assert_eq!((proof.grade, proof.exit), (grade, exit));
        }
    }
}
