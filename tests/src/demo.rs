// SPDX-License-Identifier: Apache-2.0
//! Kopia through the proxy while its credentials die under it: a short story and a long one. The
//! short one also takes etcd's snapshots through it.
//!
//! The short one is what a newcomer runs first; the long one, the soak, adds what goes wrong in
//! real life. Both end in a table of goals, and fail if one of them is missed.

mod args;
mod chain;
mod cluster;
mod command;
mod keeping;
mod kopia;
mod metrics;
mod outage;
mod over;
mod places;
mod progress;
mod proxy;
mod rows;
mod snapshots;
mod soak;
mod stage;
mod story;
mod tree;

pub use args::Args;

use args::Plan;

/// Plays what the flags ask for, on standard output, and leaves the rows as JSON in `target`.
///
/// # Errors
/// A step that failed, or the goals that were missed; [`sidecar::Exit::Stopped`] after Ctrl-C.
pub fn run(args: &Args) -> anyhow::Result<()> {
    match args.plan()? {
        Plan::Story { tree_mib } => story::play(tree_mib),
        Plan::Soak { span, tree_mib } => soak::play(span, tree_mib),
    }
}
