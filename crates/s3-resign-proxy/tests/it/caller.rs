// SPDX-License-Identifier: Apache-2.0
//! Only the holder of the callers' pair passes.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime};

use crate::bed::Bed;
use crate::client::{assert_error, assert_ok};
use crate::proxy::FIXED;

#[test]
fn a_wrong_key_a_wrong_secret_and_no_signature_are_told_apart() {
    let bed = Bed::new();
    let proxy = bed.setup().ready();
    let client = proxy.client();
    let other = proxy.client_with("SOMEBODY", &client.secret);
    assert_error(&other.get("/bucket/k").send(), 403, "InvalidAccessKeyId");
    let other = proxy.client_with(&client.id, "guess");
    assert_error(&other.get("/bucket/k").send(), 403, "SignatureDoesNotMatch");
    let answer = client.raw(b"GET /bucket/k HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_error(&answer, 403, "AccessDenied");
    assert!(bed.store.log().is_empty(), "a refused request reached the store");
}

#[test]
fn a_refused_upload_gets_its_answer_and_not_a_reset() {
    let bed = Bed::new();
    let proxy = bed.setup().ready();
    let client = proxy.client_with(&proxy.client().id, "guess");
    assert_error(&client.put("/bucket/k", vec![7; 4 << 20]).send(), 403, "SignatureDoesNotMatch");
}

#[test]
fn a_time_far_from_ours_is_refused_as_skewed() {
    let bed = Bed::new();
    let proxy = bed.setup().ready();
    for minutes in [16, 60 * 24] {
        let span = Duration::from_secs(minutes * 60);
        for at in [SystemTime::now() - span, SystemTime::now() + span] {
            let answer = proxy.client().get("/bucket/k").at(at).send();
            assert_error(&answer, 403, "RequestTimeTooSkewed");
        }
    }
}

#[test]
fn a_header_of_s3_that_the_caller_did_not_sign_is_not_signed_by_us() {
    let bed = Bed::new();
    let proxy = bed.setup().ready();
    let answer =
        proxy.client().put("/bucket/k", "x").unsigned_header("x-amz-acl", "public-read").send();
    assert_error(&answer, 403, "AccessDenied");
    assert!(bed.seen("/bucket/k").is_empty());
}

#[test]
fn the_callers_file_is_for_its_group_alone_and_survives_a_restart_with_port_and_tallies() {
    let bed = Bed::new();
    let setup = bed.setup();
    let mut proxy = setup.ready();
    let mode = std::fs::metadata(proxy.path("caller.env")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    let (port, client) = (proxy.port, proxy.client());
    assert_ok(&client.put("/bucket/k", vec![1; 1000]).send());
    assert_eq!(proxy.stop(), 0);
    let proxy = setup.ready();
    assert_eq!(proxy.port, port);
    assert_ok(&client.get("/bucket/k").send());
    assert_eq!(proxy.stats()["sent_payload_bytes"], 1000);
    assert_eq!(proxy.stats()["received_payload_bytes"], 1000);
}

#[test]
fn a_killed_proxy_keeps_pair_and_port_too() {
    let bed = Bed::new();
    let setup = bed.setup();
    let mut proxy = setup.ready();
    let (port, client) = (proxy.port, proxy.client());
    proxy.run.kill().unwrap();
    assert_eq!(setup.ready().port, port);
    // The second proxy was dropped above; a third still serves the first one's caller.
    let _proxy = setup.ready();
    assert_ok(&client.put("/bucket/k", "x").send());
}

#[test]
fn a_fixed_pair_passes_and_a_changed_secret_is_taken_beside_the_old_one() {
    let bed = Bed::new();
    let proxy = bed.setup().fixed_pair().ready();
    let old = proxy.client_with(FIXED.0, FIXED.1);
    assert_ok(&old.put("/bucket/k", "x").send());
    std::fs::write(proxy.path("caller.secret"), "another-secret").unwrap();
    let new = proxy.client_with(FIXED.0, "another-secret");
    let within = Duration::from_secs(20);
    testbed::wait_until(within, "the new secret passes", || {
        new.get("/bucket/k").send().head.status == 200
    })
    .unwrap();
    assert_ok(&old.get("/bucket/k").send());
}
