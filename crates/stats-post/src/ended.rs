// SPDX-License-Identifier: Apache-2.0
//! How a neighbour ended, as `--outcome-file` of our executors says it, and what their facts are called.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The outcome of a neighbour.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ended {
    pub(crate) name: String,
    pub(crate) exit: i64,
    #[serde(default)]
    pub(crate) sentence: String,
    #[serde(default)]
    pub(crate) facts: Value,
}

impl Ended {
    /// Whether all was done. "Done, some items failed" is a failure to whoever has one word for it.
    pub(crate) fn is_success(&self) -> bool {
        self.exit == 0
    }

    /// The snapshot: that of `snapshot-upload`, of `restore-localize etcd`, or the only one of a drill.
    pub(crate) fn snapshot_id(&self) -> Option<String> {
        let one_proof = self.facts["proofs"].as_array().is_some_and(|proofs| proofs.len() == 1);
        let paths = ["/snapshot_id", "/id", "/what/snapshot", "/proofs/0/snapshot"];
        let count = if one_proof { 4 } else { 3 };
        self.text(&paths[..count])
    }

    /// Bytes as they are stored.
    pub(crate) fn bytes_uploaded(&self) -> Option<u64> {
        ["/bytes_uploaded", "/bytes"].iter().find_map(|path| self.facts.pointer(path)?.as_u64())
    }

    /// As the facts say it, else as our own ids carry it.
    pub(crate) fn snapshot_taken_at(&self) -> Option<Timestamp> {
        let told = self.text(&["/snapshot_taken_at"]).and_then(|text| text.parse().ok());
        told.or_else(|| Some(self.snapshot_id()?.parse::<snapshot::Id>().ok()?.time()))
    }

    pub(crate) fn postgres_version(&self) -> Option<String> {
        self.text(&["/postgres_version"])
    }

    /// Whether it is known that what was restored works: only where the facts say so. That a restore was
    /// committed proves nothing of a server.
    pub(crate) fn is_replica_healthy(&self) -> bool {
        let good = |value: &Value, words: &[&str]| {
            value["grade"].as_str().is_some_and(|grade| words.contains(&grade))
        };
        let proofs = self.facts["proofs"].as_array();
        self.is_success()
            && (self.facts["replica_healthy"] == true
                || good(&self.facts, &["clean", "repaired"])
                || proofs.is_some_and(|proofs| {
                    !proofs.is_empty() && proofs.iter().all(|it| good(it, &["proven", "matched"]))
                }))
    }

    fn text(&self, paths: &[&str]) -> Option<String> {
        paths.iter().find_map(|path| Some(self.facts.pointer(path)?.as_str()?.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ended(exit: i64, facts: Value) -> Ended {
        Ended { name: "n".to_owned(), exit, sentence: String::new(), facts }
    }

    #[test]
    fn the_snapshot_of_each_of_our_executors_is_found_with_its_time() {
        let id = "2026-11-20T02-00-00Z-0a1b2c3d";
        let upload = ended(0, json!({"id": id, "bytes": 7, "content_bytes": 9}));
        let restore = ended(0, json!({"generation": "g1", "what": {"snapshot": id}}));
        let drill = ended(0, json!({"proofs": [{"snapshot": id, "grade": "proven"}]}));
        for one in [&upload, &restore, &drill] {
            assert_eq!(one.snapshot_id().as_deref(), Some(id));
            assert_eq!(one.snapshot_taken_at().unwrap().to_string(), "2026-11-20T02:00:00Z");
        }
        assert_eq!((upload.bytes_uploaded(), restore.bytes_uploaded()), (Some(7), None));
        let foreign = ended(0, json!({"snapshot_id": "k3f9"}));
        assert_eq!(foreign.snapshot_id().as_deref(), Some("k3f9"));
        assert_eq!(foreign.snapshot_taken_at(), None);
    }

    #[test]
    fn a_replica_is_healthy_only_where_the_facts_say_so() {
        for (exit, facts, healthy) in [
            (0, json!({"changed": true}), false),
            (0, Value::Null, false),
            (0, json!({"grade": "clean"}), true),
            (0, json!({"grade": "repaired"}), true),
            (0, json!({"grade": "salvaged"}), false),
            (0, json!({"grade": "unproven"}), false),
            (0, json!({"replica_healthy": true}), true),
            (1, json!({"replica_healthy": true}), false),
            (0, json!({"proofs": [{"grade": "proven"}, {"grade": "matched"}]}), true),
            (0, json!({"proofs": [{"grade": "proven"}, {"grade": "untried"}]}), false),
            (0, json!({"proofs": []}), false),
        ] {
            assert_eq!(ended(exit, facts.clone()).is_replica_healthy(), healthy, "{exit} {facts}");
        }
    }
}
