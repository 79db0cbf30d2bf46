// SPDX-License-Identifier: Apache-2.0
//! Reads any bytes as a body in each form. Beyond not panicking, the readings must agree with each
//! other: `tests/it/invariants.rs` says how, and the normal tests hold the seeds to it.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sigv4::Verified;

#[path = "../../tests/it/example.rs"]
mod example;
#[path = "../../tests/it/invariants.rs"]
mod invariants;
#[path = "../../tests/it/reading.rs"]
mod reading;

static CHAIN: LazyLock<Verified> = LazyLock::new(example::example_chain);

// The whole input is the body, so that a seed is what a client sent. Where it is cut follows from
// its length.
fuzz_target!(|body: &[u8]| {
    let sizes = [body.len() % 7 + 1, body.len() % 67 + 1];
    invariants::hold(body, &sizes, &CHAIN);
});
