// SPDX-License-Identifier: Apache-2.0
//! What a booted etcd says of the restored keys, at the snapshot's revision.
//!
//! The hash comes from the peer listener, where etcd asks for no password: 3.4, 3.5 and 3.6 serve the
//! hash of any revision there, the same that the HashKV call answers. The count comes from a read as
//! any client's. Where authentication is on, which is that of the snapshot, such a read is refused; then
//! the database that etcd has opened, served and closed is counted instead, and the report says so.

use std::path::Path;
use std::time::Duration;

use anyhow::anyhow;
use etcd_image::TrailerMode;
use etcd_rpc::{Access, Kind, Member};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::prove::http;
use crate::prove::server::Server;
use crate::verify;

/// A large database is hashed at the speed of its disk.
const HASHING: Duration = Duration::from_secs(600);

/// Who told a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Teller {
    /// The booted etcd.
    Etcd,
    /// The database of that etcd, read after its end.
    Database,
}

/// A hash of all keys at the revision that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hash {
    pub(crate) hash: u32,
    /// Hashes compare only under the same one.
    pub(crate) compact_revision: i64,
    pub(crate) told_by: Teller,
}

/// How many keys lived at that revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Keys {
    pub(crate) count: u64,
    pub(crate) told_by: Teller,
}

/// All that is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answers {
    pub(crate) hash: Hash,
    pub(crate) keys: Keys,
    /// Why etcd itself did not tell a figure.
    pub(crate) notes: Vec<String>,
}

/// What the peer listener answers.
#[derive(Debug, Deserialize)]
struct PeerHash {
    hash: u32,
    compact_revision: i64,
    /// From 3.6 on.
    hash_revision: Option<i64>,
}

/// Asks a server, ends it, and reads its database for what it did not tell.
///
/// # Errors
/// `Exit::Corrupt` for a server that ends by itself, or a database that cannot be read.
pub(crate) async fn gather(
    mut server: Server,
    data_dir: &Path,
    revision: i64,
    compact_revision: i64,
) -> anyhow::Result<Answers> {
    let mut notes = Vec::new();
    let hash = match peer_hash(&server, revision).await {
        // The hash that it keeps of a compaction which it had to complete is another one.
        Ok(hash) if hash.compact_revision != compact_revision => {
            let other = hash.compact_revision;
            notes.push(format!("etcd hashes revision {revision} as compacted at {other}"));
            None
        }
        Ok(hash) => Some(hash),
        Err(error) => refused(&mut server, &mut notes, "hash", &error)?,
    };
    let keys = match count(&server, revision).await {
        Ok(keys) => Some(keys),
        Err(error) => refused(&mut server, &mut notes, "count", &error)?,
    };
    server.stop().await?;
    if let (Some(hash), Some(keys)) = (hash, keys) {
        return Ok(Answers { hash, keys, notes });
    }
    let (read_hash, read_keys) = read(data_dir, revision).await?;
    Ok(Answers { hash: hash.unwrap_or(read_hash), keys: keys.unwrap_or(read_keys), notes })
}

/// One that has ended is a finding; one that refuses is another way round.
fn refused<T>(
    server: &mut Server,
    notes: &mut Vec<String>,
    what: &str,
    error: &anyhow::Error,
) -> anyhow::Result<Option<T>> {
    server.lives()?;
    notes.push(format!("etcd did not tell the {what}, its database was read: {error:#}"));
    Ok(None)
}

async fn peer_hash(server: &Server, revision: i64) -> anyhow::Result<Hash> {
    let url = format!("{}/members/hashkv", server.peer());
    let asked = json!({"revision": revision});
    let answer: PeerHash = http::get_within(&url, Some(&asked), HASHING).await?;
    if answer.hash_revision.is_some_and(|hashed| hashed != revision) {
        anyhow::bail!("{url}: hashed revision {:?} instead of {revision}", answer.hash_revision);
    }
    let PeerHash { hash, compact_revision, .. } = answer;
    Ok(Hash { hash, compact_revision, told_by: Teller::Etcd })
}

async fn count(server: &Server, revision: i64) -> anyhow::Result<Keys> {
    let member = Member::connect(&server.client(), &Access::default()).await?;
    match member.count(revision).await {
        Ok(count) => Ok(Keys { count, told_by: Teller::Etcd }),
        Err(error) if error.kind() == Kind::Denied => {
            Err(anyhow!("authentication is on, with the users of the snapshot"))
        }
        Err(error) => Err(error.into()),
    }
}

/// Reads the database of a member that has ended.
async fn read(data_dir: &Path, revision: i64) -> anyhow::Result<(Hash, Keys)> {
    let path = data_dir.join("member/snap/db");
    let facts = verify::describe_at(path, TrailerMode::Absent, Some(revision)).await?;
    let etcd_image::HashKv { hash, compact_revision, .. } = facts.hash_kv;
    let told_by = Teller::Database;
    Ok((Hash { hash, compact_revision, told_by }, Keys { count: facts.live_keys, told_by }))
}
