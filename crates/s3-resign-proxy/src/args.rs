// SPDX-License-Identifier: Apache-2.0
//! The flags, as typed. Each has an env twin `S3_RESIGN_PROXY_<FLAG>`.

use std::path::PathBuf;

use admin::AdminArgs;
use credential::{BrokerFlags, SourceSpec};
use sidecar::{Given, ProcessArgs, Size, Span};

use crate::config::{Addressing, PayloadMode};
use crate::policy::Mode;

/// Loopback S3 endpoint: checks the caller's signature, signs again with live credentials, streams
/// to the real endpoint. Put it beside any S3 tool that cannot refresh its credentials.
#[derive(Debug, clap::Parser)]
#[command(name = "s3-resign-proxy")]
pub(crate) struct Args {
    /// Where callers connect: `localhost:PORT` binds both loopbacks, `[::1]:0` takes a free port [default: localhost:9700]
    #[arg(long, value_name = "ADDRESS", help_heading = "Callers")]
    pub(crate) listen: Option<String>,

    /// Write the port here, as decimal text, once credentials are held; a restart takes the same port [default: PGRO_PROXY_PORT_FILE]
    #[arg(long, value_name = "FILE", help_heading = "Callers")]
    pub(crate) port_file: Option<PathBuf>,

    /// The access key id that callers sign with (with --caller-secret-file); else a random pair is made
    #[arg(long, value_name = "ID", help_heading = "Callers")]
    pub(crate) caller_access_key: Option<String>,

    /// File with the callers' secret key, re-read on change
    #[arg(long, value_name = "FILE", help_heading = "Callers")]
    pub(crate) caller_secret_file: Option<PathBuf>,

    /// Write the callers' pair, endpoint and region here as KEY=VALUE lines, mode 0640; a restart reuses it
    #[arg(long, value_name = "FILE", help_heading = "Callers")]
    pub(crate) caller_env_file: Option<PathBuf>,

    /// Write the callers' pair here as an AWS credentials file, mode 0640; a restart reuses it
    #[arg(long, value_name = "FILE", help_heading = "Callers")]
    pub(crate) caller_credentials_file: Option<PathBuf>,

    /// The real endpoint, http or https [default: S3's dual-stack endpoint of the region]
    #[arg(long, value_name = "URL", help_heading = "Store")]
    pub(crate) upstream: Option<String>,

    /// The region to sign for [default: PGRO_REGION, then AWS_REGION, then AWS_DEFAULT_REGION]
    #[arg(long, value_name = "REGION", help_heading = "Store")]
    pub(crate) region: Option<String>,

    /// Where the store expects the bucket: `path` or `virtual` (in the host name) [default: path]
    #[arg(long, value_name = "STYLE", help_heading = "Store")]
    pub(crate) addressing: Option<Given<Addressing>>,

    /// Connect here instead of the upstream's host and port; name and signature stay the upstream's
    #[arg(long, value_name = "HOST:PORT", help_heading = "Store")]
    pub(crate) connect_to: Option<String>,

    /// PEM file of certificate authorities to trust besides the platform's [default: AWS_CA_BUNDLE]
    #[arg(long, value_name = "FILE", help_heading = "Store")]
    pub(crate) ca_bundle: Option<PathBuf>,

    /// `file:PATH`, `env`, `process:CMD`, `container`, `web-identity`, `default` or `broker:URL` [default: the broker at PGRO_BROKER_URL]
    #[arg(long, value_name = "SOURCE", help_heading = "Credentials")]
    pub(crate) credentials: Option<Given<SourceSpec>>,

    #[command(flatten)]
    pub(crate) broker: BrokerFlags,

    /// Also serve the credentials themselves to callers, as a container-credentials document; excludes --mode read-only, --bucket and --prefix
    #[arg(long, help_heading = "Credentials")]
    pub(crate) serve_credentials: bool,

    /// Signed chunks: `auto` sends them decoded over TLS, `preserve` signs each chunk again [default: auto]
    #[arg(long, value_name = "MODE", help_heading = "Requests")]
    pub(crate) payload: Option<Given<PayloadMode>>,

    /// `read-only` refuses all but GET and HEAD [default: read-write]
    #[arg(long, value_name = "MODE", help_heading = "Requests")]
    pub(crate) mode: Option<Given<Mode>>,

    /// Refuse every other bucket
    #[arg(long, value_name = "BUCKET", help_heading = "Requests")]
    pub(crate) bucket: Option<String>,

    /// Refuse keys that do not begin with this (end it with a slash to mean a folder)
    #[arg(long, value_name = "PREFIX", help_heading = "Requests")]
    pub(crate) prefix: Option<String>,

    /// Give a request up when no byte has moved for this long [default: 120s]
    #[arg(long, value_name = "SPAN", help_heading = "Limits")]
    pub(crate) idle_timeout: Option<Given<Span>>,

    /// Cut a caller whose request head is not complete after this long [default: 15s]
    #[arg(long, value_name = "SPAN", help_heading = "Limits")]
    pub(crate) header_timeout: Option<Given<Span>>,

    /// Give up connecting to the store after this long [default: 10s]
    #[arg(long, value_name = "SPAN", help_heading = "Limits")]
    pub(crate) connect_timeout: Option<Given<Span>>,

    /// Callers' connections at one time; more wait to be accepted [default: 512]
    #[arg(long, value_name = "N", help_heading = "Limits")]
    pub(crate) max_connections: Option<Given<usize>>,

    /// The largest request head in bytes [default: 16KiB]
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    pub(crate) max_head: Option<Given<Size>>,

    /// Write traffic tallies here every 5 s and at the end; a restart goes on from them
    #[arg(long, value_name = "FILE")]
    pub(crate) stats_file: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) admin: AdminArgs,

    #[command(flatten)]
    pub(crate) process: ProcessArgs,
}
