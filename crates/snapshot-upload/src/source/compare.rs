// SPDX-License-Identifier: Apache-2.0
//! Do all members hold the same data at the snapshot's revision? A perfect copy of a diverged member is
//! no backup.

use std::time::Duration;

use anyhow::anyhow;
use etcd_rpc::{Error, HashKv, Kind};
use futures_util::future::join_all;
use sidecar::{Exit, Failure};
use tokio::time::{Instant, sleep};

use crate::source::members::Peer;

/// A member that lags gets so long to reach the snapshot's revision.
const PATIENCE: Duration = Duration::from_secs(10);
const PERIOD: Duration = Duration::from_millis(200);

/// Asks every member and enters the answers.
///
/// # Errors
/// [`Exit::Corrupt`] if one holds other data.
pub(crate) async fn members(
    peers: &[Peer],
    absent: &[String],
    file: &mut snapshot::HashKv,
) -> anyhow::Result<()> {
    let answers = join_all(peers.iter().map(|peer| ask(peer, file.revision))).await;
    file.not_compared = absent.to_vec();
    let mut others = Vec::new();
    for (peer, answer) in peers.iter().zip(answers) {
        let endpoint = peer.member.endpoint();
        match answer {
            Ok(hash) if hash.compact_revision != file.compact_revision => {
                let why = format!("{endpoint}: compacted at {} meanwhile", hash.compact_revision);
                file.not_compared.push(why);
            }
            Ok(hash) if hash.hash == file.hash => {
                file.agreed.push(format!("{:x}", hash.header.unwrap_or_default().member_id));
            }
            Ok(hash) => others.push(format!("{endpoint}: {}", hash.hash)),
            // It has no vote, and says so.
            Err(error) if error.kind() == Kind::Learner => {}
            Err(error) => file.not_compared.push(error.to_string()),
        }
    }
    if !others.is_empty() {
        let why = anyhow!(
            "members hold different data at revision {}: the snapshot's hash is {}, {}",
            file.revision,
            file.hash,
            others.join(", ")
        );
        return Err(Failure::new(Exit::Corrupt, why));
    }
    if !file.not_compared.is_empty() {
        tracing::warn!(members = file.not_compared.join("; "), "not every member was compared");
    }
    Ok(())
}

async fn ask(peer: &Peer, revision: i64) -> Result<HashKv, Error> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match peer.member.hash_kv(revision).await {
            Err(error) if error.kind() == Kind::Future && Instant::now() < deadline => {
                sleep(PERIOD).await;
            }
            answer => return answer,
        }
    }
}
