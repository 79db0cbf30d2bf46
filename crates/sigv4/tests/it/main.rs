// SPDX-License-Identifier: Apache-2.0
//! The public face of the crate, against AWS's published examples, AWS's own signer, requests that
//! real clients sent, and damage.

#![expect(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests too")]

mod aws_chunks;
mod aws_examples;
mod captured;
mod chain_agreement;
mod corpus;
mod damage;
mod edges;
mod example;
mod invariants;
mod oracle;
mod presented;
mod reading;
mod request_agreement;
mod round_trip;
mod verified;
mod writing;
