// SPDX-License-Identifier: Apache-2.0
//! What comes after a restore, and what comes before the need of one: `confirm` and `prove`, with real etcd.

#![expect(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests too")]

mod confirm;
mod drill;
mod prove;
mod restored;

/// Whose snapshots most tests are about.
const PLACE: &str = "ns/etcd";
