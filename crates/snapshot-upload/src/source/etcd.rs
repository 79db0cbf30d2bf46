// SPDX-License-Identifier: Apache-2.0
//! An etcd cluster: one member's snapshot stream, to its clean end, within the bounds of a watchdog.

use std::time::Duration;

use anyhow::anyhow;
use etcd_rpc::{Chunk, Kind, Snapshot};
use jiff::Timestamp;
use sidecar::{Exit, Failure};
use snapshot::{EtcdFacts, Facts, Place, Source, SourceKind};
use tokio::time::{Instant, timeout_at};

use crate::plan::{EtcdPlan, Plan};
use crate::progress::Progress;
use crate::proof;
use crate::source::members::{self, Cluster, Peer, failure};
use crate::source::{Fed, compare};
use crate::spool::{Spool, Writer};

/// The digest behind the data, which some servers do not count.
const TRAILER: u64 = 32;

/// A surveyed cluster.
pub(crate) struct Etcd {
    cluster: Cluster,
    compare_members: bool,
    stall: Duration,
    place: Place,
}

/// Reads the credentials and surveys the cluster.
///
/// # Errors
/// As of [`members::survey`]; [`Exit::Usage`] for files that cannot be read.
pub(crate) async fn open(etcd: &EtcdPlan, plan: &Plan) -> anyhow::Result<Etcd> {
    let access = etcd.reach.access().map_err(|error| Failure::new(Exit::Usage, error))?;
    let cluster = members::survey(&etcd.reach.endpoints, &access).await?;
    Ok(Etcd {
        cluster,
        compare_members: etcd.compare_members,
        stall: plan.spool.stall,
        place: plan.place.clone(),
    })
}

impl Etcd {
    pub(crate) async fn run(
        self,
        spool: &Spool,
        mut writer: Writer,
        progress: &Progress,
    ) -> anyhow::Result<Fed> {
        let (peer, stream) = self.first_stream().await?;
        drain(stream, peer.member.endpoint(), &mut writer, self.stall, progress).await?;
        let received = writer.finish().await?;
        let content = received.sum();
        let end = Timestamp::now();
        let mut facts = proof::etcd(spool.file(), Some(received)).await?;
        self.fresh(peer, &facts)?;
        if self.compare_members {
            let Cluster { peers, absent, .. } = &self.cluster;
            compare::members(peers, absent, &mut facts.hash_kv).await?;
        }
        let source = self.source(peer);
        Ok(Fed { source, content, facts: Facts { etcd: Some(facts) }, end })
    }

    /// The stream of the first member that opens one. From then on it is pinned.
    async fn first_stream(&self) -> anyhow::Result<(&Peer, Snapshot)> {
        let mut last = None;
        for peer in &self.cluster.peers {
            match peer.member.snapshot().await {
                Ok(stream) => return Ok((peer, stream)),
                Err(error) if error.kind() == Kind::Denied => return Err(failure(error)),
                Err(error) => {
                    tracing::warn!(error = %error, "a member opens no snapshot stream");
                    last = Some(error);
                }
            }
        }
        // They answered a moment ago.
        Err(last.map_or_else(|| anyhow!("no member answers"), broke_off))
    }

    /// The member's own data, not its answers, must be as new as the quorum's.
    fn fresh(&self, peer: &Peer, facts: &EtcdFacts) -> anyhow::Result<()> {
        let endpoint = peer.member.endpoint();
        if facts.alarms.iter().any(|alarm| alarm == "CORRUPT") {
            let why = anyhow!("the snapshot of {endpoint} has the alarm CORRUPT in it");
            return Err(Failure::new(Exit::Corrupt, why));
        }
        let (is, should) = (facts.revision, self.cluster.head.revision);
        if is >= should {
            return Ok(());
        }
        let why =
            anyhow!("{endpoint} is at revision {is}, behind the cluster, which was at {should}");
        Err(Failure::new(Exit::Temporary, why))
    }

    fn source(&self, peer: &Peer) -> Source {
        let status = peer.status.as_ref();
        let header = status.and_then(|status| status.header);
        Source {
            kind: SourceKind::Etcd,
            place: self.place.clone(),
            endpoint: Some(peer.member.endpoint().to_owned()),
            server_version: status.map(|status| status.version.clone()),
            cluster_id: Some(format!("{:x}", self.cluster.head.cluster_id)),
            member_id: header.map(|header| format!("{:x}", header.member_id)),
        }
    }
}

/// Takes the stream to its clean end, at the server's speed.
async fn drain(
    mut stream: Snapshot,
    endpoint: &str,
    writer: &mut Writer,
    stall: Duration,
    progress: &Progress,
) -> anyhow::Result<()> {
    let mut moved = Instant::now();
    let mut remaining = None;
    loop {
        let next = timeout_at(moved + stall, stream.next()).await.map_err(|_| {
            let why = anyhow!("{endpoint}: the snapshot stream gave no byte for {stall:?}");
            Failure::new(Exit::Temporary, why)
        })?;
        let Some(chunk) = next.map_err(broke_off)? else { break };
        if remaining.is_none() {
            let announced = chunk.remaining.saturating_add(chunk.bytes.len() as u64);
            writer.admit(announced.saturating_add(TRAILER))?;
            progress.expect(announced);
        }
        falls(remaining, &chunk, endpoint)?;
        remaining = Some(chunk.remaining);
        // Empty messages are no progress: a server can send them for ever.
        if !chunk.bytes.is_empty() {
            moved = Instant::now();
            writer.write(chunk.bytes).await?;
            progress.taken(writer.bytes());
        }
    }
    // What came is judged by its own trailer; nothing at all has none.
    if writer.bytes() == 0 {
        let why = anyhow!("{endpoint}: the snapshot stream ended without a byte");
        return Err(Failure::new(Exit::Temporary, why));
    }
    Ok(())
}

/// The server's count of what is left falls with every byte, whatever it counts.
fn falls(before: Option<u64>, chunk: &Chunk, endpoint: &str) -> anyhow::Result<()> {
    match before {
        Some(before) if before > 0 && !chunk.bytes.is_empty() && chunk.remaining >= before => {
            let why = anyhow!(
                "{endpoint}: the snapshot stream gives bytes and {} are still left, as before",
                chunk.remaining
            );
            Err(Failure::new(Exit::Corrupt, why))
        }
        _ => Ok(()),
    }
}

fn broke_off(error: etcd_rpc::Error) -> anyhow::Error {
    match error.kind() {
        Kind::Denied => failure(error),
        _ => Failure::new(Exit::Temporary, anyhow!("no whole snapshot stream: {error}")),
    }
}
