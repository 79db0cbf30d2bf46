// SPDX-License-Identifier: Apache-2.0
//! The flags' meaning: one small step per concern, every problem collected.

mod session;

use std::net::{Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use admin::AdminAt;
use sidecar::{Given, Problems, Span};

use crate::args::Args;
use crate::desk::Limits;
use crate::identity::Rules;
use crate::issuer::{Session, Spec};
use crate::service::Wire;
use crate::tls::TlsFiles;

/// Where it is probed; companions share one loopback.
pub(crate) const DEFAULT_ADMIN: &str = "localhost:9721";
const DEFAULT_LISTEN: (Ipv6Addr, u16) = (Ipv6Addr::UNSPECIFIED, 9091);
/// The name of old for `--listen`.
const OLD_LISTEN: &str = "PGRO_BROKER_LISTEN_ADDR";
const GROUP_LABEL: &str = "pgro.bes.au/group";
const TYPE_LABEL: &str = "pgro.bes.au/type";
/// Everything `serve` needs.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) listen: SocketAddr,
    pub(crate) tls: Option<TlsFiles>,
    pub(crate) callers: Callers,
    pub(crate) wire: Wire,
    pub(crate) source: Source,
    pub(crate) desk: Limits,
    pub(crate) connections: usize,
    /// How long a handshake, a head or a body may take.
    pub(crate) request: Duration,
    pub(crate) admin: AdminAt,
}

/// Who may ask.
#[derive(Debug)]
pub(crate) enum Callers {
    Anybody,
    Checked { rules: Rules, kube_config: Option<PathBuf> },
}

/// Where sets come from.
#[derive(Debug)]
pub(crate) enum Source {
    Canopy(canopy::Config),
    Sts(Session),
    File(PathBuf),
}

impl Config {
    /// Resolves the flags; `None` if any problem was found.
    pub(crate) fn resolve(mut args: Args, problems: &mut Problems) -> Option<Self> {
        let listen = listen(&mut args, problems);
        let tls = tls(&mut args, problems);
        let callers = callers(&mut args, problems);
        let desk = limits(&mut args, problems);
        let connections = count("--max-connections", args.max_connections.take(), 1024, problems);
        let request = span("--request-timeout", args.request_timeout.take(), 10, problems);
        let admin = args.admin.clone().resolve(DEFAULT_ADMIN, problems);
        let wire = if args.legacy_wire { Wire::Legacy } else { Wire::Asked };
        let source = source(args, problems);
        Some(Self {
            listen: listen?,
            tls,
            callers: callers?,
            wire,
            source: source?,
            desk,
            connections,
            request,
            admin: admin?,
        })
    }
}

fn listen(args: &mut Args, problems: &mut Problems) -> Option<SocketAddr> {
    let old = || std::env::var(OLD_LISTEN).ok().filter(|text| !text.is_empty());
    let (flag, given) = match (args.listen.take(), old()) {
        (Some(given), _) => ("--listen", given),
        (None, Some(text)) => (OLD_LISTEN, parsed(&text)),
        (None, None) => return Some(DEFAULT_LISTEN.into()),
    };
    problems.given(flag, Some(given))
}

fn parsed(text: &str) -> Given<SocketAddr> {
    match text.parse() {
        Ok(given) => given,
        Err(never) => match never {},
    }
}

fn tls(args: &mut Args, problems: &mut Problems) -> Option<TlsFiles> {
    match (args.tls_cert.take(), args.tls_key.take()) {
        (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
        (None, None) => None,
        _ => {
            problems.add("--tls-cert and --tls-key go together");
            None
        }
    }
}

fn callers(args: &mut Args, problems: &mut Problems) -> Option<Callers> {
    match (args.audience.take().filter(|text| !text.is_empty()), args.allow_anonymous) {
        (Some(audience), false) => {
            let label = |given: Option<String>, default: &str| given.unwrap_or(default.to_owned());
            let rules = Rules {
                audience,
                group_label: label(args.group_label.take(), GROUP_LABEL),
                type_label: label(args.type_label.take(), TYPE_LABEL),
            };
            Some(Callers::Checked { rules, kube_config: args.kube_config.take() })
        }
        (None, true) => {
            let given = [
                ("--group-label", args.group_label.is_some()),
                ("--type-label", args.type_label.is_some()),
                ("--kube-config", args.kube_config.is_some()),
            ];
            for (flag, _) in given.into_iter().filter(|(_, is_given)| *is_given) {
                problems.add(format!(
                    "{flag} and --allow-anonymous exclude each other: nobody is checked"
                ));
            }
            Some(Callers::Anybody)
        }
        (Some(_), true) => {
            problems.add("--audience and --allow-anonymous exclude each other");
            None
        }
        (None, false) => {
            problems.add(
                "--audience is required (or CREDENTIAL_BROKER_AUDIENCE): whom callers' tokens must be meant for; \
                 --allow-anonymous serves anybody",
            );
            None
        }
    }
}

fn limits(args: &mut Args, problems: &mut Problems) -> Limits {
    Limits {
        entries: count("--max-entries", args.max_entries.take(), 1024, problems),
        refusal: span("--refusal-ttl", args.refusal_ttl.take(), 10, problems),
        patience: span("--answer-within", args.answer_within.take(), 8, problems),
        issuer: span("--issuer-timeout", args.issuer_timeout.take(), 30, problems),
        issuing: count("--max-issuing", args.max_issuing.take(), 32, problems),
    }
}

/// More than any process has descriptors for.
const MOST: usize = 1_000_000;

fn count(
    flag: &str,
    given: Option<Given<usize>>,
    default: usize,
    problems: &mut Problems,
) -> usize {
    let count = problems.given(flag, given).unwrap_or(default);
    if !(1..=MOST).contains(&count) {
        problems.add(format!("{flag} {count}: must be 1 to {MOST}"));
    }
    count
}

fn span(flag: &str, given: Option<Given<Span>>, seconds: u64, problems: &mut Problems) -> Duration {
    let longest = Duration::from_secs(3600);
    let Span(span) = problems.given(flag, given).unwrap_or(Span(Duration::from_secs(seconds)));
    if span > longest {
        problems.add(format!("{flag} {span:?}: must not be longer than 1h"));
    }
    span
}

fn source(mut args: Args, problems: &mut Problems) -> Option<Source> {
    let spec = problems.required("--issuer", args.issuer.take())?;
    match spec {
        Spec::Canopy(url) => {
            session::refuse_flags(&args, problems);
            let url = url.map(|url| ("--issuer", url));
            args.canopy.resolve(url, problems).map(Source::Canopy)
        }
        Spec::Sts(role) => session::session(role, args, problems).map(Source::Sts),
        Spec::File(path) => {
            session::refuse_flags(&args, problems);
            Some(Source::File(path.into()))
        }
    }
}
