// SPDX-License-Identifier: Apache-2.0
//! One object that no single PUT can carry.

use std::io::Read as _;

use bytes::Bytes;
use store::{Parts, Proof};

use crate::ground::Ground;

const BYTES: u64 = 5 * 1024 * 1024 * 1024 + 12_345;
const PIECE: u64 = 4 * 1024 * 1024;

#[tokio::test]
async fn more_than_five_gib_from_a_sparse_file_go_up_in_parts() {
    let ground = Ground::versitygw().await;
    let source = tempfile::tempfile().unwrap();
    source.set_len(BYTES).unwrap();
    let parts = Parts::for_object(BYTES, 64 << 20);
    // A busy machine puts five GiB together in silence for longer than a store may be silent.
    let store = ground.reopened(|settings| settings.silence = std::time::Duration::from_secs(170));
    let mut upload = store.stage("large", parts).unwrap();
    let mut reader = source.take(BYTES);
    loop {
        let mut piece = Vec::new();
        reader.by_ref().take(PIECE).read_to_end(&mut piece).unwrap();
        if piece.is_empty() {
            break;
        }
        upload.write(Bytes::from(piece)).await.unwrap();
    }
    let staged = upload.finish().await.unwrap();
    assert_eq!(staged.bytes(), BYTES);
    let sha256 = staged.sha256();
    staged.publish(Proof::of(sha256)).await.unwrap();
    assert_eq!(ground.objects().unwrap(), [("pre/large".to_owned(), BYTES)]);
    assert_eq!(ground.parts_left(), 0);
}
