// SPDX-License-Identifier: Apache-2.0
//! What the store saw: every request as it arrived, and the sums over all of them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderMap, HeaderName, Method, StatusCode};

/// How many requests [`crate::Store::log`] remembers.
pub const LOG_LIMIT: usize = 10_000;

/// One request as it arrived at the store.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The method.
    pub method: Method,
    /// Path and query, exactly the bytes of the request line.
    pub target: String,
    /// The headers; duplicates keep their order.
    pub headers: HeaderMap,
    /// The access key that the request names, whether or not its signature holds.
    pub access_key: Option<String>,
    /// The answer, or `None` where the caller went away before there was one.
    pub status: Option<StatusCode>,
    /// The S3 code of an error answer.
    pub error: Option<String>,
    /// Bytes of the request's body as framed in HTTP, aws-chunked framing included.
    pub body_bytes: u64,
}

impl Seen {
    /// A header's first value as text, if there is one and it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The payload form that the request declares.
    pub fn content_sha256(&self) -> Option<&str> {
        self.headers.get(HeaderName::from_static("x-amz-content-sha256"))?.to_str().ok()
    }

    /// Whether it is a successful request on a bucket or on an object.
    pub fn is_ok_data(&self) -> bool {
        self.access_key.is_some()
            && self.target.len() > 1
            && self.status.is_some_and(|status| status.is_success())
    }

    /// Absence and preconditions are answers; all else from 400 on is a failure.
    fn is_failure(&self, status: StatusCode) -> bool {
        let asked = matches!(self.method, Method::GET | Method::HEAD);
        let answer = match status {
            StatusCode::NOT_FOUND => asked,
            StatusCode::PRECONDITION_FAILED | StatusCode::RANGE_NOT_SATISFIABLE => true,
            _ => false,
        };
        status.as_u16() >= 400 && !answer
    }
}

/// The sums over all requests since the store began or was last reset.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// All requests.
    pub requests: u64,
    /// Answers from 400 on.
    pub errors: u64,
    /// `errors` without 404 on GET and HEAD, 412 and 416, which are plain answers.
    pub failed: u64,
    /// Requests whose caller went away before the answer.
    pub cut: u64,
    /// Answers with `ExpiredToken`.
    pub expired_answers: u64,
    /// Bytes of request bodies.
    pub received_bytes: u64,
    /// Bytes of response bodies.
    pub sent_bytes: u64,
    /// By access key.
    pub keys: BTreeMap<String, KeyCounts>,
}

/// The sums of one access key.
#[derive(Clone, Debug, Default)]
pub struct KeyCounts {
    /// Successful (2xx) requests on a bucket or an object.
    pub ok_data: u64,
    /// Failures by S3 code, or by status where the answer had none.
    pub failures: BTreeMap<String, u64>,
}

impl Counts {
    /// How many access keys did at least one successful data request.
    pub fn keys_with_ok_data(&self) -> usize {
        self.keys.values().filter(|key| key.ok_data > 0).count()
    }

    /// Successful data requests of all keys.
    pub fn ok_data(&self) -> u64 {
        self.keys.values().map(|key| key.ok_data).sum()
    }

    fn add(&mut self, seen: &Seen) {
        self.requests += 1;
        self.received_bytes += seen.body_bytes;
        self.expired_answers += u64::from(seen.error.as_deref() == Some("ExpiredToken"));
        let Some(status) = seen.status else {
            self.cut += 1;
            return;
        };
        let failed = seen.is_failure(status);
        self.errors += u64::from(status.as_u16() >= 400);
        self.failed += u64::from(failed);
        let Some(key) = &seen.access_key else { return };
        let key = self.keys.entry(key.clone()).or_default();
        key.ok_data += u64::from(seen.is_ok_data());
        if failed {
            let code = seen.error.clone().unwrap_or_else(|| status.as_str().to_owned());
            *key.failures.entry(code).or_default() += 1;
        }
    }
}

/// The store's memory of its requests.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    book: Mutex<(Counts, VecDeque<Seen>)>,
    sent_bytes: Arc<AtomicU64>,
}

impl Ledger {
    pub(crate) fn record(&self, seen: Seen) {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        book.0.add(&seen);
        if book.1.len() == LOG_LIMIT {
            book.1.pop_front();
        }
        book.1.push_back(seen);
    }

    /// Where response bodies count their bytes as they leave.
    pub(crate) fn sent_bytes(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.sent_bytes)
    }

    pub(crate) fn counts(&self) -> Counts {
        let mut counts = self.book.lock().unwrap_or_else(PoisonError::into_inner).0.clone();
        counts.sent_bytes = self.sent_bytes.load(Ordering::Relaxed);
        counts
    }

    pub(crate) fn log(&self) -> Vec<Seen> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner).1.iter().cloned().collect()
    }

    pub(crate) fn reset(&self) {
        *self.book.lock().unwrap_or_else(PoisonError::into_inner) = Default::default();
        self.sent_bytes.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(method: Method, status: u16, error: Option<&str>) -> Seen {
        Seen {
            method,
            target: "/bucket/key".to_owned(),
            headers: HeaderMap::new(),
            access_key: Some("ASIAONE".to_owned()),
            status: StatusCode::from_u16(status).ok(),
            error: error.map(str::to_owned),
            body_bytes: 3,
        }
    }

    #[test]
    fn absence_and_preconditions_are_errors_but_no_failures() {
        let ledger = Ledger::default();
        ledger.record(seen(Method::GET, 404, Some("NoSuchKey")));
        ledger.record(seen(Method::PUT, 412, Some("PreconditionFailed")));
        ledger.record(seen(Method::PUT, 404, Some("NoSuchBucket")));
        ledger.record(seen(Method::GET, 400, Some("ExpiredToken")));
        ledger.record(seen(Method::GET, 206, None));
        let counts = ledger.counts();
        assert_eq!((counts.requests, counts.errors, counts.failed), (5, 4, 2));
        assert_eq!((counts.expired_answers, counts.received_bytes), (1, 15));
        assert_eq!((counts.ok_data(), counts.keys_with_ok_data()), (1, 1));
        assert_eq!(counts.keys["ASIAONE"].failures["ExpiredToken"], 1);
    }

    #[test]
    fn a_request_without_an_answer_is_cut_and_no_data_request() {
        let ledger = Ledger::default();
        let mut cut = seen(Method::PUT, 200, None);
        cut.status = None;
        ledger.record(cut);
        let counts = ledger.counts();
        assert_eq!((counts.cut, counts.ok_data(), counts.errors), (1, 0, 0));
    }

    #[test]
    fn the_log_is_bounded_and_keeps_the_newest() {
        let ledger = Ledger::default();
        (0..LOG_LIMIT + 5).for_each(|n| {
            let mut one = seen(Method::GET, 200, None);
            one.target = format!("/{n}");
            ledger.record(one);
        });
        let log = ledger.log();
        assert_eq!(log.len(), LOG_LIMIT);
        assert_eq!(log[0].target, "/5");
    }
}
