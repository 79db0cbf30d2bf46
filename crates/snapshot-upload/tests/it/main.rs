// SPDX-License-Identifier: Apache-2.0
//! `snapshot-upload` from outside: what it commits, and what it leaves in the store when it does not.
//! What the store held is read by the server's own means, never through our own code.

#![expect(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests too")]

mod attempts;
mod bed;
mod fake_etcd;
mod members;
mod pipe;
mod real;
mod stages;
mod stores;
mod stream;
mod usage;
