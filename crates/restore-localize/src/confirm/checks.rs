// SPDX-License-Identifier: Apache-2.0
//! What must hold of a restored cluster. Each check gives its findings, or none.

use etcd_rpc::{HashKv, Header, Listed};

use crate::confirm::expected::{Expected, Voter};

/// The cluster that an endpoint is of, and the member that it is.
pub(crate) fn identity(expected: &Expected, endpoint: &str, header: Header) -> Option<String> {
    let Header { cluster_id, member_id, .. } = header;
    if cluster_id != expected.cluster_id {
        let should = expected.cluster_id;
        return Some(format!(
            "{endpoint} is of cluster {cluster_id:x}, the restored one is {should:x}"
        ));
    }
    let is_voter = expected.members.iter().any(|it| it.id == member_id);
    (!is_voter).then(|| format!("{endpoint} is member {member_id:x}, which was not restored"))
}

/// Exactly the voters.
pub(crate) fn members(expected: &Expected, listed: &[Listed]) -> Vec<String> {
    let mut found = Vec::new();
    for Voter { name, id } in &expected.members {
        match listed.iter().find(|it| it.id == *id) {
            None => found.push(format!("member {name} ({id:x}) is not in the cluster's list")),
            Some(it) if !it.name.is_empty() && it.name != *name => {
                found.push(format!(
                    "member {id:x} is named {}, and was restored as {name}",
                    it.name
                ));
            }
            Some(it) if it.is_learner => found.push(format!("member {name} has no vote")),
            Some(_) => {}
        }
    }
    let is_other = |it: &&Listed| expected.members.iter().all(|voter| voter.id != it.id);
    for other in listed.iter().filter(is_other) {
        found.push(format!("member {} ({:x}) was not restored", other.name, other.id));
    }
    found
}

/// Members that have not told yet where clients reach them.
pub(crate) fn unstarted(listed: &[Listed]) -> Vec<String> {
    let is_unstarted = |it: &&Listed| it.name.is_empty() || it.client_urls.is_empty();
    listed.iter().filter(is_unstarted).map(|it| format!("{} ({:x})", it.name, it.id)).collect()
}

/// It went on from where the restore had put it.
pub(crate) fn revision(expected: &Expected, head: i64) -> Option<String> {
    let from = expected.revision;
    (head < from).then(|| format!("it is at revision {head}, and was restored at {from}"))
}

/// What lived at the restored revision.
pub(crate) fn keys(expected: &Expected, count: u64) -> Option<String> {
    let Expected { revision, keys, .. } = expected;
    (count != *keys)
        .then(|| format!("{count} keys lived at revision {revision}, restored were {keys}"))
}

/// One hash for all; each with the endpoint that gave it.
pub(crate) fn hashes(revision: i64, answers: &[(String, HashKv)]) -> Option<String> {
    let (_, first) = answers.first()?;
    let is_same =
        |hash: &HashKv| hash.hash == first.hash && hash.compact_revision == first.compact_revision;
    if answers.iter().all(|(_, hash)| is_same(hash)) {
        return None;
    }
    let told = answers.iter().map(|(endpoint, it)| {
        format!("{endpoint}: {} (compacted at {})", it.hash, it.compact_revision)
    });
    let told: Vec<String> = told.collect();
    Some(format!("members hold different data at revision {revision}: {}", told.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected() -> Expected {
        let voter = |name: &str, id| Voter { name: name.to_owned(), id };
        let members = vec![voter("a", 1), voter("b", 2)];
        Expected { cluster_id: 7, members, revision: 100, unraised: 100, keys: 5 }
    }

    fn listed(name: &str, id: u64) -> Listed {
        let client_urls = vec!["http://x:2379".to_owned()];
        Listed { id, name: name.to_owned(), client_urls, ..Listed::default() }
    }

    fn header(cluster_id: u64, member_id: u64) -> Header {
        Header { cluster_id, member_id, revision: 100, raft_term: 2 }
    }

    #[test]
    fn a_stranger_is_told_from_a_member() {
        assert_eq!(identity(&expected(), "e", header(7, 2)), None);
        assert!(identity(&expected(), "e", header(8, 2)).unwrap().contains("of cluster 8"));
        assert!(identity(&expected(), "e", header(7, 3)).unwrap().contains("member 3"));
    }

    #[test]
    fn the_members_are_exactly_the_voters() {
        assert!(members(&expected(), &[listed("a", 1), listed("b", 2)]).is_empty());
        let learner = Listed { is_learner: true, ..listed("b", 2) };
        for (bad, word) in [
            (vec![listed("a", 1)], "b (2) is not in"),
            (vec![listed("a", 1), listed("b", 2), listed("c", 3)], "c (3) was not restored"),
            (vec![listed("a", 1), listed("x", 2)], "named x"),
            (vec![listed("a", 1), learner], "has no vote"),
        ] {
            let found = members(&expected(), &bad);
            assert!(found.len() == 1 && found[0].contains(word), "{found:?}");
        }
        let silent = Listed { client_urls: vec![], ..listed("b", 2) };
        assert_eq!(unstarted(&[listed("a", 1), silent]), ["b (2)"]);
    }

    #[test]
    fn figures_that_differ_are_named() {
        assert_eq!((revision(&expected(), 100), keys(&expected(), 5)), (None, None));
        assert!(revision(&expected(), 99).unwrap().contains("99"));
        assert!(keys(&expected(), 4).unwrap().contains("4 keys"));
    }

    #[test]
    fn hashes_are_one_or_named_all() {
        let hash = |hash, compact_revision| HashKv { header: None, hash, compact_revision };
        let told = |a, b| vec![("a".to_owned(), a), ("b".to_owned(), b)];
        assert_eq!(hashes(9, &told(hash(1, 3), hash(1, 3))), None);
        assert!(hashes(9, &told(hash(1, 3), hash(2, 3))).unwrap().contains("b: 2"));
        assert!(hashes(9, &told(hash(1, 3), hash(1, 4))).is_some());
    }
}
