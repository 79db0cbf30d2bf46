// SPDX-License-Identifier: Apache-2.0
//! Opens a store by its location.

use std::sync::Arc;
use std::time::Duration;

use object_store::client::{Certificate, ClientOptions};
use object_store::{BackoffConfig, RetryConfig};

use crate::args::Settings;
use crate::error::{Error, Kind};
use crate::location::{Location, Scheme};
use crate::store::Store;
use crate::{azure, file, gcs, s3};

/// A bundle of a whole platform has about 200 KiB.
const BUNDLE_LIMIT: u64 = 4 * 1024 * 1024;
pub(crate) const CONNECT: Duration = Duration::from_secs(5);
/// A request of one part, at the slowest rate that still ends: 8 MiB at 64 KiB/s and a while.
pub(crate) const REQUEST: Duration = Duration::from_secs(180);

/// Opens a store. Nothing is asked of it yet, but of a folder whether it is one.
///
/// # Errors
/// [`Kind::Usage`] for settings that cannot be used; [`Kind::NoBucket`] for a folder that is none.
pub fn open(at: &Location, settings: &Settings) -> Result<Store, Error> {
    let inner = match at.scheme {
        Scheme::S3 => s3::open(at, settings)?,
        Scheme::Gcs => gcs::open(at, settings)?,
        Scheme::Azure => azure::open(at, settings)?,
        Scheme::File => file::open(at)?,
        Scheme::Memory => return Ok(memory()),
    };
    Ok(Store::new(inner, at.clone()))
}

/// A store in memory, for tests.
#[must_use]
pub fn memory() -> Store {
    let at = Location { scheme: Scheme::Memory, bucket: String::new(), prefix: String::new() };
    Store::new(Arc::new(object_store::memory::InMemory::new()), at)
}

/// How every provider's client behaves.
pub(crate) fn client(settings: &Settings, is_http: bool) -> Result<ClientOptions, Error> {
    let mut options = ClientOptions::new()
        .with_allow_http(is_http)
        .with_connect_timeout(CONNECT)
        .with_read_timeout(settings.silence)
        .with_timeout(REQUEST)
        // Servers close idle connections after five seconds and more.
        .with_pool_idle_timeout(Duration::from_secs(4));
    if let Some(pem) = bundle(settings)? {
        let certificates = Certificate::from_pem_bundle(&pem).map_err(|error| {
            Error::new(Kind::Usage, format!("--ca-bundle has no certificates: {error}"))
        })?;
        for certificate in certificates {
            options = options.with_root_certificate(certificate);
        }
    }
    Ok(options)
}

/// The PEM text of `--ca-bundle`, else of `$AWS_CA_BUNDLE`.
pub(crate) fn bundle(settings: &Settings) -> Result<Option<Vec<u8>>, Error> {
    let from_env = || variable("AWS_CA_BUNDLE").map(Into::into);
    let Some(path) = settings.ca_bundle.clone().or_else(from_env) else { return Ok(None) };
    let unusable =
        |why: String| Error::new(Kind::Usage, format!("CA bundle {}: {why}", path.display()));
    let about = std::fs::metadata(&path).map_err(|error| unusable(error.to_string()))?;
    if !about.is_file() || about.len() > BUNDLE_LIMIT {
        return Err(unusable("not a small regular file".to_owned()));
    }
    std::fs::read(&path).map(Some).map_err(|error| unusable(error.to_string()))
}

pub(crate) fn retries(settings: &Settings) -> RetryConfig {
    let backoff = BackoffConfig {
        init_backoff: Duration::from_millis(200),
        max_backoff: Duration::from_secs(10),
        base: 2.0,
    };
    RetryConfig { backoff, max_retries: 10, retry_timeout: settings.retrying }
}

/// A variable that is set to something.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The library refused the settings.
pub(crate) fn unusable(at: &Location, error: &object_store::Error) -> Error {
    Error::new(Kind::Usage, format!("{}: {error}", at.root()))
}

/// Which source of credentials is used; never a value of it.
pub(crate) fn log_source(at: &Location, source: &str) {
    tracing::info!(store = %at.root(), credentials = source, "store opened");
}
