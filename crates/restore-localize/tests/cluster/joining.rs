// SPDX-License-Identifier: Apache-2.0
//! After the restore: a lost volume, a quorum that is gone, members that come later.

use crate::bed::{Bed, hash, keys};

#[tokio::test(flavor = "multi_thread")]
async fn a_member_whose_volume_is_lost_after_the_restore_joins_empty_once_it_is_let_in() {
    let bed = Bed::of(3).await;
    bed.restore_all();
    bed.members.start_all().await.unwrap();
    bed.members.ctl(&["put", "after", "the restore"]).await.unwrap();
    let old = bed.marker(1)["member_id"].as_str().unwrap().to_owned();
    bed.members.kill(1).unwrap();
    bed.lose(1);
    bed.members.settled().await.unwrap();

    let way = [old.as_str(), "member remove", "member add m1", "restore-localize etcd rejoin"];
    bed.restore(1).assert(65, &way);
    bed.assert_untouched(1);
    // Not before the others have put the lost one out and let the new one in.
    bed.run(&["etcd", "rejoin"], 1).end().assert(65, &way);
    bed.members.announce(&["member", "remove", &old]).await.unwrap();
    bed.run(&["etcd", "rejoin"], 1).end().assert(65, &way);
    let peer = format!("--peer-urls={}", bed.members.peer_url(1).unwrap());
    bed.members.announce(&["member", "add", "m1", &peer]).await.unwrap();

    let ended = bed.run(&["etcd", "rejoin"], 1).end();
    ended.assert(0, &["m1 may join generation g1 empty"]);
    // The init step lets it pass, also when the claims are out of reach later.
    let gone = [("--claims", "s3://gone/for-good")];
    let away = bed.run_with(&["etcd"], 1, &gone).end();
    away.assert(0, &["joined generation g1 empty"]);
    bed.members.start_member(1).unwrap();
    bed.members.settled().await.unwrap();
    assert_eq!(hash(&bed.members, 1).await, hash(&bed.members, 0).await);
    assert_eq!(hash(&bed.members, 1).await, hash(&bed.members, 2).await);
    assert!(keys(&bed.members, 1).await.contains("the restore"));
    bed.restore(1).assert(0, &["joined generation g1 empty"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_quorum_is_gone_a_new_generation_restores_all() {
    let bed = Bed::of(3).await;
    bed.restore_all();
    for member in [1, 2] {
        bed.lose(member);
        bed.restore(member).assert(65, &["a new --generation"]);
    }
    bed.run(&["etcd", "rejoin"], 1).end().assert(69, &["no other member answers"]);
    // What is left of the old generation is not overwritten.
    let next = |member| bed.run_with(&["etcd"], member, &[("--generation", "g2")]).end();
    next(0).assert(65, &["holds the restore of generation g1", "nothing was touched"]);
    bed.lose(0);
    for member in 0..3 {
        next(member).assert(0, &["is restored"]);
    }
    bed.members.start_all().await.unwrap();
    bed.assert_same(&[0, 1, 2]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_comes_after_the_restore_is_left_to_etcd() {
    let bed = Bed::of(4).await;
    let all = bed.members.initial_cluster();
    let three = all.split(',').take(3).collect::<Vec<_>>().join(",");
    for member in 0..3 {
        let list = [("--initial-cluster", three.as_str())];
        bed.run_with(&["etcd"], member, &list).end().assert(0, &["is restored"]);
        bed.members.start_member(member).unwrap();
    }
    bed.members.settled().await.unwrap();
    // Scaled up: the list has four names now, the pin has three.
    bed.run(&["etcd"], 3).end().assert(0, &["none of the 3 members", "its data is left alone"]);
    bed.assert_only_noted(3);
    let peer = format!("--peer-urls={}", bed.members.peer_url(3).unwrap());
    bed.members.announce(&["member", "add", "m3", &peer]).await.unwrap();
    bed.members.start_member(3).unwrap();
    bed.members.settled().await.unwrap();
    assert_eq!(hash(&bed.members, 3).await, hash(&bed.members, 0).await);
    // It has content of its own now, which no run takes away: its pod must start again.
    bed.restore(3).assert(0, &["nothing to restore"]);
}
