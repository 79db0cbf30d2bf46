// SPDX-License-Identifier: Apache-2.0
//! What happens when the store refuses the held set, or the issuer refuses us.

use std::time::Duration;

use credential::{Kind, Live, State};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::issuer::{Issuer, Mood, until};

const SECOND: Duration = Duration::from_secs(1);
const WAIT: Duration = Duration::from_secs(30);

async fn first(live: &Live) {
    until(live, SECOND, |live| live.current().is_some()).await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_set_is_replaced_at_once() {
    let issuer = Issuer::new(Some(3600 * SECOND));
    let live = issuer.live();
    first(&live).await;
    let start = Instant::now();
    let held = live.refresh_after(1, WAIT).await.unwrap();
    assert_eq!(held.generation, 2);
    assert!(start.elapsed() <= SECOND / 4, "{:?}", start.elapsed());
    assert_eq!(live.current().unwrap().generation, 2);
}

/// One fetch for all of them, and never two at the same time.
#[tokio::test(start_paused = true)]
async fn a_hundred_callers_with_a_dead_set_cost_one_fetch() {
    let issuer = Issuer::with(Some(3600 * SECOND), SECOND / 2, None);
    let live = issuer.live();
    first(&live).await;
    let mut callers = JoinSet::new();
    for number in 0..100_u64 {
        let live = live.clone();
        callers.spawn(async move {
            tokio::time::sleep(Duration::from_millis(number * 5)).await;
            live.refresh_after(1, WAIT).await.map(|held| held.generation)
        });
    }
    let generations = callers.join_all().await;
    assert!(generations.iter().all(|outcome| outcome == &Ok(2)), "{generations:?}");
    assert_eq!((issuer.asked(), issuer.most_under_way()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_late_word_about_an_old_set_neither_fetches_nor_waits() {
    let issuer = Issuer::new(Some(3600 * SECOND));
    let live = issuer.live();
    first(&live).await;
    live.refresh_after(1, WAIT).await.unwrap();
    let start = Instant::now();
    let held = live.refresh_after(1, WAIT).await.unwrap();
    assert_eq!((held.generation, start.elapsed()), (2, Duration::ZERO));
    assert_eq!((issuer.asked(), live.current().unwrap().generation), (2, 2));
}

/// For the store's verdict may have been a fault, and a run is not to stop for that.
#[tokio::test(start_paused = true)]
async fn a_refused_set_that_the_issuer_repeats_is_handed_out_again_after_five_seconds() {
    for lifetime in [None, Some(3600 * SECOND)] {
        let issuer = Issuer::new(lifetime);
        let live = issuer.live();
        first(&live).await;
        issuer.turn(Mood::Repeat);
        let start = Instant::now();
        let early = live.refresh_after(1, 4 * SECOND).await.unwrap_err();
        assert!(early.kind() == Kind::Invalid && early.message().contains("refused"), "{early}");
        assert!(live.current().is_none(), "a refused set was handed out");
        assert_eq!(live.status().state, State::Stale);
        let held = live.refresh_after(1, WAIT).await.unwrap();
        assert_eq!(held.generation, 2);
        let waited = start.elapsed();
        assert!((5 * SECOND..=5 * SECOND + SECOND / 100).contains(&waited), "{waited:?}");
        assert_eq!(live.status().refreshes_total, 1, "it is no new set");
        live.refresh_after(2, SECOND).await.expect_err("refused again, it has to wait again");
        assert!(live.current().is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_set_serves_again_after_five_seconds_of_an_issuers_outage() {
    let issuer = Issuer::new(Some(60 * SECOND));
    let live = issuer.live();
    first(&live).await;
    issuer.turn(Mood::Down);
    let start = Instant::now();
    let held = live.refresh_after(1, WAIT).await.unwrap();
    assert_eq!((held.generation, start.elapsed().as_secs()), (2, 5));
    until(&live, 60 * SECOND, |live| live.status().state == State::Stale).await;
    tokio::time::sleep(30 * SECOND).await;
    assert!(live.current().is_none(), "an expired set has no second chance");
}

#[tokio::test(start_paused = true)]
async fn a_fresh_set_is_taken_the_moment_it_comes() {
    let issuer = Issuer::new(Some(3600 * SECOND));
    let live = issuer.live();
    first(&live).await;
    issuer.turn(Mood::Repeat);
    live.refresh_after(1, 2 * SECOND).await.unwrap_err();
    issuer.turn(Mood::Mint);
    let held = live.refresh_after(1, 2 * SECOND + SECOND / 10).await.unwrap();
    assert_eq!((held.generation, live.status().last_error), (2, None));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_takes_no_set_at_all_does_not_drain_the_issuer() {
    let issuer = Issuer::new(Some(3600 * SECOND));
    let live = issuer.live();
    first(&live).await;
    let end = Instant::now() + 60 * SECOND;
    while Instant::now() < end {
        let generation = live.status().generation;
        live.refresh_after(generation, WAIT).await.unwrap();
    }
    assert!((10..20).contains(&issuer.asked()), "{}", issuer.asked());
}

/// A refusal among outages: what the waiter gets is the refusal, without waiting.
#[tokio::test(start_paused = true)]
async fn an_issuer_that_refuses_is_told_to_waiters_at_once_and_asked_again_slowly() {
    let issuer = Issuer::new(Some(3600 * SECOND));
    issuer.turn(Mood::Deny);
    let live = issuer.live();
    let start = Instant::now();
    let error = live.refresh_after(0, WAIT).await.unwrap_err();
    assert_eq!((error.kind(), start.elapsed()), (Kind::Denied, Duration::ZERO));
    tokio::time::sleep(100 * SECOND).await;
    assert!((10..=17).contains(&issuer.asked()), "{}", issuer.asked());
    issuer.turn(Mood::Mint);
    until(&live, 11 * SECOND, |live| live.current().is_some()).await;
}

#[tokio::test(start_paused = true)]
async fn a_set_serves_on_when_its_grant_is_withdrawn() {
    let issuer = Issuer::new(Some(100 * SECOND));
    let live = issuer.live();
    first(&live).await;
    issuer.turn(Mood::Deny);
    until(&live, 70 * SECOND, |live| live.status().last_error.is_some()).await;
    assert_eq!((live.status().state, live.current().unwrap().generation), (State::Valid, 1));
    // The store refuses it as well: then it is over, and no second chance comes.
    let error = live.refresh_after(1, WAIT).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Denied);
    tokio::time::sleep(8 * SECOND).await;
    assert!(live.current().is_none());
}

/// Three-second sets, an outage of two lifetimes, and a store that refuses some sets early: there
/// is a valid set whenever there can be one.
#[tokio::test(start_paused = true)]
async fn a_long_run_on_three_second_sets_survives_outage_and_early_refusals() {
    let issuer = Issuer::with(Some(3 * SECOND), SECOND / 20, None);
    let live = issuer.live();
    first(&live).await;
    for second in 0..600_u32 {
        tokio::time::sleep(SECOND).await;
        match second {
            300 => issuer.turn(Mood::Down),
            306 => {
                issuer.turn(Mood::Mint);
                until(&live, 3 * SECOND, |live| live.current().is_some()).await;
            }
            301..306 => {}
            _ if second % 7 == 0 => {
                let generation = live.current().unwrap().generation;
                let held = live.refresh_after(generation, SECOND).await.unwrap();
                assert!(held.generation > generation);
            }
            _ => assert!(live.current().is_some(), "{second}: {live:?}"),
        }
    }
    assert_eq!(issuer.most_under_way(), 1);
}
