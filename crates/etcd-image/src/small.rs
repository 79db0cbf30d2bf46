// SPDX-License-Identifier: Apache-2.0
//! The buckets beside the keys: what a cluster knows of itself.

use serde::Deserialize;

use crate::entry::Entry;
use crate::error::Error;
use crate::facts::{Alarm, AlarmKind, Member};
use crate::protobuf::{self, Content};
use crate::record::change;

/// More members, and more alarms, than any cluster has.
const MOST: usize = 1024;
/// A member's JSON is longest; its URLs are a few hundred bytes.
const LONGEST: u64 = 64 << 10;
const LONGEST_VERSION: u64 = 64;
const NUMBER: u64 = 8;

/// What the small buckets say.
#[derive(Default)]
pub(crate) struct Small {
    pub(crate) compacted: Option<i64>,
    pub(crate) scheduled: Option<i64>,
    pub(crate) storage_version: Option<String>,
    pub(crate) cluster_version: Option<String>,
    pub(crate) consistent_index: u64,
    pub(crate) term: u64,
    pub(crate) members: Vec<Member>,
    pub(crate) auth_enabled: bool,
    pub(crate) alarms: Vec<Alarm>,
    pub(crate) leases: u64,
}

impl Small {
    /// Takes an entry of a bucket. Of buckets that are not known here, nothing is said.
    pub(crate) fn note(&mut self, bucket: &[u8], entry: &Entry<'_>) -> Result<(), Error> {
        match bucket {
            b"meta" => self.meta(entry)?,
            b"cluster" if entry.key == b"clusterVersion" => {
                self.cluster_version = Some(version(entry)?);
            }
            b"members" => self.members.push(room(&self.members, member(entry)?)?),
            b"auth" if entry.key == b"authEnabled" => {
                self.auth_enabled = entry.value.whole(NUMBER)?.is_some_and(|value| value == [1]);
            }
            b"alarm" => self.alarms.push(room(&self.alarms, alarm(entry)?)?),
            b"lease" => self.leases += 1,
            _ => {}
        }
        Ok(())
    }

    fn meta(&mut self, entry: &Entry<'_>) -> Result<(), Error> {
        match entry.key {
            b"finishedCompactRev" => self.compacted = Some(revision(entry)?),
            b"scheduledCompactRev" => self.scheduled = Some(revision(entry)?),
            b"storageVersion" => self.storage_version = Some(version(entry)?),
            b"consistent_index" => self.consistent_index = number(entry)?,
            b"term" => self.term = number(entry)?,
            _ => {}
        }
        Ok(())
    }
}

fn room<T>(has: &[T], one_more: T) -> Result<T, Error> {
    if has.len() < MOST {
        return Ok(one_more);
    }
    Err(Error::Limit { what: "it has too many members or alarms", limit: MOST as u64 })
}

fn revision(entry: &Entry<'_>) -> Result<i64, Error> {
    let bytes = entry.value.whole(LONGEST_VERSION)?.unwrap_or_default();
    let change = change(&bytes).ok_or_else(|| entry.corrupt("a compact revision is none"))?;
    Ok(change.revision)
}

fn number(entry: &Entry<'_>) -> Result<u64, Error> {
    let bytes = entry.value.whole(NUMBER)?.unwrap_or_default();
    let bytes = bytes.try_into().map_err(|_| entry.corrupt("an index or a term is no number"))?;
    Ok(u64::from_be_bytes(bytes))
}

fn version(entry: &Entry<'_>) -> Result<String, Error> {
    let bytes = entry.value.whole(LONGEST_VERSION)?;
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .filter(|version| version.chars().all(|c| c.is_ascii_graphic()))
        .ok_or_else(|| entry.corrupt("a version is none"))
}

/// As etcd writes it; its id is the entry's key.
#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[derive(Default)]
struct Written {
    name: String,
    #[serde(rename = "peerURLs")]
    peer_urls: Option<Vec<String>>,
    #[serde(rename = "clientURLs")]
    client_urls: Option<Vec<String>>,
    is_learner: bool,
}

fn member(entry: &Entry<'_>) -> Result<Member, Error> {
    let id = std::str::from_utf8(entry.key).ok().and_then(|id| u64::from_str_radix(id, 16).ok());
    let written = entry.value.whole(LONGEST)?.and_then(|json| serde_json::from_slice(&json).ok());
    let (Some(id), Some::<Written>(written)) = (id, written) else {
        return Err(entry.corrupt("a member cannot be read"));
    };
    Ok(Member {
        id,
        name: written.name,
        peer_urls: written.peer_urls.unwrap_or_default(),
        client_urls: written.client_urls.unwrap_or_default(),
        is_learner: written.is_learner,
    })
}

/// An alarm is a message that is a key: member id 1, kind 2.
fn alarm(entry: &Entry<'_>) -> Result<Alarm, Error> {
    let (mut member, mut kind) = (0, 0);
    let is_message = protobuf::fields(&entry.key_as_value(), |field, content| match content {
        Content::Number(number) if field == 1 => member = number,
        Content::Number(number) if field == 2 => kind = number,
        _ => {}
    })?;
    if !is_message {
        return Err(entry.corrupt("an alarm cannot be read"));
    }
    let kind = match kind as i32 {
        1 => AlarmKind::Nospace,
        2 => AlarmKind::Corrupt,
        other => AlarmKind::Unknown(other),
    };
    Ok(Alarm { member, kind })
}
