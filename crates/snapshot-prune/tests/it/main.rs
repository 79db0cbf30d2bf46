// SPDX-License-Identifier: Apache-2.0
//! `snapshot-prune` from outside: what it deletes, and what it never does. What a store held is laid on its
//! disk and read from there, never through our own code.

#![expect(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests too")]

mod deletion;
mod floors;
mod leftovers;
mod pins;
mod plan;
mod refusals;
mod usage;

use stock::{Bucket, Folder, Run, Sample};

/// Whose snapshots most tests are about.
const PLACE: &str = "ns/etcd";

/// A run over that cluster in a folder.
fn prune(folder: &Folder, args: &[&str]) -> Run {
    cluster(folder, "etcd", args)
}

/// A run over another cluster of the same namespace.
fn cluster(folder: &Folder, name: &str, args: &[&str]) -> Run {
    program(args).args(["--from", &folder.url(), "--namespace", "ns", "--cluster", name])
}

/// A run over that cluster in a bucket.
fn prune_bucket(bucket: &Bucket, args: &[&str]) -> Run {
    let run = program(args).args(["--from", &bucket.url(), "--namespace", "ns"]);
    run.args(["--cluster", "etcd"]).args(bucket.flags())
}

fn program(args: &[&str]) -> Run {
    Run::new(env!("CARGO_BIN_EXE_snapshot-prune"), args)
}

/// One snapshot an hour, the newest first.
fn hourly(place: &str, count: i64) -> Vec<Sample> {
    (0..count).map(|hours| Sample::new(place, hours)).collect()
}

/// A folder that holds all of these.
fn folder_of(samples: &[Sample]) -> Folder {
    Folder::with(&samples.iter().collect::<Vec<_>>())
}

/// Which of these are there, by their place in the list.
fn there(folder: &Folder, samples: &[Sample]) -> Vec<usize> {
    let whole = |at: &usize| folder.has_whole(&samples[*at]);
    (0..samples.len()).filter(whole).collect()
}
