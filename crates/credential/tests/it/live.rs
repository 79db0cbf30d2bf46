// SPDX-License-Identifier: Apache-2.0
//! A valid set is always at hand. All of it on a paused clock, so hours pass in milliseconds.

use std::time::Duration;

use credential::{Kind, Live, State};
use tokio::time::Instant;

use crate::issuer::{Issuer, Mood, until};

const SECOND: Duration = Duration::from_secs(1);

async fn first(live: &Live) {
    until(live, SECOND, |live| live.current().is_some()).await;
}

#[tokio::test(start_paused = true)]
async fn the_first_set_is_fetched_at_once() {
    let live = Issuer::new(Some(10 * SECOND)).live();
    let before = live.status();
    assert_eq!((before.state, before.generation), (State::Waiting, 0));
    first(&live).await;
    let after = live.status();
    assert_eq!((after.state, after.generation), (State::Valid, 1));
    assert_eq!((after.refreshes_total, after.failures_total), (1, 0));
}

/// Every set is replaced between 50 and 60 % of its life, whether that is a second or an hour.
#[tokio::test(start_paused = true)]
async fn sets_of_any_lifetime_are_replaced_at_a_little_over_half_of_it() {
    for seconds in [1, 3, 10, 900, 3600] {
        let lifetime = seconds * SECOND;
        let issuer = Issuer::new(Some(lifetime));
        let live = issuer.live();
        first(&live).await;
        for _ in 0..200 {
            tokio::time::sleep(lifetime / 10).await;
            assert!(live.current().is_some(), "{live:?}");
        }
        let asked = issuer.asked_at();
        for (one, next) in asked.iter().zip(&asked[1..]) {
            let share = (*next - *one).as_secs_f64() / lifetime.as_secs_f64();
            assert!((0.499..0.611).contains(&share), "{lifetime:?} {share}");
        }
        let total = u64::try_from(asked.len()).unwrap();
        assert!((33..=41).contains(&total), "{lifetime:?} {total}");
        assert_eq!(live.status().refreshes_total, total);
    }
}

#[tokio::test(start_paused = true)]
async fn the_old_set_serves_while_the_issuer_is_down_and_not_a_moment_longer() {
    let issuer = Issuer::new(Some(100 * SECOND));
    let live = issuer.live();
    first(&live).await;
    let (received, held) = (Instant::now(), live.current().unwrap());
    issuer.turn(Mood::Down);
    until(&live, 99 * SECOND, |live| live.status().last_error.is_some()).await;
    assert_eq!((live.status().state, live.current().unwrap().generation), (State::Valid, 1));
    until(&live, 99 * SECOND, |live| live.status().state == State::Stale).await;
    assert!(live.current().is_none());
    let served = received.elapsed();
    assert!((98 * SECOND..=99 * SECOND + SECOND / 10).contains(&served), "{served:?}");
    assert_eq!(held.valid_until(), held.credential.expires.map(|at| at - SECOND));
    let error = live.status().last_error.unwrap();
    assert_eq!((error.kind(), error.to_string().as_str()), (Kind::Unavailable, "issuer: down"));

    issuer.turn(Mood::Mint);
    until(&live, 3 * SECOND, |live| live.current().is_some()).await;
    let status = live.status();
    assert_eq!((status.generation, status.last_error), (2, None));
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_is_down_is_asked_often_enough_and_not_too_often() {
    let issuer = Issuer::new(Some(10 * SECOND));
    issuer.turn(Mood::Down);
    let live = issuer.live();
    tokio::time::sleep(60 * SECOND).await;
    let asked = issuer.asked_at();
    let gaps: Vec<_> = asked.iter().zip(&asked[1..]).map(|(one, next)| *next - *one).collect();
    assert!(
        gaps.iter().all(|gap| (SECOND / 5..=2 * SECOND + SECOND / 100).contains(gap)),
        "{gaps:?}"
    );
    assert!((30..45).contains(&asked.len()), "{}", asked.len());
    assert_eq!(live.status().failures_total, u64::try_from(asked.len()).unwrap());
    assert_eq!(live.status().state, State::Waiting);
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_asks_for_time_gets_it() {
    let issuer = Issuer::new(Some(10 * SECOND));
    issuer.turn(Mood::Busy(17 * SECOND));
    let _live = issuer.live();
    tokio::time::sleep(60 * SECOND).await;
    assert_eq!(issuer.asked(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_hanging_issuer_is_given_up_and_asked_again() {
    let issuer = Issuer::new(Some(10 * SECOND));
    issuer.turn(Mood::Hang);
    let live = issuer.live();
    until(&live, 11 * SECOND, |live| live.status().last_error.is_some()).await;
    let error = live.status().last_error.unwrap();
    assert_eq!(error.to_string(), "issuer: did not answer within 10000 ms");
    assert_eq!(error.kind(), Kind::Timeout);
    issuer.turn(Mood::Mint);
    until(&live, 2 * SECOND, |live| live.current().is_some()).await;
}

#[tokio::test(start_paused = true)]
async fn one_lost_answer_does_not_let_a_ten_second_set_run_out() {
    for _ in 0..20 {
        let issuer = Issuer::new(Some(10 * SECOND));
        let live = issuer.live();
        first(&live).await;
        issuer.turn(Mood::Hang);
        tokio::time::sleep(6 * SECOND + SECOND / 5).await;
        assert_eq!(issuer.asked(), 2);
        issuer.turn(Mood::Mint);
        for _ in 0..100 {
            tokio::time::sleep(SECOND / 10).await;
            assert!(live.current().is_some(), "{live:?}");
        }
        assert_eq!(live.status().failures_total, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_set_that_expired_before_it_arrived_is_blamed_on_the_clock() {
    let issuer = Issuer::new(Some(10 * SECOND));
    issuer.turn(Mood::Late(61 * 60 * SECOND));
    let live = issuer.live();
    until(&live, SECOND, |live| live.status().last_error.is_some()).await;
    let error = live.status().last_error.unwrap();
    assert_eq!(error.kind(), Kind::Invalid);
    assert!(error.message().contains("expired 61 min 0 s ago by this pod's clock"), "{error}");
    assert!(live.current().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_set_without_expiry_is_fetched_once() {
    let issuer = Issuer::new(None);
    let live = issuer.live();
    first(&live).await;
    tokio::time::sleep(24 * 3600 * SECOND).await;
    assert_eq!((issuer.asked(), live.current().unwrap().generation), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_watched_source_is_looked_at_each_second_and_its_repetitions_are_no_news() {
    let issuer = Issuer::with(None, Duration::ZERO, Some(SECOND));
    let live = issuer.live();
    first(&live).await;
    issuer.turn(Mood::Repeat);
    let changed = live.changed();
    let quiet = tokio::time::timeout(10 * SECOND, changed).await;
    assert!(quiet.is_err(), "a repetition was announced");
    assert!((10..=12).contains(&issuer.asked()), "{}", issuer.asked());
    assert_eq!(live.status().refreshes_total, 1);
    issuer.turn(Mood::Mint);
    until(&live, 2 * SECOND, |live| live.status().generation == 2).await;
}

/// A machine that slept: its steady clock stood still while the set grew old.
#[tokio::test(start_paused = true)]
async fn a_wall_clock_that_jumps_ahead_is_noticed() {
    let issuer = Issuer::new(Some(3600 * SECOND));
    let live = issuer.live();
    first(&live).await;
    issuer.clock.jump(2 * 3600);
    assert!(live.current().is_none(), "an expired set was handed out");
    until(&live, 31 * SECOND, |live| live.status().generation == 2).await;
    assert!(live.current().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_caching_issuer_is_not_stormed_as_its_set_runs_out() {
    let issuer = Issuer::new(Some(600 * SECOND));
    let live = issuer.live();
    first(&live).await;
    issuer.turn(Mood::Repeat);
    tokio::time::sleep(598 * SECOND).await;
    assert!(issuer.asked() < 20, "{}", issuer.asked());
    assert_eq!((live.current().unwrap().generation, live.status().refreshes_total), (1, 1));
    tokio::time::sleep(SECOND * 3 / 2).await;
    assert!(live.current().is_none(), "repetition must not eat the margin up");
}

#[tokio::test(start_paused = true)]
async fn the_refresh_ends_when_it_is_stopped_and_with_its_last_handle() {
    let issuer = Issuer::new(Some(10 * SECOND));
    let live = issuer.live();
    first(&live).await;
    live.stop();
    assert!(live.current().is_some(), "what is held serves on");
    let error = live.refresh_after(1, 60 * SECOND).await.unwrap_err();
    assert_eq!(error.to_string(), "issuer: the refresh was stopped");
    tokio::time::sleep(60 * SECOND).await;
    assert_eq!(issuer.asked(), 1);

    let issuer = Issuer::new(Some(10 * SECOND));
    let one = issuer.live();
    let other = one.clone();
    drop(one);
    first(&other).await;
    drop(other);
    tokio::time::sleep(60 * SECOND).await;
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_that_can_be_printed_shows_a_secret() {
    let issuer = Issuer::new(Some(10 * SECOND));
    let live = issuer.live();
    first(&live).await;
    issuer.turn(Mood::Repeat);
    let error = live.refresh_after(1, SECOND).await.unwrap_err();
    let held = live.refresh_after(1, 10 * SECOND).await.unwrap();
    let shown =
        format!("{live:?} {live:#?} {held:?} {held:#?} {error:?} {error} {:?}", live.status());
    assert!(!shown.contains("hush") && !shown.contains("ASIATEST"), "{shown}");
    assert!(shown.contains("…0001"), "{shown}");
}
