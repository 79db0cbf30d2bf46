// SPDX-License-Identifier: Apache-2.0
//! Objects of other tools: would they restore?

use std::fs::File;
use std::io::Read as _;

use catalogue::fetch_raw;
use etcd_image::Options;
use store::{Found, Store};

use crate::args::Plan;
use crate::finding::{Finding, Level};

/// Enough to know a bolt file, compressed or not.
const HEAD: u64 = 64 * 1024;
const MARK: [u8; 4] = 0xED0C_DAED_u32.to_le_bytes();

/// Judges the newest, or all, with `--deep`; nothing is asked of the store without it.
pub(crate) async fn judge(plan: &Plan, store: &Store, strangers: &[&Found]) -> Vec<Finding> {
    let Some(deep) = plan.deep else { return vec![] };
    let mut strangers = strangers.to_vec();
    strangers.sort_by_key(|found| std::cmp::Reverse((found.modified, found.key.clone())));
    let mut findings = Vec::new();
    for found in strangers.into_iter().take(deep.count()) {
        if let Some((level, what)) = one(store, found).await {
            findings.push(Finding::new(level, Some(found.key.clone()), what));
        }
    }
    findings
}

/// Nothing for what is no etcd snapshot and never was.
async fn one(store: &Store, found: &Found) -> Option<(Level, String)> {
    let head = match found.bytes {
        0 => Vec::new(),
        bytes => match store.range(&found.key, 0..bytes.min(HEAD)).await {
            Ok(head) => head.to_vec(),
            Err(error) => return Some((Level::Unknown, error.to_string())),
        },
    };
    match guess(&found.key, &head) {
        Guess::Other => None,
        Guess::Zipped => {
            let what = "an etcd snapshot inside gzip: no etcd restores it as it lies here";
            Some((Level::Bad, format!("of another tool: {what}")))
        }
        Guess::Etcd => Some(etcd(store, found).await),
    }
}

enum Guess {
    /// Looks like an etcd snapshot, or is named like one.
    Etcd,
    /// Is one, inside gzip.
    Zipped,
    /// Neither.
    Other,
}

fn guess(key: &str, head: &[u8]) -> Guess {
    let mut inside = vec![0; 64];
    let is_gzip = head.starts_with(&[0x1f, 0x8b]);
    if is_bolt(head) {
        return Guess::Etcd;
    }
    if is_gzip
        && flate2::read::GzDecoder::new(head).read_exact(&mut inside).is_ok()
        && is_bolt(&inside)
    {
        return Guess::Zipped;
    }
    let name = key.rsplit('/').next().unwrap_or(key);
    if name.ends_with(".db") || (name.ends_with(".snap") && !is_gzip) {
        Guess::Etcd
    } else {
        Guess::Other
    }
}

/// The mark stands in the first two pages, so that one flipped bit does not hide what it is.
fn is_bolt(head: &[u8]) -> bool {
    let marked = |page: usize| head.get(page + 16..page + 20) == Some(&MARK);
    [0, 4096, 8192, 16384, 32768].into_iter().any(marked)
}

async fn etcd(store: &Store, found: &Found) -> (Level, String) {
    let unknown = |error: std::io::Error| (Level::Unknown, error.to_string());
    let file = match tempfile::tempfile() {
        Ok(file) => file,
        Err(error) => return unknown(error),
    };
    let sink = match file.try_clone() {
        Ok(sink) => sink,
        Err(error) => return unknown(error),
    };
    if let Err(broken) = fetch_raw(store, &found.key, sink).await {
        return (Level::Unknown, broken.to_string());
    }
    match tokio::task::spawn_blocking(move || describe(&file)).await {
        Ok(answer) => answer,
        Err(error) => (Level::Unknown, error.to_string()),
    }
}

fn describe(file: &File) -> (Level, String) {
    let read = || {
        etcd_image::verify_trailer(file)?;
        etcd_image::describe(file, &Options::default())
    };
    match read() {
        Ok(facts) => {
            let (revision, keys) = (facts.revision, facts.live_keys);
            (
                Level::Good,
                format!("of another tool, a good etcd snapshot: revision {revision}, {keys} keys"),
            )
        }
        Err(error @ etcd_image::Error::Io(_)) => (Level::Unknown, error.to_string()),
        Err(error) => (Level::Bad, format!("of another tool: {error}")),
    }
}
