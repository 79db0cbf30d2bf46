// SPDX-License-Identifier: Apache-2.0
//! One HTTP request to a store, put together by hand, over a connection of its own.

use std::net::SocketAddr;

use anyhow::{Context, bail, ensure};

use crate::wire::{Head, RawResponse, exchange};

/// A request to be.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    head: Head,
    body: Vec<u8>,
}

impl Ask {
    pub(super) fn new(method: &str, target: &str) -> Ask {
        Ask { head: Head::request(method, target), body: Vec::new() }
    }

    pub(super) fn header(mut self, name: &str, value: &str) -> Ask {
        self.head.set(name, value);
        self
    }

    pub(super) fn body(self, body: &[u8]) -> Ask {
        Ask { body: body.to_vec(), ..self }
    }

    pub(super) fn json(self, body: &serde_json::Value) -> Ask {
        self.body(body.to_string().as_bytes()).header("Content-Type", "application/json")
    }

    /// Sends it as it is.
    pub(super) fn send(self, at: SocketAddr) -> anyhow::Result<RawResponse> {
        self.send_signed(at, |_| Ok(()))
    }

    /// Sends it once `sign` has seen it whole, and takes the answer only in full.
    pub(super) fn send_signed(
        mut self,
        at: SocketAddr,
        sign: impl FnOnce(&mut Head) -> anyhow::Result<()>,
    ) -> anyhow::Result<RawResponse> {
        self.head.set("Host", &at.to_string());
        if !self.body.is_empty() || self.head.method != "GET" {
            self.head.set("Content-Length", &self.body.len().to_string());
        }
        sign(&mut self.head)?;
        // Behind the signature, for it is no word for the store.
        self.head.set("Connection", "close");
        self.head.write_again();
        let what = || format!("{} {} at {at}", self.head.method, self.head.target);
        let answer =
            exchange(at, &[self.head.bytes.as_slice(), &self.body].concat()).with_context(what)?;
        ensure!(answer.complete, "{}: the answer broke off", what());
        Ok(answer)
    }
}

/// The answer, if its status is 2xx; else an error with the store's words.
pub(super) fn good(answer: RawResponse) -> anyhow::Result<RawResponse> {
    match answer.head.status {
        200..=299 => Ok(answer),
        status => bail!("the store answered {status}: {}", answer.text()),
    }
}
