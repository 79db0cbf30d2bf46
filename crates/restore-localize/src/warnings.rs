// SPDX-License-Identifier: Apache-2.0
//! What comes back with the data, or is lost on the way, and surprises whoever was not told; each with its
//! cure.

use snapshot::EtcdFacts;

use crate::bump::Bump;
use crate::resolve::{Generation, Job};
use crate::tool::Tool;

/// What is known of a snapshot before or after it was read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    pub(crate) bytes: u64,
    /// Nothing before a snapshot without a manifest is read.
    pub(crate) facts: Option<EtcdFacts>,
    pub(crate) has_manifest: bool,
}

/// All that apply.
pub(crate) fn warnings(known: &Known, job: &Job, tool: Option<&Tool>) -> Vec<String> {
    let mut all = of_data(known, job.member.quota);
    if let Some(tool) = tool.filter(|it| !it.bumps && job.bump != Bump::Keep) {
        all.push(format!(
            "{tool} cannot raise revisions: they go back, and watchers of before hear nothing until they are passed; restart the clients (of Kubernetes: the control plane)"
        ));
    } else if job.bump == Bump::Keep {
        all.push("revisions are kept, so they go back: watchers of before hear nothing until they are passed; restart the clients (of Kubernetes: the control plane)".to_owned());
    }
    all.extend(of_generation(&job.generation));
    all
}

fn of_data(known: &Known, quota: u64) -> Vec<String> {
    let mut all = Vec::new();
    let facts = known.facts.as_ref();
    if facts.is_some_and(|facts| facts.auth_enabled) {
        all.push("authentication is on in the snapshot: etcd asks for the users and passwords of when it was taken".to_owned());
    }
    for alarm in facts.into_iter().flat_map(|facts| &facts.alarms) {
        let cure = match alarm.as_str() {
            "NOSPACE" => {
                "writes are refused until there is room (compact, defragment, or a larger quota) and `etcdctl alarm disarm`"
            }
            "CORRUPT" => {
                "its members disagreed when it was taken: compare before you trust it, then `etcdctl alarm disarm`"
            }
            _ => "see `etcdctl alarm list`",
        };
        all.push(format!("the alarm {alarm} is set in the snapshot: {cure}"));
    }
    if known.bytes > quota {
        let bytes = known.bytes;
        all.push(format!("the database has {bytes} bytes and etcd's quota is {quota}: it raises NOSPACE at its first write; set ETCD_QUOTA_BACKEND_BYTES above"));
    }
    if !known.has_manifest {
        all.push("it has no manifest: that it is whole is proven by its own trailer, and nothing says of which cluster it is".to_owned());
    }
    all
}

fn of_generation(generation: &Generation) -> Option<String> {
    generation.claims.is_none().then(|| {
        "without --claims, this member would be restored once more if its volume were lost: take --generation away when it has booted".to_owned()
    })
}
