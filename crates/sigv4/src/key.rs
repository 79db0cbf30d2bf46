// SPDX-License-Identifier: Apache-2.0
//! Signing keys: derived once a day for each credential, compared in constant time.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use zeroize::Zeroizing;

/// Day, region and service that a signature is good for: `20130524/us-east-1/s3/aws4_request`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope(String);

impl Scope {
    /// `date` is `YYYYMMDD`.
    #[must_use]
    pub fn new(date: &str, region: &str) -> Self {
        Self(format!("{date}/{region}/s3/aws4_request"))
    }

    /// The scope's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature([u8; 64]);

impl Signature {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut text = [b'0'; 64];
        // The lengths are fixed: 32 bytes make 64 digits.
        let _ = hex::encode_to_slice(bytes, &mut text);
        Self(text)
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Compares with a presented signature in constant time.
    #[must_use]
    pub fn matches(&self, presented: &[u8]) -> bool {
        verify_slices_are_equal(&self.0, presented).is_ok()
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({})", self.as_str())
    }
}

/// The key of one credential for one day and region.
pub struct SigningKey(hmac::Key);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(redacted)")
    }
}

impl SigningKey {
    /// Four HMACs over date (`YYYYMMDD`), region, service and `aws4_request`.
    #[must_use]
    pub fn derive(secret: &[u8], date: &str, region: &str) -> Self {
        let start = Zeroizing::new([b"AWS4", secret].concat());
        let mut key = hmac::Key::new(HMAC_SHA256, &start);
        for part in [date, region, "s3", "aws4_request"] {
            key = hmac::Key::new(HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref());
        }
        Self(key)
    }

    /// Signs a string to sign.
    #[must_use]
    pub fn sign(&self, bytes: &[u8]) -> Signature {
        Signature::of(hmac::sign(&self.0, bytes).as_ref())
    }
}

/// Keeps a few keys, so that a request costs one HMAC and not five. Secrets are not kept: an entry
/// is found by key id, a digest of the secret, date and region.
#[derive(Debug)]
pub struct KeyCache {
    capacity: usize,
    entries: Mutex<Vec<Entry>>,
}

#[derive(Debug)]
struct Entry {
    access_key_id: String,
    secret_digest: [u8; 32],
    date: String,
    region: String,
    key: Arc<SigningKey>,
}

impl KeyCache {
    /// Holds at most `capacity` keys; the one used longest ago goes first.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { capacity: capacity.max(1), entries: Mutex::new(Vec::new()) }
    }

    /// The key of a credential, derived if it is not held.
    #[must_use]
    pub fn get(
        &self,
        access_key_id: &str,
        secret: &[u8],
        date: &str,
        region: &str,
    ) -> Arc<SigningKey> {
        let mut secret_digest = [0; 32];
        secret_digest.copy_from_slice(digest(&SHA256, secret).as_ref());
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let found = entries.iter().position(|entry| {
            entry.access_key_id == access_key_id
                && entry.secret_digest == secret_digest
                && entry.date == date
                && entry.region == region
        });
        let entry = match found {
            Some(at) => entries.remove(at),
            None => Entry {
                access_key_id: access_key_id.to_owned(),
                secret_digest,
                date: date.to_owned(),
                region: region.to_owned(),
                key: Arc::new(SigningKey::derive(secret, date, region)),
            },
        };
        let key = Arc::clone(&entry.key);
        entries.truncate(self.capacity - 1);
        entries.insert(0, entry);
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cached_key_is_never_that_of_another_secret_day_or_region() {
        let cache = KeyCache::new(8);
        let one = cache.get("id", b"secret", "20130524", "us-east-1");
        assert!(Arc::ptr_eq(&one, &cache.get("id", b"secret", "20130524", "us-east-1")));
        for (secret, date, region) in [
            ("other", "20130524", "us-east-1"),
            ("secret", "20130525", "us-east-1"),
            ("secret", "20130524", "eu-west-1"),
        ] {
            let other = cache.get("id", secret.as_bytes(), date, region);
            assert_ne!(one.sign(b"x"), other.sign(b"x"));
        }
    }

    #[test]
    fn the_key_used_longest_ago_makes_room() {
        let cache = KeyCache::new(2);
        let key = |secret: &str| cache.get("id", secret.as_bytes(), "20130524", "us-east-1");
        let (one, two) = (key("one"), key("two"));
        assert!(Arc::ptr_eq(&one, &key("one")));
        key("three");
        assert!(Arc::ptr_eq(&one, &key("one")));
        assert!(!Arc::ptr_eq(&two, &key("two")));
    }

    #[test]
    fn nothing_secret_is_shown() {
        assert_eq!(
            format!("{:?}", SigningKey::derive(b"secret", "d", "r")),
            "SigningKey(redacted)"
        );
    }
}
