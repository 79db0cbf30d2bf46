// SPDX-License-Identifier: Apache-2.0
//! Writes small bolt files, page by page, so that a test can say what is wrong in one of them.

use crate::repair;

const HEADER: usize = 16;
const ELEMENT: usize = 16;
const BRANCH: u16 = 1;
const LEAF: u16 = 2;
const META: u16 = 4;

/// Entries of a bucket, in the order of their keys.
pub(crate) type Entries = Vec<(Vec<u8>, Vec<u8>)>;

/// A file that is being written. Pages 0 and 1 are the meta pages.
pub(crate) struct Forge {
    page_size: usize,
    image: Vec<u8>,
}

impl Forge {
    pub(crate) fn new(page_size: usize) -> Self {
        Self { page_size, image: vec![0; 2 * page_size] }
    }

    /// How many pages there are so far, which is the number of the next.
    pub(crate) fn next(&self) -> u64 {
        (self.image.len() / self.page_size) as u64
    }

    /// Appends a page and returns its number.
    pub(crate) fn page(&mut self, mut bytes: Vec<u8>) -> u64 {
        let id = self.next();
        let pages = bytes.len().div_ceil(self.page_size);
        bytes.resize(pages * self.page_size, 0);
        bytes[..8].copy_from_slice(&id.to_le_bytes());
        bytes[12..16].copy_from_slice(&(pages as u32 - 1).to_le_bytes());
        self.image.extend(bytes);
        id
    }

    /// A tree of `entries`, `fan` to each page.
    pub(crate) fn tree(&mut self, entries: &Entries, fan: usize) -> u64 {
        if entries.is_empty() {
            return self.page(leaf(&[], false));
        }
        let mut level: Vec<(Vec<u8>, u64)> = Vec::new();
        for some in entries.chunks(fan) {
            level.push((some[0].0.clone(), self.page(leaf(some, false))));
        }
        while level.len() > 1 {
            let mut above = Vec::new();
            for some in level.chunks(fan) {
                above.push((some[0].0.clone(), self.page(branch(some))));
            }
            level = above;
        }
        level[0].1
    }

    /// Writes the list of buckets and the meta pages; seals all.
    pub(crate) fn finish(mut self, mut buckets: Entries) -> Vec<u8> {
        buckets.sort();
        let root = self.page(leaf(&buckets, true));
        self.finish_at(root)
    }

    /// As [`finish`](Self::finish), with the list at page `root`.
    pub(crate) fn finish_at(mut self, root: u64) -> Vec<u8> {
        let pages = self.next();
        for id in [0, 1] {
            let meta = meta(self.page_size, root, pages, 7 + id);
            let at = id as usize * self.page_size;
            self.image[at..at + 8].copy_from_slice(&id.to_le_bytes());
            self.image[at + 8..at + 10].copy_from_slice(&META.to_le_bytes());
            self.image[at + HEADER..at + HEADER + meta.len()].copy_from_slice(&meta);
        }
        self.image.extend([0; 32]);
        repair::seal(&mut self.image);
        self.image
    }
}

fn meta(page_size: usize, root: u64, pages: u64, transaction: u64) -> Vec<u8> {
    let mut meta = Vec::new();
    for number in [0xED0C_DAED, 2, page_size as u32, 0] {
        meta.extend(number.to_le_bytes());
    }
    for number in [root, 0, u64::MAX, pages, transaction] {
        meta.extend(number.to_le_bytes());
    }
    meta
}

/// A leaf's bytes; its number and further pages are for whoever places it.
pub(crate) fn leaf(entries: &[(Vec<u8>, Vec<u8>)], are_buckets: bool) -> Vec<u8> {
    let mut page = header(LEAF, entries.len());
    let mut data = entries.len() * ELEMENT;
    for (index, (key, value)) in entries.iter().enumerate() {
        let position = (data - index * ELEMENT) as u32;
        for number in [are_buckets.into(), position, key.len() as u32, value.len() as u32] {
            page.extend(number.to_le_bytes());
        }
        data += key.len() + value.len();
    }
    for (key, value) in entries {
        page.extend(key);
        page.extend(value);
    }
    page
}

/// A branch's bytes.
pub(crate) fn branch(children: &[(Vec<u8>, u64)]) -> Vec<u8> {
    let mut page = header(BRANCH, children.len());
    let mut data = children.len() * ELEMENT;
    for (index, (key, child)) in children.iter().enumerate() {
        page.extend(((data - index * ELEMENT) as u32).to_le_bytes());
        page.extend((key.len() as u32).to_le_bytes());
        page.extend(child.to_le_bytes());
        data += key.len();
    }
    for (key, _) in children {
        page.extend(key);
    }
    page
}

fn header(flags: u16, count: usize) -> Vec<u8> {
    let mut page = vec![0; HEADER];
    page[8..10].copy_from_slice(&flags.to_le_bytes());
    page[10..12].copy_from_slice(&(count as u16).to_le_bytes());
    page
}

/// A bucket's value, where its tree starts at a page.
pub(crate) fn bucket_at(root: u64) -> Vec<u8> {
    [root.to_le_bytes(), [0; 8]].concat()
}

/// A bucket's value, where its only leaf lies behind it.
pub(crate) fn inline(entries: &Entries) -> Vec<u8> {
    [bucket_at(0), leaf(entries, false)].concat()
}
