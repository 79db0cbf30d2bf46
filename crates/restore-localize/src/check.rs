// SPDX-License-Identifier: Apache-2.0
//! The member that etcd's tool has made, read back before anybody else sees it.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::anyhow;
use etcd_image::{Facts, TrailerMode};
use sidecar::{Exit, Failure};

use crate::bump::Bump;
use crate::disk;
use crate::ids;
use crate::tool::Tool;
use crate::verify::describe;
use crate::version::Version;
use crate::voters::Voters;

/// A member that is what was asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Checked {
    /// The revision at which it starts.
    pub(crate) revision: i64,
    pub(crate) live_keys: u64,
}

/// What it must be.
#[derive(Debug)]
pub(crate) struct Expected<'a> {
    pub(crate) snapshot: &'a Facts,
    pub(crate) voters: &'a Voters,
    pub(crate) token: &'a str,
    pub(crate) bump: Bump,
    pub(crate) tool: &'a Tool,
}

/// # Errors
/// [`Exit::Corrupt`].
pub(crate) async fn check(member: &Path, expected: &Expected<'_>) -> anyhow::Result<Checked> {
    let facts = describe(member.join("snap").join("db"), TrailerMode::Absent).await?;
    let wrong = |what: &str, is: String, should: String| {
        let tool = expected.tool;
        let why = anyhow!("{tool} made a member whose {what} is {is} and must be {should}");
        Failure::new(Exit::Corrupt, why)
    };
    let revision = expected.snapshot.revision.saturating_add_unsigned(expected.bump.by());
    if facts.revision != revision {
        return Err(wrong("revision", facts.revision.to_string(), revision.to_string()));
    }
    // etcd's tool writes an entry of an empty key at the raised revision; no range reaches it.
    let raised = u64::from(expected.bump != Bump::Keep);
    let live_keys = expected.snapshot.live_keys;
    if facts.live_keys != live_keys + raised {
        let should = (live_keys + raised).to_string();
        return Err(wrong("number of keys", facts.live_keys.to_string(), should));
    }
    let should = members_as_asked(expected);
    let is = if expected.tool.version < Version::V3_5 {
        // It leaves the old members in the database; those of its first snapshot file count.
        let text = first_snapshot(member).await?;
        should
            .iter()
            .filter(|(id, _)| text.contains(&format!("/members/{id:x}")))
            .cloned()
            .collect()
    } else {
        members_of(&facts)
    };
    match is == should {
        true => Ok(Checked { revision, live_keys }),
        false => Err(wrong("list of members", listed(&is), listed(&should))),
    }
}

/// The file that etcd before 3.7 begins with, whose body is JSON.
async fn first_snapshot(member: &Path) -> anyhow::Result<String> {
    let folder = member.join("snap");
    let failed = |error: &std::io::Error| disk::failed("cannot be read", &folder, error);
    for entry in std::fs::read_dir(&folder).map_err(|error| failed(&error))? {
        let path = entry.map_err(|error| failed(&error))?.path();
        if path.extension().is_some_and(|it| it == "snap") {
            let bytes = tokio::fs::read(&path).await.map_err(|error| failed(&error))?;
            return Ok(String::from_utf8_lossy(&bytes).into_owned());
        }
    }
    Ok(String::new())
}

fn members_of(facts: &Facts) -> BTreeSet<(u64, String)> {
    facts.members.iter().map(|member| (member.id, member.name.clone())).collect()
}

fn members_as_asked(expected: &Expected<'_>) -> BTreeSet<(u64, String)> {
    let id = |urls: &[String]| ids::member_id(urls, expected.token);
    expected.voters.iter().map(|(name, urls)| (id(urls), name.to_owned())).collect()
}

fn listed(members: &BTreeSet<(u64, String)>) -> String {
    let each = members.iter().map(|(id, name)| format!("{name} ({})", ids::shown(*id)));
    each.collect::<Vec<_>>().join(", ")
}
