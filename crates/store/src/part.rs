// SPDX-License-Identifier: Apache-2.0
//! How large parts are, and how many are on their way at once.

/// No store takes more parts than S3.
const MOST: u64 = 10_000;
/// Small parts cost requests, large ones memory.
const LEAST: u64 = 8 * 1024 * 1024;
/// The JSON interface of GCS takes multiples of this only.
const GRAIN: u64 = 256 * 1024;

/// Part size and memory of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    /// Bytes of every part but the last.
    pub size: u64,
    /// Parts held at once.
    pub in_flight: usize,
}

impl Parts {
    /// Parts for an object of at most `limit` bytes in about `memory` bytes.
    #[must_use]
    pub fn for_object(limit: u64, memory: u64) -> Self {
        let size = limit.div_ceil(MOST).max(LEAST).next_multiple_of(GRAIN);
        let in_flight = usize::try_from(memory / size).unwrap_or(1).clamp(1, 8);
        Self { size, in_flight }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_parts_hold_any_object() {
        const TIB: u64 = 1 << 40;
        for limit in [0, 1, 5 << 30, TIB, 5 * TIB] {
            let parts = Parts::for_object(limit, 64 << 20);
            assert!(parts.size * MOST >= limit && parts.size.is_multiple_of(GRAIN), "{limit}");
            assert!(parts.in_flight >= 1);
        }
        let usual = Parts::for_object(8 << 30, 64 << 20);
        assert_eq!(usual, Parts { size: 8 << 20, in_flight: 8 });
    }
}
