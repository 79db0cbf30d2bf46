// SPDX-License-Identifier: Apache-2.0
//! Percent-encoding by S3's rules: what is on the wire is decoded once and encoded once.

use std::borrow::Cow;

const UPPER_HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Whether `/` keeps its meaning.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Slash {
    Keep,
    Encode,
}

/// Decodes `%XX` once. A `%` without two hex digits after it stands for itself.
#[must_use]
pub fn decode(wire: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(wire.len());
    let mut at = 0;
    while at < wire.len() {
        match (wire[at], wire.get(at + 1).and_then(hex), wire.get(at + 2).and_then(hex)) {
            (b'%', Some(high), Some(low)) => {
                out.push(high << 4 | low);
                at += 3;
            }
            (byte, _, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

fn hex(byte: &u8) -> Option<u8> {
    char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// RFC 3986 unreserved characters.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn encode_into(out: &mut String, bytes: &[u8], slash: Slash) {
    for &byte in bytes {
        if is_unreserved(byte) || (byte == b'/' && slash == Slash::Keep) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(UPPER_HEX[usize::from(byte >> 4)]));
            out.push(char::from(UPPER_HEX[usize::from(byte & 15)]));
        }
    }
}

/// A path in the one form that is both signed and sent.
///
/// ```
/// use sigv4::CanonicalPath;
/// let path = CanonicalPath::from_wire(b"/b/a%2fb:c//../%7e");
/// assert_eq!(path.as_str(), "/b/a/b%3Ac//../~");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CanonicalPath(String);

impl CanonicalPath {
    /// From the path of a request line.
    #[must_use]
    pub fn from_wire(wire: &[u8]) -> Self {
        Self::from_decoded(&decode(wire))
    }

    /// From plain bytes; an empty path is `/`.
    #[must_use]
    pub fn from_decoded(bytes: &[u8]) -> Self {
        let mut text = String::with_capacity(bytes.len() + 8);
        if bytes.first() != Some(&b'/') {
            text.push('/');
        }
        encode_into(&mut text, bytes, Slash::Keep);
        Self(text)
    }

    /// The encoded path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A query as decoded pairs, in the order they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    pairs: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Query {
    /// From the part of a request line after `?`. `+` is a space; a name without `=` has an empty
    /// value; empty parts (`&&`) say nothing.
    #[must_use]
    pub fn from_wire(wire: &[u8]) -> Self {
        let pairs = wire
            .split(|byte| *byte == b'&')
            .filter(|part| !part.is_empty())
            .map(|part| {
                let at = part.iter().position(|byte| *byte == b'=');
                let (name, value) =
                    at.map_or((part, &part[part.len()..]), |at| (&part[..at], &part[at + 1..]));
                (decode_query(name), decode_query(value))
            })
            .collect();
        Self { pairs }
    }

    /// The first value of a name; names are case-sensitive.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.iter().find(|(found, _)| *found == name.as_bytes()).map(|(_, value)| value)
    }

    /// Whether the name occurs.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Removes all pairs of a name.
    pub fn remove(&mut self, name: &str) {
        self.pairs.retain(|(found, _)| found != name.as_bytes());
    }

    /// Appends a pair in plain bytes.
    pub fn push(&mut self, name: &[u8], value: &[u8]) {
        self.pairs.push((name.to_vec(), value.to_vec()));
    }

    /// The pairs in plain bytes.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.pairs.iter().map(|(name, value)| (name.as_slice(), value.as_slice()))
    }

    /// Names and values encoded (slashes too), sorted by encoded name, then value.
    #[must_use]
    pub fn canonical(&self) -> String {
        self.canonical_without(None)
    }

    /// The same without one name, as a presigned query is signed without its signature.
    pub(crate) fn canonical_without(&self, name: Option<&str>) -> String {
        let mut encoded: Vec<(String, String)> = self
            .iter()
            .filter(|(found, _)| name.is_none_or(|name| *found != name.as_bytes()))
            .map(|(name, value)| (encoded(name), encoded(value)))
            .collect();
        encoded.sort_unstable();
        let mut text = String::new();
        for (name, value) in encoded {
            if !text.is_empty() {
                text.push('&');
            }
            text.push_str(&name);
            text.push('=');
            text.push_str(&value);
        }
        text
    }
}

fn encoded(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + 8);
    encode_into(&mut text, bytes, Slash::Encode);
    text
}

fn decode_query(wire: &[u8]) -> Vec<u8> {
    let spaced: Cow<'_, [u8]> = if wire.contains(&b'+') {
        wire.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect::<Vec<_>>().into()
    } else {
        wire.into()
    };
    decode(&spaced)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_encoded_once_and_never_normalised() {
        for (wire, canonical) in [
            ("", "/"),
            ("/", "/"),
            ("/b/a%20b", "/b/a%20b"),
            ("/b//a/./../c/", "/b//a/./../c/"),
            ("/b/%e2%82%ac", "/b/%E2%82%AC"),
            ("/b/\u{20ac}", "/b/%E2%82%AC"),
            ("/b/100%", "/b/100%25"),
            ("/b/%zz", "/b/%25zz"),
            ("/b/a+b", "/b/a%2Bb"),
        ] {
            assert_eq!(CanonicalPath::from_wire(wire.as_bytes()).as_str(), canonical, "{wire}");
        }
    }

    #[test]
    fn a_query_is_decoded_sorted_and_encoded_with_its_slashes() {
        for (wire, canonical) in [
            ("", ""),
            ("uploads", "uploads="),
            ("prefix=a+b%2f&delimiter=/", "delimiter=%2F&prefix=a%20b%2F"),
            ("b=2&a=2&a=1&&", "a=1&a=2&b=2"),
            ("a=b=c", "a=b%3Dc"),
            ("x=%2B", "x=%2B"),
        ] {
            assert_eq!(Query::from_wire(wire.as_bytes()).canonical(), canonical, "{wire}");
        }
    }
}
