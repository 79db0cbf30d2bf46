// SPDX-License-Identifier: Apache-2.0
//! Read-back: what a test asks of the stub itself. No fault ever strikes here.

use http::{Method, StatusCode};
use serde::Serialize;

use crate::ledger::Ledger;
use crate::reply::{Answer, Problem, Success};

/// The answer, if the path is one of read-back.
pub(crate) fn answer(method: &Method, path: &str, ledger: &Ledger) -> Option<Answer> {
    Some(match (path, method) {
        ("/healthz", &Method::GET) => Ok(Success::Document("ok".into())),
        ("/_captured", &Method::GET) => document(&ledger.captured()),
        ("/_heard", &Method::GET) => document(&ledger.heard()),
        ("/_issued", &Method::GET) => document(&ledger.issued()),
        ("/_captured", &Method::DELETE) => {
            ledger.forget();
            Ok(Success::Nothing)
        }
        _ if path.starts_with("/_") => {
            let known = "known are GET and DELETE of /_captured, GET of /_heard and /_issued";
            Err(Problem::new(StatusCode::NOT_FOUND, known))
        }
        _ => return None,
    })
}

fn document(list: &impl Serialize) -> Answer {
    let unwritable = |error: serde_json::Error| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string())
    };
    serde_json::to_value(list).map(Success::Document).map_err(unwritable)
}
