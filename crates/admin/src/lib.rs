// SPDX-License-Identifier: Apache-2.0
//! The admin listener of a server: liveness, named readiness, metrics, stats.
//!
//! Apart from `sidecar`, so that executors, which serve nothing, link no HTTP server. The other end,
//! `BINARY probe`, is `sidecar`'s, because every binary answers it.

mod listener;
mod readiness;

pub use listener::{Admin, AdminArgs, AdminAt, Stats};
pub use readiness::{Guard, Readiness};
