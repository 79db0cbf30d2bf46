// SPDX-License-Identifier: Apache-2.0
//! The HTTP client to the broker, built anew when its CA file changes.

use std::path::Path;
use std::time::Duration;

use reqwest::{Certificate, Client, Url};

/// One whole request and its answer.
pub(crate) const TOTAL: Duration = Duration::from_secs(10);

const CONNECT: Duration = Duration::from_secs(3);

/// A client and the CA bundle it was built with.
pub(super) struct Connected {
    client: Client,
    bundle: Vec<u8>,
}

impl Connected {
    pub(super) fn open(endpoint: &Url, ca: Option<&Path>) -> Result<Self, String> {
        let bundle = match ca {
            Some(path) => std::fs::read(path)
                .map_err(|error| format!("CA file {}: {error}", path.display()))?,
            None => Vec::new(),
        };
        Ok(Self { client: build(endpoint, &bundle)?, bundle })
    }

    /// Builds the client anew if the bundle differs from the one in use.
    pub(super) fn renew(&mut self, endpoint: &Url, bundle: &[u8]) -> Result<(), String> {
        if self.bundle != bundle {
            self.client = build(endpoint, bundle)?;
            self.bundle = bundle.to_vec();
        }
        Ok(())
    }

    pub(super) fn client(&self) -> Client {
        self.client.clone()
    }
}

fn build(endpoint: &Url, bundle: &[u8]) -> Result<Client, String> {
    let certificates = Certificate::from_pem_bundle(bundle)
        .map_err(|error| format!("CA file: {}", excerpt::causes(&error)))?;
    if !bundle.is_empty() && certificates.is_empty() {
        return Err("CA file: there is no PEM certificate in it".to_owned());
    }
    let client = Client::builder()
        .connect_timeout(CONNECT)
        .timeout(TOTAL)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        // Minutes pass between two requests: a kept connection would be to a broker long replaced.
        .pool_max_idle_per_host(0)
        .http1_only();
    let client = match endpoint.scheme() {
        "https" => client.tls_certs_merge(certificates),
        // An image without any CA must do for plain HTTP.
        _ => client.tls_certs_only(certificates),
    };
    client.build().map_err(|error| format!("TLS: {}", excerpt::causes(&error)))
}
