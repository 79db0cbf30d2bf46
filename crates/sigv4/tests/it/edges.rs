// SPDX-License-Identifier: Apache-2.0
//! What each form allows and refuses, line by line.

use sigv4::{Check, FrameError, Framing, Limits, Reader};

use crate::reading::{LIMITS, Outcome, pieces, read, read_whole, reader};

const FORM_ERROR: &str = "InvalidRequest";

fn unsigned(body: &str) -> Outcome {
    read_whole(reader(Framing::UnsignedTrailer, Check::Skip), body.as_bytes())
}

fn verdict(framing: Framing, body: &str) -> Result<(), FrameError> {
    read_whole(reader(framing, Check::Skip), body.as_bytes()).verdict
}

fn signed_head(size: &str) -> String {
    format!("{size};chunk-signature={}\r\n", "0".repeat(64))
}

#[test]
fn sizes_are_hexadecimal_in_either_case_of_up_to_sixteen_digits() {
    for head in ["a", "A", "0a", "000000000000000A"] {
        let outcome = unsigned(&format!("{head}\r\n0123456789\r\n0\r\n\r\n"));
        assert_eq!((outcome.verdict, outcome.chunks), (Ok(()), vec![10]), "{head}");
    }
    for head in ["", " a", "a ", "+a", "-1", "0x1", "g", "0000000000000000a", "1 ", "\u{663}"] {
        let outcome = unsigned(&format!("{head}\r\n0123456789\r\n0\r\n\r\n"));
        assert_eq!(outcome.verdict, Err(FrameError::BadSize), "{head:?}");
    }
}

#[test]
fn a_chunk_beyond_the_bound_is_refused_by_its_head() {
    let limit = LIMITS.max_chunk;
    assert_eq!(unsigned(&format!("{limit:x}\r\n")).verdict, Err(FrameError::Truncated));
    for size in [limit + 1, u64::MAX] {
        let refused = unsigned(&format!("{size:x}\r\n")).verdict;
        assert_eq!(refused, Err(FrameError::ChunkTooLarge { size, limit }));
        assert_eq!(refused.unwrap_err().s3_code(), "InvalidChunkSizeError");
    }
}

#[test]
fn a_line_at_the_bound_passes_and_one_byte_more_does_not_however_it_is_cut() {
    let limits = Limits { max_line: 8, ..LIMITS };
    for (zeros, expected) in [(7, Ok(())), (8, Err(FrameError::LineTooLong(8)))] {
        for end in ["\r\n", "\n"] {
            // The trailer's line is the long one: a chunk's head may not end by LF alone.
            let body = format!("0\r\na:{}{end}\r\n", "0".repeat(zeros - 1));
            for size in 1..=body.len() {
                let reader = Reader::new(Framing::UnsignedTrailer, limits, None, Check::Skip);
                let outcome = read(reader, pieces(body.as_bytes(), &[size]));
                assert_eq!(outcome.verdict, expected, "{body:?} in pieces of {size}");
            }
        }
    }
}

#[test]
fn a_line_without_an_end_is_refused_before_it_fills_memory() {
    let mut reader = reader(Framing::UnsignedTrailer, Check::Skip);
    reader.push(vec![b'0'; LIMITS.max_line + 2].into());
    assert_eq!(reader.next(), Err(FrameError::LineTooLong(LIMITS.max_line)));
}

#[test]
fn data_ends_by_crlf_and_nothing_else() {
    for end in ["", "\n", "\r", "\r\r\n", "x\r\n", "\n\r\n"] {
        let outcome = unsigned(&format!("3\r\nabc{end}0\r\n\r\n"));
        assert_eq!(outcome.verdict, Err(FrameError::BadLineEnd), "{end:?}");
        assert_eq!(outcome.data, b"abc");
    }
    assert_eq!(unsigned("3\nabc\r\n0\r\n\r\n").verdict, Err(FrameError::BadLineEnd));
}

#[test]
fn a_signed_chunk_has_its_signature_and_nothing_else_behind_its_size() {
    let signature = "0".repeat(64);
    for extension in [
        String::new(),
        ";".to_owned(),
        format!(";Chunk-Signature={signature}"),
        format!("; chunk-signature={signature}"),
        format!(";chunk-signature={}", &signature[1..]),
        format!(";chunk-signature={signature}0"),
        format!(";chunk-signature={signature};more=1"),
        format!(";more=1;chunk-signature={signature}"),
        format!(";chunk-signature={}", "A".repeat(64)),
        format!(";chunk-signature={}", "g".repeat(64)),
    ] {
        for framing in [Framing::Signed, Framing::SignedTrailer] {
            let refused = verdict(framing, &format!("3{extension}\r\nabc\r\n"));
            assert_eq!(refused, Err(FrameError::BadSignatureField), "{extension:?}");
        }
    }
}

#[test]
fn an_unsigned_chunk_has_nothing_behind_its_size() {
    for extension in [";", ";chunk-signature=", ";a=b"] {
        let refused = unsigned(&format!("3{extension}\r\nabc\r\n0\r\n\r\n")).verdict;
        assert_eq!(refused, Err(FrameError::UnexpectedExtension), "{extension:?}");
    }
}

#[test]
fn a_trailer_has_lines_of_name_and_value_or_none() {
    for (lines, expected) in [
        ("\r\n", vec![]),
        ("a:b\r\n\r\n", vec![("a", "b")]),
        ("a:b\n\r\n\r\n", vec![("a", "b")]),
        ("a:b\n\r\n", vec![("a", "b")]),
        ("A-b_1: b c \r\nd:\r\n\r\n", vec![("a-b_1", "b c"), ("d", "")]),
        ("a:b:c\r\n\r\n", vec![("a", "b:c")]),
        ("a:b\nc:d\n\r\n\r\n", vec![("a", "b"), ("c", "d")]),
    ] {
        let outcome = unsigned(&format!("0\r\n{lines}"));
        assert_eq!(outcome.verdict, Ok(()), "{lines:?}");
        let came: Vec<(&str, &[u8])> =
            outcome.trailers.iter().map(|(name, value)| (name.as_str(), &value[..])).collect();
        let expected: Vec<(&str, &[u8])> =
            expected.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        assert_eq!(came, expected, "{lines:?}");
    }
}

#[test]
fn a_trailer_of_anything_else_is_refused() {
    let long = format!("a:{}\r\n", "b".repeat(200)).repeat(3);
    for lines in
        ["a\r\n\r\n", ":b\r\n\r\n", "a b:c\r\n\r\n", "\u{e9}:b\r\n\r\n", "a:\u{1}b\r\n\r\n", &long]
    {
        let refused = unsigned(&format!("0\r\n{lines}")).verdict.unwrap_err();
        assert!(matches!(refused, FrameError::BadTrailer(_)), "{lines:?}: {refused:?}");
        assert_eq!(refused.s3_code(), "MalformedTrailerError");
    }
}

#[test]
fn a_signed_trailer_without_its_signature_at_its_end_is_refused() {
    let signature = format!("x-amz-trailer-signature:{}\r\n", "0".repeat(64));
    let short = signature.replacen('0', "", 1);
    for (lines, is_ok) in [
        (format!("a:b\r\n{signature}\r\n"), true),
        (format!("{signature}\r\n"), true),
        ("a:b\r\n\r\n".to_owned(), false),
        ("\r\n".to_owned(), false),
        (format!("{signature}a:b\r\n\r\n"), false),
        (format!("{signature}{signature}\r\n"), false),
        (format!("{short}\r\n"), false),
    ] {
        let verdict = verdict(Framing::SignedTrailer, &format!("{}{lines}", signed_head("0")));
        match verdict {
            Ok(()) => assert!(is_ok, "{lines:?}"),
            Err(error) => {
                assert!(!is_ok && matches!(error, FrameError::BadTrailer(_)), "{lines:?}: {error}");
            }
        }
    }
}

#[test]
fn a_form_without_a_trailer_ends_by_one_empty_line() {
    let zero = signed_head("0");
    assert_eq!(verdict(Framing::Signed, &format!("{zero}\r\n")), Ok(()));
    for end in ["\n", "x\r\n", "x", "a:b\r\n\r\n", "\r\r\n"] {
        let refused = verdict(Framing::Signed, &format!("{zero}{end}"));
        assert!(refused.is_err(), "{end:?}");
    }
    let trailer = verdict(Framing::Signed, &format!("{zero}a:b\r\n\r\n"));
    assert_eq!(trailer.unwrap_err().s3_code(), FORM_ERROR);
}

/// A line ended by LF and its separator may end an unsigned trailer, as one of minio-go's forms does;
/// anything after them must itself be ended.
#[test]
fn a_trailer_that_stops_before_its_end_is_refused() {
    for lines in ["", "a:b\r\n", "a:b\n", "a:b\n\r\nx", "a:b\n\r\nc:d\r\n", "a:b\n\r\n\r"] {
        assert_eq!(
            unsigned(&format!("0\r\n{lines}")).verdict,
            Err(FrameError::Truncated),
            "{lines:?}"
        );
    }
    let unproven = verdict(Framing::SignedTrailer, &format!("{}a:b\n\r\n", signed_head("0")));
    assert_eq!(unproven, Err(FrameError::Truncated));
}

#[test]
fn a_body_that_is_not_as_long_as_announced_is_refused_before_its_data() {
    for (declared, body, seen) in [
        (2, "3\r\n", 3),
        (4, "3\r\nabc\r\n0\r\n\r\n", 3),
        (4, "3\r\nabc\r\n2\r\n", 5),
        (1, "0\r\n\r\n", 0),
        (0, "1\r\n", 1),
    ] {
        let reader = Reader::new(Framing::UnsignedTrailer, LIMITS, Some(declared), Check::Skip);
        let refused = read_whole(reader, body.as_bytes()).verdict.unwrap_err();
        assert_eq!(refused, FrameError::LengthMismatch { declared, seen }, "{body:?}");
        assert_eq!(refused.s3_code(), "IncompleteBody");
    }
}

#[test]
fn a_body_of_nothing_but_an_end_is_empty() {
    assert_eq!(unsigned("0\r\n\r\n").verdict, Ok(()));
    assert_eq!(verdict(Framing::Signed, &format!("{}\r\n", signed_head("0"))), Ok(()));
    for framing in [Framing::Signed, Framing::SignedTrailer, Framing::UnsignedTrailer] {
        assert_eq!(verdict(framing, ""), Err(FrameError::Truncated));
    }
}
