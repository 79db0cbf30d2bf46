// SPDX-License-Identifier: Apache-2.0
//! The snapshots that a store holds: listed, selected, fetched and verified.

mod args;
mod fetch;
mod shelf;

pub use args::{From, FromArgs, place};
pub use fetch::{Broken, Fetched, fetch, fetch_raw};
pub use shelf::{Catalogue, Shelf, Strange, data_key, from_root, manifest, read_all, read_place};
