// SPDX-License-Identifier: Apache-2.0
//! The server's certificate, followed as its files change.
//!
//! A pair that does not fit together, as while a volume is being replaced, is not used: the one before it serves.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context, anyhow};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use sidecar::{Exit, Failure};
use tokio_rustls::TlsAcceptor;

const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Where the certificate lies.
#[derive(Debug, Clone)]
pub(crate) struct TlsFiles {
    /// The chain, leaf first, as PEM.
    pub(crate) certificate: PathBuf,
    /// Its key, as PEM.
    pub(crate) key: PathBuf,
}

/// The certificate in use.
#[derive(Debug)]
pub(crate) struct Certificate {
    files: TlsFiles,
    current: RwLock<Arc<CertifiedKey>>,
}

impl Certificate {
    /// Reads the files.
    ///
    /// # Errors
    /// [`Exit::Usage`]: they are missing, or do not fit together.
    pub(crate) fn open(files: TlsFiles) -> anyhow::Result<Arc<Self>> {
        let pair = load(&files).map_err(|error| Failure::new(Exit::Usage, error))?;
        Ok(Arc::new(Self { files, current: RwLock::new(Arc::new(pair)) }))
    }

    /// Accepts TLS with the certificate as it is at each handshake.
    ///
    /// # Errors
    /// None that files could cause.
    pub(crate) fn acceptor(self: &Arc<Self>) -> anyhow::Result<TlsAcceptor> {
        let resolver: Arc<dyn ResolvesServerCert> = Arc::clone(self) as _;
        let mut config =
            ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()?
                .with_no_client_auth()
                .with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// Follows the files until the process ends. A defect is told once.
    pub(crate) async fn follow(self: Arc<Self>) {
        let mut told = String::new();
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            match self.reread() {
                Ok(true) => tracing::info!("the changed certificate is in use"),
                Ok(false) => told.clear(),
                Err(error) => {
                    let error = format!("{error:#}");
                    if error != told {
                        tracing::warn!(error, "the changed certificate is not used");
                        told = error;
                    }
                }
            }
        }
    }

    /// True if it changed.
    fn reread(&self) -> anyhow::Result<bool> {
        let pair = load(&self.files)?;
        let is_same = self.current().cert == pair.cert;
        if !is_same {
            let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
            *current = Arc::new(pair);
        }
        Ok(!is_same)
    }

    fn current(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

fn load(files: &TlsFiles) -> anyhow::Result<CertifiedKey> {
    let at = |flag: &str, path: &PathBuf| format!("{flag} {}", path.display());
    let (certificate, key) = (at("--tls-cert", &files.certificate), at("--tls-key", &files.key));
    let pem = small_file::read(&files.certificate, crate::LARGEST_FILE)
        .with_context(|| certificate.clone())?;
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(|_| anyhow!("{certificate}: not PEM"))?;
    if chain.is_empty() {
        return Err(anyhow!("{certificate}: there is no certificate in it"));
    }
    let pem = small_file::read(&files.key, crate::LARGEST_FILE).with_context(|| key.clone())?;
    let secret = PrivateKeyDer::from_pem_slice(&pem)
        .map_err(|_| anyhow!("{key}: there is no private key in it"))?;
    CertifiedKey::from_der(chain, secret, &aws_lc_rs::default_provider())
        .with_context(|| format!("{certificate} and {key}: they do not fit together"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(files: &TlsFiles, pair: &rcgen::CertifiedKey<rcgen::KeyPair>) {
        std::fs::write(&files.certificate, pair.cert.pem()).unwrap();
        std::fs::write(&files.key, pair.signing_key.serialize_pem()).unwrap();
    }

    fn pair() -> rcgen::CertifiedKey<rcgen::KeyPair> {
        rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap()
    }

    #[test]
    fn a_pair_is_changed_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let files = TlsFiles {
            certificate: folder.path().join("tls.crt"),
            key: folder.path().join("tls.key"),
        };
        let (one, two) = (pair(), pair());
        write(&files, &one);
        let certificate = Certificate::open(files.clone()).unwrap();
        assert!(!certificate.reread().unwrap());
        std::fs::write(&files.certificate, two.cert.pem()).unwrap();
        let half = certificate.reread().unwrap_err();
        assert!(format!("{half:#}").contains("do not fit together"), "{half:#}");
        assert_eq!(certificate.current().cert[0], *one.cert.der());
        write(&files, &two);
        assert!(certificate.reread().unwrap());
        assert_eq!(certificate.current().cert[0], *two.cert.der());
        std::fs::remove_file(&files.key).unwrap();
        assert!(certificate.reread().is_err());
        assert_eq!(certificate.current().cert[0], *two.cert.der());
    }

    #[test]
    fn what_is_wrong_at_start_is_named_with_exit_64() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("nothing.pem");
        std::fs::write(&path, "").unwrap();
        let files = TlsFiles { certificate: path.clone(), key: path };
        let error = Certificate::open(files).unwrap_err();
        assert_eq!(Failure::exit_of(&error), Exit::Usage);
        assert!(format!("{error:#}").contains("nothing.pem"), "{error:#}");
    }
}
