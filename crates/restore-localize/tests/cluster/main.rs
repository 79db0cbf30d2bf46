// SPDX-License-Identifier: Apache-2.0
//! Several members of one cluster, with real etcd: what must never happen to a quorum, does not.

#![expect(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests too")]

mod bed;
mod claims;
mod joining;
mod plan;
mod quorum;
