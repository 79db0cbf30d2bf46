// SPDX-License-Identifier: Apache-2.0
//! Pages by their number, read ahead where they are asked for in the file's order.

use crate::error::Error;
use crate::meta::Meta;
use crate::page::{HEADER, Header, Page};
use crate::source::ReadAt;

/// The most that is read at once.
const AHEAD: u64 = 1 << 20;
/// How much of a leaf is held; the rest, which is large values, is read when it is asked for.
const HELD: u64 = 64 << 10;
/// bolt splits a branch that has more than a few keys, each shorter than 32 KiB.
const LARGEST_BRANCH: u64 = 256 << 10;

/// The pages of a database.
pub(crate) struct Pages<'a> {
    source: &'a dyn ReadAt,
    page_size: u64,
    count: u64,
    window: Vec<u8>,
    window_at: u64,
    // Where the page that was asked for last ends, and how far to read on if that is asked for now.
    follows: u64,
    ahead: u64,
}

/// Which pages were met in a walk: a page belongs to one place of one tree.
pub(crate) struct Seen(Vec<u64>);

impl Seen {
    pub(crate) fn none_of(meta: &Meta) -> Self {
        Self(vec![0; meta.pages.div_ceil(64) as usize])
    }

    /// The pages must be the database's.
    fn mark(&mut self, pages: std::ops::Range<u64>) -> Result<(), Error> {
        for page in pages {
            let word = &mut self.0[(page / 64) as usize];
            let bit = 1 << (page % 64);
            if *word & bit != 0 {
                return Err(Error::Corrupt { page, what: "two places claim it" });
            }
            *word |= bit;
        }
        Ok(())
    }
}

impl<'a> Pages<'a> {
    /// The source must hold all pages that `meta` counts.
    pub(crate) fn new(source: &'a dyn ReadAt, meta: &Meta) -> Self {
        Self {
            source,
            page_size: meta.page_size.into(),
            count: meta.pages,
            window: Vec::new(),
            window_at: 0,
            follows: 0,
            ahead: 0,
        }
    }

    pub(crate) fn source(&self) -> &'a dyn ReadAt {
        self.source
    }

    /// Page `id` with its further pages, each marked as seen.
    pub(crate) fn load(&mut self, id: u64, seen: &mut Seen, held: Vec<u8>) -> Result<Page, Error> {
        let corrupt = |what| Err(Error::Corrupt { page: id, what });
        if id < 2 || id >= self.count {
            return corrupt("a place names it that lies outside the database");
        }
        let at = id * self.page_size;
        self.bring(at)?;
        let header = Header::parse(self.window_from(at, HEADER), id)?;
        if header.id != id {
            return corrupt("it bears another number");
        }
        let end = id + 1 + u64::from(header.further);
        if end > self.count {
            return corrupt("it goes on behind the database's end");
        }
        seen.mark(id..end)?;
        let len = (end - id) * self.page_size;
        self.follows = at + len;
        self.hold(header, id, at, len, held)
    }

    /// The page that lies in a leaf of page `number`, as a small bucket does.
    pub(crate) fn load_inline(
        &mut self,
        number: u64,
        at: u64,
        len: u64,
        held: Vec<u8>,
    ) -> Result<Page, Error> {
        let mut bytes = [0; HEADER];
        if len < HEADER as u64 {
            return Err(Error::Corrupt { page: number, what: "a bucket in it is too short" });
        }
        self.source.read_exact_at(&mut bytes, at)?;
        let header = Header::parse(&bytes, number)?;
        if !header.is_leaf {
            return Err(Error::Corrupt { page: number, what: "a bucket in it is no leaf" });
        }
        self.hold(header, number, at, len, held)
    }

    fn hold(
        &self,
        header: Header,
        number: u64,
        at: u64,
        len: u64,
        mut held: Vec<u8>,
    ) -> Result<Page, Error> {
        let corrupt = |what| Err(Error::Corrupt { page: number, what });
        let table = header.table() as u64;
        if table > len {
            return corrupt("it counts more elements than it holds");
        }
        if !header.is_leaf && (len > LARGEST_BRANCH || header.count == 0) {
            return corrupt("it is a branch of an impossible size");
        }
        let wanted = if header.is_leaf { len.min(HELD.max(table)) } else { len };
        held.resize(wanted as usize, 0);
        if at >= self.window_at && at + wanted <= self.window_at + self.window.len() as u64 {
            let len = held.len();
            held.copy_from_slice(self.window_from(at, len));
        } else {
            self.source.read_exact_at(&mut held, at)?;
        }
        Ok(Page { header, number, at, len, held })
    }

    /// Makes the page at `at` lie in the window.
    fn bring(&mut self, at: u64) -> Result<(), Error> {
        let end = self.window_at + self.window.len() as u64;
        if at >= self.window_at && at + self.page_size <= end {
            return Ok(());
        }
        self.ahead = if at == self.follows { (2 * self.ahead).clamp(HELD, AHEAD) } else { 0 };
        let left = self.count * self.page_size - at;
        let take = self.ahead.max(self.page_size).min(left);
        self.window.resize(take as usize, 0);
        // Should reading fail, nothing may be taken for what lies there.
        self.window_at = u64::MAX;
        self.source.read_exact_at(&mut self.window, at)?;
        self.window_at = at;
        Ok(())
    }

    fn window_from(&self, at: u64, len: usize) -> &[u8] {
        let from = (at - self.window_at) as usize;
        &self.window[from..from + len]
    }
}
