// SPDX-License-Identifier: Apache-2.0
//! Device certificates: signed by their own key, which is all that they are known by.

use std::sync::Arc;

use anyhow::Context;
use aws_lc_rs::digest;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{self, CryptoProvider};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, RootCertStore, SignatureScheme};
use serde::Serialize;

use crate::config::Tls;

/// What identifies a client's certificate, in hex.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Certificate {
    /// The SHA-256 of its public key (SPKI): who the device is.
    pub spki_sha256: String,
    /// The SHA-256 of all of it: which certificate of that device it is.
    pub sha256: String,
}

impl Certificate {
    pub(crate) fn of(der: &CertificateDer<'_>) -> Option<Self> {
        let parsed = ParsedCertificate::try_from(der).ok()?;
        let hex = |bytes: &[u8]| hex::encode(digest::digest(&digest::SHA256, bytes));
        Some(Self { spki_sha256: hex(&parsed.subject_public_key_info()), sha256: hex(der) })
    }
}

/// The server's side of TLS, which asks for a client's certificate and does without.
pub(crate) fn server(tls: &Tls) -> anyhow::Result<Arc<rustls::ServerConfig>> {
    let chain = CertificateDer::pem_file_iter(&tls.certificate)
        .and_then(Iterator::collect)
        .with_context(|| format!("the certificate {}", tls.certificate.display()))?;
    let key = PrivateKeyDer::from_pem_file(&tls.key)
        .with_context(|| format!("the key {}", tls.key.display()))?;
    let provider = Arc::new(crypto::aws_lc_rs::default_provider());
    let any = Arc::new(AnyDevice(Arc::clone(&provider)));
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(any)
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Takes every certificate that is valid today and signed by its own key.
#[derive(Debug)]
struct AnyDevice(Arc<CryptoProvider>);

impl ClientCertVerifier for AnyDevice {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        own: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let mut roots = RootCertStore::empty();
        roots.add(own.clone().into_owned())?;
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&self.0))
            .build()
            .map_err(|error| rustls::Error::General(error.to_string()))?
            .verify_client_cert(own, &[], now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
