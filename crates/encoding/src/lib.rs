// SPDX-License-Identifier: Apache-2.0
//! What is done to content on its way to a store, and undone on its way back: zstd, age.
//!
//! Synchronous streams in bounded memory. An error crosses every layer: a cut stream never ends well.

mod decode;
mod encode;
mod keys;

pub use decode::decoder;
pub use encode::{Encoder, encoder};
pub use keys::{BadKeys, Identities, Recipients};
