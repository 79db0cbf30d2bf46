// SPDX-License-Identifier: Apache-2.0
//! Live AWS credentials: where they come from ([`open`]) and how a valid set is always at hand
//! ([`Live`]).
//!
//! A [`Provider`] answers one question once: which set is good now? [`Live`] asks it in the
//! background at a fraction of the set's real lifetime, one question at a time, and keeps serving
//! the old set while that is valid. Secrets are wiped from memory and never shown by `Debug`,
//! `Display` or an error.
//!
//! A broker knows one secret more, which is asked for alone: [`RepoPassword`].

mod broker;
mod document;
mod error;
mod live;
mod provider;
mod secret;
pub mod secret_file;
mod set;
mod source;

pub use broker::{BrokerArgs, BrokerFlags, BrokerUrl, RepoPassword};
pub use error::{Error, Kind};
pub use live::{Clock, Held, Live, Settings, State, Status, SystemClock};
pub use provider::{BoxFuture, Provider};
pub use secret::Secret;
pub use set::Credential;
pub use source::{SourceSpec, UnknownSource, open};
