// SPDX-License-Identifier: Apache-2.0
//! A page of the tree, and where its elements lie in it.
//!
//! Layout, little-endian: page number u64, flags u16, element count u16, further pages u32; then one
//! element of 16 bytes each (branch: position u32, key length u32, child page u64; leaf: flags u32,
//! position u32, key length u32, value length u32), a position counted from its element; then
//! keys and values.

use crate::error::Error;
use crate::meta::{u16_at, u32_at, u64_at};

pub(crate) const HEADER: usize = 16;
const ELEMENT: usize = 16;
const BRANCH: u16 = 1;
const LEAF: u16 = 2;
const BUCKET: u32 = 1;
/// The longest key that bolt takes.
pub(crate) const MAX_KEY: u32 = 32_768;

/// What a page's header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) id: u64,
    pub(crate) is_leaf: bool,
    pub(crate) count: u16,
    /// How many pages behind the first belong to it.
    pub(crate) further: u32,
}

impl Header {
    /// Reads the first [`HEADER`] bytes of page `page`.
    pub(crate) fn parse(bytes: &[u8], page: u64) -> Result<Self, Error> {
        let is_leaf = match u16_at(bytes, 8) {
            BRANCH => false,
            LEAF => true,
            _ => return Err(Error::Corrupt { page, what: "it is no page of a tree" }),
        };
        Ok(Self {
            id: u64_at(bytes, 0),
            is_leaf,
            count: u16_at(bytes, 10),
            further: u32_at(bytes, 12),
        })
    }

    /// Bytes of the header and all elements, without their keys and values.
    pub(crate) fn table(&self) -> usize {
        HEADER + ELEMENT * usize::from(self.count)
    }
}

/// A page: all of a branch, the first part of a leaf whose values are large.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) header: Header,
    /// The page that this is, or in whose leaf it lies.
    pub(crate) number: u64,
    /// Where it starts in the file.
    pub(crate) at: u64,
    /// Its length in bytes, further pages included.
    pub(crate) len: u64,
    /// Its first bytes: at least the header and the elements.
    pub(crate) held: Vec<u8>,
}

/// Where an element lies in its page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Element {
    pub(crate) key: u64,
    pub(crate) key_len: u32,
    pub(crate) value_len: u32,
    pub(crate) is_bucket: bool,
    /// A branch's child.
    pub(crate) child: u64,
}

impl Element {
    pub(crate) fn value(&self) -> u64 {
        self.key + u64::from(self.key_len)
    }

    pub(crate) fn end(&self) -> u64 {
        self.value() + u64::from(self.value_len)
    }
}

impl Page {
    /// Element `index`, which must be less than the count, and must not start before `floor`: bolt
    /// writes one behind the other, and bytes that many elements shared would be read many times.
    pub(crate) fn element(&self, index: u16, floor: u64) -> Result<Element, Error> {
        let at = HEADER + ELEMENT * usize::from(index);
        let bytes = &self.held[at..at + ELEMENT];
        let element =
            if self.header.is_leaf { leaf(bytes, at as u64) } else { branch(bytes, at as u64) };
        if element.key_len == 0 || element.key_len > MAX_KEY {
            return Err(self.corrupt("a key is empty or longer than any"));
        }
        if element.key < floor || element.end() > self.len {
            return Err(self.corrupt("an element lies outside its place"));
        }
        Ok(element)
    }

    /// Where the first element's key may start.
    pub(crate) fn floor(&self) -> u64 {
        self.header.table() as u64
    }

    pub(crate) fn corrupt(&self, what: &'static str) -> Error {
        Error::Corrupt { page: self.number, what }
    }
}

fn leaf(bytes: &[u8], at: u64) -> Element {
    Element {
        key: at + u64::from(u32_at(bytes, 4)),
        key_len: u32_at(bytes, 8),
        value_len: u32_at(bytes, 12),
        is_bucket: u32_at(bytes, 0) & BUCKET != 0,
        child: 0,
    }
}

fn branch(bytes: &[u8], at: u64) -> Element {
    Element {
        key: at + u64::from(u32_at(bytes, 0)),
        key_len: u32_at(bytes, 4),
        value_len: 0,
        is_bucket: false,
        child: u64_at(bytes, 8),
    }
}
