// SPDX-License-Identifier: Apache-2.0
//! One call to be made: where to, with which body, and whether it may be made twice.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::Method;
use serde::Serialize;

use crate::{Error, Kind};

/// What a second arrival of the same request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Nothing: it reads, or says again what holds.
    Harmless,
    /// It is another issuance or another report, so the caller decides.
    Counted,
}

/// How large an answer may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bound {
    /// 1 MiB.
    Small,
    /// 8 MiB: an entry for each server of a fleet.
    Worklist,
}

impl Bound {
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::Small => 1024 * 1024,
            Self::Worklist => 8 * 1024 * 1024,
        }
    }
}

/// A request, without the host.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    /// JSON, gzipped.
    pub(crate) body: Option<Vec<u8>>,
    /// One key for all tries of one report.
    pub(crate) key: Option<String>,
    pub(crate) repeat: Repeat,
}

impl Call {
    pub(crate) fn get(path: &'static str) -> Self {
        Self { method: Method::GET, path, body: None, key: None, repeat: Repeat::Harmless }
    }

    pub(crate) fn post(
        path: &'static str,
        body: &impl Serialize,
        repeat: Repeat,
    ) -> Result<Self, Error> {
        let zipped = gzip(body).map_err(|error| {
            Error::new(Kind::Invalid, &format!("POST {path}"), format!("the body: {error}"))
        })?;
        Ok(Self { method: Method::POST, path, body: Some(zipped), key: None, repeat })
    }

    pub(crate) fn with_key(mut self, key: Option<&str>) -> Self {
        self.key = key.map(str::to_owned);
        self
    }

    /// `POST /backup-report`, as errors call it.
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

fn gzip(body: &impl Serialize) -> std::io::Result<Vec<u8>> {
    let mut zip = GzEncoder::new(Vec::new(), Compression::default());
    zip.write_all(&serde_json::to_vec(body)?)?;
    zip.finish()
}
