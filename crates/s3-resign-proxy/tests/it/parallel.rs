// SPDX-License-Identifier: Apache-2.0
//! Many callers at once while credentials change, and stores that want the bucket in their name.

use std::time::{Duration, Instant};

use crate::bed::Bed;
use crate::client::{Form, assert_ok};

#[test]
fn eight_callers_at_once_see_nothing_of_credentials_that_live_for_three_seconds() {
    let bed = Bed::with_lifetime(Duration::from_secs(3));
    let proxy = bed.setup().ready();
    let client = proxy.client();
    let until = Instant::now() + Duration::from_secs(7);
    std::thread::scope(|scope| {
        for caller in 0..8_u8 {
            let client = &client;
            scope.spawn(move || {
                let key = format!("/bucket/caller-{caller}");
                let body = vec![caller; 150_000];
                while Instant::now() < until {
                    let form = Form::Signed(body.chunks(64 * 1024).map(<[u8]>::to_vec).collect());
                    assert_ok(&client.put(&key, "").form(form).send());
                    assert_eq!(client.get(&key).send().body, body);
                }
            });
        }
    });
    let counts = bed.store.counts();
    assert_eq!((counts.failed, counts.expired_answers), (0, 0));
    assert!(counts.keys_with_ok_data() >= 3, "{counts:?}");
}

#[test]
fn sets_that_die_early_without_a_word_cost_a_replay_and_never_an_answer() {
    let bed = Bed::with_lifetime(Duration::from_secs(3));
    let early = Duration::from_millis(2800);
    bed.store.revoke_early(testbed::EarlyRevocation::Every { nth: 2, early });
    let proxy = bed.setup().ready();
    let client = proxy.client();
    let until = Instant::now() + Duration::from_secs(7);
    while Instant::now() < until {
        assert_ok(&client.put("/bucket/k", "x").send());
        assert_eq!(client.get("/bucket/k").send().body, b"x");
    }
    assert!(bed.store.counts().expired_answers > 0, "no set died early: nothing was proven");
    let replays = proxy.metric("s3_resign_proxy_replays_total{reason=\"credentials\"}");
    assert!(replays >= Some(1.0), "{replays:?}");
}

#[test]
fn a_bucket_goes_into_the_host_name_that_is_signed_and_the_connection_goes_elsewhere() {
    let bed = Bed::new();
    let at = bed.store.addr();
    let setup = bed.setup_to(&format!("https://s3.test:{}", at.port()));
    let proxy = setup.args(["--addressing", "virtual", "--connect-to", &at.to_string()]).ready();
    let client = proxy.client();
    for key in ["k", "a//b%20c", "x/../y"] {
        assert_ok(&client.put(format!("/bucket/{key}"), key).send());
        assert_eq!(client.get(format!("/bucket/{key}")).send().body, key.as_bytes());
        let seen = bed.seen(&format!("/{key}"));
        let host = format!("bucket.s3.test:{}", at.port());
        assert_eq!(seen[0].header("host"), Some(host.as_str()), "{key}");
    }
    let log = bed.store.log();
    let listing = client.get("/bucket?list-type=2").send();
    assert_ok(&listing);
    assert!(listing.text().contains("<Key>k</Key>"), "{}", listing.text());
    assert_eq!(bed.store.counts().failed, 0, "{log:?}");
}
