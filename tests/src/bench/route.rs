// SPDX-License-Identifier: Apache-2.0
//! The four routes from the client to the origin.

use super::column::Column;
use super::figure::{Compared, Figures};

/// How a request reaches the origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Route {
    /// TLS from the client itself.
    Direct,
    /// A byte relay that speaks TLS to the origin and knows nothing else.
    Relay,
    /// Ours with `--payload auto`.
    Auto,
    /// Ours with `--payload preserve`.
    Preserve,
}

impl Route {
    /// All of them, in the order in which a round takes them.
    pub(super) const ALL: [Route; 4] = [Route::Direct, Route::Relay, Route::Auto, Route::Preserve];

    pub(super) fn name(self) -> &'static str {
        match self {
            Route::Direct => "direct",
            Route::Relay => "haproxy",
            Route::Auto => "auto",
            Route::Preserve => "preserve",
        }
    }
}

impl Column for Route {
    const ALL: &'static [Route] = &Route::ALL;
    const OURS: Route = Route::Auto;

    fn name(self) -> &'static str {
        self.name()
    }

    fn shelf(figures: &mut Figures) -> &mut Vec<Compared<Route>> {
        &mut figures.routes
    }
}
