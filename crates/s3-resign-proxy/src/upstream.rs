// SPDX-License-Identifier: Apache-2.0
//! The way to the store: TLS, a warm pool, and a connect address that may differ from the signed name.

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::Context as _;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Request, Response, Uri};
use hyper::body::Incoming;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use sidecar::{Exit, Failure};
use sigv4::CanonicalPath;
use tower_service::Service;

use crate::body::BoxedBody;
use crate::config::{Addressing, StoreConfig};
use crate::read_ahead::ReadAhead;
use crate::target::Target;

/// S3 closes idle connections after about five seconds; a request on a dying one would be lost.
const POOL_IDLE: Duration = Duration::from_secs(4);
const POOL_SIZE: usize = 64;
/// Bounds memory: hyper would read 400 KiB ahead on each connection.
pub(crate) const READ_BUFFER: usize = 128 * 1024;

/// The store.
pub(crate) struct Upstream {
    client: Client<HttpsConnector<ConnectTo>, BoxedBody>,
    scheme: Scheme,
    authority: Authority,
    addressing: Addressing,
}

/// Where one request goes: the address line and the `Host` header, which is signed.
pub(crate) struct Destination {
    pub(crate) uri: Uri,
    pub(crate) host: HeaderValue,
    pub(crate) path: CanonicalPath,
}

impl Upstream {
    pub(crate) fn open(config: &StoreConfig) -> anyhow::Result<Self> {
        let tls = tls_config(config.ca_bundle.as_deref())?;
        let mut http = HttpConnector::new();
        http.set_nodelay(true);
        http.enforce_http(false);
        http.set_connect_timeout(Some(config.connect_timeout));
        http.set_keepalive(Some(Duration::from_secs(30)));
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(ConnectTo { http, instead: config.connect_to.clone() });
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(POOL_IDLE)
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(POOL_SIZE)
            .http1_max_buf_size(READ_BUFFER)
            .build(connector);
        let parts = config.upstream.clone().into_parts();
        Ok(Self {
            client,
            scheme: parts.scheme.context("--upstream has no scheme")?,
            authority: parts.authority.context("--upstream has no host")?,
            addressing: config.addressing,
        })
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    pub(crate) fn authority(&self) -> &str {
        self.authority.as_str()
    }

    /// The address of a target; `path` is the caller's own path in canonical form.
    pub(crate) fn destination(
        &self,
        target: &Target,
        path: &CanonicalPath,
        query: &str,
    ) -> Result<Destination, http::Error> {
        let (authority, path) = match self.virtual_bucket(target) {
            Some(bucket) => {
                let mut key = vec![b'/'];
                key.extend_from_slice(target.key.as_deref().unwrap_or_default());
                let authority = Authority::try_from(format!("{bucket}.{}", self.authority))?;
                (authority, CanonicalPath::from_decoded(&key))
            }
            None => (self.authority.clone(), path.clone()),
        };
        let line = match query {
            "" => PathAndQuery::try_from(path.as_str())?,
            query => PathAndQuery::try_from(format!("{}?{query}", path.as_str()))?,
        };
        let host = HeaderValue::from_str(authority.as_str())?;
        let uri = Uri::builder()
            .scheme(self.scheme.clone())
            .authority(authority)
            .path_and_query(line)
            .build()?;
        Ok(Destination { uri, host, path })
    }

    /// The bucket to put into the host name. Names with dots do not match a wildcard certificate.
    fn virtual_bucket<'a>(&self, target: &'a Target) -> Option<&'a str> {
        let bucket = std::str::from_utf8(target.bucket.as_deref()?).ok()?;
        let fits =
            bucket.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        (self.addressing == Addressing::Virtual && fits).then_some(bucket)
    }

    pub(crate) async fn request(
        &self,
        request: Request<BoxedBody>,
    ) -> Result<Response<Incoming>, Error> {
        self.client.request(request).await
    }
}

/// Seeds the TLS library's random generator beside the start: its first use takes 20 ms, which the
/// first request should not pay.
pub(crate) fn warm_up() {
    tokio::task::spawn_blocking(|| aws_lc_rs::rand::fill(&mut [0; 1]));
}

/// The platform's roots and the extra bundle.
fn tls_config(bundle: Option<&Path>) -> anyhow::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(platform_roots());
    if let Some(path) = bundle {
        add_bundle(&mut roots, path).map_err(|error| Failure::new(Exit::Usage, error))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("setting up TLS")?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

/// Where distributions keep all their roots in one file.
const BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// One file, where there is one: reading a folder of 300 certificates too would cost a cold start
/// 25 ms and find the same. `SSL_CERT_FILE` and `SSL_CERT_DIR` are obeyed.
fn platform_roots() -> Vec<CertificateDer<'static>> {
    let is_told =
        ["SSL_CERT_FILE", "SSL_CERT_DIR"].iter().any(|name| std::env::var_os(name).is_some());
    let bundle = BUNDLES.iter().map(Path::new).find(|path| path.exists());
    match bundle {
        Some(file) if !is_told => {
            rustls_native_certs::load_certs_from_paths(Some(file), None).certs
        }
        _ => rustls_native_certs::load_native_certs().certs,
    }
}

fn add_bundle(roots: &mut RootCertStore, path: &Path) -> anyhow::Result<()> {
    let mut count = 0;
    let certificates = CertificateDer::pem_file_iter(path)
        .map_err(|error| anyhow::anyhow!("reading --ca-bundle {}: {error}", path.display()))?;
    for certificate in certificates {
        let certificate = certificate
            .map_err(|error| anyhow::anyhow!("--ca-bundle {}: {error}", path.display()))?;
        roots.add(certificate).with_context(|| format!("--ca-bundle {}", path.display()))?;
        count += 1;
    }
    if count == 0 {
        anyhow::bail!("--ca-bundle {} holds no certificate", path.display());
    }
    Ok(())
}

/// Connects to another host and port than the one that is named and signed.
#[derive(Clone)]
pub(crate) struct ConnectTo {
    http: HttpConnector,
    instead: Option<(String, u16)>,
}

impl Service<Uri> for ConnectTo {
    type Response = ReadAhead;
    type Error = <HttpConnector as Service<Uri>>::Error;
    type Future = Pin<Box<dyn Future<Output = Result<ReadAhead, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.http.poll_ready(cx)
    }

    fn call(&mut self, named: Uri) -> Self::Future {
        let address = self
            .instead
            .as_ref()
            .and_then(|(host, port)| {
                let scheme = named.scheme_str().unwrap_or("https");
                format!("{scheme}://{host}:{port}/").parse().ok()
            })
            .unwrap_or(named);
        let connecting = self.http.call(address);
        Box::pin(async move { Ok(ReadAhead::new(connecting.await?)) })
    }
}
