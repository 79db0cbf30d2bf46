// SPDX-License-Identifier: Apache-2.0
//! All proofs of a run: as a document, and as the process's end.

use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;
use serde_json::json;
use sidecar::{Exit, FOR_ALL, Outcome, replace_file};

use crate::prove::proof::Proof;

/// Its format's version.
const VERSION: &str = "1";

/// All proofs of a run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    version: &'static str,
    pub(crate) proofs: Vec<Proof>,
}

impl Report {
    pub(crate) fn new(proofs: Vec<Proof>) -> Self {
        Self { version: VERSION, proofs }
    }

    /// Writes it, whole or not at all.
    ///
    /// # Errors
    /// Those of the disk.
    pub(crate) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        replace_file(path, &bytes, FOR_ALL).with_context(|| path.display().to_string())
    }

    /// The worst proof decides. The facts are few: the last word has room for a part of the report.
    pub(crate) fn outcome(&self) -> Outcome {
        let exit = self.proofs.iter().map(|it| it.exit).max_by_key(|exit| badness(*exit));
        // The bad one first, as the sentence may be cut.
        let mut told: Vec<&Proof> = self.proofs.iter().collect();
        told.sort_by_key(|proof| std::cmp::Reverse(badness(proof.exit)));
        let sentence = told.iter().map(|it| it.sentence()).collect::<Vec<_>>().join(". ");
        let facts: Vec<_> = self.proofs.iter().map(brief).collect();
        let exit = exit.unwrap_or(Exit::Unavailable);
        Outcome { exit, sentence, facts: json!({"proofs": facts}) }
    }
}

fn brief(proof: &Proof) -> serde_json::Value {
    json!({
        "snapshot": proof.subject.snapshot,
        "grade": proof.grade,
        "stage": proof.stage,
        "etcd": proof.etcd,
    })
}

/// Bad data is worse than not knowing, and what trying again may mend is the least.
fn badness(exit: Exit) -> u8 {
    match exit {
        Exit::Done => 0,
        Exit::Temporary => 1,
        Exit::Unavailable => 2,
        Exit::Corrupt => 9,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prove::proof::Subject;
    use jiff::Timestamp;

    #[test]
    fn the_worst_of_two_decides_and_is_told_first() {
        let proof = |exit, reason: &str| {
            let mut proof = Proof::begin(Subject::default(), Timestamp::UNIX_EPOCH);
            (proof.exit, proof.reason) = (exit, Some(reason.to_owned()));
            proof
        };
        let proofs = vec![proof(Exit::Unavailable, "first"), proof(Exit::Corrupt, "second")];
        let outcome = Report::new(proofs).outcome();
        assert_eq!(outcome.exit, Exit::Corrupt);
        assert!(outcome.sentence.find("second") < outcome.sentence.find("first"));
    }
}
