// SPDX-License-Identifier: Apache-2.0
//! Signatures of the two stores that ask for them, written from the makers' pages and apart from all
//! production code: so what a store held can be read without what is under test.

pub(crate) mod azure;
pub(crate) mod s3;

/// Percent-encodes all but RFC 3986's unreserved characters; a slash too where it is no separator.
pub(crate) fn encode(text: &str, slash: Slash) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            b'/' if slash == Slash::Separates => out.push('/'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// What a slash is in the text to encode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slash {
    Separates,
    IsData,
}

/// The text behind percent escapes; an escape that is none stays as it is.
pub(crate) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let escaped = bytes.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        let mut byte = [0];
        if escaped.is_some_and(|digits| hex::decode_to_slice(digits, &mut byte).is_ok()) {
            out.push(byte[0]);
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn hmac_sha256(key: &[u8], text: &str) -> Vec<u8> {
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, key);
    aws_lc_rs::hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_encoded_decodes_to_the_same() {
        for text in ["a/b c", "100% sure?", "snö#1", "plain"] {
            assert_eq!(decode(&encode(text, Slash::IsData)), text);
        }
        assert_eq!(encode("a/b c", Slash::Separates), "a/b%20c");
        assert_eq!(decode("%zz%4"), "%zz%4");
    }
}
