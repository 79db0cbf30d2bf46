// SPDX-License-Identifier: Apache-2.0
//! The listings of S3 and Azure: flat enough to be read by the names of their elements.

use quick_xml::events::Event;

use super::Object;

/// Which elements say what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dialect {
    pub(super) item: &'static str,
    pub(super) key: &'static str,
    pub(super) size: &'static str,
    pub(super) next: &'static str,
}

/// One page of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) objects: Vec<Object>,
    /// Where the next page starts, if there is one.
    pub(super) next: Option<String>,
}

/// Reads a page; elements that are not known are passed over.
pub(super) fn page(text: &str, dialect: Dialect) -> anyhow::Result<Page> {
    let mut reader = quick_xml::Reader::from_str(text);
    let mut page = Page::default();
    let (mut key, mut size, mut value) = (String::new(), 0, String::new());
    loop {
        match reader.read_event()? {
            Event::Eof => return Ok(page),
            Event::Start(_) => value.clear(),
            Event::Text(part) => value.push_str(&part),
            Event::GeneralRef(name) => {
                let escaped = format!("&{};", &*name);
                value.push_str(&quick_xml::escape::unescape(&escaped)?);
            }
            Event::End(end) => {
                let name = end.local_name().as_ref().to_owned();
                let text = std::mem::take(&mut value);
                if name == dialect.item {
                    page.objects.push(Object { key: std::mem::take(&mut key), size });
                } else if name == dialect.key {
                    key = text;
                } else if name == dialect.size {
                    size = text.trim().parse()?;
                } else if name == dialect.next && !text.trim().is_empty() {
                    page.next = Some(text);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_unescaped_and_the_next_page_is_found() {
        let dialect = Dialect { item: "C", key: "Key", size: "Size", next: "Next" };
        let text = "<?xml version=\"1.0\"?><L><Name>bucket</Name><C><Key>a &amp; b&#x41;</Key>\
                    <Owner><ID>x</ID></Owner><Size>12</Size></C><Next>t</Next></L>";
        let read = page(text, dialect).unwrap();
        assert_eq!(read.objects, [Object { key: "a & bA".to_owned(), size: 12 }]);
        assert_eq!(read.next.as_deref(), Some("t"));
    }
}
