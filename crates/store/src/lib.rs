// SPDX-License-Identifier: Apache-2.0
//! Object stores: `s3://`, `gs://`, `az://`, `file:///`, opened by URL and used alike.
//!
//! What is uploaded is staged first and becomes an object only by [`Staged::publish`], which takes a
//! [`Proof`]. Small documents are created, never overwritten. No bucket is ever created.

mod args;
mod azure;
mod connection_string;
mod error;
mod file;
mod files;
mod gcs;
mod location;
mod open;
mod part;
mod s3;
mod stage;
mod store;

pub use args::{ClaimsArgs, Settings, StoreArgs};
pub use error::{Action, Error, Kind};
pub use location::{BadUrl, Location, Scheme};
pub use open::{memory, open};
pub use part::Parts;
pub use stage::{Proof, Staged, Upload};
pub use store::{Found, Store};
