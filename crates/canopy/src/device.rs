// SPDX-License-Identifier: Apache-2.0
//! The device's certificate: signed by the device's own key, which is what the control plane knows
//! it by. Nobody certifies it, so it is made here and lives for days.

use std::time::{Duration, SystemTime};

use rcgen::{CertificateParams, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};
use reqwest::Identity;
use zeroize::Zeroizing;

const COMMON_NAME: &str = "device.local";
/// The other side's clock may be behind ours.
const EARLY: Duration = Duration::from_mins(1);
const VALID: Duration = Duration::from_hours(6 * 24);
/// A certificate that is older is made anew, a day before it ends.
const RENEWED: Duration = Duration::from_hours(5 * 24);

/// A certificate made at `now` for the P-256 key in a PEM file, with that key.
///
/// # Errors
/// Says what is wrong with the file, without quoting it.
pub(crate) fn identity(file: &[u8], now: SystemTime) -> Result<Identity, String> {
    let text = std::str::from_utf8(file).map_err(|_| "it is not a PEM file".to_owned())?;
    let key = private_key(text).ok_or("there is no private key in PEM form in it")?;
    let certificate = certificate(key, now)?;
    let pem = Zeroizing::new([certificate.as_bytes(), key.as_bytes(), b"\n"].concat());
    Identity::from_pem(&pem).map_err(|error| excerpt::causes(&error.without_url()))
}

/// Is a certificate of this age to be made anew? Also if the clock has since been set back, for
/// then it may not be valid yet.
pub(crate) fn is_due(made: SystemTime, now: SystemTime) -> bool {
    match now.duration_since(made) {
        Ok(age) => age >= RENEWED,
        Err(ahead) => ahead.duration() >= EARLY,
    }
}

fn certificate(key: &str, now: SystemTime) -> Result<String, String> {
    // What the library says about a bad key is left out: it has seen the key.
    let key = KeyPair::from_pem_and_sign_algo(key, &PKCS_ECDSA_P256_SHA256)
        .map_err(|_| "the private key in it is not a plain P-256 key".to_owned())?;
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, COMMON_NAME);
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    params.not_before = epoch + since.saturating_sub(EARLY);
    params.not_after = epoch + since + VALID;
    let signed = params.self_signed(&key).map_err(|error| format!("its certificate: {error}"))?;
    Ok(signed.pem())
}

/// The section of the first private key: files may hold parameters and certificates beside it.
fn private_key(text: &str) -> Option<&str> {
    let mut from = 0;
    loop {
        let begin = from + text.get(from..)?.find("-----BEGIN ")?;
        let label = text.get(begin + 11..)?.split("-----").next()?;
        let end = format!("-----END {label}-----");
        let length = text.get(begin..)?.find(&end)? + end.len();
        if label.ends_with("PRIVATE KEY") {
            return text.get(begin..begin + length);
        }
        from = begin + length;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_hours(24 * 365 * 56)
    }

    #[test]
    fn parameters_and_certificates_beside_the_key_are_passed_over() {
        let key = KeyPair::generate().unwrap().serialize_pem();
        let beside =
            "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
        assert!(identity(format!("{beside}{key}").as_bytes(), now()).is_ok());
        let certificate = certificate(&key, now()).unwrap();
        assert!(identity(format!("{certificate}{key}{certificate}").as_bytes(), now()).is_ok());
    }

    #[test]
    fn a_bad_key_is_refused_without_being_shown() {
        let p384 = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap().serialize_pem();
        let garbled = "-----BEGIN PRIVATE KEY-----\nhush\n-----END PRIVATE KEY-----\n";
        let cut = "-----BEGIN PRIVATE KEY-----\nhush";
        for (file, expected) in [
            (p384.as_str(), "P-256"),
            (garbled, "P-256"),
            (cut, "no private key"),
            ("", "no private"),
        ] {
            let complaint = identity(file.as_bytes(), now()).unwrap_err();
            assert!(complaint.contains(expected) && !complaint.contains("hush"), "{complaint}");
        }
    }

    #[test]
    fn a_certificate_is_due_after_five_days_and_when_the_clock_was_set_back() {
        let made = now();
        assert!(!is_due(made, made + RENEWED - Duration::from_secs(1)));
        assert!(is_due(made, made + RENEWED));
        assert!(!is_due(made, made - Duration::from_secs(59)));
        assert!(is_due(made, made - Duration::from_secs(60)));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_of_keys_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = identity(&bytes, now());
        }

        #[test]
        fn no_sections_make_the_reader_of_keys_panic(
            parts in proptest::collection::vec(
                prop_oneof![
                    Just("-----BEGIN "), Just("-----END "), Just("PRIVATE KEY"), Just("-----"),
                    Just("\n"), Just("é"), Just("EC "),
                ],
                0..12,
            )
        ) {
            let _ = identity(parts.concat().as_bytes(), now());
        }
    }
}
