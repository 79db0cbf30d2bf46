// SPDX-License-Identifier: Apache-2.0
//! The flags that say how a store is reached.

use std::path::PathBuf;
use std::time::Duration;

use sidecar::{Given, Problems, Span};
use url::Url;

/// No byte for so long is a hang. Some stores are silent while they put the parts of a large object together.
const SILENCE: Duration = Duration::from_secs(60);
/// Longer than a store's failover, shorter than a credential.
const RETRYING: Duration = Duration::from_secs(90);

/// How stores are reached. Each provider's flags matter to its URLs only.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Store")]
pub struct StoreArgs {
    /// S3 endpoint, for a store other than AWS or for a proxy on loopback [default: $AWS_ENDPOINT_URL_S3]
    #[arg(long, value_name = "URL")]
    pub s3_endpoint: Option<Given<Url>>,

    /// S3 region [default: $AWS_REGION, else us-east-1]
    #[arg(long, value_name = "NAME")]
    pub s3_region: Option<String>,

    /// Google Cloud Storage endpoint, for an emulator
    #[arg(long, value_name = "URL")]
    pub gcs_endpoint: Option<Given<Url>>,

    /// Azure blob endpoint with the account in it, for an emulator or another cloud
    #[arg(long, value_name = "URL")]
    pub azure_endpoint: Option<Given<Url>>,

    /// Trust the certificates in this PEM file too [default: $AWS_CA_BUNDLE]
    #[arg(long, value_name = "FILE")]
    pub ca_bundle: Option<PathBuf>,

    /// A mounted Secret with accessKeyID, secretAccessKey, sessionToken; or serviceAccountJSON; or
    /// connectionString, accountName, accountKey, sasToken [default: the provider's own sources]
    #[arg(long, value_name = "DIR")]
    pub credentials_dir: Option<PathBuf>,

    /// A store that gives no byte for so long is asked again [default: 60s]
    #[arg(long, value_name = "SPAN")]
    pub store_timeout: Option<Given<Span>>,

    /// A request that fails is tried again for so long [default: 90s]
    #[arg(long, value_name = "SPAN")]
    pub retry_timeout: Option<Given<Span>>,
}

/// The same for the store of claims, which has credentials of its own.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Claims")]
pub struct ClaimsArgs {
    /// Where restores record what they are pinned to, as a store's URL
    #[arg(long, value_name = "URL")]
    pub claims: Option<Given<crate::Location>>,

    /// S3 endpoint of the claims
    #[arg(long, value_name = "URL")]
    pub claims_s3_endpoint: Option<Given<Url>>,

    /// S3 region of the claims
    #[arg(long, value_name = "NAME")]
    pub claims_s3_region: Option<String>,

    /// Google Cloud Storage endpoint of the claims
    #[arg(long, value_name = "URL")]
    pub claims_gcs_endpoint: Option<Given<Url>>,

    /// Azure blob endpoint of the claims
    #[arg(long, value_name = "URL")]
    pub claims_azure_endpoint: Option<Given<Url>>,

    /// A PEM file for the claims' store
    #[arg(long, value_name = "FILE")]
    pub claims_ca_bundle: Option<PathBuf>,

    /// A mounted Secret for the claims' store
    #[arg(long, value_name = "DIR")]
    pub claims_credentials_dir: Option<PathBuf>,
}

/// The same, judged.
#[derive(Debug, Clone)]
pub struct Settings {
    /// See [`StoreArgs::s3_endpoint`].
    pub s3_endpoint: Option<Url>,
    /// See [`StoreArgs::s3_region`].
    pub s3_region: Option<String>,
    /// See [`StoreArgs::gcs_endpoint`].
    pub gcs_endpoint: Option<Url>,
    /// See [`StoreArgs::azure_endpoint`].
    pub azure_endpoint: Option<Url>,
    /// See [`StoreArgs::ca_bundle`].
    pub ca_bundle: Option<PathBuf>,
    /// See [`StoreArgs::credentials_dir`].
    pub credentials_dir: Option<PathBuf>,
    /// See [`StoreArgs::store_timeout`].
    pub silence: Duration,
    /// See [`StoreArgs::retry_timeout`].
    pub retrying: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            s3_endpoint: None,
            s3_region: None,
            gcs_endpoint: None,
            azure_endpoint: None,
            ca_bundle: None,
            credentials_dir: None,
            silence: SILENCE,
            retrying: RETRYING,
        }
    }
}

impl StoreArgs {
    /// [`Settings::silence`] and [`Settings::retrying`].
    fn patience(&self, problems: &mut Problems) -> (Duration, Duration) {
        let mut span = |flag, given: &Option<Given<Span>>, default| {
            problems.given(flag, given.clone()).map_or(default, |Span(span)| span)
        };
        (
            span("--store-timeout", &self.store_timeout, SILENCE),
            span("--retry-timeout", &self.retry_timeout, RETRYING),
        )
    }

    /// Judges the flags.
    pub fn resolve(self, problems: &mut Problems) -> Settings {
        let (silence, retrying) = self.patience(problems);
        let mut endpoint = |flag: &str, given| {
            let url = problems.given(flag, given);
            url.filter(|url| is_endpoint(flag, url, problems))
        };
        let s3_endpoint = endpoint("--s3-endpoint", self.s3_endpoint);
        let gcs_endpoint = endpoint("--gcs-endpoint", self.gcs_endpoint);
        let azure_endpoint = endpoint("--azure-endpoint", self.azure_endpoint);
        Settings {
            silence,
            retrying,
            s3_endpoint,
            gcs_endpoint,
            azure_endpoint,
            s3_region: self.s3_region,
            ca_bundle: self.ca_bundle,
            credentials_dir: self.credentials_dir,
        }
    }
}

impl ClaimsArgs {
    /// Judges the flags; nothing without `--claims`. There is as much patience as with the main store.
    pub fn resolve(
        self,
        main: &StoreArgs,
        problems: &mut Problems,
    ) -> Option<(crate::Location, Settings)> {
        // What is wrong with the main store's flags is told by the main store.
        let (silence, retrying) = main.patience(&mut Problems::default());
        let mut endpoint = |flag: &str, given| {
            let url = problems.given(flag, given);
            url.filter(|url| is_endpoint(flag, url, problems))
        };
        let settings = Settings {
            s3_endpoint: endpoint("--claims-s3-endpoint", self.claims_s3_endpoint),
            gcs_endpoint: endpoint("--claims-gcs-endpoint", self.claims_gcs_endpoint),
            azure_endpoint: endpoint("--claims-azure-endpoint", self.claims_azure_endpoint),
            s3_region: self.claims_s3_region,
            ca_bundle: self.claims_ca_bundle,
            credentials_dir: self.claims_credentials_dir,
            silence,
            retrying,
        };
        let location = problems.given("--claims", self.claims)?;
        Some((location, settings))
    }
}

/// A scheme and a host; credentials in a URL would end in logs.
fn is_endpoint(flag: &str, url: &Url, problems: &mut Problems) -> bool {
    let is_good = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none();
    if !is_good {
        problems.add(format!("{flag}: write it as https://HOST[:PORT], without user or query"));
    }
    is_good
}
