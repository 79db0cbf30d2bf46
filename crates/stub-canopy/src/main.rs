// SPDX-License-Identifier: Apache-2.0
//! The stub as a process, for other languages' tests and for trying things by hand.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use clap::Parser;
use stub_canopy::{Config, Given, Stub, Tls};

/// A control plane for tests: serves its contract from a JSON file that may change while it runs.
///
/// Prints one line of JSON with its URL once it accepts connections, then serves until SIGTERM. Each
/// request is a line on standard error.
#[derive(Debug, Parser)]
#[command(name = "stub-canopy", version, after_long_help = HELP)]
struct Args {
    /// Where to listen; port 0 takes any
    #[arg(long, default_value = "[::]:8480", env = "STUB_CANOPY_LISTEN")]
    listen: SocketAddr,

    /// The script, a JSON file, looked at for each request; without one nothing is granted
    #[arg(long, value_name = "FILE", env = "STUB_CANOPY_CONFIG")]
    config: Option<PathBuf>,

    /// Serve TLS with this certificate, a PEM file; clients may present a certificate, and any that is
    /// signed by its own key and valid today is taken
    #[arg(long, value_name = "FILE", env = "STUB_CANOPY_TLS_CERT", requires = "tls_key")]
    tls_cert: Option<PathBuf>,

    /// Its key, a PEM file
    #[arg(long, value_name = "FILE", env = "STUB_CANOPY_TLS_KEY", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
}

const HELP: &str = r#"THE SCRIPT
  {
    "worklist": [{…}],                    the answer of GET /restore-worklist, as it is
    "grants": [{"group": "5a1e…", "type": "tamanu-postgres", "repo_password": "p"}],
    "credentials": {"issuer": "http://HOST:PORT"}      a testbed-store's issuer_url,
                 | {"static": {"Version": 1, …}},      or always the same set
    "backup_target": {…},                 the answer of GET /backup-target; without it 409
    "dedupe": true,                       a report that comes again with its Idempotency-Key is a success
    "strict_ids": false,                  ids must be UUIDs, as the real ones are
    "faults": [
      {"path": "/restore-credentials", "status": 502, "retry_after": 7, "times": 3},
      {"path": "/restore-worklist", "delay_ms": 40000},
      {"path": "/backup-report", "half": true, "times": 1},
      {"path": "/api/v1/*", "refuse": true, "taken": true, "times": 1}
    ]
  }
  The first fault that fits and is not used up strikes. `taken`: the request counts, only its answer
  is lost. A changed fault counts anew. All paths are served below /public too, as on the tailnet.

READ-BACK
  GET /_captured      the posts that were taken: path, way, headers, body, unknown, at, certificate, repeats
  GET /_heard         all requests and what they were answered
  GET /_issued        how many sets each group, type and run got
  DELETE /_captured   forgets all of it
  GET /healthz        200 once it serves"#;

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let script = match args.config {
        Some(path) => Given::File(path),
        None => Given::Value(serde_json::json!({})),
    };
    let tls = args.tls_cert.zip(args.tls_key).map(|(certificate, key)| Tls { certificate, key });
    let stub = Stub::start(Config { listen: args.listen, script, tls })?;
    let facts = serde_json::json!({"url": stub.url(), "listen": stub.addr()});
    let mut out = std::io::stdout().lock();
    writeln!(out, "{facts}").and_then(|()| out.flush()).context("standard output")?;
    until_stopped()
}

/// Waits for SIGTERM or SIGINT.
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
