// SPDX-License-Identifier: Apache-2.0
//! When credentials do not come: what the broker answers, what the proxy makes of it for its caller, and
//! what the real kopia then says. And a broker that is away while kopia restores.
//!
//! Without kopia these are left out loudly; with `REQUIRE_ALL=1`, as in CI, its absence fails.

#![expect(clippy::print_stdout, reason = "a story tells what it saw, and what was left out")]

mod ask;
mod bed;
mod kopia;
mod proxy;
mod restart;
mod table;
mod tool;

#[test]
fn a_refusal_ends_kopia_with_the_brokers_words_and_an_outage_does_not_end_it() {
    let Some(kopia) = tool::kopia() else { return };
    table::tell(&kopia).unwrap_or_else(|error| panic!("{error:#}"));
}

#[test]
fn kopia_restores_while_the_broker_restarts_and_while_it_is_away_for_longer_than_a_set_lives() {
    let Some(kopia) = tool::kopia() else { return };
    restart::tell(&kopia).unwrap_or_else(|error| panic!("{error:#}"));
}
