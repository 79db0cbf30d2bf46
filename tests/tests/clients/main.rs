// SPDX-License-Identifier: Apache-2.0
//! Real clients, unmodified: what they do directly they do through the proxy, with equal results.
//!
//! Each runs against the testbed's store (TLS, credentials of three seconds behind the proxy) and
//! against versitygw, a server nobody here wrote. A client that is not there is left out loudly;
//! with `REQUIRE_ALL=1`, as in CI, its absence fails.

#![expect(clippy::print_stdout, reason = "a story tells what it saw, and what was left out")]

mod bed;
mod boto3;
mod kopia;
mod rclone;
mod restic;
mod tool;
mod tree;

use std::collections::BTreeMap;

use bed::{Bed, Endpoint};

/// What a client observed: equal on every way, or something is lost on one of them.
type Observed = BTreeMap<String, String>;

/// Runs a client on every way and holds the results together.
fn same_on_every_way(tool: &str, story: impl Fn(&str, &Endpoint) -> anyhow::Result<Observed>) {
    let Some(program) = tool::find(tool) else { return };
    let bed = Bed::open().expect("the bed starts");
    let told: Vec<(String, Observed)> = bed
        .ways()
        .expect("every way opens")
        .iter()
        .map(|way| match story(&program, &way.endpoint) {
            Ok(observed) => (way.name.clone(), observed),
            Err(error) => panic!("{tool}, {}: {error:#}\n{}", way.name, bed.story()),
        })
        .collect();
    let (first, expected) = &told[0];
    for (way, observed) in &told[1..] {
        assert_eq!(observed, expected, "{tool}: {way} differs from {first}");
    }
    bed.assert_nothing_failed();
    println!("{tool}: {} ways, equal: {expected:?}", told.len());
    for (form, count) in bed.forms() {
        println!("{tool}: over http it sent {form} {count} times");
    }
}

#[test]
fn kopia_snapshots_verifies_restores_and_maintains_alike() {
    same_on_every_way("kopia", kopia::story);
}

#[test]
fn restic_backs_up_checks_and_restores_alike() {
    same_on_every_way("restic", restic::story);
}

#[test]
fn rclone_copies_checks_and_deletes_alike() {
    same_on_every_way("rclone", rclone::story);
}

#[test]
fn boto3_reads_and_writes_odd_objects_alike() {
    same_on_every_way("python", boto3::story);
}
