// SPDX-License-Identifier: Apache-2.0
//! Snapshots of real etcd, and what etcd's own programs say of them.

use std::fs::File;
use std::path::Path;

use etcd_image::{AlarmKind, Facts, Options, describe, verify_trailer};

use crate::cluster::Cluster;
use crate::histories;
use crate::judge::{self, Hash};
use crate::programs::Version;
use crate::repair;

fn facts_with(snapshot: &Path, options: Options) -> Facts {
    let file = File::open(snapshot).unwrap();
    verify_trailer(&file).unwrap();
    describe(&file, &options).unwrap()
}

fn hash_at(snapshot: &Path, revision: i64, memory: usize) -> Hash {
    let options = Options { hash_revision: Some(revision), memory, ..Options::default() };
    let hash = facts_with(snapshot, options).hash_kv;
    (hash.hash.into(), hash.revision, hash.compact_revision)
}

/// What `snapshot status` of 3.5 and 3.6 says of the file.
pub(crate) fn agrees_with_status(snapshot: &Path) -> Facts {
    let facts = facts_with(snapshot, Options::default());
    let old = judge::status(Version::V3_5, snapshot);
    assert_eq!(u64::from(facts.status_hash), old.hash);
    assert_eq!(facts.status_revision, old.revision);
    assert_eq!(facts.total_keys, old.total_keys);
    let new = judge::status(Version::V3_6, snapshot);
    assert_eq!(u64::from(facts.status_hash), new.hash);
    assert_eq!(facts.live_keys, new.total_keys);
    assert_eq!(facts.storage_version.clone().unwrap_or_default(), new.version);
    facts
}

/// What `etcdutl hashkv` says too.
fn agrees_with_etcdutl(snapshot: &Path) -> Facts {
    let facts = agrees_with_status(snapshot);
    let hash = facts.hash_kv;
    let ours = (hash.hash.into(), hash.revision, hash.compact_revision);
    assert_eq!(ours, judge::hash_of_file(snapshot, 0));
    facts
}

/// What `etcdutl hashkv` says of the file, in much and in little memory.
fn hashes_agree_with_etcdutl(snapshot: &Path, revisions: &[i64]) {
    for revision in revisions {
        let theirs = judge::hash_of_file(snapshot, *revision);
        for memory in [Options::default().memory, 0] {
            assert_eq!(hash_at(snapshot, *revision, memory), theirs, "{memory} bytes");
        }
    }
}

/// What the members answer. Asked for the revision of a compaction, one answers with the hash that
/// it had before, and says so; one of 3.4 refuses.
pub(crate) fn hashes_agree_with_members(cluster: &Cluster, snapshot: &Path, revisions: &[i64]) {
    for revision in revisions {
        let ours = hash_at(snapshot, *revision, 24 << 20);
        if cluster.version() == Version::V3_4 && ours.1 == ours.2 {
            continue;
        }
        for theirs in judge::hashes_of_members(cluster, *revision) {
            let is_remembered = ours.1 == ours.2 && theirs.2 != ours.2;
            assert!(is_remembered || ours == theirs, "{ours:?} of the file, {theirs:?} of it");
        }
    }
}

/// What etcd's programs, and the members themselves, say.
fn agrees(cluster: &Cluster, revisions: &[i64]) -> Facts {
    let snapshot = cluster.snapshot("snapshot");
    let facts = agrees_with_etcdutl(&snapshot);
    assert_eq!(facts.revision, judge::revision(cluster));
    assert_eq!(facts.live_keys, judge::live_keys(cluster));
    assert_eq!(facts.cluster_version, Some(format!("{}.0", cluster.version().name())));
    hashes_agree_with_etcdutl(&snapshot, revisions);
    hashes_agree_with_members(cluster, &snapshot, revisions);
    facts
}

fn all_versions(test: impl Fn(Version) + Sync) {
    std::thread::scope(|scope| {
        for version in Version::ALL {
            let test = &test;
            scope.spawn(move || test(version));
        }
    });
}

#[test]
fn a_snapshot_of_every_version_is_described_as_etcd_describes_it() {
    all_versions(|version| {
        let cluster = Cluster::start(version, 1, &[]);
        let revisions = histories::everything(&cluster);
        let facts = agrees(&cluster, &revisions);
        assert_eq!((facts.leases, facts.compact_revision), (1, revisions[0]));
        assert!(!facts.auth_enabled && facts.alarms.is_empty());
        assert_eq!(facts.members.len(), 1);
        assert_eq!(facts.members[0].name, "m0");
        assert_eq!(facts.members[0].client_urls, ["unix://localhost:0"]);
        assert_eq!(facts.members[0].peer_urls, ["unix://localhost:1"]);
        if version == Version::V3_4 {
            let own = judge::status(version, &cluster.path("snapshot"));
            assert_eq!(u64::from(facts.status_hash), own.hash);
            assert_eq!((facts.status_revision, facts.total_keys), (own.revision, own.total_keys));
        }
    });
}

/// `etcdutl hashkv` crashes on a file in which a key has a lease.
#[test]
fn keys_that_have_a_lease_are_hashed_as_the_members_hash_them() {
    all_versions(|version| {
        let cluster = Cluster::start(version, 1, &[]);
        let lease = histories::lease(&cluster);
        cluster.ctl(&["put", "leased", "1", "--lease", &lease]);
        cluster.ctl(&["put", "plain", "1"]);
        histories::compact(&cluster, 2, &[]);
        let snapshot = cluster.snapshot("snapshot");
        assert_eq!(agrees_with_status(&snapshot).leases, 1);
        hashes_agree_with_members(&cluster, &snapshot, &[2, 3]);
    });
}

#[test]
fn an_empty_etcd_has_revision_1_and_no_keys() {
    all_versions(|version| {
        let facts = agrees(&Cluster::start(version, 1, &[]), &[1]);
        assert_eq!((facts.revision, facts.status_revision, facts.live_keys), (1, 0, 0));
        assert_eq!((facts.compact_revision, facts.hash_kv.compact_revision), (0, -1));
    });
}

#[test]
fn repeated_compactions_physical_ones_too_change_hashes_as_in_etcd() {
    all_versions(|version| {
        let cluster = Cluster::start(version, 1, &[]);
        for round in 0..3 {
            histories::put_many(&cluster, "key", 300);
            cluster.ctl(&["del", &format!("key-{round}"), "--prefix"]);
            let revision = judge::revision(&cluster);
            histories::put(&cluster, "after", b"1");
            histories::compact(&cluster, revision, &["--physical"]);
            agrees(&cluster, &[revision, revision + 1]);
        }
    });
}

#[test]
fn when_no_key_is_left_what_is_left_of_history_is_hashed_as_in_etcd() {
    all_versions(|version| {
        let cluster = Cluster::start(version, 1, &[]);
        histories::put_many(&cluster, "key", 150);
        cluster.ctl(&["del", "key-1", "--prefix"]);
        let before = judge::revision(&cluster);
        cluster.ctl(&["del", "key", "--prefix"]);
        let last = judge::revision(&cluster);
        agrees(&cluster, &[before, last]);
        histories::compact(&cluster, before, &["--physical"]);
        agrees(&cluster, &[before, last]);
        histories::compact(&cluster, last, &["--physical"]);
        let facts = agrees(&cluster, &[last]);
        assert_eq!((facts.live_keys, facts.revision), (0, last));
    });
}

#[test]
fn auth_that_is_on_is_told_and_auth_that_was_turned_off_again_is_off() {
    all_versions(|version| {
        let mut cluster = Cluster::start(version, 1, &[]);
        histories::put(&cluster, "secret", b"1");
        histories::turn_auth_on(&mut cluster);
        let facts = agrees(&cluster, &[judge::revision(&cluster)]);
        assert!(facts.auth_enabled);
        cluster.ctl(&["auth", "disable"]);
        cluster.login = None;
        assert!(!agrees(&cluster, &[]).auth_enabled);
    });
}

#[test]
fn an_alarm_is_told_with_the_member_that_raised_it() {
    all_versions(|version| {
        let cluster = Cluster::start(version, 1, &["--quota-backend-bytes", "8388608"]);
        histories::fill(&cluster, 1 << 20);
        let facts = agrees(&cluster, &[judge::revision(&cluster)]);
        assert_eq!(facts.alarms.len(), 1);
        assert_eq!(facts.alarms[0].kind, AlarmKind::Nospace);
        assert_eq!(facts.alarms[0].member, facts.members[0].id);
    });
}

#[test]
fn three_members_and_a_learner_are_told_and_the_members_have_the_hash_of_the_file() {
    all_versions(|version| {
        let cluster = Cluster::start(version, 3, &[]);
        histories::put_many(&cluster, "key", 250);
        histories::compact(&cluster, 3, &[]);
        cluster.ctl(&["member", "add", "late", "--learner", "--peer-urls", "http://127.0.0.1:9"]);
        let facts = agrees(&cluster, &[3, 4]);
        let told: Vec<(&str, bool)> =
            facts.members.iter().map(|member| (&*member.name, member.is_learner)).collect();
        let mut sorted = told.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, [("", true), ("m0", false), ("m1", false), ("m2", false)]);
        let listed = cluster.ctl(&["member", "list"]);
        for member in &facts.members {
            assert!(listed.contains(&format!("{:x}", member.id)), "{:x}: {listed}", member.id);
        }
    });
}

#[test]
fn a_member_that_was_removed_is_no_member() {
    all_versions(|version| {
        let cluster = Cluster::start(version, 3, &[]);
        let before = agrees(&cluster, &[]);
        let gone = before.members.iter().find(|member| member.name == "m2").unwrap().id;
        cluster.ctl(&["member", "remove", &format!("{gone:x}")]);
        let after = facts_with(&cluster.snapshot("after"), Options::default());
        assert_eq!(after.members.len(), 2);
        assert!(after.members.iter().all(|member| member.id != gone));
    });
}

#[test]
fn what_was_restored_with_a_raised_revision_is_described_as_etcd_describes_it() {
    for version in [Version::V3_5, Version::V3_6] {
        let source = Cluster::start(version, 1, &[]);
        let revisions = histories::everything(&source);
        let bump = ["--bump-revision", "1000000", "--mark-compacted"];
        let restored = Cluster::restore(version, &source.snapshot("snapshot"), &bump);
        let raised = revisions[4] + 1_000_000;
        histories::put(&restored, "new", b"1");
        let facts = agrees_with_etcdutl(&restored.snapshot("snapshot"));
        assert_eq!(facts.revision, judge::revision(&restored));
        assert_eq!((facts.revision, facts.compact_revision), (raised + 1, raised));
        let revisions = [raised, raised + 1];
        hashes_agree_with_etcdutl(&restored.path("snapshot"), &revisions);
        hashes_agree_with_members(&restored, &restored.path("snapshot"), &revisions);
    }
}

#[test]
fn a_compaction_that_was_under_way_counts_as_done() {
    let cluster = Cluster::start(Version::V3_6, 1, &[]);
    let revisions = histories::everything(&cluster);
    let path = cluster.snapshot("snapshot");
    let mut bytes = std::fs::read(&path).unwrap();
    let scheduled = revisions[2];
    // As it is between a compaction's start and its end: scheduled, with all entries still there.
    replace(&mut bytes, b"scheduledCompactRev", revisions[0], scheduled);
    repair::seal(&mut bytes);
    std::fs::write(&path, &bytes).unwrap();
    let facts = agrees_with_etcdutl(&path);
    assert_eq!(facts.compact_revision, revisions[0]);
    assert_eq!(facts.scheduled_compact_revision, scheduled);
    assert_eq!(facts.hash_kv.compact_revision, scheduled);
    hashes_agree_with_etcdutl(&path, &revisions[2..]);
}

#[test]
fn a_file_of_a_data_directory_is_described_too() {
    let mut cluster = Cluster::start(Version::V3_6, 1, &[]);
    histories::put_many(&cluster, "key", 100);
    let of_snapshot = facts_with(&cluster.snapshot("snapshot"), Options::default());
    // Taking the snapshot committed all.
    cluster.stop();
    let file = File::open(cluster.path("m0/member/snap/db")).unwrap();
    let options = Options { trailer: etcd_image::TrailerMode::Absent, ..Options::default() };
    let of_file = describe(&file, &options).unwrap();
    assert!(of_file.image_bytes >= of_snapshot.image_bytes);
    assert_eq!(Facts { image_bytes: of_snapshot.image_bytes, ..of_file }, of_snapshot);
}

/// Replaces a revision that follows behind `name`, wherever the file has it.
fn replace(file: &mut [u8], name: &[u8], from: i64, to: i64) {
    let old = [name, &from.to_be_bytes()].concat();
    let mut found = 0;
    for at in 0..file.len() - old.len() {
        if file[at..].starts_with(&old) {
            let value = at + name.len();
            file[value..value + 8].copy_from_slice(&to.to_be_bytes());
            found += 1;
        }
    }
    assert!(found > 0, "the file has no such revision");
}
