// SPDX-License-Identifier: Apache-2.0
//! What every program's tests assert of its flags.

use clap::Command;

use flags::twin;

use crate::program::Program;

/// Asserts that no flag's env twin looks like a variable that Kubernetes makes for a Service.
///
/// # Panics
/// If one does.
pub fn assert_no_service_link_twins<P: Program>(name: &str) {
    for variable in twins(&P::command(), name) {
        assert!(!is_service_link(&variable), "{variable} looks like a service link");
    }
}

fn is_service_link(variable: &str) -> bool {
    let begins_with_digit = |rest: &str| rest.starts_with(|first: char| first.is_ascii_digit());
    ["_PORT", "_SERVICE_HOST", "_SERVICE_PORT"].iter().any(|end| variable.ends_with(end))
        || variable.contains("_SERVICE_PORT_")
        || variable.split("_PORT_").skip(1).any(begins_with_digit)
}

/// The env twins of a command's flags.
#[must_use]
pub fn twins(command: &Command, name: &str) -> Vec<String> {
    command.get_arguments().filter_map(|arg| arg.get_long()).map(|flag| twin(name, flag)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kubernetes_sets_for_a_service_is_a_service_link() {
        for link in [
            "X_PORT",
            "X_SERVICE_HOST",
            "X_SERVICE_PORT",
            "X_SERVICE_PORT_HTTP",
            "X_PORT_80_TCP",
            "X_PORT_80_TCP_ADDR",
            "X_PORT_Y_PORT_80_TCP_PROTO",
        ] {
            assert!(is_service_link(link), "{link}");
        }
        for other in ["X_PORT_FILE", "X_LISTEN", "X_SUPPORT", "X_REPORT_9"] {
            assert!(!is_service_link(other), "{other}");
        }
    }
}
