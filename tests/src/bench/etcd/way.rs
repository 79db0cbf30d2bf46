// SPDX-License-Identifier: Apache-2.0
//! The ways from an etcd to an object in a bucket.

use crate::bench::column::Column;
use crate::bench::figure::{Compared, Figures};

/// How a snapshot becomes an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::bench) enum Way {
    /// `snapshot-upload etcd`, which verifies it and says so in a manifest.
    Ours,
    /// `etcdctl snapshot save` into a file, then `rclone copyto`.
    Rclone,
    /// `etcdctl snapshot save` into a file, then boto3's `upload_file`.
    Boto3,
}

impl Column for Way {
    const ALL: &'static [Way] = &[Way::Ours, Way::Rclone, Way::Boto3];
    const OURS: Way = Way::Ours;

    fn name(self) -> &'static str {
        match self {
            Way::Ours => "snapshot-upload",
            Way::Rclone => "etcdctl, rclone",
            Way::Boto3 => "etcdctl, boto3",
        }
    }

    fn shelf(figures: &mut Figures) -> &mut Vec<Compared<Way>> {
        &mut figures.ways
    }
}
