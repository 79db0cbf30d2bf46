// SPDX-License-Identifier: Apache-2.0
//! The test store and its issuer as one process, to try things by hand.
//!
//! Prints one line of JSON with everything that a client needs, then serves until it is stopped.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use testbed::{
    Ca, EarlyRevocation, Grant, Issuer, IssuerConfig, StaticPair, Store, StoreConfig, TlsFiles,
};

/// An S3 store whose credentials die in seconds, and the issuer of those credentials.
#[derive(Debug, Parser)]
#[command(name = "testbed-store", version)]
struct Args {
    /// Serve TLS, with a private authority whose certificate is written to ROOT/ca.pem.
    #[arg(long)]
    tls: bool,
    /// Serve TLS with this certificate, a PEM file.
    #[arg(long, value_name = "FILE", requires = "tls_key", conflicts_with = "tls")]
    tls_cert: Option<PathBuf>,
    /// Its key, a PEM file.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// How long each issued set of credentials lives.
    #[arg(long, default_value = "15m", value_parser = humantime::parse_duration)]
    lifetime: Duration,
    /// Where objects are kept; a temporary folder by default.
    #[arg(long)]
    root: Option<PathBuf>,
    /// Buckets to have.
    #[arg(long = "bucket", default_value = "bucket")]
    buckets: Vec<String>,
    /// Where the store listens.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Where the issuer listens, without TLS.
    #[arg(long, default_value = "127.0.0.1:0")]
    issuer_listen: SocketAddr,
    /// A group that the issuer grants nothing; repeatable.
    #[arg(long = "deny-group", value_name = "GROUP")]
    denied_groups: Vec<String>,
    /// A pair that may do this alone, as `reader=s3:GetObject:logs/*`; repeated for each of its rights.
    #[arg(long = "grant", value_name = "NAME=RIGHT", value_parser = named_grant)]
    grants: Vec<(String, Grant)>,
    /// The only region that is accepted; any by default.
    #[arg(long)]
    region: Option<String>,
    /// Let every set with a number divisible by this die early.
    #[arg(long, value_name = "N", requires = "early")]
    early_every: Option<u64>,
    /// How much of its life such a set loses, unannounced.
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    early: Option<Duration>,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let temporary = tempfile::tempdir()?;
    let root = args.root.unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&root).with_context(|| format!("the folder {}", root.display()))?;
    let ca = if args.tls { Some(Ca::new()?) } else { None };
    let ca_path = ca.as_ref().map(|ca| ca.write_pem(root.join("ca.pem"))).transpose()?;
    let pair = StaticPair::random();
    let limited = limited(args.grants);
    let store = Store::start(StoreConfig {
        buckets: args.buckets,
        tls: ca.as_ref(),
        tls_files: args
            .tls_cert
            .zip(args.tls_key)
            .map(|(certificate, key)| TlsFiles { certificate, key }),
        listen: args.listen,
        static_pairs: limited.values().chain([&pair]).cloned().collect(),
        region: args.region,
        early_revocation: match (args.early_every, args.early) {
            (Some(nth), Some(early)) => EarlyRevocation::Every { nth, early },
            _ => EarlyRevocation::Never,
        },
        ..StoreConfig::new(root.join("objects"))
    })?;
    let issuer = Issuer::start(IssuerConfig {
        listen: args.issuer_listen,
        denied_groups: args.denied_groups,
        counter: Some(store.counter()),
        holds: store.holds(),
        ..IssuerConfig::new(store.keyring(), args.lifetime)
    })?;
    let pairs: BTreeMap<&String, _> =
        limited.iter().map(|(name, pair)| (name, shown(pair))).collect();
    let facts = serde_json::json!({
        "pairs": pairs,
        "store_url": store.url(),
        "store_http_url": store.http_url(),
        "ca": ca_path,
        "issuer_url": issuer.url(),
        "container_url": issuer.container_url(),
        "access_key_id": pair.access_key_id,
        "secret_access_key": pair.secret,
        "root": root,
    });
    let mut out = std::io::stdout().lock();
    writeln!(out, "{facts}").and_then(|()| out.flush()).context("standard output")?;
    until_stopped()
}

fn named_grant(text: &str) -> anyhow::Result<(String, Grant)> {
    let (name, grant) = text.split_once('=').context("write it as NAME=RIGHT")?;
    Ok((name.to_owned(), grant.parse()?))
}

/// A pair for each name.
fn limited(grants: Vec<(String, Grant)>) -> BTreeMap<String, StaticPair> {
    let mut by_name: BTreeMap<String, Vec<Grant>> = BTreeMap::new();
    for (name, grant) in grants {
        by_name.entry(name).or_default().push(grant);
    }
    by_name.into_iter().map(|(name, grants)| (name, StaticPair::granted(grants))).collect()
}

fn shown(pair: &StaticPair) -> serde_json::Value {
    serde_json::json!({"access_key_id": pair.access_key_id, "secret_access_key": pair.secret})
}

/// Waits for SIGTERM or SIGINT, so that drops run and the temporary folder goes.
fn until_stopped() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let terminate = tokio::signal::unix::SignalKind::terminate();
        let mut terminate = tokio::signal::unix::signal(terminate)?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted.context("signals"),
            _ = terminate.recv() => Ok(()),
        }
    })
}
