// SPDX-License-Identifier: Apache-2.0
//! The public face of the crate: each source against a real server, file or program, and the
//! refresh under a paused clock.

#![expect(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests too")]

mod aws;
mod broker;
mod file;
mod issuer;
mod live;
mod process;
mod refusal;
mod server;
