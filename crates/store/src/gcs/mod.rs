// SPDX-License-Identifier: Apache-2.0
//! Google Cloud Storage over its JSON interface, with the library's own sources of credentials.
//!
//! The library's own store speaks the XML interface, which emulators refuse, and which has no
//! create-only upload in parts. See docs/decisions/2026-11-21-gcs-json.md.

mod client;
mod objects;
mod resumable;
mod wire;

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::gcp::{GcpCredentialProvider, GoogleCloudStorageBuilder};

use crate::args::Settings;
use crate::error::{Error, Kind};
use crate::files;
use crate::gcs::client::Client;
use crate::gcs::objects::Gcs;
use crate::location::Location;
use crate::open::{client as options, log_source, retries, unusable, variable};

const SERVICE: &str = "https://storage.googleapis.com";

pub(crate) fn open(at: &Location, settings: &Settings) -> Result<Arc<dyn ObjectStore>, Error> {
    let from_env = || variable("STORAGE_EMULATOR_HOST").map(|host| with_scheme(&host));
    let custom = settings.gcs_endpoint.as_ref().map(ToString::to_string).or_else(from_env);
    let credentials = credentials(at, settings, custom.is_some())?;
    let endpoint = custom.unwrap_or_else(|| SERVICE.to_owned());
    let client = Client::open(endpoint.trim_end_matches('/'), &at.bucket, credentials, settings)?;
    Ok(Arc::new(Gcs::new(client)))
}

/// Emulators' own variable often has no scheme.
fn with_scheme(host: &str) -> String {
    if host.contains("://") { host.to_owned() } else { format!("http://{host}") }
}

/// A service account's key, what the environment names, or the metadata server; an emulator without any
/// is anonymous.
fn credentials(
    at: &Location,
    settings: &Settings,
    is_custom: bool,
) -> Result<Option<GcpCredentialProvider>, Error> {
    let builder = GoogleCloudStorageBuilder::new()
        .with_bucket_name(&at.bucket)
        .with_client_options(options(settings, false)?)
        .with_retry(retries(settings));
    let folder = settings.credentials_dir.as_deref();
    let (source, builder) = match files::read(folder, &["serviceAccountJSON", "credentials.json"])?
    {
        Some(key) => {
            known_kind(&key)?;
            ("files", builder.with_service_account_key(key))
        }
        None => match variable("GOOGLE_APPLICATION_CREDENTIALS") {
            Some(path) => {
                let unreadable = |error: std::io::Error| {
                    let text = format!("GOOGLE_APPLICATION_CREDENTIALS {path}: {error}");
                    Error::new(Kind::Usage, text)
                };
                known_kind(&std::fs::read_to_string(&path).map_err(unreadable)?)?;
                ("application default", builder.with_application_credentials(path))
            }
            None if is_custom => {
                log_source(at, "none");
                return Ok(None);
            }
            None => ("application default or metadata server", builder),
        },
    };
    log_source(at, source);
    let library = builder.build().map_err(|error| unusable(at, &error))?;
    Ok(Some(Arc::clone(library.credentials())))
}

/// The library knows two kinds of files; others are refused by name.
fn known_kind(text: &str) -> Result<(), Error> {
    let kind = serde_json::from_str::<serde_json::Value>(text)
        .ok()
        .and_then(|value| value.get("type")?.as_str().map(str::to_owned));
    match kind.as_deref() {
        Some("service_account" | "authorized_user") => Ok(()),
        Some(other) => {
            let text = format!(
                "Google credentials of the kind `{other}` are not known here: known are \
                 service_account, authorized_user, and the metadata server of workload identity"
            );
            Err(Error::new(Kind::Usage, text))
        }
        None => Err(Error::new(Kind::Usage, "the Google credentials are no JSON with a `type`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_that_is_not_known_is_refused_by_its_name() {
        let refused = known_kind(r#"{"type":"external_account"}"#).unwrap_err().to_string();
        assert!(refused.contains("external_account"), "{refused}");
        known_kind(r#"{"type":"service_account"}"#).unwrap();
        let refused = known_kind("hunter2").unwrap_err().to_string();
        assert!(!refused.contains("hunter2"), "{refused}");
    }
}
