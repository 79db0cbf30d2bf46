// SPDX-License-Identifier: Apache-2.0
//! The control plane's wire contract ([`wire`]) and its client ([`Client`]).
//!
//! Two ways lead to the same endpoints: the public host, where a client is known by the key of its
//! device certificate, and a host on the tailnet, where the tailnet itself knows who asks. The
//! client prefers the tailnet while that answers and goes by the public host while it does not.
//! Every failure says whether it is worth retrying ([`Error::is_retryable`]); nothing is retried
//! here. `docs/canopy.md` describes the contract with one example of each shape.

mod answer;
mod args;
mod client;
mod device;
mod error;
mod request;
mod transport;
pub mod wire;

pub use args::{ClientArgs, Config, Elsewhere};
pub use client::Client;
pub use error::{Error, Kind, Reached};
