// SPDX-License-Identifier: Apache-2.0
//! AWS's own signer with the settings that its S3 client gives it: the path as it is sent, no
//! normalisation, the hash header signed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation,
    SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use sigv4::Timestamp;

/// Who signs, when and where.
#[derive(Debug, Clone)]
pub(crate) struct Signer {
    pub(crate) key_id: String,
    pub(crate) secret: String,
    pub(crate) token: Option<String>,
    pub(crate) region: String,
    pub(crate) at: Timestamp,
}

/// A request before it is signed: only headers that are to be signed, `host` among them.
pub(crate) struct Unsigned<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) headers: &'a [(String, String)],
    pub(crate) payload: &'a str,
}

impl Signer {
    fn time(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.at.unix_seconds().unsigned_abs())
    }

    fn credentials(&self) -> Credentials {
        Credentials::new(&self.key_id, &self.secret, self.token.clone(), None, "test")
    }

    /// The signature of a request that is signed by header.
    pub(crate) fn by_header(&self, request: &Unsigned<'_>) -> String {
        self.sign(request, settings(SignatureLocation::Headers)).0
    }

    /// The query pairs that presign a request.
    pub(crate) fn presigned(
        &self,
        request: &Unsigned<'_>,
        expires: Duration,
    ) -> Vec<(String, String)> {
        let mut settings = settings(SignatureLocation::QueryParams);
        settings.expires_in = Some(expires);
        self.sign(request, settings).1
    }

    fn sign(
        &self,
        request: &Unsigned<'_>,
        settings: SigningSettings,
    ) -> (String, Vec<(String, String)>) {
        let identity = self.credentials().into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("s3")
            .time(self.time())
            .settings(settings)
            .build()
            .unwrap()
            .into();
        let mark = if request.query.is_empty() { "" } else { "?" };
        let uri = format!("http://oracle{}{mark}{}", request.path, request.query);
        let headers = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let body = SignableBody::Precomputed(request.payload.to_owned());
        let signable = SignableRequest::new(request.method, uri, headers, body).unwrap();
        let (instructions, signature) = sign(signable, &params).unwrap().into_parts();
        let pairs = instructions.params().iter();
        (signature, pairs.map(|(name, value)| ((*name).to_owned(), value.to_string())).collect())
    }

    fn chain_params(&self, signed: impl FnOnce(&v4::SigningParams<'_, ()>) -> String) -> String {
        let identity = self.credentials().into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("s3")
            .time(self.time())
            .settings(())
            .build()
            .unwrap();
        signed(&params)
    }

    /// The signature of a chunk behind another signature.
    pub(crate) fn chunk(&self, data: &[u8], previous: &str) -> String {
        self.chain_params(|params| {
            let data = Bytes::copy_from_slice(data);
            v4::sign_chunk(&data, previous, params).unwrap().into_parts().1
        })
    }

    /// The signature of a trailer behind the last chunk's. Names occur once.
    pub(crate) fn trailer(&self, trailers: &[(String, Bytes)], previous: &str) -> String {
        let map: HeaderMap = trailers
            .iter()
            .map(|(name, value)| {
                let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
                (name, HeaderValue::from_bytes(value).unwrap())
            })
            .collect();
        self.chain_params(|params| {
            let headers = map.try_into().unwrap();
            v4::sign_trailer(&headers, previous, params).unwrap().into_parts().1
        })
    }
}

fn settings(location: SignatureLocation) -> SigningSettings {
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    settings.signature_location = location;
    settings
}
