// SPDX-License-Identifier: Apache-2.0
//! What a stub is to be like.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde_json::Value;

/// What a stub is to be like.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen; port 0 takes any.
    pub listen: SocketAddr,
    /// What to serve.
    pub script: Given,
    /// Serves TLS.
    pub tls: Option<Tls>,
}

/// Where the script comes from.
#[derive(Debug, Clone)]
pub enum Given {
    /// A file, looked at for each request.
    File(PathBuf),
    /// A value, until [`crate::Stub::set`] gives another.
    Value(Value),
}

/// A server's certificate and key as PEM files. Clients may present a certificate of their own.
#[derive(Debug, Clone)]
pub struct Tls {
    /// The chain.
    pub certificate: PathBuf,
    /// The key.
    pub key: PathBuf,
}

impl Config {
    /// A plain stub on a loopback port of its own.
    #[must_use]
    pub fn new(script: Value) -> Self {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self { listen, script: Given::Value(script), tls: None }
    }
}
