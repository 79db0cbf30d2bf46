// SPDX-License-Identifier: Apache-2.0
//! How long etcd held a read transaction for a snapshot, by its own log.

use std::time::Duration;

use anyhow::Context;
use jiff::Timestamp;
use serde_json::Value;

/// Right after the transaction is opened.
const OPENED: &str = "sending database snapshot to client";
/// Right after its last page has left, and the transaction with it.
const LAST_PAGE: &str = "sending database sha256 checksum to client";

/// For each stream in a member's log that came to its end, one at a time.
pub(super) fn held(log: &str) -> anyhow::Result<Vec<Duration>> {
    let (mut all, mut opened) = (Vec::new(), None);
    for (at, what) in log.lines().filter_map(spoken) {
        if what == OPENED {
            opened = Some(time(&at)?);
        } else if let Some(from) = opened.take() {
            all.push(Duration::try_from(time(&at)?.duration_since(from))?);
        }
    }
    Ok(all)
}

/// Time and words of a line that tells of a snapshot.
fn spoken(line: &str) -> Option<(String, String)> {
    if !line.contains(OPENED) && !line.contains(LAST_PAGE) {
        return None;
    }
    let line: Value = serde_json::from_str(line).ok()?;
    let text = |name: &str| line[name].as_str().map(str::to_owned);
    text("ts").zip(text("msg"))
}

fn time(text: &str) -> anyhow::Result<Timestamp> {
    text.parse().with_context(|| format!("etcd's log has a time of {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_lasts_from_its_opening_to_its_checksum_and_a_broken_one_does_not_count() {
        let log = r#"--- etcd stderr
{"level":"info","ts":"2026-11-21T11:00:00.000100Z","msg":"sending database snapshot to client"}
{"level":"info","ts":"2026-11-21T11:00:07.000000Z","msg":"sending database snapshot to client"}
{"level":"info","ts":"2026-11-21T11:00:07.100000Z","msg":"something else"}
{"level":"info","ts":"2026-11-21T12:00:07.250000+0100","msg":"sending database sha256 checksum to client"}
{"level":"info","ts":"2026-11-21T11:00:08.000000Z","msg":"successfully sent database snapshot to client"}
"#;
        assert_eq!(held(log).unwrap(), [Duration::from_millis(250)]);
    }
}
