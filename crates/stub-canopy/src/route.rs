// SPDX-License-Identifier: Apache-2.0
//! Which endpoint a request is for.

use http::Method;

use crate::ledger::Way;

/// An endpoint of the contract, or one of the operator's callbacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Servers,
    RestoreCapabilities,
    RestoreWorklist,
    RestoreCredentials,
    RestoreVerification,
    BackupCapabilities,
    BackupCredentials,
    BackupTarget,
    BackupProgress,
    BackupReport,
    CanopyStats,
    CanopyProgress,
}

/// What a path and method lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    To(Endpoint),
    /// The path is known, the method is not.
    WrongMethod,
    Nowhere,
}

/// The path without the tailnet's prefix, and which way the request came.
pub(crate) fn way(path: &str) -> (Way, &str) {
    match path.strip_prefix("/public") {
        Some(rest) if rest.starts_with('/') => (Way::Tailnet, rest),
        _ => (Way::Direct, path),
    }
}

/// The endpoint of a path without the prefix.
pub(crate) fn route(method: &Method, path: &str) -> Route {
    let (endpoint, expected) = match path {
        "/servers" => (Endpoint::Servers, Method::GET),
        "/restore-capabilities" => (Endpoint::RestoreCapabilities, Method::POST),
        "/restore-worklist" => (Endpoint::RestoreWorklist, Method::GET),
        "/restore-credentials" => (Endpoint::RestoreCredentials, Method::POST),
        "/restore-verification" => (Endpoint::RestoreVerification, Method::POST),
        "/backup-capabilities" => (Endpoint::BackupCapabilities, Method::POST),
        "/backup-credentials" => (Endpoint::BackupCredentials, Method::POST),
        "/backup-target" => (Endpoint::BackupTarget, Method::GET),
        "/backup-progress" => (Endpoint::BackupProgress, Method::POST),
        "/backup-report" => (Endpoint::BackupReport, Method::POST),
        _ if is_job_below("/api/v1/canopy-stats/", path) => (Endpoint::CanopyStats, Method::POST),
        _ if is_job_below("/api/v1/canopy-progress/", path) => {
            (Endpoint::CanopyProgress, Method::POST)
        }
        _ => return Route::Nowhere,
    };
    if *method == expected { Route::To(endpoint) } else { Route::WrongMethod }
}

/// A namespace and a Job's name, and nothing more.
fn is_job_below(start: &str, path: &str) -> bool {
    let names: Vec<&str> = path.strip_prefix(start).unwrap_or_default().split('/').collect();
    names.len() == 2 && names.iter().all(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callback_names_a_namespace_and_a_job() {
        let to = |path| route(&Method::POST, path);
        assert_eq!(to("/api/v1/canopy-stats/ns/job"), Route::To(Endpoint::CanopyStats));
        assert_eq!(to("/api/v1/canopy-progress/ns/job"), Route::To(Endpoint::CanopyProgress));
        for path in ["/api/v1/canopy-stats/ns", "/api/v1/canopy-stats//job", "/api/v1/x/ns/job"] {
            assert_eq!(to(path), Route::Nowhere, "{path}");
        }
        assert_eq!(route(&Method::GET, "/backup-report"), Route::WrongMethod);
    }

    #[test]
    fn the_tailnets_prefix_is_taken_off_once() {
        assert_eq!(way("/public/servers"), (Way::Tailnet, "/servers"));
        assert_eq!(way("/servers"), (Way::Direct, "/servers"));
        assert_eq!(way("/publicity"), (Way::Direct, "/publicity"));
    }
}
