// SPDX-License-Identifier: Apache-2.0
//! Test servers: a store whose credentials die in seconds, their issuer, a front with faults, and the
//! real stores and etcd clusters that `scripts/tools` makes.
//!
//! Tests only: production code never depends on this crate. Every server runs on threads of its
//! own, so it starts from plain and from async tests alike, listens on loopback, and ends when it
//! is dropped.

mod access;
mod answer;
mod attributes;
mod backend;
mod ca;
mod digest;
pub mod etcd;
mod fault;
mod forget;
mod front;
mod gate;
mod holds;
mod host;
mod issuer;
mod keyring;
mod ledger;
mod leg;
mod listing;
mod origin;
mod ports;
mod proc;
mod rate;
mod read;
mod relay;
mod rights;
pub mod servers;
mod shelf;
mod sign;
mod store;
mod tap;
mod tool;
mod tree;
mod uploads;
mod wire;

pub use ca::{Ca, TlsFiles};
pub use fault::{Fault, FaultPlan, Hit, Lost, Match, Rule, SignAgain, Then};
pub use front::{Front, FrontConfig};
pub use holds::Holds;
pub use issuer::{Counter, Issuer, IssuerConfig, Mood, REPO_PASSWORD};
pub use keyring::{EarlyRevocation, Issued, Keyring, StaticPair};
pub use ledger::{Counts, KeyCounts, LOG_LIMIT, Seen};
pub use origin::{Heard, Origin, Reply, Script, Step};
pub use proc::{Running, Spawn, Usage, wait_until};
pub use rights::{BadGrant, Grant};
pub use store::{Segments, Skew, Store, StoreConfig};
pub use tool::{rare_tool, tool};
pub use tree::{Difference, Oddities, Summary, TreeSpec, compare, generate};
pub use wire::{Head, RawResponse, exchange, read_response};
