// SPDX-License-Identifier: Apache-2.0
//! Requests that were not served, in the log: once, and again after a minute, for a tool that tries again
//! would else fill it.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::s3_error::S3Error;

const AGAIN: Duration = Duration::from_secs(60);

/// What was said last, and when.
#[derive(Debug, Default)]
pub(crate) struct Complaints(Mutex<Option<(String, Instant)>>);

impl Complaints {
    /// Says why a request was not served, if that is news.
    pub(crate) fn say(&self, error: &S3Error) {
        let (code, error) = (error.code, &error.message);
        if self.is_news(error, Instant::now()) {
            tracing::warn!(code, error, "request not served");
        } else {
            tracing::debug!(code, error, "request not served");
        }
    }

    fn is_news(&self, text: &str, now: Instant) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known =
            last.as_ref().is_some_and(|(said, at)| said == text && now.duration_since(*at) < AGAIN);
        if !is_known {
            *last = Some((text.to_owned(), now));
        }
        !is_known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_said_once_a_minute_and_another_at_once() {
        let (complaints, start) = (Complaints::default(), Instant::now());
        let said = |text, seconds| complaints.is_news(text, start + Duration::from_secs(seconds));
        assert!(said("no name", 0));
        assert!(!said("no name", 59));
        assert!(said("no name", 60));
        assert!(said("no trust", 61));
        assert!(said("no name", 62));
    }
}
