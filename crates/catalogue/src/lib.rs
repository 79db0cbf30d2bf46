// SPDX-License-Identifier: Apache-2.0
//! The snapshots that a store holds: listed, selected, fetched and verified.

mod args;
mod fetch;
mod select;
mod shelf;
mod sink;

pub use args::{From, FromArgs, place};
pub use fetch::{Broken, Fetched, fetch, fetch_into, fetch_raw, fetch_raw_into};
pub use select::{Ask, Selected, Which, by_id, select};
pub use shelf::{Catalogue, Shelf, Strange, data_key, from_root, manifest, read_all, read_place};
pub use sink::Sink;
