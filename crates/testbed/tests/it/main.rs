// SPDX-License-Identifier: Apache-2.0
//! The test servers keep the promises that other tests lean on.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail the test where they stand")]

mod client;
mod etcd;
mod figures;
mod front;
mod issuer;
mod origin;
mod program;
mod servers;
mod store;
mod stores_behind_a_front;
mod uploads;
