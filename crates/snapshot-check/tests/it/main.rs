// SPDX-License-Identifier: Apache-2.0
//! `snapshot-check` from outside: its verdict on stores that are good, bad, or out of reach. What a store
//! holds is laid on its disk, never through our own code.

#![expect(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests too")]

mod deep;
mod metrics;
mod others;
mod reach;
mod serve;
mod usage;
mod verdict;

use serde_json::Value;
use stock::{Bucket, Folder, Run};

/// Whose snapshots most tests are about.
const PLACE: &str = "ns/etcd";

/// A check of a folder.
fn check(folder: &Folder, args: &[&str]) -> Run {
    program(args).args(["--from", &folder.url()])
}

/// A check of a bucket.
fn check_bucket(bucket: &Bucket, args: &[&str]) -> Run {
    program(args).args(["--from", &bucket.url()]).args(bucket.flags())
}

fn program(args: &[&str]) -> Run {
    Run::new(env!("CARGO_BIN_EXE_snapshot-check"), args)
}

/// All findings of a level in a report: what they are about, and what was found; sorted.
fn findings(report: &Value, level: &str) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let of_clusters = report["clusters"].as_array().unwrap().iter().map(|it| &it["findings"]);
    let all = of_clusters.chain([&report["findings"]]).flat_map(|it| it.as_array().unwrap());
    let of_level = all.filter(|it| it["level"] == level);
    let mut found: Vec<_> = of_level.map(|it| (text(&it["about"]), text(&it["what"]))).collect();
    found.sort();
    found
}
