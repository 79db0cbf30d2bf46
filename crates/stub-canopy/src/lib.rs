// SPDX-License-Identifier: Apache-2.0
//! A control plane for tests: all endpoints of the contract, served from a JSON file that may change
//! while it runs.
//!
//! It holds clients to the contract: a body of the wrong form is refused as the real one refuses it.
//! It keeps what it was sent for read-back, hands out the sets of a testbed store's issuer, and
//! breaks as its file says. It also takes the restore operator's two callbacks, so that a story has
//! one server. Tests only: production code never depends on it. `docs/canopy.md` describes it.

mod answer;
mod body;
mod certificate;
mod config;
mod contract;
mod control;
mod fault;
mod issuer;
mod ledger;
mod leg;
mod reply;
mod route;
mod script;
mod serve;
mod stub;

pub use certificate::Certificate;
pub use config::{Config, Given, Tls};
pub use ledger::{Captured, Heard, Issued, Way};
pub use stub::Stub;
