// SPDX-License-Identifier: Apache-2.0
//! The keys that a DeleteObjects body names. Anything unusual is refused, not guessed.
//!
//! Form: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html>.

use quick_xml::Reader;
use quick_xml::events::Event;

use crate::s3_error::S3Error;

/// S3's own bound on one request.
const MOST: usize = 1000;

/// Reads the text of each `Delete/Object/Key`.
pub(crate) fn keys(body: &[u8]) -> Result<Vec<String>, S3Error> {
    let text = std::str::from_utf8(body).map_err(|_| malformed("it is not UTF-8"))?;
    let mut reader = Reader::from_str(text);
    let mut path: Vec<String> = Vec::new();
    let mut keys: Vec<String> = Vec::new();
    loop {
        match reader.read_event().map_err(|error| malformed(&error.to_string()))? {
            Event::Start(start) => {
                path.push(start.local_name().as_ref().to_owned());
                if is_key(&path) {
                    keys.push(String::new());
                }
            }
            Event::End(_) => {
                path.pop();
            }
            Event::Empty(empty) if empty.local_name().as_ref() == "Key" => {
                return Err(malformed("an empty key"));
            }
            Event::Text(text) if is_key(&path) => append(&mut keys, &text.xml10_content()),
            Event::GeneralRef(reference) if is_key(&path) => {
                append(&mut keys, &resolve(&reference)?);
            }
            Event::CData(_) if is_key(&path) => return Err(malformed("CDATA in a key")),
            Event::DocType(_) => return Err(malformed("a document type")),
            Event::Eof => break,
            _ => {}
        }
    }
    if keys.is_empty() || keys.len() > MOST || !path.is_empty() {
        return Err(malformed("not 1 to 1,000 keys"));
    }
    Ok(keys)
}

fn is_key(path: &[String]) -> bool {
    path == ["Delete", "Object", "Key"]
}

fn append(keys: &mut [String], text: &str) {
    if let Some(key) = keys.last_mut() {
        key.push_str(text);
    }
}

/// A character reference or one of XML's five entities.
fn resolve(reference: &quick_xml::events::BytesRef<'_>) -> Result<String, S3Error> {
    if let Some(character) =
        reference.resolve_char_ref().map_err(|error| malformed(&error.to_string()))?
    {
        return Ok(character.to_string());
    }
    quick_xml::escape::resolve_predefined_entity(reference)
        .map(str::to_owned)
        .ok_or_else(|| malformed("an unknown entity"))
}

fn malformed(why: &str) -> S3Error {
    S3Error::bad("MalformedXML", format!("the XML of this multi-delete cannot be checked: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_with_escapes_and_spaces_as_they_are() {
        let body = b"<?xml version=\"1.0\"?><Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet><Object><Key>p/a&amp;b&#32;c</Key><VersionId>1</VersionId></Object><Object><Key> p/ </Key></Object></Delete>";
        assert_eq!(keys(body).unwrap(), ["p/a&b c", " p/ "]);
    }

    #[test]
    fn what_cannot_be_checked_is_refused() {
        for body in [
            "<Delete></Delete>",
            "<Delete><Object><Key>a</Key>",
            "<Delete><Object><Key/></Object></Delete>",
            "<!DOCTYPE x [<!ENTITY e \"q\">]><Delete><Object><Key>&e;</Key></Object></Delete>",
            "<Delete><Object><Key><![CDATA[a]]></Key></Object></Delete>",
            "nonsense",
        ] {
            assert!(keys(body.as_bytes()).is_err(), "{body}");
        }
    }
}
