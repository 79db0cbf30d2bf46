// SPDX-License-Identifier: Apache-2.0
//! What every program's tests assert of its flags.

use clap::Command;

use crate::program::{Program, twin};

/// Asserts that no flag's env twin looks like a variable that Kubernetes makes for a Service.
///
/// # Panics
/// If one does.
pub fn assert_no_service_link_twins<P: Program>(name: &str) {
    for variable in twins(&P::command(), name) {
        let is_link =
            ["_PORT", "_SERVICE_HOST", "_SERVICE_PORT"].iter().any(|end| variable.ends_with(end))
                || variable.contains("_SERVICE_PORT_")
                || variable
                    .split("_PORT_")
                    .nth(1)
                    .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        assert!(!is_link, "{variable} looks like a service link");
    }
}

/// The env twins of a command's flags.
#[must_use]
pub fn twins(command: &Command, name: &str) -> Vec<String> {
    command.get_arguments().filter_map(|arg| arg.get_long()).map(|flag| twin(name, flag)).collect()
}
