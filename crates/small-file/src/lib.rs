// SPDX-License-Identifier: Apache-2.0
//! Small files: written whole or not at all, read within bounds, their bytes wiped from memory.

mod read;
mod replace;

pub use read::read;
pub use replace::{FOR_ALL, replace_file};
