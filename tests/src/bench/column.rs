// SPDX-License-Identifier: Apache-2.0
//! What is held against each other: the columns of a table.

use super::figure::{Compared, Figures};

/// A column of a table.
pub(super) trait Column: Copy + Ord + 'static {
    /// All of them, in the order in which they are shown.
    const ALL: &'static [Self];
    /// The one that is judged.
    const OURS: Self;

    /// Its head.
    fn name(self) -> &'static str;

    /// Where the figures of its table are.
    fn shelf(figures: &mut Figures) -> &mut Vec<Compared<Self>>;
}
