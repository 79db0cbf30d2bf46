// SPDX-License-Identifier: Apache-2.0
//! How a broker is named and told for whom it is asked, and the one question besides credentials.

mod flags;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

pub use self::flags::BrokerFlags;

use crate::provider::{Broker, Wanted, broker_endpoint};
use crate::{Error, Secret};

/// A broker's base URL, http or https, without secrets in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerUrl(String);

impl BrokerUrl {
    /// As it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BrokerUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        broker_endpoint(text)?;
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the broker wants to know besides its URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerArgs {
    /// The group whose backups are asked for.
    pub group: String,
    /// The backup type.
    pub type_: String,
    /// The run that asks, for the issuer's audit.
    pub run_id: Option<String>,
    /// A file with the bearer token, read again for each request.
    pub token_file: Option<PathBuf>,
    /// A PEM file with CAs to trust besides the platform's, read again when it changes.
    pub ca: Option<PathBuf>,
}

/// Asks a broker for the password of a repository, and for nothing else.
pub struct RepoPassword(Broker);

impl RepoPassword {
    /// Gets ready to ask; nothing is sent yet.
    ///
    /// # Errors
    /// What no waiting can mend, such as an unreadable CA file: [`crate::Kind::Invalid`].
    pub fn open(broker: &BrokerUrl, arguments: BrokerArgs) -> Result<Self, Error> {
        Broker::open(broker, arguments, Wanted::RepoPassword).map(Self)
    }

    /// Asks once. Dropping the future gives the attempt up.
    ///
    /// # Errors
    /// As a provider's [`fetch`](crate::Provider::fetch). An answer without a password is of
    /// [`crate::Kind::Invalid`].
    pub async fn fetch(&self) -> Result<Secret, Error> {
        self.0.repo_password().await
    }
}
