// SPDX-License-Identifier: Apache-2.0
//! The two meta pages at the start of a bolt database. Each commit writes the older one, so after a
//! crash one of them is whole; the one with the higher transaction counts.
//!
//! Layout, little-endian, behind a page's header of 16 bytes: magic u32, version u32, page size u32,
//! flags u32, root bucket (page u64, sequence u64), freelist page u64, page count u64, transaction
//! u64, checksum u64 (FNV-1a over the 56 bytes before it).

use crate::error::Error;
use crate::foreign;
use crate::source::ReadAt;

pub(crate) const MAGIC: u32 = 0xED0C_DAED;
const VERSION: u32 = 2;
const HEADER: usize = 16;
const SUMMED: usize = 56;
const META: usize = HEADER + SUMMED + 8;
const META_FLAG: u16 = 4;
const NO_FREELIST: u64 = u64::MAX;
const PAGE_SIZES: std::ops::RangeInclusive<u32> = 9..=16;

/// What a whole meta page says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Meta {
    /// Bytes of a page.
    pub(crate) page_size: u32,
    /// The page at which the list of buckets starts.
    pub(crate) root: u64,
    /// How many pages the database has.
    pub(crate) pages: u64,
    transaction: u64,
}

/// Reads the meta pages of the image that is the first `image` bytes of `source`.
pub(crate) fn read(source: &dyn ReadAt, image: u64) -> Result<Meta, Error> {
    let first = page_at(source, image, 0)?;
    let second = match first {
        Some(meta) => page_at(source, image, meta.page_size.into())?,
        None => second_alone(source, image)?,
    };
    match (first, second) {
        (Some(a), Some(b)) if b.transaction > a.transaction => checked(b, 1),
        (Some(a), _) => checked(a, 0),
        (None, Some(b)) => checked(b, 1),
        (None, None) => Err(neither(source, image)?),
    }
}

/// The first page tells where the second lies; without it, each size that there is gets a look.
fn second_alone(source: &dyn ReadAt, image: u64) -> Result<Option<Meta>, Error> {
    for page_size in PAGE_SIZES.map(|power| 1 << power) {
        if let Some(meta) = page_at(source, image, page_size)?
            && u64::from(meta.page_size) == page_size
        {
            return Ok(Some(meta));
        }
    }
    Ok(None)
}

fn page_at(source: &dyn ReadAt, image: u64, at: u64) -> Result<Option<Meta>, Error> {
    if at + META as u64 > image {
        return Ok(None);
    }
    let mut page = [0; META];
    source.read_exact_at(&mut page, at)?;
    Ok(parse(&page))
}

fn parse(page: &[u8; META]) -> Option<Meta> {
    let meta = &page[HEADER..];
    let page_size = u32_at(meta, 8);
    let (freelist, pages) = (u64_at(meta, 32), u64_at(meta, 40));
    let whole = u16_at(page, 8) & META_FLAG != 0
        && u32_at(meta, 0) == MAGIC
        && u32_at(meta, 4) == VERSION
        && u64_at(meta, SUMMED) == fnv_1a(&meta[..SUMMED])
        && page_size.is_power_of_two()
        && PAGE_SIZES.contains(&page_size.trailing_zeros())
        && (freelist == NO_FREELIST || freelist < pages);
    whole.then(|| Meta { page_size, root: u64_at(meta, 16), pages, transaction: u64_at(meta, 48) })
}

fn checked(meta: Meta, page: u64) -> Result<Meta, Error> {
    if meta.root < 2 || meta.root >= meta.pages {
        return Err(Error::Corrupt { page, what: "its root lies outside the database" });
    }
    Ok(meta)
}

fn neither(source: &dyn ReadAt, image: u64) -> Result<Error, Error> {
    let mut head = [0; META];
    if image < META as u64 {
        return Ok(Error::Cut { bytes: source.len()?, expected: None });
    }
    source.read_exact_at(&mut head, 0)?;
    Ok(if foreign::is_bolt(&head) {
        Error::Corrupt { page: 0, what: "both meta pages are damaged" }
    } else {
        Error::NotEtcd { looks_like: "no file that is known here" }
    })
}

fn fnv_1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The number at `at`, which the caller knows to lie within `bytes`.
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

/// The number at `at`, which the caller knows to lie within `bytes`.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

/// The number at `at`, which the caller knows to lie within `bytes`.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}
