// SPDX-License-Identifier: Apache-2.0
//! What the crate says of snapshots, held against etcd's own programs, a model, and damage.

#![expect(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests too")]

mod agreement;
mod cluster;
mod damage;
mod foreign;
mod forge;
mod histories;
mod judge;
mod model;
mod programs;
mod repair;
mod seeds;
mod structure;
