// SPDX-License-Identifier: Apache-2.0
//! What goes in comes out; what was cut, changed or appended does not.

#![expect(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests too")]

use std::io::{Read as _, Write as _};
use std::sync::{Arc, Mutex};

use encoding::{Identities, Recipients, decoder, encoder};
use proptest::prelude::*;
use snapshot::Encoding::{self, Age, Zstd};

const ALL: [&[Encoding]; 4] = [&[], &[Zstd], &[Age], &[Zstd, Age]];

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A pair as age-keygen writes it.
fn keys() -> (Recipients, Identities) {
    let folder = tempfile::tempdir().unwrap();
    let (public, secret) = (folder.path().join("public"), folder.path().join("secret"));
    let identity = age::x25519::Identity::generate();
    use age::secrecy::ExposeSecret as _;
    std::fs::write(&public, format!("# ops\n{}\n", identity.to_public())).unwrap();
    std::fs::write(&secret, format!("# key\n{}\n", identity.to_string().expose_secret())).unwrap();
    (Recipients::read(&public).unwrap(), Identities::read(&secret).unwrap())
}

fn encode(encoding: &[Encoding], recipients: &Recipients, content: &[u8]) -> Vec<u8> {
    let sink = Sink::default();
    let mut encoder = encoder(encoding, Some(recipients), sink.clone()).unwrap();
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap();
    std::mem::take(&mut *sink.0.lock().unwrap())
}

fn decode(
    encoding: &[Encoding],
    identities: &Identities,
    stored: &[u8],
) -> std::io::Result<Vec<u8>> {
    let mut content = Vec::new();
    decoder(encoding, Some(identities), stored)?.read_to_end(&mut content)?;
    Ok(content)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_goes_in_comes_out(content in proptest::collection::vec(any::<u8>(), 0..200_000), pick in 0..4usize) {
        let (recipients, identities) = keys();
        let stored = encode(ALL[pick], &recipients, &content);
        prop_assert_eq!(decode(ALL[pick], &identities, &stored).unwrap(), content);
    }

    #[test]
    fn a_cut_or_an_added_byte_is_an_error(
        content in proptest::collection::vec(any::<u8>(), 1..100_000), pick in 1..4usize, at in any::<prop::sample::Index>(),
    ) {
        let (recipients, identities) = keys();
        let mut stored = encode(ALL[pick], &recipients, &content);
        let cut = &stored[..at.index(stored.len())];
        prop_assert!(decode(ALL[pick], &identities, cut).is_err());
        stored.push(0);
        prop_assert!(decode(ALL[pick], &identities, &stored).is_err());
    }
}

#[test]
fn who_is_not_a_recipient_is_told_so() {
    let ((recipients, _), (_, others)) = (keys(), keys());
    let stored = encode(&[Age], &recipients, b"content");
    let refused = decode(&[Age], &others, &stored).unwrap_err();
    assert!(refused.to_string().contains("encrypted to others"), "{refused}");
    let Err(refused) = decoder(&[Age], None, stored.as_slice()) else {
        panic!("read without a key")
    };
    assert!(refused.to_string().contains("--identity-file"), "{refused}");
}

#[test]
fn a_bad_key_is_named_by_its_line_and_not_shown() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "# fine\n\nAGE-SECRET-KEY-1HUNTER2\n").unwrap();
    let refused = Identities::read(file.path()).unwrap_err().to_string();
    assert!(refused.contains("line 3") && !refused.contains("HUNTER2"), "{refused}");
    std::fs::write(file.path(), "# nobody\n").unwrap();
    assert!(Recipients::read(file.path()).unwrap_err().to_string().contains("has no key"));
}
