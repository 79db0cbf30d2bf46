// SPDX-License-Identifier: Apache-2.0
//! The whole chain: a control plane grants credentials that live seconds, the broker hands them on, the proxy signs
//! with them, the real kopia restores, and the control plane hears once what was moved. And what becomes of it when
//! something is away.
//!
//! Without kopia these are left out loudly; with `REQUIRE_ALL=1`, as in CI, its absence fails.

#![expect(clippy::print_stdout, reason = "a story tells what it saw")]

mod api_server;
mod argv;
mod broker;
mod counts;
mod down;
mod ground;
mod killed;
mod kopia;
mod meter;
mod pod;
mod post;
mod process;
mod proxy;
mod restart;
mod search;
mod secrets;
mod seed;
mod stopped;
mod tool;
mod whole;

use std::path::Path;

fn tell(story: impl FnOnce(&Path) -> anyhow::Result<()>) {
    let Some(kopia) = testbed::tool("kopia") else { return };
    story(&kopia).unwrap_or_else(|error| panic!("{error:#}"));
}

#[test]
fn kopia_restores_over_many_sets_of_credentials_and_one_report_says_what_the_store_counted() {
    tell(whole::tell);
}

#[test]
fn kopia_restores_while_the_broker_restarts_and_forgets_what_it_held() {
    tell(restart::tell);
}

#[test]
fn what_the_broker_holds_outlives_the_control_plane_and_the_report_waits_until_it_is_back() {
    tell(down::outlived);
}

#[test]
fn who_begins_without_a_control_plane_is_given_nothing_until_it_is_back() {
    tell(down::awaited);
}

#[test]
fn a_proxy_that_is_stopped_drains_and_what_was_moved_so_far_is_reported_once() {
    tell(stopped::tell);
}

#[test]
fn a_report_that_arrived_before_its_sender_was_killed_is_not_a_second_one() {
    tell(killed::tell);
}

#[test]
fn no_secret_stands_in_any_log_command_line_last_word_or_metric_and_a_planted_one_is_found() {
    tell(secrets::tell);
}
