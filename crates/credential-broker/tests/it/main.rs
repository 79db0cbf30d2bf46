// SPDX-License-Identifier: Apache-2.0
//! The real binary, asked as pods ask it, against issuers and an API server with faults.

#![expect(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests too")]
#![expect(clippy::print_stdout, reason = "the tables and figures of a run are for reading")]

mod api_server;
mod bed;
mod control_plane;
mod errors;
mod fake;
mod flight;
mod holding;
mod identity;
mod life;
mod limits;
mod load;
mod secrets;
mod sts;
mod tls;
mod usage;
