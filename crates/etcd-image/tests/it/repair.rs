// SPDX-License-Identifier: Apache-2.0
//! Makes what was changed in a snapshot consistent again where checksums would tell: the meta pages
//! and the trailer. What is left of the change is then the reader's to find.

use aws_lc_rs::digest::{SHA256, digest};

const TRAILER: usize = 32;
const SECTOR: usize = 512;
const SUMMED: std::ops::Range<usize> = 16..72;

/// Cuts the file to a length that one may have, and renews all sums. Too short ones stay as they are.
pub(crate) fn seal(file: &mut Vec<u8>) {
    let image = file.len().saturating_sub(TRAILER) / SECTOR * SECTOR;
    if image == 0 {
        return;
    }
    file.truncate(image);
    seal_meta(&mut file[..]);
    for size in (9..=16).map(|power| 1 << power) {
        if let Some(second) = file.get_mut(size..) {
            seal_meta(second);
        }
    }
    let sum = digest(&SHA256, file);
    file.extend_from_slice(sum.as_ref());
}

/// Renews the checksum of a page, if it is a meta page.
fn seal_meta(page: &mut [u8]) {
    if page.get(16..20) != Some(&0xED0C_DAED_u32.to_le_bytes()) || page.len() < 80 {
        return;
    }
    let sum = page[SUMMED].iter().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    page[72..80].copy_from_slice(&sum.to_le_bytes());
}
