// SPDX-License-Identifier: Apache-2.0
//! Ours and AWS's own signer hold the same signatures of chunks and trailers.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use sigv4::Writer;

use crate::example::{AT, KEY_ID, SECRET, at, example_chain};
use crate::oracle::Signer;

fn signer() -> Signer {
    Signer {
        key_id: KEY_ID.to_owned(),
        secret: SECRET.to_owned(),
        token: None,
        region: "us-east-1".to_owned(),
        at: at(AT),
    }
}

/// The signature in a chunk's head or a trailer's last line.
fn signature_in(line: &[u8], field: &str) -> String {
    let text = std::str::from_utf8(line).unwrap();
    text.split_once(field).unwrap().1.trim_end().to_owned()
}

fn trailers() -> impl Strategy<Value = Vec<(String, Bytes)>> {
    let value = "[!-~]([ -~]{0,20}[!-~])?".prop_map(Bytes::from);
    proptest::collection::btree_map("x-amz-[a-z0-9_-]{1,12}", value, 1..4)
        .prop_map(|map: BTreeMap<_, _>| map.into_iter().collect())
        .prop_shuffle()
}

proptest! {
    #[test]
    fn each_chunk_and_the_trailer_have_the_signature_that_aws_gives_them(
        chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..300), 0..6),
        trailers in trailers(),
    ) {
        let chain = example_chain();
        let mut previous = chain.seed.signature.as_str().to_owned();
        let mut writer = Writer::new(Arc::clone(&chain.key), chain.seed);
        let signer = signer();
        for chunk in &chunks {
            let theirs = signer.chunk(chunk, &previous);
            let line = writer.header(&[Bytes::copy_from_slice(chunk)]);
            prop_assert_eq!(signature_in(&line, ";chunk-signature="), theirs.clone());
            previous = theirs;
        }
        let theirs = signer.chunk(b"", &previous);
        let line = writer.last_before_trailer();
        prop_assert_eq!(signature_in(&line, ";chunk-signature="), theirs.clone());
        let trailer = writer.trailer(&trailers);
        let signature = signature_in(&trailer, "x-amz-trailer-signature:");
        prop_assert_eq!(signature, signer.trailer(&trailers, &theirs));
    }
}
