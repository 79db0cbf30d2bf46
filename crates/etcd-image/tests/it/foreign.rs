// SPDX-License-Identifier: Apache-2.0
//! Files that are no etcd snapshots, and ones that are not all there.

use std::io;

use etcd_image::{Error, Options, ReadAt, Trailer, describe, verify_trailer};

use crate::forge::{Forge, bucket_at, inline};
use crate::repair;
use crate::seeds;

fn all_refuse(file: &[u8], told: impl Fn(&Error) -> bool) {
    for error in [
        describe(file, &Options::default()).unwrap_err(),
        verify_trailer(&file).unwrap_err(),
        streamed(file).unwrap_err(),
    ] {
        assert!(told(&error), "{error}");
    }
}

fn streamed(file: &[u8]) -> Result<etcd_image::Sealed, Error> {
    let mut trailer = Trailer::new();
    for slice in file.chunks(31) {
        trailer.update(slice);
    }
    trailer.finish()
}

fn looks_like(error: &Error) -> &'static str {
    match error {
        Error::NotEtcd { looks_like } => looks_like,
        other => panic!("{other}"),
    }
}

#[test]
fn what_is_something_else_is_named() {
    let tar = [&[b'x'; 257][..], b"ustar\x0000", &[0; 300]].concat();
    let files: [(&[u8], &str); 12] = [
        (b"", "an empty file"),
        (b"\x1f\x8b\x08\0\0\0\0\0\0\x03 and so on", "a gzip file"),
        (b"PK\x03\x04 and so on", "a zip file"),
        (b"\x28\xb5\x2f\xfd and so on", "a zstd file"),
        (b"\xfd7zXZ\0 and so on", "an xz file"),
        (b"age-encryption.org/v1\n", "a file encrypted with age"),
        (b"<?xml version=\"1.0\"?><Error/>", "an XML document, perhaps a store's error"),
        (b"{\"error\":\"denied\"}", "a JSON document"),
        (b"SQLite format 3\0 and so on", "an SQLite database"),
        (&[0; 4096], "nothing but zeros"),
        (&tar, "a tar archive"),
        (b"any other bytes that are long enough to tell", "no file that is known here"),
    ];
    for (file, name) in files {
        all_refuse(file, |error| looks_like(error) == name);
    }
}

#[test]
fn a_compressed_file_of_a_snapshots_length_is_not_taken_for_a_damaged_one() {
    let mut file = vec![7; 4096 + 32];
    file[..2].copy_from_slice(b"\x1f\x8b");
    all_refuse(&file, |error| looks_like(error) == "a gzip file");
}

#[test]
fn a_bolt_database_of_another_program_is_told_from_a_damaged_snapshot() {
    let mut forge = Forge::new(4096);
    let tree = forge.tree(&vec![(b"a".to_vec(), b"b".to_vec())], 9);
    let file = forge.finish(vec![(b"other".to_vec(), bucket_at(tree))]);
    let error = describe(&file, &Options::default()).unwrap_err();
    assert_eq!(looks_like(&error), "a bolt database of another program");
    let file = Forge::new(4096).finish(vec![(b"key".to_vec(), inline(&vec![]))]);
    let error = describe(&file, &Options::default()).unwrap_err();
    assert_eq!(looks_like(&error), "a bolt database of another program");
}

#[test]
fn a_database_of_a_big_endian_machine_is_named() {
    let mut file = vec![1; 8192 + 32];
    file[16..20].copy_from_slice(&0xED0C_DAED_u32.to_be_bytes());
    all_refuse(&file, |error| looks_like(error).contains("big-endian"));
}

#[test]
fn a_snapshot_that_ends_anywhere_else_than_at_its_end_is_cut_off() {
    let (_, whole) = seeds::all().remove(0);
    let pages = (0..whole.len()).step_by(512);
    // Where a trailer might end is the next test's.
    let elsewhere = |end: &usize| *end > 0 && end % 512 != 32;
    for end in pages.chain((1..whole.len()).step_by(97)).filter(elsewhere) {
        let cut = &whole[..end];
        let Err(error) = streamed(cut) else { panic!("{end}") };
        assert!(matches!(error, Error::Cut { bytes, .. } if bytes == end as u64), "{end}: {error}");
        let error = describe(cut, &Options::default()).unwrap_err();
        assert!(matches!(error, Error::Cut { .. }), "{end}: {error}");
    }
}

#[test]
fn one_that_ends_where_a_trailer_might_does_not_match_it_and_lacks_pages() {
    let (_, whole) = seeds::all().remove(0);
    for image in (4096..whole.len() - 32).step_by(4096) {
        let mut cut = whole[..image + 32].to_vec();
        assert!(matches!(streamed(&cut).unwrap_err(), Error::Sum { .. }), "{image}");
        repair::seal(&mut cut);
        let error = describe(&cut, &Options::default()).unwrap_err();
        let text =
            format!("the snapshot was cut off: {} of {} bytes are there", cut.len(), whole.len());
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn a_stream_is_proven_however_it_is_cut_into_messages() {
    let (_, whole) = seeds::all().remove(0);
    let sealed = verify_trailer(&whole).unwrap();
    assert_eq!((sealed.bytes, sealed.image_bytes), (whole.len() as u64, whole.len() as u64 - 32));
    assert_eq!(sealed.image_sha256[..], whole[whole.len() - 32..]);
    for size in [1, 2, 31, 32, 33, 64, 511, 4096, 32 << 10, whole.len()] {
        let mut trailer = Trailer::default();
        trailer.update(b"");
        whole.chunks(size).for_each(|slice| trailer.update(slice));
        assert_eq!(trailer.finish().unwrap(), sealed, "in slices of {size}");
    }
}

#[test]
fn the_digest_of_a_file_is_that_of_all_its_bytes_at_any_length() {
    let bytes: Vec<u8> = (0..700_u32).map(|number| number as u8).collect();
    for length in [0, 1, 31, 32, 33, 63, 64, 65, 96, 511, 512, 544, 700] {
        for size in [1, 7, 32, 33, 700] {
            let mut trailer = Trailer::new();
            bytes[..length].chunks(size).for_each(|slice| trailer.update(slice));
            let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes[..length]);
            assert_eq!(trailer.file_sha256()[..], *digest.as_ref(), "{length} in slices of {size}");
            assert_eq!(trailer.bytes(), length as u64);
        }
    }
}

#[test]
fn what_says_why_can_be_read_by_a_person() {
    let cut = Error::Cut { bytes: 32768, expected: None };
    let (expected, found) = ([0xab; 32], [1; 32]);
    let shown = [
        (cut, "the snapshot was cut off: 32768 bytes are there, and not the 32-byte trailer that ends one".to_owned()),
        (Error::Sum { expected, found }, format!(
            "the snapshot is damaged: its trailer says SHA-256 {}, its bytes have {}",
            "ab".repeat(32),
            "01".repeat(32)
        )),
        (Error::NotEtcd { looks_like: "a gzip file" }, "this is not an etcd snapshot: it looks like a gzip file".to_owned()),
        (Error::Corrupt { page: 7, what: "its keys are not in order" }, "the snapshot's database is corrupt at page 7: its keys are not in order".to_owned()),
    ];
    for (error, text) in shown {
        assert_eq!(error.to_string(), text);
    }
}

/// Bytes that fail to be read from a place on.
struct Failing<'a>(&'a [u8], u64);

impl ReadAt for Failing<'_> {
    fn len(&self) -> io::Result<u64> {
        ReadAt::len(self.0)
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        if offset + buf.len() as u64 > self.1 {
            return Err(io::Error::other("the disk is gone"));
        }
        self.0.read_exact_at(buf, offset)
    }
}

#[test]
fn what_cannot_be_read_is_said_to_be_unreadable_and_not_to_be_bad() {
    let (_, whole) = seeds::all().remove(0);
    for place in (0..whole.len() as u64 - 32).step_by(1024) {
        let failing = Failing(&whole, place);
        assert!(
            matches!(describe(&failing, &Options::default()).unwrap_err(), Error::Io(_)),
            "{place}"
        );
        assert!(matches!(verify_trailer(&failing).unwrap_err(), Error::Io(_)), "{place}");
    }
}

#[test]
fn bytes_beyond_the_end_are_not_read_as_any() {
    let bytes = vec![1_u8; 10];
    let mut buffer = [0; 4];
    assert!(bytes.read_exact_at(&mut buffer, 6).is_ok());
    for offset in [7, 10, 11, u64::MAX] {
        let error = bytes.read_exact_at(&mut buffer, offset).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
    assert!(!ReadAt::is_empty(&&bytes[..]).unwrap());
}
