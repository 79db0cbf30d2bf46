// SPDX-License-Identifier: Apache-2.0
//! The HTTP client of one way, built anew when one of its files changes or its certificate ages.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use reqwest::{Certificate, Client, Proxy, Url};
use zeroize::Zeroizing;

use credential::secret_file;

use crate::{Config, device};

const CONNECT: Duration = Duration::from_secs(10);
const USER_AGENT: &str = concat!("pilotfish-canopy/", env!("CARGO_PKG_VERSION"));

/// What a client is built from.
pub(super) struct Sources {
    scheme: Scheme,
    socks5: Option<Url>,
    key: Option<PathBuf>,
    ca: Option<PathBuf>,
    timeout: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Plain,
    Tls,
}

impl Sources {
    /// With the device's certificate; no proxy ever.
    pub(super) fn public(base: &Url, config: &Config) -> Self {
        Self { key: config.device_key.clone(), ..Self::of(base, config) }
    }

    /// Through the proxy, if there is one; no certificate.
    pub(super) fn tailnet(base: &Url, config: &Config) -> Self {
        Self { socks5: config.socks5.clone(), ..Self::of(base, config) }
    }

    fn of(base: &Url, config: &Config) -> Self {
        let scheme = if base.scheme() == "https" { Scheme::Tls } else { Scheme::Plain };
        Self {
            scheme,
            socks5: None,
            key: None,
            ca: config.ca_bundle.clone(),
            timeout: config.timeout,
        }
    }
}

/// The files' contents.
#[derive(PartialEq, Eq, Clone)]
struct Material {
    key: Option<Zeroizing<Vec<u8>>>,
    ca: Zeroizing<Vec<u8>>,
}

/// A client and what it was built from.
pub(super) struct Connected {
    sources: Sources,
    material: Material,
    made: SystemTime,
    client: Client,
}

impl Connected {
    pub(super) fn open(sources: Sources, now: SystemTime) -> Result<Self, String> {
        let read = |what: &str, path: &PathBuf| {
            let bytes = std::fs::read(path).map(Zeroizing::new);
            bytes.map_err(|error| format!("{what} {}: {error}", path.display()))
        };
        let key = sources.key.as_ref().map(|path| read("the device key", path)).transpose()?;
        let ca = sources.ca.as_ref().map(|path| read("the CA bundle", path)).transpose()?;
        let material = Material { key, ca: ca.unwrap_or_default() };
        let client = build(&sources, &material, now)?;
        Ok(Self { sources, material, made: now, client })
    }

    /// The client, with the files as they are now. What was good a moment ago serves on while a file
    /// is being replaced.
    pub(super) async fn client(&mut self, now: SystemTime) -> Client {
        let material = self.read_again().await;
        let is_changed = material != self.material;
        if !is_changed && !self.is_aged(now) {
            return self.client.clone();
        }
        let mut built = build(&self.sources, &material, now).map(|client| (client, material));
        if let Err(error) = &built {
            tracing::warn!(error, "a changed file of the control plane's client is not used");
            if self.is_aged(now) {
                let held = self.material.clone();
                built = build(&self.sources, &held, now).map(|client| (client, held));
            }
        }
        if let Ok((client, material)) = built {
            tracing::debug!("the client of the control plane is built anew");
            (self.client, self.material, self.made) = (client, material, now);
        }
        self.client.clone()
    }

    fn is_aged(&self, now: SystemTime) -> bool {
        self.material.key.is_some() && device::is_due(self.made, now)
    }

    async fn read_again(&self) -> Material {
        let mut material = self.material.clone();
        if let Some(path) = &self.sources.key {
            match secret_file::read(path, secret_file::LIMIT).await {
                Ok(bytes) => material.key = Some(bytes),
                Err(error) => tracing::warn!(%error, "the device key cannot be read again"),
            }
        }
        if let Some(path) = &self.sources.ca {
            match secret_file::read(path, secret_file::BUNDLE_LIMIT).await {
                Ok(bytes) => material.ca = bytes,
                Err(error) => tracing::warn!(%error, "the CA bundle cannot be read again"),
            }
        }
        material
    }
}

fn build(sources: &Sources, material: &Material, now: SystemTime) -> Result<Client, String> {
    let mut client = Client::builder()
        .user_agent(USER_AGENT)
        .connect_timeout(CONNECT)
        .timeout(sources.timeout)
        .redirect(reqwest::redirect::Policy::none())
        // The environment's proxies are for others: what is asked for here is secret.
        .no_proxy()
        // Calls are minutes apart. And a kept connection that has died looks like a lost answer.
        .pool_max_idle_per_host(0)
        .http1_only();
    if let Some(proxy) = &sources.socks5 {
        let proxy = Proxy::all(proxy.clone());
        client = client.proxy(proxy.map_err(|error| excerpt::causes(&error.without_url()))?);
    }
    if let Some(key) = &material.key {
        let identity = device::identity(key, now);
        client = client.identity(identity.map_err(|why| format!("the device key: {why}"))?);
    }
    let certificates = certificates(&material.ca)?;
    let client = match sources.scheme {
        Scheme::Tls => client.tls_certs_merge(certificates),
        // An image without any CA must do for plain HTTP.
        Scheme::Plain => client.tls_certs_only(certificates),
    };
    client.build().map_err(|error| format!("TLS: {}", excerpt::causes(&error)))
}

fn certificates(bundle: &[u8]) -> Result<Vec<Certificate>, String> {
    let certificates = Certificate::from_pem_bundle(bundle)
        .map_err(|error| format!("the CA bundle: {}", excerpt::causes(&error)))?;
    if !bundle.is_empty() && certificates.is_empty() {
        return Err("the CA bundle: there is no PEM certificate in it".to_owned());
    }
    Ok(certificates)
}
