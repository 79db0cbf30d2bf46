// SPDX-License-Identifier: Apache-2.0
//! Which source to ask, as a flag says it, and the one place that opens them all.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::broker::{BrokerArgs, BrokerUrl};
use crate::provider::{self, Provider, Wanted};
use crate::{Error, Kind};

/// Where credentials come from; written as in `--credentials`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceSpec {
    /// `file:PATH`: a `credential_process` document, read again when it changes.
    File(PathBuf),
    /// `env`: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`.
    Env,
    /// `process:CMD`: a program that prints the document; split into words, no shell.
    Process(Vec<String>),
    /// `container`: the URI in `AWS_CONTAINER_CREDENTIALS_FULL_URI` or `…_RELATIVE_URI`.
    Container,
    /// `web-identity`: STS with the token in `AWS_WEB_IDENTITY_TOKEN_FILE`.
    WebIdentity,
    /// `default`: the chain that all AWS tools walk.
    Default,
    /// `broker:URL`: `POST /internal/restore-creds` at this base.
    Broker(BrokerUrl),
}

/// How each source is written, for errors and help texts.
const KNOWN: &str = "file:PATH, env, process:CMD, container, web-identity, default, broker:URL";

/// The text names no source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnknownSource(String);

impl FromStr for SourceSpec {
    type Err = UnknownSource;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (scheme, rest) = text.split_once(':').unwrap_or((text, ""));
        match (scheme, rest) {
            ("file", path) if !path.is_empty() => Ok(Self::File(path.into())),
            ("process", command) if !command.trim().is_empty() => words(command),
            ("broker", url) if !url.is_empty() => {
                url.parse().map(Self::Broker).map_err(UnknownSource)
            }
            ("file" | "process" | "broker", _) => {
                let message = format!("{scheme} needs a value after the colon; known are {KNOWN}");
                Err(UnknownSource(message))
            }
            _ => match text {
                "env" => Ok(Self::Env),
                "container" => Ok(Self::Container),
                "web-identity" => Ok(Self::WebIdentity),
                "default" => Ok(Self::Default),
                _ => Err(UnknownSource(format!("unknown source; known are {KNOWN}"))),
            },
        }
    }
}

fn words(command: &str) -> Result<SourceSpec, UnknownSource> {
    match shlex::split(command) {
        Some(words) if !words.is_empty() => Ok(SourceSpec::Process(words)),
        _ => Err(UnknownSource("the command after process: has an open quote".to_owned())),
    }
}

impl fmt::Display for SourceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Env => f.write_str("env"),
            Self::Process(words) => {
                // Only a NUL byte cannot be quoted, and no command line can hold one.
                let line = shlex::try_join(words.iter().map(String::as_str)).unwrap_or_default();
                write!(f, "process:{line}")
            }
            Self::Container => f.write_str("container"),
            Self::WebIdentity => f.write_str("web-identity"),
            Self::Default => f.write_str("default"),
            Self::Broker(url) => write!(f, "broker:{url}"),
        }
    }
}

/// Opens the source; nothing is fetched yet.
///
/// # Errors
/// What no waiting can mend: a missing variable, an unreadable CA file, a broker without its
/// arguments. Each is of [`Kind::Invalid`].
pub fn open(spec: &SourceSpec, broker: Option<BrokerArgs>) -> Result<Box<dyn Provider>, Error> {
    Ok(match spec {
        SourceSpec::File(path) => Box::new(provider::File::open(path)),
        SourceSpec::Env => Box::new(provider::Env::open(|name| std::env::var_os(name))?),
        SourceSpec::Process(words) => Box::new(provider::Process::open(words)?),
        SourceSpec::Container => Box::new(provider::Aws::open_container()?),
        SourceSpec::WebIdentity => Box::new(provider::Aws::open_web_identity()?),
        SourceSpec::Default => Box::new(provider::Aws::open_default()),
        SourceSpec::Broker(url) => {
            let missing =
                || Error::new(Kind::Invalid, spec.to_string(), "group and type are missing");
            let broker = broker.ok_or_else(missing)?;
            Box::new(provider::Broker::open(url, broker, Wanted::Credentials)?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_is_written_as_it_is_read() {
        for text in [
            "file:/run/aws.json",
            "env",
            "process:get-creds --role 'a b'",
            "container",
            "web-identity",
            "default",
            "broker:http://broker.ns.svc:9091",
            "broker:https://[::1]:9091/internal/restore-creds",
        ] {
            let spec: SourceSpec = text.parse().unwrap();
            assert_eq!(spec.to_string(), text);
            assert_eq!(spec.to_string().parse::<SourceSpec>().unwrap(), spec);
        }
    }

    #[test]
    fn an_unknown_source_is_answered_with_the_known_ones() {
        for text in ["", "imds", "file", "file:", "broker:", "process: ", "env:x", "FILE:/x"] {
            let complaint = text.parse::<SourceSpec>().unwrap_err().to_string();
            assert!(complaint.contains(KNOWN), "{text}: {complaint}");
        }
        for text in ["process:a 'b", "broker:ftp://x", "broker:http://u:p@x", "broker:x"] {
            assert!(text.parse::<SourceSpec>().is_err(), "{text}");
        }
    }
}
