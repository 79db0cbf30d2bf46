// SPDX-License-Identifier: Apache-2.0
//! The flags' meaning: one small step per concern, every problem collected.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use credential::{BrokerArgs, BrokerFlags, SourceSpec};
use http::Uri;
use sidecar::{Given, Problems, Size, Span};

use crate::args::Args;
use crate::policy::{Mode, Policy};

/// The port callers find us at unless told otherwise.
const DEFAULT_LISTEN: &str = "localhost:9700";
/// The admin port; each companion in a pod has its own.
pub(crate) const DEFAULT_ADMIN: &str = "localhost:9701";

/// Everything `serve` needs.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) listen: Listen,
    pub(crate) port_file: Option<PathBuf>,
    pub(crate) caller: CallerConfig,
    pub(crate) store: StoreConfig,
    pub(crate) source: SourceSpec,
    pub(crate) broker: Option<BrokerArgs>,
    pub(crate) serve_credentials: bool,
    pub(crate) policy: Policy,
    pub(crate) limits: Limits,
    pub(crate) stats_file: Option<PathBuf>,
    pub(crate) admin: Listen,
    pub(crate) metrics: Option<SocketAddr>,
}

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Listen {
    /// Both loopback addresses.
    Localhost(u16),
    /// One address.
    Address(SocketAddr),
}

/// Who may call.
#[derive(Debug, Clone)]
pub(crate) struct CallerConfig {
    pub(crate) fixed: Option<FixedPair>,
    pub(crate) env_file: Option<PathBuf>,
    pub(crate) credentials_file: Option<PathBuf>,
}

/// A pair from outside.
#[derive(Debug, Clone)]
pub(crate) struct FixedPair {
    pub(crate) access_key_id: String,
    pub(crate) secret_file: PathBuf,
}

/// The store behind us.
#[derive(Debug)]
pub(crate) struct StoreConfig {
    pub(crate) upstream: Uri,
    pub(crate) region: String,
    pub(crate) addressing: Addressing,
    pub(crate) connect_to: Option<(String, u16)>,
    pub(crate) ca_bundle: Option<PathBuf>,
    pub(crate) payload: PayloadMode,
    pub(crate) connect_timeout: Duration,
}

/// Bounds on callers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) idle: Duration,
    pub(crate) header: Duration,
    pub(crate) connections: usize,
    pub(crate) head_bytes: usize,
}

/// Where the bucket stands in an upstream request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Addressing {
    Path,
    Virtual,
}

impl FromStr for Addressing {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "path" => Ok(Self::Path),
            "virtual" => Ok(Self::Virtual),
            _ => Err("known styles are path and virtual".to_owned()),
        }
    }
}

/// What happens to signed chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PayloadMode {
    Auto,
    Preserve,
}

impl FromStr for PayloadMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "preserve" => Ok(Self::Preserve),
            _ => Err("known modes are auto and preserve".to_owned()),
        }
    }
}

impl Config {
    /// Resolves the flags; `None` if any problem was found.
    pub(crate) fn resolve(mut args: Args, problems: &mut Problems) -> Option<Self> {
        let listen = listen(problems, "--listen", args.listen.as_deref(), DEFAULT_LISTEN);
        let admin_text = args.admin.admin_listen.take();
        let admin = listen_given(problems, admin_text);
        let caller = caller(&mut args, problems);
        let store = store(&mut args, problems);
        let source = args.credentials.take().or_else(former_broker);
        let source = problems.required("--credentials", source);
        let broker = broker(std::mem::take(&mut args.broker), source.as_ref(), problems);
        let policy = policy(&mut args, problems);
        let limits = limits(&mut args, problems);
        let metrics = problems.given("--metrics-listen", args.admin.metrics_listen.take());
        if args.serve_credentials && !policy.is_unlimited() {
            problems.add("--serve-credentials hands out the full credential, so it excludes --mode read-only, --bucket and --prefix");
        }
        Some(Self {
            listen: listen?,
            port_file: args.port_file.or_else(former_port_file),
            caller: caller?,
            store: store?,
            source: source?,
            broker,
            serve_credentials: args.serve_credentials,
            policy,
            limits,
            stats_file: args.stats_file,
            admin: admin?,
            metrics,
        })
    }
}

fn listen(
    problems: &mut Problems,
    flag: &str,
    text: Option<&str>,
    default: &str,
) -> Option<Listen> {
    let text = text.unwrap_or(default);
    match parse_listen(text) {
        Ok(listen) => Some(listen),
        Err(why) => {
            problems.add(format!("{flag} {text}: {why}"));
            None
        }
    }
}

fn listen_given(problems: &mut Problems, given: Option<Given<String>>) -> Option<Listen> {
    let text = problems.given("--admin-listen", given);
    listen(problems, "--admin-listen", text.as_deref(), DEFAULT_ADMIN)
}

fn parse_listen(text: &str) -> Result<Listen, String> {
    if let Some(port) = text.strip_prefix("localhost:") {
        return port.parse().map(Listen::Localhost).map_err(|_| format!("{port} is no port"));
    }
    text.parse()
        .map(Listen::Address)
        .map_err(|_| "give localhost:PORT, [::1]:PORT or 127.0.0.1:PORT".to_owned())
}

/// True for addresses that other machines can reach.
pub(crate) fn is_exposed(listen: &Listen) -> bool {
    match listen {
        Listen::Localhost(_) => false,
        Listen::Address(address) => match address.ip() {
            IpAddr::V4(ip) => !ip.is_loopback(),
            IpAddr::V6(ip) => !ip.is_loopback(),
        },
    }
}

fn caller(args: &mut Args, problems: &mut Problems) -> Option<CallerConfig> {
    let pair = (args.caller_access_key.take(), args.caller_secret_file.take());
    let fixed = match pair {
        (Some(access_key_id), Some(secret_file)) => Some(FixedPair { access_key_id, secret_file }),
        (None, None) => None,
        (Some(_), None) => {
            problems.add("--caller-access-key needs --caller-secret-file");
            return None;
        }
        (None, Some(_)) => {
            problems.add("--caller-secret-file needs --caller-access-key");
            return None;
        }
    };
    let caller = CallerConfig {
        fixed,
        env_file: args.caller_env_file.take(),
        credentials_file: args.caller_credentials_file.take(),
    };
    if caller.fixed.is_none() && caller.env_file.is_none() && caller.credentials_file.is_none() {
        problems.add("no caller could know its key: give --caller-env-file or --caller-credentials-file, or a fixed pair with --caller-access-key and --caller-secret-file");
        return None;
    }
    Some(caller)
}

fn store(args: &mut Args, problems: &mut Problems) -> Option<StoreConfig> {
    let region = region(args, problems);
    let upstream = upstream(args.upstream.take(), region.as_deref(), problems);
    let connect_to = connect_to(args.connect_to.take(), problems);
    let span = problems.given("--connect-timeout", args.connect_timeout.take());
    let addressing = problems.given("--addressing", args.addressing.take());
    let payload = problems.given("--payload", args.payload.take());
    let ca_bundle = args.ca_bundle.take().or_else(|| variable("AWS_CA_BUNDLE").map(PathBuf::from));
    Some(StoreConfig {
        upstream: upstream?,
        region: region?,
        addressing: addressing.unwrap_or(Addressing::Path),
        connect_to: connect_to?,
        ca_bundle,
        payload: payload.unwrap_or(PayloadMode::Auto),
        connect_timeout: span.map_or(Duration::from_secs(10), |Span(span)| span),
    })
}

fn region(args: &mut Args, problems: &mut Problems) -> Option<String> {
    let region = args
        .region
        .take()
        // Set for this bucket on purpose, where AWS_REGION may be the cluster's.
        .or_else(|| variable("PGRO_REGION"))
        .or_else(|| variable("AWS_REGION"))
        .or_else(|| variable("AWS_DEFAULT_REGION"));
    if region.is_none() {
        problems.add("--region is required (or AWS_REGION)");
    }
    region
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// As the restore operator tells its own companion, which this one replaces.
fn former_broker() -> Option<Given<SourceSpec>> {
    let url = variable("PGRO_BROKER_URL")?;
    format!("broker:{url}").parse().ok()
}

fn former_port_file() -> Option<PathBuf> {
    variable("PGRO_PROXY_PORT_FILE").map(PathBuf::from)
}

fn upstream(text: Option<String>, region: Option<&str>, problems: &mut Problems) -> Option<Uri> {
    let text = match (text, region) {
        (Some(text), _) => text,
        (None, Some(region)) => format!("https://s3.dualstack.{region}.amazonaws.com"),
        (None, None) => return None,
    };
    match check_upstream(&text) {
        Ok(uri) => Some(uri),
        Err(why) => {
            problems.add(format!("--upstream {text}: {why}"));
            None
        }
    }
}

fn check_upstream(text: &str) -> Result<Uri, String> {
    let uri: Uri = text.parse().map_err(|error| format!("{error}"))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err("give http://HOST[:PORT] or https://HOST[:PORT]".to_owned());
    }
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err("credentials do not belong into the URL".to_owned());
    }
    if uri.query().is_some() || !matches!(uri.path(), "" | "/") {
        return Err(
            "a path does not belong here; put the bucket into the caller's requests".to_owned()
        );
    }
    Ok(uri)
}

/// `Some(None)` when not given, `None` when wrong.
#[expect(clippy::option_option, reason = "absent and wrong are different answers")]
fn connect_to(text: Option<String>, problems: &mut Problems) -> Option<Option<(String, u16)>> {
    let Some(text) = text else { return Some(None) };
    let parsed = text
        .rsplit_once(':')
        .and_then(|(host, port)| Some((host.to_owned(), port.parse().ok()?)))
        .filter(|(host, _)| !host.is_empty());
    if parsed.is_none() {
        problems.add(format!("--connect-to {text}: give HOST:PORT"));
        return None;
    }
    Some(parsed)
}

fn broker(
    flags: BrokerFlags,
    source: Option<&SourceSpec>,
    problems: &mut Problems,
) -> Option<BrokerArgs> {
    const BROKER: &str = "--credentials broker:URL";
    match source {
        Some(SourceSpec::Broker(_)) => flags.needed(BROKER, problems),
        Some(_) => {
            flags.idle(BROKER, problems);
            None
        }
        None => None,
    }
}

fn policy(args: &mut Args, problems: &mut Problems) -> Policy {
    let mode = problems.given("--mode", args.mode.take()).unwrap_or(Mode::ReadWrite);
    for (flag, value) in [("--bucket", &args.bucket), ("--prefix", &args.prefix)] {
        if value.as_deref() == Some("") {
            problems.add(format!("{flag} is empty"));
        }
    }
    Policy { mode, bucket: args.bucket.take(), prefix: args.prefix.take() }
}

fn limits(args: &mut Args, problems: &mut Problems) -> Limits {
    let idle = problems.given("--idle-timeout", args.idle_timeout.take());
    let header = problems.given("--header-timeout", args.header_timeout.take());
    let connections = problems.given("--max-connections", args.max_connections.take());
    let head = problems.given("--max-head", args.max_head.take());
    Limits {
        idle: idle.map_or(Duration::from_secs(120), |Span(span)| span),
        header: header.map_or(Duration::from_secs(15), |Span(span)| span),
        connections: connections.unwrap_or(512).max(1),
        head_bytes: head
            .map_or(16 * 1024, |Size(bytes)| usize::try_from(bytes).unwrap_or(usize::MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listen_address_is_localhost_or_an_address() {
        assert_eq!(parse_listen("localhost:9"), Ok(Listen::Localhost(9)));
        assert!(matches!(parse_listen("[::1]:0"), Ok(Listen::Address(_))));
        for wrong in ["localhost", "localhost:x", "9700", "host:1"] {
            assert!(parse_listen(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_upstream_is_scheme_and_host_alone() {
        assert!(check_upstream("https://s3.example:9000/").is_ok());
        for wrong in ["s3.example", "ftp://x", "https://a:b@x", "https://x/bucket", "https://x/?a"]
        {
            assert!(check_upstream(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_others_can_reach_is_known() {
        assert!(!is_exposed(&Listen::Localhost(1)));
        assert!(!is_exposed(&Listen::Address(([127, 0, 0, 1], 1).into())));
        assert!(is_exposed(&Listen::Address(([0, 0, 0, 0], 1).into())));
    }
}
