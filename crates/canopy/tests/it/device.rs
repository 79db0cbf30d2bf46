// SPDX-License-Identifier: Apache-2.0
//! The device certificate: its life, and what makes it new.

use std::time::{Duration, SystemTime};

use canopy::Kind;
use stub_canopy::Certificate;

use crate::ground::{Ground, Has, Standing};

const HOUR: Duration = Duration::from_hours(1);

fn last(ground: &Ground) -> Certificate {
    ground.stub.heard().last().unwrap().certificate.clone().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_serves_for_five_days_and_is_then_made_anew_for_the_same_key() {
    let ground = Ground::new(Ground::granted());
    // Made in the past, so that both are valid today: the stub's clock is the machine's.
    let clock = Standing::at(SystemTime::now() - 121 * HOUR);
    let client = ground.timed(Has::Public, &clock);
    client.backup_target().await.unwrap();
    let first = last(&ground);
    clock.advance(119 * HOUR);
    client.backup_target().await.unwrap();
    assert_eq!(last(&ground), first, "not yet five days old");
    clock.advance(2 * HOUR);
    client.backup_target().await.unwrap();
    let second = last(&ground);
    assert_eq!(second.spki_sha256, first.spki_sha256, "the same device");
    assert_ne!(second.sha256, first.sha256, "another certificate");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_ends_after_six_days() {
    let ground = Ground::new(Ground::granted());
    let clock = Standing::at(SystemTime::now() - 6 * 24 * HOUR - HOUR);
    let client = ground.timed(Has::Public, &clock);
    let error = client.backup_target().await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (Kind::Unavailable, true), "{error}");
    assert!(ground.stub.heard().is_empty(), "refused in the handshake");
    clock.advance(6 * 24 * HOUR + HOUR);
    client.backup_target().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_made_anew_when_the_clock_was_set_right_backwards() {
    let ground = Ground::new(Ground::granted());
    let clock = Standing::at(SystemTime::now() + 24 * HOUR);
    let client = ground.timed(Has::Public, &clock);
    client.backup_target().await.unwrap_err();
    assert!(ground.stub.heard().is_empty(), "not valid yet: refused in the handshake");
    clock.set(SystemTime::now());
    client.backup_target().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_key_file_is_another_device_at_the_next_call() {
    let ground = Ground::new(Ground::granted());
    let client = ground.client(Has::Public);
    client.backup_target().await.unwrap();
    let first = last(&ground);
    ground.write_key();
    client.backup_target().await.unwrap();
    assert_ne!(last(&ground).spki_sha256, first.spki_sha256);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_that_was_good_serves_while_its_file_is_bad_or_away() {
    let ground = Ground::new(Ground::granted());
    let client = ground.client(Has::Public);
    client.backup_target().await.unwrap();
    let first = last(&ground);
    std::fs::write(ground.key_file(), "-----BEGIN PRIVATE KEY-----").unwrap();
    client.backup_target().await.unwrap();
    std::fs::remove_file(ground.key_file()).unwrap();
    client.backup_target().await.unwrap();
    assert_eq!(last(&ground), first);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_key_file_does_not_keep_an_old_certificate_from_being_made_anew() {
    let ground = Ground::new(Ground::granted());
    let clock = Standing::at(SystemTime::now() - 6 * 24 * HOUR);
    let client = ground.timed(Has::Public, &clock);
    std::fs::write(ground.key_file(), "half a ke").unwrap();
    clock.advance(6 * 24 * HOUR);
    client.backup_target().await.unwrap();
}
