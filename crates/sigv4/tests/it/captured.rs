// SPDX-License-Identifier: Apache-2.0
//! Requests that real clients sent to a loopback server, with the credential of AWS's examples.
//!
//! The files in `captured/` are as they came, but for `User-Agent` (never signed) and
//! `Transfer-Encoding` (undone): minio-go 7.2, botocore 1.43 and AWS's SDK for Go 2.

use std::fs;
use std::path::Path;

use http::Method;
use sigv4::{Framing, Payload, Verified, VerifyError};

use crate::example::{Arrived, SECRET, at, headers};
use crate::reading::{Outcome, check, pieces, read, reader};

struct Captured {
    name: String,
    arrived: Arrived,
    body: Vec<u8>,
}

impl Captured {
    fn open(path: &Path) -> Self {
        let bytes = fs::read(path).unwrap();
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let (line, rest) = head.split_once("\r\n").unwrap();
        let mut words = line.split(' ');
        let method = Method::from_bytes(words.next().unwrap().as_bytes()).unwrap();
        let pairs: Vec<_> = rest.split("\r\n").map(|line| line.split_once(": ").unwrap()).collect();
        let arrived = Arrived::new(method, words.next().unwrap(), headers(&pairs));
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        Self { name, arrived, body: bytes[end + 4..].to_vec() }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.arrived.headers.get(name).map(|value| value.to_str().unwrap())
    }

    fn verify(&self) -> Result<Verified, VerifyError> {
        let presigned = self.arrived.query.get("X-Amz-Date");
        let date = presigned.map(|date| std::str::from_utf8(date).unwrap());
        self.arrived.verify(SECRET, at(date.or(self.header("x-amz-date")).unwrap()))
    }

    fn read(&self, verified: &Verified, framing: Framing, sizes: &[usize]) -> Outcome {
        read(reader(framing, check(verified)), pieces(&self.body, sizes))
    }
}

fn all() -> Vec<Captured> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/captured");
    let mut paths: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| Captured::open(path)).collect()
}

fn framing(payload: &Payload) -> Option<Framing> {
    match payload {
        Payload::Chunked => Some(Framing::Signed),
        Payload::ChunkedTrailer => Some(Framing::SignedTrailer),
        Payload::UnsignedTrailer => Some(Framing::UnsignedTrailer),
        _ => None,
    }
}

#[test]
fn what_real_clients_sign_is_proven_and_what_they_frame_is_read() {
    let mut framed = Vec::new();
    let all = all();
    for captured in &all {
        let name = &captured.name;
        let verified = captured.verify().unwrap_or_else(|error| panic!("{name}: {error}"));
        let Some(framing) = framing(&verified.payload) else { continue };
        let declared: usize =
            captured.header("x-amz-decoded-content-length").unwrap().parse().unwrap();
        for size in [1, 3, captured.body.len()] {
            let outcome = captured.read(&verified, framing, &[size]);
            assert_eq!(outcome.verdict, Ok(()), "{name} in pieces of {size}");
            assert_eq!(outcome.data.len(), declared, "{name}");
            let announced = captured.header("x-amz-trailer");
            let came = outcome.trailers.first().map(|(name, _)| name.as_str());
            assert_eq!(came, announced, "{name}");
        }
        framed.push(framing);
    }
    assert_eq!(all.len(), 13);
    for form in crate::invariants::FRAMINGS {
        assert!(framed.contains(&form), "{form:?}");
    }
}

#[test]
fn what_real_clients_sign_is_refused_with_another_secret_or_method() {
    for captured in all() {
        let mut other = captured.arrived.clone();
        other.method = Method::DELETE;
        let date = captured.verify().unwrap().seed.at;
        for refused in [captured.arrived.verify("other", date), other.verify(SECRET, date)] {
            assert_eq!(refused.unwrap_err(), VerifyError::SignatureMismatch, "{}", captured.name);
        }
    }
}
