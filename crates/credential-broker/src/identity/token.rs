// SPDX-License-Identifier: Apache-2.0
//! A service account's token: an identity that only the API server can confirm.
//!
//! Its claims are read here without being believed, to turn callers away early and to tell them why; nobody is
//! let in by them.

use std::time::{Duration, SystemTime};

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use credential::Secret;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{Reason, Turned};

/// The API server's own tokens have about 1 KiB.
const LONGEST: usize = 8 * 1024;

/// A token, wiped when dropped.
#[derive(Debug)]
pub(crate) struct Token {
    text: Secret,
    claims: Claims,
}

/// What a token is remembered by.
pub(crate) type Digest = [u8; 32];

/// The claims that matter here. Others are another's business.
#[derive(Debug, Default, Deserialize)]
struct Claims {
    #[serde(default)]
    aud: Audiences,
    exp: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(untagged)]
enum Audiences {
    One(String),
    Many(Vec<String>),
    #[default]
    None,
}

impl Token {
    /// `Authorization: Bearer TOKEN`, or the bare token, as some callers write it.
    ///
    /// # Errors
    /// [`Reason::NoToken`], [`Reason::Malformed`].
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Turned> {
        let value = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
        let text = std::str::from_utf8(value).unwrap_or("?").trim();
        let text = match text.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
            _ => text,
        };
        if text.is_empty() {
            let why = "a projected service-account token is required: Authorization: Bearer TOKEN";
            return Err(Turned::new(Reason::NoToken, why));
        }
        let claims = claims(text).ok_or_else(|| {
            Turned::new(Reason::Malformed, "the token is not one of a service account")
        })?;
        Ok(Self { text: Secret::new(text), claims })
    }

    pub(crate) fn expose(&self) -> &str {
        self.text.expose()
    }

    pub(crate) fn digest(&self) -> Digest {
        let digest = digest::digest(&digest::SHA256, self.text.expose().as_bytes());
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest.as_ref());
        bytes
    }

    /// When it says it ends.
    pub(crate) fn expires(&self) -> Option<SystemTime> {
        let seconds = self.claims.exp.filter(|exp| (0.0..1e12).contains(exp))?;
        Some(SystemTime::UNIX_EPOCH + Duration::from_secs_f64(seconds))
    }

    /// What its own claims say against it.
    pub(crate) fn complaint(&self, audience: &str, now: SystemTime) -> Option<Reason> {
        if self.expires().is_some_and(|at| at <= now) {
            return Some(Reason::Expired);
        }
        let is_ours = match &self.claims.aud {
            Audiences::One(one) => one == audience,
            Audiences::Many(all) => all.iter().any(|one| one == audience),
            Audiences::None => false,
        };
        (!is_ours).then_some(Reason::WrongAudience)
    }
}

/// The middle one of the three parts.
fn claims(text: &str) -> Option<Claims> {
    let mut parts = text.split('.');
    let (_, payload, _, None) = (parts.next()?, parts.next()?, parts.next()?, parts.next()) else {
        return None;
    };
    if text.len() > LONGEST {
        return None;
    }
    let json = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?);
    serde_json::from_slice(&json).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn jwt(claims: &serde_json::Value) -> String {
        format!("aGVhZA.{}.c2ln", BASE64_URL_SAFE_NO_PAD.encode(claims.to_string()))
    }

    fn of(value: &str) -> Result<Token, Turned> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        Token::of(&headers)
    }

    #[test]
    fn a_token_is_taken_with_its_scheme_or_bare() {
        let text = jwt(&json!({"aud": ["a"], "exp": 10}));
        for value in [format!("Bearer {text}"), format!("bearer  {text} "), text.clone()] {
            assert_eq!(of(&value).unwrap().expose(), text);
        }
        assert_eq!(Token::of(&HeaderMap::new()).unwrap_err().reason, Reason::NoToken);
        assert_eq!(of("Bearer").unwrap_err().reason, Reason::Malformed);
    }

    #[test]
    fn what_is_no_token_of_a_service_account_is_told_without_quoting_it() {
        for value in ["Bearer hush", "Basic hush", "hush.hush", "a.hush.c", "a.b.c.d", "é"] {
            let turned = of(value).unwrap_err();
            assert_eq!(turned.reason, Reason::Malformed, "{value}");
            assert!(!turned.detail.contains("hush"), "{turned:?}");
        }
        let long = jwt(&json!({"aud": "a".repeat(LONGEST)}));
        assert_eq!(of(&long).unwrap_err().reason, Reason::Malformed);
    }

    #[test]
    fn its_own_claims_can_only_speak_against_it() {
        let begin = SystemTime::UNIX_EPOCH;
        let ten = begin + Duration::from_secs(10);
        let complaint = |claims| of(&jwt(&claims)).unwrap().complaint("ours", begin);
        assert_eq!(complaint(json!({"aud": ["x", "ours"], "exp": 10})), None);
        assert_eq!(complaint(json!({"aud": "ours"})), None);
        assert_eq!(complaint(json!({"aud": "theirs"})), Some(Reason::WrongAudience));
        assert_eq!(complaint(json!({"exp": 10})), Some(Reason::WrongAudience));
        let token = of(&jwt(&json!({"aud": "ours", "exp": 10}))).unwrap();
        assert_eq!(token.complaint("ours", ten), Some(Reason::Expired));
        assert_eq!(token.expires(), Some(ten));
    }

    #[test]
    fn debug_never_shows_it() {
        let text = jwt(&json!({"aud": "ours"}));
        assert!(!format!("{:?}", of(&text).unwrap()).contains(&text));
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(value in "[ -~]{0,80}", exp in any::<f64>()) {
            let _ = of(&value);
            let now = SystemTime::UNIX_EPOCH;
            let token = of(&jwt(&json!({"aud": value, "exp": exp})));
            let _ = token.map(|token| (token.complaint("ours", now), token.digest()));
        }
    }
}
