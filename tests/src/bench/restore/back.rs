// SPDX-License-Identifier: Apache-2.0
//! The ways from an object in a bucket to a data directory.

use crate::bench::column::Column;
use crate::bench::figure::{Compared, Figures};

/// How a snapshot becomes a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::bench) enum Back {
    /// `restore-localize etcd`, which verifies every byte and reads the result back.
    Ours,
    /// `rclone copyto` into a file, then `etcdutl snapshot restore`.
    Rclone,
    /// boto3's `download_file`, then the same.
    Boto3,
}

impl Back {
    /// Who is first changes from round to round.
    pub(super) fn in_turn(round: usize) -> Vec<Back> {
        let mut ways = Back::ALL.to_vec();
        ways.rotate_left(round % Back::ALL.len());
        ways
    }
}

impl Column for Back {
    const ALL: &'static [Back] = &[Back::Ours, Back::Rclone, Back::Boto3];
    const OURS: Back = Back::Ours;

    fn name(self) -> &'static str {
        match self {
            Back::Ours => "restore-localize",
            Back::Rclone => "rclone, etcdutl",
            Back::Boto3 => "boto3, etcdutl",
        }
    }

    fn shelf(figures: &mut Figures) -> &mut Vec<Compared<Back>> {
        &mut figures.back
    }
}
