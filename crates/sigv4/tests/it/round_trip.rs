// SPDX-License-Identifier: Apache-2.0
//! What the writers frame, the reader reads back, however the bytes are cut.

use bytes::Bytes;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use sigv4::{Check, Event, Framing, UnsignedWriter};

use crate::example::example_chain;
use crate::reading::{check, pieces, read, read_whole, reader};
use crate::writing::{Trailers, signed, signed_trailer, small_signed, writer};

fn chunks() -> impl Strategy<Value = Vec<Vec<u8>>> {
    vec(vec(any::<u8>(), 1..200), 0..6)
}

fn sizes() -> impl Strategy<Value = Vec<usize>> {
    vec(0..120_usize, 1..8)
}

fn trailers() -> impl Strategy<Value = Trailers> {
    btree_map("x-amz-[a-z0-9_-]{1,12}", "[!-~]([ -~]{0,20}[!-~])?", 0..4)
        .prop_map(|map| map.into_iter().map(|(name, value)| (name, Bytes::from(value))).collect())
}

fn lengths(trailers: &Trailers) -> Vec<(usize, usize)> {
    trailers.iter().map(|(name, value)| (name.len(), value.len())).collect()
}

fn sizes_of(chunks: &[Vec<u8>]) -> Vec<u64> {
    chunks.iter().map(|chunk| chunk.len() as u64).collect()
}

/// All but the last chunk have one size, as senders with a known length have it.
fn even_chunks(data: &[u8], size: usize) -> Vec<Vec<u8>> {
    data.chunks(size).map(<[u8]>::to_vec).collect()
}

proptest! {
    #[test]
    fn signed_chunks_come_back(chunks in chunks(), sizes in sizes()) {
        let chain = example_chain();
        let body = signed(&chain, &chunks);
        let outcome = read(reader(Framing::Signed, check(&chain)), pieces(&body, &sizes));
        prop_assert_eq!(outcome.verdict, Ok(()));
        prop_assert_eq!(outcome.data, chunks.concat());
        prop_assert_eq!(outcome.chunks, sizes_of(&chunks));
    }

    #[test]
    fn signed_chunks_and_their_trailer_come_back(
        chunks in chunks(),
        trailers in trailers(),
        sizes in sizes(),
    ) {
        let chain = example_chain();
        let body = signed_trailer(&chain, &chunks, &trailers);
        let outcome = read(reader(Framing::SignedTrailer, check(&chain)), pieces(&body, &sizes));
        prop_assert_eq!(outcome.verdict, Ok(()));
        prop_assert_eq!(outcome.data, chunks.concat());
        prop_assert_eq!(outcome.chunks, sizes_of(&chunks));
        prop_assert_eq!(outcome.trailers, trailers);
    }

    #[test]
    fn unsigned_chunks_and_their_trailer_come_back_in_the_announced_length(
        data in vec(any::<u8>(), 0..600),
        chunk in 1..200_u64,
        trailers in trailers(),
        written in sizes(),
        sizes in sizes(),
    ) {
        let total = data.len() as u64;
        let mut writer = UnsignedWriter::new(total, chunk);
        let mut body = Vec::new();
        let pieces_in = if written.iter().all(|size| *size == 0) { vec![&data[..]] } else { pieces(&data, &written) };
        for piece in pieces_in {
            body.extend(writer.frame(Bytes::copy_from_slice(piece)).concat());
        }
        body.extend_from_slice(&writer.finish(&trailers));
        let announced = UnsignedWriter::encoded_length(total, chunk, &lengths(&trailers));
        prop_assert_eq!(body.len() as u64, announced);

        let outcome = read(reader(Framing::UnsignedTrailer, Check::Skip), pieces(&body, &sizes));
        prop_assert_eq!(outcome.verdict, Ok(()));
        prop_assert!(outcome.chunks.iter().rev().skip(1).all(|size| *size == chunk));
        prop_assert_eq!(outcome.data, data);
        prop_assert_eq!(outcome.trailers, trailers);
    }

    #[test]
    fn the_length_of_signed_frames_is_known_before(
        data in vec(any::<u8>(), 0..600),
        chunk in 1..200_usize,
        trailers in trailers(),
    ) {
        let chain = example_chain();
        let (total, chunks) = (data.len() as u64, even_chunks(&data, chunk));
        let chunk = chunk as u64;
        let body = signed(&chain, &chunks);
        prop_assert_eq!(body.len() as u64, sigv4::encoded_length_signed(total, chunk));
        let body = signed_trailer(&chain, &chunks, &trailers);
        let announced =
            sigv4::encoded_length_signed_trailer(total, chunk, &lengths(&trailers));
        prop_assert_eq!(body.len() as u64, announced);
    }

    /// The digests that a checking reader hands out sign the same chunks anew.
    #[test]
    fn chunks_are_signed_anew_without_hashing_them_twice(chunks in chunks()) {
        let chain = example_chain();
        let body = signed(&chain, &chunks);
        let outcome = read_whole(reader(Framing::Signed, check(&chain)), &body);
        let mut writer = writer(&chain);
        let mut again = Vec::new();
        for ((chunk, size), digest) in chunks.iter().zip(&outcome.chunks).zip(&outcome.digests) {
            again.extend_from_slice(&writer.header_for_digest(*size, &digest.unwrap()));
            again.extend_from_slice(chunk);
            again.extend_from_slice(b"\r\n");
        }
        again.extend_from_slice(&writer.last());
        prop_assert_eq!(again, body);
    }
}

#[test]
fn a_chunk_of_several_slices_is_signed_as_one() {
    let chain = example_chain();
    let whole = writer(&chain).header(&[Bytes::from_static(b"one and two")]);
    let slices = [Bytes::from_static(b"one"), Bytes::new(), Bytes::from_static(b" and two")];
    assert_eq!(writer(&chain).header(&slices), whole);
}

#[test]
fn data_beyond_the_announced_total_is_left_out() {
    let mut writer = UnsignedWriter::new(5, 4);
    let mut body = writer.frame(Bytes::from_static(b"sixsix")).concat();
    body.extend(writer.frame(Bytes::from_static(b"more")).concat());
    body.extend_from_slice(&writer.finish(&[]));
    assert_eq!(body, b"4\r\nsixs\r\n1\r\ni\r\n0\r\n\r\n");
}

#[test]
fn data_is_handed_on_in_place() {
    let body = Bytes::from(small_signed());
    let range = body.as_ptr_range();
    let mut reader = reader(Framing::Signed, check(&example_chain()));
    reader.push(body);
    let mut slices = 0;
    while let Some(event) = reader.next().unwrap() {
        if let Event::Data(data) = event {
            assert!(range.contains(&data.as_ptr()), "a slice was copied");
            slices += 1;
        }
    }
    assert_eq!(slices, 2);
}
