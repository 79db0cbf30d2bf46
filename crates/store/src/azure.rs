// SPDX-License-Identifier: Apache-2.0
//! Azure blob storage.

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};

use crate::args::Settings;
use crate::connection_string::ConnectionString;
use crate::error::{Error, Kind};
use crate::files;
use crate::location::Location;
use crate::open::{client, log_source, retries, unusable, variable};

pub(crate) fn open(at: &Location, settings: &Settings) -> Result<Arc<dyn ObjectStore>, Error> {
    let access = Access::find(settings)?;
    let from_flag = settings.azure_endpoint.as_ref().map(ToString::to_string);
    let endpoint = from_flag.or_else(|| access.endpoint.clone());
    let endpoint = endpoint.map(|url| url.trim_end_matches('/').to_owned());
    let is_http = endpoint.as_ref().is_some_and(|url| url.starts_with("http://"));
    let mut builder = MicrosoftAzureBuilder::from_env()
        .with_container_name(&at.bucket)
        .with_client_options(client(settings, is_http)?)
        .with_retry(retries(settings));
    if let Some(account) = access.account.or_else(|| endpoint.as_deref().and_then(account_in)) {
        builder = builder.with_account(account);
    }
    let is_custom = endpoint.is_some();
    if let Some(endpoint) = endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    let (source, builder) = match (access.key, access.sas) {
        (Some(key), _) => (access.source, builder.with_access_key(key)),
        (_, Some(sas)) => (access.source, builder.with_config(AzureConfigKey::SasKey, sas)),
        _ => ambient(builder, is_custom),
    };
    log_source(at, source);
    Ok(Arc::new(builder.build().map_err(|error| unusable(at, &error))?))
}

/// What the platform gives; an emulator without any is anonymous.
fn ambient(
    builder: MicrosoftAzureBuilder,
    is_custom: bool,
) -> (&'static str, MicrosoftAzureBuilder) {
    let any = |names: &[&str]| names.iter().any(|name| variable(name).is_some());
    if any(&["AZURE_FEDERATED_TOKEN_FILE"]) {
        ("workload identity", builder)
    } else if any(&["AZURE_CLIENT_SECRET", "AZURE_STORAGE_CLIENT_SECRET"]) {
        ("client secret", builder)
    } else if is_custom {
        ("none", builder.with_skip_signature(true))
    } else {
        ("managed identity", builder)
    }
}

/// The first part of the path, where the endpoint is an emulator's, else of the host.
fn account_in(endpoint: &str) -> Option<String> {
    let url = url::Url::parse(endpoint).ok()?;
    let first = url.path_segments()?.next().filter(|part| !part.is_empty());
    let host = || url.host_str().and_then(|host| host.split('.').next());
    first.or_else(host).map(str::to_owned)
}

#[derive(Default)]
struct Access {
    source: &'static str,
    account: Option<String>,
    key: Option<String>,
    sas: Option<String>,
    endpoint: Option<String>,
}

impl Access {
    /// From the Secret's files, else from the environment. A connection string says it all.
    fn find(settings: &Settings) -> Result<Self, Error> {
        let folder = settings.credentials_dir.as_deref();
        let file = |names: &[&str]| files::read(folder, names);
        let in_files = Self {
            source: "files",
            account: file(&["accountName"])?,
            key: file(&["accountKey"])?,
            sas: file(&["sasToken"])?,
            endpoint: None,
        };
        if let Some(text) = file(&["connectionString"])? {
            return Self::of_string("connection string in files", &text);
        }
        let account = in_files.account.clone();
        let env = |names: &[&str]| names.iter().find_map(|name| variable(name));
        let account =
            account.or_else(|| env(&["AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT"]));
        if in_files.key.is_some() || in_files.sas.is_some() {
            return Ok(Self { account, ..in_files });
        }
        if let Some(text) = env(&["AZURE_STORAGE_CONNECTION_STRING"]) {
            return Self::of_string("connection string in environment", &text);
        }
        let key =
            env(&["AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_ACCESS_KEY", "AZURE_STORAGE_KEY"]);
        let sas = env(&["AZURE_STORAGE_SAS_TOKEN", "AZURE_STORAGE_SAS_KEY"]);
        Ok(Self { source: "environment", account, key, sas, endpoint: None })
    }

    fn of_string(source: &'static str, text: &str) -> Result<Self, Error> {
        let parsed = ConnectionString::parse(text)
            .map_err(|why| Error::new(Kind::Usage, format!("{source}: {why}")))?;
        let ConnectionString { account, key, sas, endpoint } = parsed;
        Ok(Self { source, account, key, sas, endpoint })
    }
}
