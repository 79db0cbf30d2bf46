// SPDX-License-Identifier: Apache-2.0
//! The promises of `s3-resign-proxy`, kept by the real binary between a raw client and a store that
//! verifies every signature.

mod bed;
mod client;
mod proxy;

mod bad_flags;
mod callers;
mod exact_answers;
mod exact_bodies;
mod exact_requests;
mod forms;
mod frames;
mod hostile;
mod limits;
mod process;
mod refused_forms;
mod regions;
mod rotation;
mod stale;
