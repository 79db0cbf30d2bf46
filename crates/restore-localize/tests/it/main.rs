// SPDX-License-Identifier: Apache-2.0
//! `restore-localize` from outside: one member, and everything that can go wrong with it.

#![expect(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests too")]

mod bed;
mod choice;
mod damage;
mod disk;
mod killed;
mod outage;
mod passing;
mod populated;
mod stopped;
mod told;
mod tool;
mod user;

/// Whose snapshots most tests are about.
const PLACE: &str = "ns/etcd";
