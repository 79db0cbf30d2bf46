// SPDX-License-Identifier: Apache-2.0
//! Where sets come from: the control plane, STS, or a file for development.

mod canopy;
mod file;
mod sts;

use std::str::FromStr;

use ::canopy::wire::RestoreCredentials;

pub(crate) use self::canopy::Canopy;
pub(crate) use self::file::File;
pub(crate) use self::sts::{Session, Sts};

use crate::request::Key;
use crate::trouble::Trouble;

/// `--issuer`, as typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Spec {
    /// The control plane; without a URL here it is among the control plane's own flags.
    Canopy(Option<String>),
    /// A role's ARN.
    Sts(String),
    /// A file.
    File(String),
}

impl FromStr for Spec {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
        match (kind, rest) {
            ("canopy", "") => Ok(Self::Canopy(None)),
            ("canopy", url) => Ok(Self::Canopy(Some(url.to_owned()))),
            ("sts", arn) if arn.starts_with("arn:") => Ok(Self::Sts(arn.to_owned())),
            ("sts", _) => Err("write the role as sts:arn:aws:iam::ACCOUNT:role/NAME"),
            ("file", "") => Err("write the path as file:PATH"),
            ("file", path) => Ok(Self::File(path.to_owned())),
            _ => Err("known issuers are canopy, canopy:URL, sts:ROLE_ARN and file:PATH"),
        }
    }
}

/// An issuer, opened.
pub(crate) enum Issuer {
    Canopy(Box<Canopy>),
    Sts(Box<Sts>),
    File(File),
}

impl Issuer {
    /// One set for this key. It is asked once: callers come again by themselves.
    pub(crate) async fn issue(&self, key: &Key) -> Result<RestoreCredentials, Trouble> {
        match self {
            Self::Canopy(canopy) => canopy.issue(key).await,
            Self::Sts(sts) => sts.issue(key).await,
            Self::File(file) => file.issue(key).await,
        }
    }

    /// Its name in logs.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Canopy(canopy) => canopy.name(),
            Self::Sts(sts) => sts.name(),
            Self::File(file) => file.name(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_named_by_its_kind_and_where_it_is() {
        let parse = |text: &str| text.parse::<Spec>();
        let url = "https://h:1/p".to_owned();
        assert_eq!(parse("canopy:https://h:1/p"), Ok(Spec::Canopy(Some(url))));
        assert_eq!(parse("canopy"), Ok(Spec::Canopy(None)));
        let arn = "arn:aws:iam::1:role/r".to_owned();
        assert_eq!(parse("sts:arn:aws:iam::1:role/r"), Ok(Spec::Sts(arn)));
        assert_eq!(parse("file:/etc/x"), Ok(Spec::File("/etc/x".to_owned())));
        for bad in ["", "sts:role", "file:", "vault:x"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
