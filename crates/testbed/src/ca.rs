// SPDX-License-Identifier: Apache-2.0
//! A private certificate authority, so that TLS in tests is verified, never switched off.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// The names that [`Ca::server_config_for_loopback`] certifies.
const LOOPBACK_NAMES: [&str; 6] =
    ["localhost", "127.0.0.1", "::1", "*.localhost", "s3.test", "*.s3.test"];

/// Certificate and key of a server, made elsewhere.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The chain, as PEM.
    pub certificate: PathBuf,
    /// The key, as PEM.
    pub key: PathBuf,
}

impl TlsFiles {
    /// The TLS side of the server.
    pub(crate) fn server_config(&self) -> anyhow::Result<Arc<rustls::ServerConfig>> {
        let chain = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect)
            .with_context(|| format!("the certificate {}", self.certificate.display()))?;
        let key = PrivateKeyDer::from_pem_file(&self.key)
            .with_context(|| format!("the key {}", self.key.display()))?;
        server_config(chain, key)
    }
}

/// A private authority; its certificate lies in a temporary file until it is dropped.
pub struct Ca {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    pem: String,
    file: tempfile::NamedTempFile,
}

impl Ca {
    /// A fresh authority with a key of its own.
    pub fn new() -> anyhow::Result<Ca> {
        let key = KeyPair::generate().context("the authority's key could not be made")?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "testbed private authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).context("the authority signs itself")?;
        let pem = certificate.pem();
        let file = tempfile::Builder::new().prefix("testbed-ca-").suffix(".pem").tempfile()?;
        std::fs::write(file.path(), &pem).context("the authority's certificate file")?;
        let issuer = Issuer::new(params, key);
        Ok(Ca { issuer, certificate: certificate.der().clone(), pem, file })
    }

    /// The authority's certificate as a PEM file, for `--ca-bundle` and its kin.
    pub fn pem_path(&self) -> &Path {
        self.file.path()
    }

    /// The authority's certificate as PEM text.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Writes the certificate to a path that outlives this value.
    pub fn write_pem(&self, path: PathBuf) -> std::io::Result<PathBuf> {
        std::fs::write(&path, &self.pem)?;
        Ok(path)
    }

    /// The TLS side of a server that goes by these names; HTTP/1.1 is all that it offers.
    pub fn server_config(&self, names: &[&str]) -> anyhow::Result<Arc<rustls::ServerConfig>> {
        let (certificate, key) = self.server_pair(names)?;
        let chain = vec![certificate.der().clone(), self.certificate.clone()];
        server_config(chain, PrivateKeyDer::Pkcs8(key.serialize_der().into()))
    }

    /// The TLS side of a server on loopback, which also answers for `*.s3.test`.
    pub fn server_config_for_loopback(&self) -> anyhow::Result<Arc<rustls::ServerConfig>> {
        self.server_config(&LOOPBACK_NAMES)
    }

    /// Certificate and key of a loopback server as PEM files in `folder`, for servers in other languages.
    pub fn server_files(&self, folder: &Path) -> anyhow::Result<(PathBuf, PathBuf)> {
        let (certificate, key) = self.server_pem(&LOOPBACK_NAMES)?;
        let files = (folder.join("server.pem"), folder.join("server.key"));
        std::fs::write(&files.0, certificate)?;
        std::fs::write(&files.1, key)?;
        Ok(files)
    }

    /// Certificate and key, as PEM, of a server that goes by these names.
    pub fn server_pem(&self, names: &[&str]) -> anyhow::Result<(String, String)> {
        let (certificate, key) = self.server_pair(names)?;
        Ok((certificate.pem(), key.serialize_pem()))
    }

    /// Certificate and key of a client as PEM files in `folder`, named after its common name.
    pub fn client_files(&self, folder: &Path, common_name: &str) -> anyhow::Result<TlsFiles> {
        let (signed, pair) = self.signed(common_name, &[])?;
        let certificate = folder.join(format!("{common_name}.pem"));
        let key = folder.join(format!("{common_name}.key"));
        std::fs::write(&certificate, signed.pem())?;
        std::fs::write(&key, pair.serialize_pem())?;
        Ok(TlsFiles { certificate, key })
    }

    fn server_pair(&self, names: &[&str]) -> anyhow::Result<(rcgen::Certificate, KeyPair)> {
        self.signed("testbed server", names)
    }

    fn signed(
        &self,
        common_name: &str,
        names: &[&str],
    ) -> anyhow::Result<(rcgen::Certificate, KeyPair)> {
        let key = KeyPair::generate()?;
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name.push(DnType::CommonName, common_name);
        Ok((params.signed_by(&key, &self.issuer)?, key))
    }

    /// The TLS side of a client that trusts this authority and nobody else.
    pub fn client_config(&self) -> anyhow::Result<Arc<rustls::ClientConfig>> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.certificate.clone())?;
        let mut config = rustls::ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

/// Named rather than installed: the process default belongs to the program under test.
fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn server_config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> anyhow::Result<Arc<rustls::ServerConfig>> {
    let mut config = rustls::ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
