// SPDX-License-Identifier: Apache-2.0
//! The test servers keep the promises that other tests lean on.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail the test where they stand")]
#![expect(clippy::print_stdout, reason = "figures are shown with --nocapture")]

mod client;
mod figures;
mod front;
mod issuer;
mod origin;
mod store;
mod uploads;
