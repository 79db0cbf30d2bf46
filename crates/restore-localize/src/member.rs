// SPDX-License-Identifier: Apache-2.0
//! Who this member is: said once, by flags or by the variables that etcd itself reads.

use std::path::PathBuf;

use sidecar::Problems;

use crate::args::MemberArgs;
use crate::voters::{Listed, Voters, peer_urls};

/// What etcd allows without a flag, in bytes. Source: `server/storage/quota.go`.
const DEFAULT_QUOTA: u64 = 2 * 1024 * 1024 * 1024;

/// This member, and those it is to be with.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) data_dir: PathBuf,
    pub(crate) name: String,
    /// Its own peer URLs, sorted.
    pub(crate) urls: Vec<String>,
    /// All members.
    pub(crate) listed: Listed,
    pub(crate) peers: PeerAccess,
    pub(crate) tool: Option<PathBuf>,
    /// In bytes.
    pub(crate) quota: u64,
}

/// How peers are asked over TLS.
#[derive(Debug, Clone, Default)]
pub(crate) struct PeerAccess {
    pub(crate) ca: Option<PathBuf>,
    pub(crate) identity: Option<(PathBuf, PathBuf)>,
}

/// A variable of etcd's; an empty one counts as unset.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The data directory, which is needed before anything else.
pub(crate) fn data_dir(args: &MemberArgs) -> Option<PathBuf> {
    args.data_dir.clone().or_else(|| variable("ETCD_DATA_DIR").map(PathBuf::from))
}

impl Member {
    pub(crate) fn resolve(args: MemberArgs, problems: &mut Problems) -> Option<Self> {
        let data_dir = data_dir(&args);
        let name = args.name.or_else(|| variable("ETCD_NAME"));
        let list = args.initial_cluster.or_else(|| variable("ETCD_INITIAL_CLUSTER"));
        let own = args.initial_advertise_peer_urls;
        let own = own.or_else(|| variable("ETCD_INITIAL_ADVERTISE_PEER_URLS"));
        for (flag, variable, is_there) in [
            ("--data-dir", "ETCD_DATA_DIR", data_dir.is_some()),
            ("--name", "ETCD_NAME", name.is_some()),
            ("--initial-cluster", "ETCD_INITIAL_CLUSTER", list.is_some()),
        ] {
            if !is_there {
                problems.add(format!("{flag} is required (or {variable})"));
            }
        }
        if variable("ETCD_WAL_DIR").is_some() {
            problems.add("ETCD_WAL_DIR is set: a WAL directory of its own cannot be restored, for one rename must make the member");
        }
        let listed = list.and_then(|list| listed(&list, problems));
        let peers = PeerAccess {
            ca: file(args.peer_cacert, "ETCD_PEER_TRUSTED_CA_FILE"),
            identity: identity(args.peer_cert, args.peer_key, problems),
        };
        let (name, listed) = (name?, listed?);
        let urls = urls(&name, own.as_deref(), &listed.voters, problems)?;
        let (tool, quota) = (args.tool, quota(problems));
        Some(Self { data_dir: data_dir?, name, urls, listed, peers, tool, quota })
    }
}

fn listed(list: &str, problems: &mut Problems) -> Option<Listed> {
    list.parse().map_err(|why| problems.add(format!("--initial-cluster: {why}"))).ok()
}

fn file(flag: Option<PathBuf>, name: &str) -> Option<PathBuf> {
    flag.or_else(|| variable(name).map(PathBuf::from))
}

fn identity(
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    problems: &mut Problems,
) -> Option<(PathBuf, PathBuf)> {
    match (file(cert, "ETCD_PEER_CERT_FILE"), file(key, "ETCD_PEER_KEY_FILE")) {
        (Some(cert), Some(key)) => Some((cert, key)),
        (None, None) => None,
        _ => {
            problems.add("--peer-cert and --peer-key go together");
            None
        }
    }
}

/// What others are told must be what the list says, or etcd's tool refuses.
fn urls(
    name: &str,
    own: Option<&str>,
    voters: &Voters,
    problems: &mut Problems,
) -> Option<Vec<String>> {
    let Some(listed) = voters.urls(name) else {
        let named = own.and_then(|own| peer_urls(own).ok());
        if named.is_none() {
            problems.add(format!("--name {name} is not in --initial-cluster {voters}"));
        }
        return named;
    };
    let own = match own.map(peer_urls) {
        None => return Some(listed.to_vec()),
        Some(Ok(own)) => own,
        Some(Err(why)) => {
            problems.add(format!("--initial-advertise-peer-urls: {why}"));
            return None;
        }
    };
    if own != listed {
        let (own, listed) = (own.join(","), listed.join(","));
        problems.add(format!(
            "--initial-advertise-peer-urls {own} is not what --initial-cluster says of {name}: {listed}"
        ));
        return None;
    }
    Some(own)
}

fn quota(problems: &mut Problems) -> u64 {
    let Some(text) = variable("ETCD_QUOTA_BACKEND_BYTES") else { return DEFAULT_QUOTA };
    match text.parse::<i64>() {
        // 0 is etcd's word for its default, less than that for none.
        Ok(0) => DEFAULT_QUOTA,
        Ok(bytes) => u64::try_from(bytes).unwrap_or(u64::MAX),
        Err(error) => {
            problems.add(format!("ETCD_QUOTA_BACKEND_BYTES {text}: {error}"));
            DEFAULT_QUOTA
        }
    }
}
