// SPDX-License-Identifier: Apache-2.0
//! The ids that etcd gives members and clusters.
//!
//! Source: `server/etcdserver/api/membership` of etcd: a member's is the head of the SHA-1 of its sorted
//! peer URLs and the token, the cluster's that of its members' ids.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use crate::voters::Voters;

/// The id of a member that was there from the start.
pub(crate) fn member_id(urls: &[String], token: &str) -> u64 {
    let mut sorted = urls.to_vec();
    sorted.sort();
    head(&[sorted.concat().as_bytes(), token.as_bytes()].concat())
}

/// The id of the cluster that these members start.
pub(crate) fn cluster_id(voters: &Voters, token: &str) -> u64 {
    let mut ids: Vec<u64> = voters.iter().map(|(_, urls)| member_id(urls, token)).collect();
    ids.sort_unstable();
    head(&ids.iter().flat_map(|id| id.to_be_bytes()).collect::<Vec<_>>())
}

/// As etcd writes ids: hex, without leading zeros.
pub(crate) fn shown(id: u64) -> String {
    format!("{id:x}")
}

fn head(bytes: &[u8]) -> u64 {
    let sum = digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes);
    sum.as_ref().iter().take(8).fold(0, |id, byte| (id << 8) | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_has_the_id_that_etcdutl_gave_it() {
        // `etcdutl snapshot restore` of 3.6.16 with this URL and token.
        assert_eq!(member_id(&["http://h:2380".to_owned()], "tt"), 0x2c68_7a10_7b27_a01e);
    }
}
