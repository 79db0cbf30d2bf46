// SPDX-License-Identifier: Apache-2.0
//! What a restored member says of itself: a small file inside `member/`, so that one rename moves both.

use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use snapshot::{Pinned, PinnedCluster, Tool};

/// Beside `snap` and `wal`; etcd passes it over.
const NAME: &str = "pilotfish-restored.json";
/// More than any marker has, in bytes.
const LIMIT: u64 = 64 * 1024;

/// That this member was restored, of what, and as whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Marker {
    /// The generation.
    pub(crate) generation: String,
    /// What it was made of.
    #[serde(flatten)]
    pub(crate) what: Pinned,
    /// The member's name.
    pub(crate) name: String,
    /// The cluster that it starts with.
    #[serde(flatten)]
    pub(crate) cluster: PinnedCluster,
    /// The cluster's id, in hex.
    pub(crate) cluster_id: String,
    /// The member's id, in hex.
    pub(crate) member_id: String,
    /// The revision at which it starts.
    pub(crate) revision: i64,
    /// The keys that live there.
    pub(crate) live_keys: u64,
    /// The nonce of the volume.
    pub(crate) volume: String,
    /// When.
    pub(crate) restored: Timestamp,
    /// By what.
    pub(crate) tool: Tool,
}

impl Marker {
    /// Where it lies in a data directory.
    pub(crate) fn path(data_dir: &Path) -> PathBuf {
        data_dir.join("member").join(NAME)
    }

    /// Reads that of a data directory; nothing where there is none.
    ///
    /// # Errors
    /// Those of the disk; `InvalidData` for one that cannot be understood.
    pub(crate) fn read(data_dir: &Path) -> io::Result<Option<Self>> {
        crate::disk_file::small(&Self::path(data_dir), LIMIT)
    }
}
