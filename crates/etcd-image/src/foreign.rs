// SPDX-License-Identifier: Apache-2.0
//! What a file is that is no etcd snapshot, by its first bytes.

/// How many of a file's first bytes tell what it is: tar's mark lies deepest.
pub(crate) const HEAD: usize = 512;

const MARKS: &[(usize, &[u8], &str)] = &[
    (0, b"\x1f\x8b", "a gzip file"),
    (0, b"PK\x03\x04", "a zip file"),
    (0, b"\x28\xb5\x2f\xfd", "a zstd file"),
    (0, b"\xfd7zXZ\x00", "an xz file"),
    (0, b"BZh", "a bzip2 file"),
    (0, b"\x04\x22\x4d\x18", "an lz4 file"),
    (0, b"age-encryption.org/", "a file encrypted with age"),
    (0, b"-----BEGIN AGE ENCRYPTED", "a file encrypted with age"),
    (0, b"-----BEGIN PGP", "a file encrypted with PGP"),
    (0, b"SQLite format 3\x00", "an SQLite database"),
    (0, b"<?xml", "an XML document, perhaps a store's error"),
    (0, b"<!DOCTYPE", "a web page"),
    (0, b"<html", "a web page"),
    (0, b"{", "a JSON document"),
    (257, b"ustar", "a tar archive"),
    (16, b"\xed\x0c\xda\xed", "a bolt database of a big-endian machine, which is not read here"),
];

/// Names what `head`, a file's first [`HEAD`] bytes or all that there are, belongs to. Nothing where
/// it may be a bolt database, or a damaged one.
pub(crate) fn looks_like(head: &[u8]) -> Option<&'static str> {
    if head.is_empty() {
        return Some("an empty file");
    }
    let marked = MARKS
        .iter()
        .find(|(at, mark, _)| head.get(*at..).is_some_and(|rest| rest.starts_with(mark)));
    match marked {
        Some((_, _, name)) => Some(name),
        None if head.len() >= 20 && head.iter().all(|byte| *byte == 0) => Some("nothing but zeros"),
        None => None,
    }
}

/// Whether `head` starts as a bolt database does.
pub(crate) fn is_bolt(head: &[u8]) -> bool {
    head.get(16..20) == Some(&crate::meta::MAGIC.to_le_bytes())
}
