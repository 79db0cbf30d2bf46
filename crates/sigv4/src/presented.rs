// SPDX-License-Identifier: Apache-2.0
//! The signature that a request presents: found and taken apart, not yet believed.

use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderName};

use crate::canonical::ALGORITHM;
use crate::encode::Query;
use crate::time::Timestamp;

const AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");
const SIGV4A: &str = "AWS4-ECDSA-P256-SHA256";

/// A request that cannot be verified, by what it presents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// No signature at all.
    Anonymous,
    /// `AWS key:signature`, or its query form.
    SigV2,
    /// ECDSA.
    SigV4a,
    /// The scope's service is `s3express`.
    Express,
    /// A header and a query signature at once.
    Both,
    /// An `Authorization` header that cannot be read, and why.
    Malformed(String),
    /// `X-Amz-*` parameters that cannot be read, and why.
    MalformedQuery(String),
}

/// Where the signature stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Header,
    /// Seconds for which a presigned URL is good.
    Query {
        expires: i64,
    },
}

/// A signature in its parts.
#[derive(Debug, Clone)]
pub struct Presented {
    pub(crate) place: Place,
    pub(crate) access_key_id: String,
    pub(crate) date: String,
    pub(crate) region: String,
    pub(crate) signed_headers: Vec<String>,
    pub(crate) signature: Vec<u8>,
    pub(crate) at: Timestamp,
}

impl Presented {
    /// Whose signature it claims to be.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The region of its scope.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The names it claims to cover: lower case, in its order.
    #[must_use]
    pub fn signed_headers(&self) -> Vec<&str> {
        self.signed_headers.iter().map(String::as_str).collect()
    }

    /// True for a presigned URL.
    #[must_use]
    pub fn is_presigned(&self) -> bool {
        matches!(self.place, Place::Query { .. })
    }
}

/// Finds the signature of a request.
///
/// # Errors
/// [`Refused`] for every form that cannot be verified by SigV4 with HMAC.
pub fn presented(query: &Query, headers: &HeaderMap) -> Result<Presented, Refused> {
    let in_query = query.contains("X-Amz-Algorithm") || query.contains("X-Amz-Signature");
    match headers.get(AUTHORIZATION) {
        Some(_) if in_query => Err(Refused::Both),
        Some(value) => {
            let text =
                value.to_str().map_err(|_| malformed("it has bytes that are not visible ASCII"))?;
            from_header(text, headers)
        }
        None if in_query => from_query(query),
        None if query.contains("Signature") && query.contains("AWSAccessKeyId") => {
            Err(Refused::SigV2)
        }
        None => Err(Refused::Anonymous),
    }
}

fn malformed(why: &str) -> Refused {
    Refused::Malformed(format!("the Authorization header cannot be read: {why}"))
}

fn from_header(text: &str, headers: &HeaderMap) -> Result<Presented, Refused> {
    let (algorithm, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    match algorithm {
        ALGORITHM => {}
        SIGV4A => return Err(Refused::SigV4a),
        "AWS" => return Err(Refused::SigV2),
        _ => return Err(malformed("the mechanism is not AWS4-HMAC-SHA256")),
    }
    let field = |wanted: &str| {
        let mut found = rest.split(',').filter_map(|part| part.trim().strip_prefix(wanted));
        match (found.next(), found.next()) {
            (Some(value), None) => Ok(value.trim()),
            _ => Err(malformed(&format!("it must have {wanted} once"))),
        }
    };
    let credential = Credential::parse(field("Credential=")?).map_err(|why| why.or(&malformed))?;
    let signed = signed_headers(field("SignedHeaders=")?.as_bytes())
        .ok_or_else(|| malformed("SignedHeaders is empty or not ASCII"))?;
    let signature = field("Signature=")?.as_bytes().to_vec();
    let at = header_time(headers)?;
    Ok(credential.presented(Place::Header, signed, signature, at))
}

/// The signed time: `x-amz-date`. S3 clients always send it.
fn header_time(headers: &HeaderMap) -> Result<Timestamp, Refused> {
    headers
        .get(AMZ_DATE)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| Timestamp::parse_basic(text.trim()))
        .ok_or_else(|| {
            Refused::Malformed("x-amz-date is missing or not YYYYMMDDTHHMMSSZ".to_owned())
        })
}

fn from_query(query: &Query) -> Result<Presented, Refused> {
    let wrong = |why: &str| Refused::MalformedQuery(why.to_owned());
    let text = |name: &str| {
        let mut values = query.iter().filter(|(found, _)| *found == name.as_bytes());
        match (values.next(), values.next()) {
            (Some((_, value)), None) => {
                std::str::from_utf8(value).map_err(|_| wrong(&format!("{name} is not UTF-8")))
            }
            _ => Err(wrong(&format!("{name} must be given once"))),
        }
    };
    match text("X-Amz-Algorithm")? {
        ALGORITHM => {}
        SIGV4A => return Err(Refused::SigV4a),
        _ => return Err(wrong("X-Amz-Algorithm must be AWS4-HMAC-SHA256")),
    }
    let credential = Credential::parse(text("X-Amz-Credential")?).map_err(|why| why.or(&wrong))?;
    let signed = signed_headers(text("X-Amz-SignedHeaders")?.as_bytes())
        .ok_or_else(|| wrong("X-Amz-SignedHeaders is empty or not ASCII"))?;
    let at = Timestamp::parse_basic(text("X-Amz-Date")?)
        .ok_or_else(|| wrong("X-Amz-Date must be YYYYMMDDTHHMMSSZ"))?;
    let expires = text("X-Amz-Expires")?;
    let is_number = !expires.is_empty() && expires.bytes().all(|byte| byte.is_ascii_digit());
    let expires =
        expires.parse().ok().filter(|seconds| is_number && (1..=604_800).contains(seconds));
    let expires = expires.ok_or_else(|| wrong("X-Amz-Expires must be 1 to 604800 seconds"))?;
    let signature = text("X-Amz-Signature")?.as_bytes().to_vec();
    Ok(credential.presented(Place::Query { expires }, signed, signature, at))
}

/// Sorted or not, each name is lower-cased and kept in order.
fn signed_headers(text: &[u8]) -> Option<Vec<String>> {
    let names: Vec<String> = text
        .split(|byte| *byte == b';')
        .map(|name| std::str::from_utf8(name).ok().map(str::to_ascii_lowercase))
        .collect::<Option<_>>()?;
    names.iter().all(|name| !name.is_empty() && name.is_ascii()).then_some(names)
}

/// `KEYID/YYYYMMDD/REGION/SERVICE/aws4_request`. The key id may hold slashes.
struct Credential<'a> {
    access_key_id: &'a str,
    date: &'a str,
    region: &'a str,
}

/// Why a credential is refused.
enum Scoped {
    Express,
    Wrong(&'static str),
}

impl Scoped {
    fn or(self, wrong: &dyn Fn(&str) -> Refused) -> Refused {
        match self {
            Self::Express => Refused::Express,
            Self::Wrong(why) => wrong(why),
        }
    }
}

impl<'a> Credential<'a> {
    fn parse(text: &'a str) -> Result<Self, Scoped> {
        const FORM: Scoped =
            Scoped::Wrong("the credential must be KEYID/YYYYMMDD/REGION/s3/aws4_request");
        let mut parts = text.rsplitn(5, '/');
        let mut next = || parts.next();
        let (Some(end), Some(service), Some(region), Some(date), Some(access_key_id)) =
            (next(), next(), next(), next(), next())
        else {
            return Err(FORM);
        };
        match service {
            "s3" => {}
            "s3express" => return Err(Scoped::Express),
            _ => return Err(Scoped::Wrong("the scope's service must be s3")),
        }
        let is_date = date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit());
        if end != "aws4_request" || !is_date || access_key_id.is_empty() {
            return Err(FORM);
        }
        Ok(Self { access_key_id, date, region })
    }

    fn presented(
        self,
        place: Place,
        signed_headers: Vec<String>,
        signature: Vec<u8>,
        at: Timestamp,
    ) -> Presented {
        Presented {
            place,
            access_key_id: self.access_key_id.to_owned(),
            date: self.date.to_owned(),
            region: self.region.to_owned(),
            signed_headers,
            signature,
            at,
        }
    }
}
