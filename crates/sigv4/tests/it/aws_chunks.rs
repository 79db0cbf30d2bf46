// SPDX-License-Identifier: Apache-2.0
//! AWS's examples of chunked uploads: 65 KiB of `a` in chunks of 64 KiB and 1 KiB
//! (<https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html>,
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html>).

use http::Method;
use sigv4::{FrameError, Framing, Verified};

use crate::example::{AT, Arrived, KEY_ID, SECRET, at, authorization, chunked_example, headers};
use crate::oracle::Signer;
use crate::reading::{check, read, read_whole, reader};
use crate::writing::{Trailers, signed, signed_trailer, trailers};

const TRAILER_SEED: &str = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e";

/// The example's object.
fn chunks() -> [Vec<u8>; 2] {
    [vec![b'a'; 65_536], vec![b'a'; 1024]]
}

/// Frames written by hand around the published signatures.
fn published(signatures: [&str; 3], end: &str) -> Vec<u8> {
    let [first, second] = chunks();
    let mut body = format!("10000;chunk-signature={}\r\n", signatures[0]).into_bytes();
    body.extend_from_slice(&first);
    body.extend_from_slice(format!("\r\n400;chunk-signature={}\r\n", signatures[1]).as_bytes());
    body.extend_from_slice(&second);
    body.extend_from_slice(format!("\r\n0;chunk-signature={}\r\n", signatures[2]).as_bytes());
    body.extend_from_slice(end.as_bytes());
    body
}

fn chunked_body() -> Vec<u8> {
    published(
        [
            "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
            "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
            "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
        ],
        "\r\n",
    )
}

/// The example's trailer names the value `sOO8/Q==` on the wire.
fn trailer_body(separator: &str) -> Vec<u8> {
    let end = format!(
        "x-amz-checksum-crc32c:sOO8/Q=={separator}x-amz-trailer-signature:{}\r\n\r\n",
        "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435"
    );
    published(
        [
            "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
            "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
            "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
        ],
        &end,
    )
}

/// The head of the trailer example.
fn trailer_head() -> Verified {
    let signed = "content-encoding;host;x-amz-content-sha256;x-amz-date;\
                  x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer";
    let headers = headers(&[
        ("Host", "s3.amazonaws.com"),
        ("x-amz-date", AT),
        ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ("Authorization", &authorization(signed, TRAILER_SEED)),
        ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"),
        ("Content-Encoding", "aws-chunked"),
        ("x-amz-decoded-content-length", "66560"),
        ("x-amz-trailer", "x-amz-checksum-crc32c"),
        ("Content-Length", "66824"),
    ]);
    let arrived = Arrived::new(Method::PUT, "/examplebucket/chunkObject.txt", headers);
    arrived.verify(SECRET, at(AT)).unwrap()
}

fn crc32c(value: &'static str) -> Trailers {
    trailers(&[("x-amz-checksum-crc32c", value)])
}

#[test]
fn the_published_chunks_are_proven_in_any_pieces() {
    let chain = chunked_example().verify(SECRET, at(AT)).unwrap();
    let body = chunked_body();
    assert_eq!(body.len(), 66_824, "the example's content-length");
    for size in [1, 7, 85, 4096, 65_536, body.len()] {
        let outcome = read(reader(Framing::Signed, check(&chain)), body.chunks(size));
        assert_eq!(outcome.verdict, Ok(()), "pieces of {size}");
        assert_eq!(outcome.chunks, [65_536, 1024]);
        assert_eq!(outcome.data, chunks().concat());
    }
}

#[test]
fn the_published_chunks_are_written() {
    let chain = chunked_example().verify(SECRET, at(AT)).unwrap();
    assert!(signed(&chain, &chunks()) == chunked_body());
    assert_eq!(sigv4::encoded_length_signed(66_560, 65_536), 66_824);
}

#[test]
fn the_published_trailer_is_proven_with_both_habits_of_line_ends() {
    let chain = trailer_head();
    for separator in ["\r\n", "\n\r\n"] {
        let body = trailer_body(separator);
        let outcome = read_whole(reader(Framing::SignedTrailer, check(&chain)), &body);
        assert_eq!(outcome.verdict, Ok(()), "{separator:?}");
        assert_eq!(outcome.trailers, crc32c("sOO8/Q=="));
        assert_eq!(outcome.data.len(), 66_560);
    }
}

#[test]
fn the_published_trailer_is_written() {
    let written = signed_trailer(&trailer_head(), &chunks(), &crc32c("sOO8/Q=="));
    assert!(written == trailer_body("\r\n"));
    let length = sigv4::encoded_length_signed_trailer(66_560, 65_536, &[(21, 8)]);
    assert_eq!(length, written.len() as u64);
}

/// The page also shows the value `wdBDMA==`, without a signature for it: AWS's own signer gives that.
/// (Copies of the page with the signature `63bddb24...` for `sOO8/Q==` sign it under the algorithm of
/// chunks, `-PAYLOAD`. No client does, and `d81f82fc...` is that of `-TRAILER`.)
#[test]
fn the_other_published_trailer_value_has_the_signature_that_aws_gives_it() {
    let trailers = crc32c("wdBDMA==");
    let signer = Signer {
        key_id: KEY_ID.to_owned(),
        secret: SECRET.to_owned(),
        token: None,
        region: "us-east-1".to_owned(),
        at: at(AT),
    };
    let last = "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992";
    let signature = signer.trailer(&trailers, last);
    let written = signed_trailer(&trailer_head(), &chunks(), &trailers);
    let end = format!(
        "0;chunk-signature={last}\r\nx-amz-checksum-crc32c:wdBDMA==\r\n\
         x-amz-trailer-signature:{signature}\r\n\r\n"
    );
    assert!(written.ends_with(end.as_bytes()), "{end}");
}

#[test]
fn the_published_bodies_are_refused_after_another_head() {
    let head = chunked_example().verify(SECRET, at(AT)).unwrap();
    let other = trailer_head();
    for (framing, body, chain) in [
        (Framing::Signed, chunked_body(), &other),
        (Framing::SignedTrailer, trailer_body("\r\n"), &head),
    ] {
        let outcome = read_whole(reader(framing, check(chain)), &body);
        assert_eq!(outcome.verdict, Err(FrameError::SignatureMismatch), "{framing:?}");
    }
}
