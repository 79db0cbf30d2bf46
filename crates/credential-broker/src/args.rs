// SPDX-License-Identifier: Apache-2.0
//! The flags, as typed. Each has an env twin `CREDENTIAL_BROKER_<FLAG>`.

use std::net::SocketAddr;
use std::path::PathBuf;

use admin::AdminArgs;
use canopy::ClientArgs;
use sidecar::{Given, ProcessArgs, Span};

use crate::issuer::Spec;

/// Hands short-lived restore credentials to the pods of a cluster: POST /internal/restore-creds. Sets are
/// cached until shortly before they end, and each is asked for once, however many pods want it.
#[derive(Debug, clap::Parser)]
#[command(name = "credential-broker")]
pub(crate) struct Args {
    /// Where pods ask [default: PGRO_BROKER_LISTEN_ADDR, then `[::]:9091`]
    #[arg(long, value_name = "ADDRESS", help_heading = "Callers")]
    pub(crate) listen: Option<Given<SocketAddr>>,

    /// Serve TLS with this certificate chain, a PEM file, followed as it changes (with --tls-key)
    #[arg(long, value_name = "FILE", help_heading = "Callers")]
    pub(crate) tls_cert: Option<PathBuf>,

    /// The certificate's key, a PEM file
    #[arg(long, value_name = "FILE", help_heading = "Callers")]
    pub(crate) tls_key: Option<PathBuf>,

    /// Callers' service-account tokens must be meant for this audience; the API server checks them
    #[arg(long, value_name = "AUDIENCE", help_heading = "Callers")]
    pub(crate) audience: Option<String>,

    /// Serve whoever reaches the port, without a token: for development, or behind a NetworkPolicy alone
    #[arg(long, help_heading = "Callers")]
    pub(crate) allow_anonymous: bool,

    /// The label of a caller's namespace that holds the group it may ask for; an annotation of this key with
    /// an s behind it may list more [default: pgro.bes.au/group]
    #[arg(long, value_name = "KEY", help_heading = "Callers")]
    pub(crate) group_label: Option<String>,

    /// The same for the type [default: pgro.bes.au/type]
    #[arg(long, value_name = "KEY", help_heading = "Callers")]
    pub(crate) type_label: Option<String>,

    /// How to reach the API server [default: KUBECONFIG, then the pod's own service account]
    #[arg(long, value_name = "FILE", help_heading = "Callers")]
    pub(crate) kube_config: Option<PathBuf>,

    /// Send the repository's password with every set, asked for or not, as callers of old expect
    #[arg(long, help_heading = "Callers")]
    pub(crate) legacy_wire: bool,

    /// `canopy[:URL]`, `sts:ROLE_ARN` or, for development, `file:PATH`
    #[arg(long, value_name = "ISSUER", help_heading = "Issuer")]
    pub(crate) issuer: Option<Given<Spec>>,

    /// The bucket that sessions may read; {group} and {type} are filled in
    #[arg(long, value_name = "BUCKET", help_heading = "STS")]
    pub(crate) sts_bucket: Option<String>,

    /// What the keys begin with that sessions may read; {group} and {type} are filled in
    #[arg(long, value_name = "PREFIX", help_heading = "STS")]
    pub(crate) sts_prefix: Option<String>,

    /// How long sessions live, 15m to 12h [default: 1h]
    #[arg(long, value_name = "SPAN", help_heading = "STS")]
    pub(crate) sts_duration: Option<Given<Span>>,

    /// STS's endpoint [default: that of the region]
    #[arg(long, value_name = "URL", help_heading = "STS")]
    pub(crate) sts_endpoint: Option<String>,

    /// STS's region [default: AWS_REGION]
    #[arg(long, value_name = "REGION", help_heading = "STS")]
    pub(crate) sts_region: Option<String>,

    /// File with the repository's password; {group} and {type} are filled in; read anew at each issuance
    #[arg(long, value_name = "FILE", help_heading = "STS")]
    pub(crate) repo_password_file: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) canopy: ClientArgs,

    /// Sets held at one time; the least used go first [default: 1024]
    #[arg(long, value_name = "N", help_heading = "Limits")]
    pub(crate) max_entries: Option<Given<usize>>,

    /// How long the issuer's refusal is remembered [default: 10s]
    #[arg(long, value_name = "SPAN", help_heading = "Limits")]
    pub(crate) refusal_ttl: Option<Given<Span>>,

    /// How long a caller is kept waiting; the issuer's answer is kept all the same [default: 8s]
    #[arg(long, value_name = "SPAN", help_heading = "Limits")]
    pub(crate) answer_within: Option<Given<Span>>,

    /// How long the issuer may take [default: 30s]
    #[arg(long, value_name = "SPAN", help_heading = "Limits")]
    pub(crate) issuer_timeout: Option<Given<Span>>,

    /// Questions to the issuer at one time; more wait [default: 32]
    #[arg(long, value_name = "N", help_heading = "Limits")]
    pub(crate) max_issuing: Option<Given<usize>>,

    /// Callers' connections at one time; more wait to be accepted [default: 1024]
    #[arg(long, value_name = "N", help_heading = "Limits")]
    pub(crate) max_connections: Option<Given<usize>>,

    /// Cut a caller whose handshake, head or body is not complete after this long [default: 10s]
    #[arg(long, value_name = "SPAN", help_heading = "Limits")]
    pub(crate) request_timeout: Option<Given<Span>>,

    #[command(flatten)]
    pub(crate) admin: AdminArgs,

    #[command(flatten)]
    pub(crate) process: ProcessArgs,
}
