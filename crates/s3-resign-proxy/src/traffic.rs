// SPDX-License-Identifier: Apache-2.0
//! Traffic tallies: bytes that really moved between the proxy and the store.
//!
//! `*_raw` counts heads and wire bodies, `*_payload` counts object bytes without framing. The form
//! is design 4's, which stats-post reads. A restarted proxy goes on from the file.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context;
use http::{HeaderMap, Request, Response};
use serde::{Deserialize, Serialize};

/// The four counters while they run.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    sent_raw: AtomicU64,
    sent_payload: AtomicU64,
    received_raw: AtomicU64,
    received_payload: AtomicU64,
}

/// The four counters at one moment, in the form that other companions read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Tallies {
    pub(crate) sent_raw_bytes: u64,
    pub(crate) sent_payload_bytes: u64,
    pub(crate) received_raw_bytes: u64,
    pub(crate) received_payload_bytes: u64,
}

impl Traffic {
    pub(crate) fn continued(from: Tallies) -> Self {
        Self {
            sent_raw: from.sent_raw_bytes.into(),
            sent_payload: from.sent_payload_bytes.into(),
            received_raw: from.received_raw_bytes.into(),
            received_payload: from.received_payload_bytes.into(),
        }
    }

    pub(crate) fn add_sent_raw(&self, bytes: usize) {
        self.sent_raw.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn add_sent_payload(&self, bytes: usize) {
        self.sent_payload.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn add_received(&self, bytes: usize) {
        self.received_raw.fetch_add(bytes as u64, Ordering::Relaxed);
        self.received_payload.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn add_received_head<B>(&self, response: &Response<B>) {
        const AROUND_REASON: usize = "HTTP/1.1 200 \r\n".len();
        let reason = response.status().canonical_reason().map_or(0, str::len);
        let head = AROUND_REASON + reason + head_bytes(response.headers());
        self.received_raw.fetch_add(head as u64, Ordering::Relaxed);
    }

    pub(crate) fn tallies(&self) -> Tallies {
        Tallies {
            sent_raw_bytes: self.sent_raw.load(Ordering::Relaxed),
            sent_payload_bytes: self.sent_payload.load(Ordering::Relaxed),
            received_raw_bytes: self.received_raw.load(Ordering::Relaxed),
            received_payload_bytes: self.received_payload.load(Ordering::Relaxed),
        }
    }
}

/// The size of a request's head on the wire.
pub(crate) fn request_head_bytes<B>(request: &Request<B>) -> usize {
    const AROUND_TARGET: usize = "  HTTP/1.1\r\n".len();
    let target = request.uri().path_and_query().map_or(1, |target| target.as_str().len());
    request.method().as_str().len() + target + AROUND_TARGET + head_bytes(request.headers())
}

/// The size of a head on the wire without its first line.
pub(crate) fn head_bytes(headers: &HeaderMap) -> usize {
    const SEPARATORS: usize = ": \r\n".len();
    const END: usize = "\r\n".len();
    let lines = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + SEPARATORS);
    lines.sum::<usize>() + END
}

/// Reads the tallies of an earlier run; no file means zero.
pub(crate) fn read(path: &Path) -> anyhow::Result<Tallies> {
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .with_context(|| format!("{} does not hold traffic tallies", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Tallies::default()),
        Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
    }
}

/// Writes the tallies so that a reader sees the old or the new ones, never half of them.
pub(crate) fn write(path: &Path, tallies: &Tallies) -> anyhow::Result<()> {
    let text = serde_json::to_vec(tallies)?;
    sidecar::replace_file(path, &text, sidecar::FOR_ALL)
        .with_context(|| format!("writing {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tallies_go_on_where_an_earlier_run_stopped() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("stats.json");
        assert_eq!(read(&path).unwrap(), Tallies::default());
        let traffic = Traffic::default();
        traffic.add_sent_raw(7);
        traffic.add_received(5);
        write(&path, &traffic.tallies()).unwrap();
        let traffic = Traffic::continued(read(&path).unwrap());
        traffic.add_sent_raw(1);
        assert_eq!(traffic.tallies().sent_raw_bytes, 8);
        assert_eq!(traffic.tallies().received_payload_bytes, 5);
    }

    #[test]
    fn a_head_is_counted_as_it_stands_on_the_wire() {
        let request = Request::get("https://s3.test/b/k?x=y").header("host", "s3.test").body(());
        let on_wire = "GET /b/k?x=y HTTP/1.1\r\nhost: s3.test\r\n\r\n";
        assert_eq!(request_head_bytes(&request.unwrap()), on_wire.len());
        let response = Response::builder().status(206).header("etag", "e").body(()).unwrap();
        let traffic = Traffic::default();
        traffic.add_received_head(&response);
        let on_wire = "HTTP/1.1 206 Partial Content\r\netag: e\r\n\r\n";
        assert_eq!(traffic.tallies().received_raw_bytes, on_wire.len() as u64);
    }

    #[test]
    fn a_file_that_holds_something_else_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("stats.json");
        std::fs::write(&path, "nonsense").unwrap();
        assert!(format!("{:#}", read(&path).unwrap_err()).contains("stats.json"));
    }
}
