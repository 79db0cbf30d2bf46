// SPDX-License-Identifier: Apache-2.0
//! Stories over the real binaries, told with real clients.

pub mod bench;
pub mod demo;

mod interrupt;
mod target;
