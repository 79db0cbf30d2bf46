// SPDX-License-Identifier: Apache-2.0
//! What a manifest keeps of the facts.

use snapshot::EtcdFacts;

use crate::{AlarmKind, Facts};

/// No member was asked yet.
impl From<&Facts> for EtcdFacts {
    fn from(facts: &Facts) -> Self {
        Self {
            revision: facts.revision,
            compact_revision: facts.compact_revision,
            live_keys: facts.live_keys,
            total_keys: facts.total_keys,
            storage_version: facts.storage_version.clone(),
            cluster_version: facts.cluster_version.clone(),
            auth_enabled: facts.auth_enabled,
            alarms: facts.alarms.iter().map(|alarm| name(alarm.kind)).collect(),
            members: facts.members.len() as u64,
            leases: facts.leases,
            status_hash: facts.status_hash,
            hash_kv: snapshot::HashKv {
                revision: facts.hash_kv.revision,
                compact_revision: facts.hash_kv.compact_revision,
                hash: facts.hash_kv.hash,
                agreed: vec![],
                not_compared: vec![],
            },
        }
    }
}

/// As etcd spells it.
fn name(kind: AlarmKind) -> String {
    match kind {
        AlarmKind::Nospace => "NOSPACE".to_owned(),
        AlarmKind::Corrupt => "CORRUPT".to_owned(),
        AlarmKind::Unknown(number) => format!("UNKNOWN({number})"),
    }
}
