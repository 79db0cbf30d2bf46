// SPDX-License-Identifier: Apache-2.0
//! Which member is asked for what.

use anyhow::anyhow;
use etcd_rpc::{Access, AlarmKind, Error, Header, Kind, Member, Status};
use futures_util::future::join_all;
use sidecar::{Exit, Failure};

/// A member that answers.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) member: Member,
    /// Some releases give it to the role root only.
    pub(crate) status: Option<Status>,
}

/// The members that answer, and what the cluster says through its quorum.
#[derive(Debug)]
pub(crate) struct Cluster {
    /// In the order in which they are asked for the snapshot.
    pub(crate) peers: Vec<Peer>,
    /// The revision that any good snapshot taken from now on has at least.
    pub(crate) head: Header,
    /// Endpoints that did not answer, and why.
    pub(crate) absent: Vec<String>,
}

/// Connects to every endpoint, reads through the quorum, looks at the alarms.
///
/// # Errors
/// [`Exit::Unavailable`], [`Exit::Denied`]; [`Exit::Corrupt`] on a CORRUPT alarm.
pub(crate) async fn survey(endpoints: &[String], access: &Access) -> anyhow::Result<Cluster> {
    let met = join_all(endpoints.iter().map(|endpoint| meet(endpoint, access))).await;
    let (mut peers, mut absent, mut worst) = (Vec::new(), Vec::new(), None);
    for peer in met {
        match peer {
            Ok(peer) => peers.push(peer),
            Err(error) => {
                tracing::warn!(error = %error, "a member does not answer");
                absent.push(error.to_string());
                if worst.is_none() || error.kind() == Kind::Denied {
                    worst = Some(error);
                }
            }
        }
    }
    if let (true, Some(error)) = (peers.is_empty(), worst) {
        return Err(failure(error));
    }
    let (head, reader) = read(&peers).await?;
    one_cluster(&peers, head)?;
    peers.sort_by_key(|peer| rank(peer, head.member_id));
    no_corruption(&reader).await?;
    Ok(Cluster { peers, head, absent })
}

async fn meet(endpoint: &str, access: &Access) -> Result<Peer, Error> {
    let member = Member::connect(endpoint, access).await?;
    let status = match member.status().await {
        Ok(status) => Some(status),
        Err(error) if error.kind() == Kind::Denied => None,
        Err(error) => return Err(error),
    };
    Ok(Peer { member, status })
}

/// A read through the quorum, by the first voter that serves it.
async fn read(peers: &[Peer]) -> anyhow::Result<(Header, Member)> {
    let mut last = None;
    for peer in peers {
        match peer.member.linearizable_read().await {
            Ok(head) => return Ok((head, peer.member.clone())),
            Err(error) if error.kind() == Kind::Denied => return Err(failure(error)),
            Err(error) => last = Some(error),
        }
    }
    let why = last.map_or_else(|| anyhow!("no endpoint is given"), failure);
    Err(why.context("no voting member serves a linearizable read; has the cluster a quorum?"))
}

fn one_cluster(peers: &[Peer], head: Header) -> anyhow::Result<()> {
    let id = |peer: &Peer| peer.status.as_ref().and_then(|it| it.header).map(|it| it.cluster_id);
    match peers.iter().find(|peer| id(peer).is_some_and(|id| id != head.cluster_id)) {
        None => Ok(()),
        Some(other) => {
            let endpoint = other.member.endpoint();
            let why = anyhow!("{endpoint} is a member of another cluster than the other endpoints");
            Err(Failure::new(Exit::Usage, why))
        }
    }
}

/// Followers first: a leader has other work, and the member that was read through is one too many.
fn rank(peer: &Peer, reader: u64) -> (u8, bool) {
    let Some(status) = &peer.status else { return (1, false) };
    let id = status.header.unwrap_or_default().member_id;
    let role = match status {
        status if status.is_learner => 1,
        status if status.leader == id => 2,
        _ => 0,
    };
    (role, id == reader)
}

async fn no_corruption(reader: &Member) -> anyhow::Result<()> {
    let alarms = reader.alarms().await.map_err(failure)?;
    match alarms.iter().find(|alarm| alarm.alarm() == AlarmKind::Corrupt) {
        None => Ok(()),
        Some(alarm) => {
            let why = anyhow!(
                "the cluster has raised CORRUPT (member {:x}): its members hold different data, \
                 and a snapshot of one of them would be no backup",
                alarm.member_id
            );
            Err(Failure::new(Exit::Corrupt, why))
        }
    }
}

/// With its exit code, and with what would help.
pub(crate) fn failure(error: Error) -> anyhow::Error {
    let exit = match error.kind() {
        Kind::Denied => Exit::Denied,
        Kind::Usage => Exit::Usage,
        Kind::Unavailable | Kind::Learner => Exit::Unavailable,
        Kind::Late | Kind::Compacted | Kind::Future | Kind::Failed => Exit::Temporary,
    };
    match error.kind() {
        Kind::Denied => Failure::new(
            exit,
            anyhow!(
                "{error}; a snapshot needs a user with the role root \
                 (etcdctl user grant-role USER root), or a client certificate with its name"
            ),
        ),
        _ => Failure::new(exit, error),
    }
}
