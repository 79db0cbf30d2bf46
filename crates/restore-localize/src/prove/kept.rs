// SPDX-License-Identifier: Apache-2.0
//! What a manifest would say of a snapshot that has none.

use etcd_image::{AlarmKind, Facts};
use snapshot::{EtcdFacts, HashKv};

/// What a manifest would say of it. No member was asked.
pub(crate) fn kept(facts: Facts) -> EtcdFacts {
    let name = |kind| match kind {
        AlarmKind::Nospace => "NOSPACE".to_owned(),
        AlarmKind::Corrupt => "CORRUPT".to_owned(),
        AlarmKind::Unknown(number) => format!("UNKNOWN({number})"),
    };
    let etcd_image::HashKv { revision, compact_revision, hash } = facts.hash_kv;
    EtcdFacts {
        revision: facts.revision,
        compact_revision: facts.compact_revision,
        live_keys: facts.live_keys,
        total_keys: facts.total_keys,
        storage_version: facts.storage_version,
        cluster_version: facts.cluster_version,
        auth_enabled: facts.auth_enabled,
        alarms: facts.alarms.iter().map(|alarm| name(alarm.kind)).collect(),
        members: facts.members.len() as u64,
        leases: facts.leases,
        status_hash: facts.status_hash,
        hash_kv: HashKv { revision, compact_revision, hash, agreed: vec![], not_compared: vec![] },
    }
}
