// SPDX-License-Identifier: Apache-2.0
//! The promises of `s3-resign-proxy`, kept by the real binary between a raw client and a store that
//! verifies every signature.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, too")]

mod bed;
mod client;
mod proxy;

mod body;
mod caller;
mod ending;
mod exact;
mod forms;
mod life;
mod limit;
mod parallel;
mod refused_forms;
mod rotate;
mod usage;
mod waiting;
