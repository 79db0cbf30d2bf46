// SPDX-License-Identifier: Apache-2.0
//! The store is fast enough to measure others against: no 40 ms of Nagle and delayed ACK.

use std::time::{Duration, Instant};

use testbed::{Ca, Segments, StaticPair, Store, StoreConfig};

use crate::client::{Client, Keys, Payload, get, put};

/// A stall of Nagle's algorithm takes 40 ms; half of that is no stall.
const STALL: Duration = Duration::from_millis(20);

#[test]
fn small_objects_are_not_stalled_and_large_ones_pass_over_tls() {
    let ca = Ca::new().unwrap();
    for segments in [Segments::Together, Segments::HeadFirst] {
        let dir = tempfile::tempdir().unwrap();
        let pair = StaticPair::random();
        let store = Store::start(StoreConfig {
            tls: Some(&ca),
            static_pairs: vec![pair.clone()],
            segments,
            ..StoreConfig::new(dir.path())
        })
        .unwrap();
        let keys = Keys::from(&pair);
        let mut client = Client::tls(store.addr(), &ca);
        client.send(&put("/bucket/small", vec![1; 1024]), &keys);
        let mut times: Vec<Duration> = (0..200)
            .map(|_| {
                let begun = Instant::now();
                assert_eq!(client.send(&get("/bucket/small"), &keys).body.len(), 1024);
                begun.elapsed()
            })
            .collect();
        times.sort();
        let (p50, p90) = (times[100], times[180]);
        let large = vec![1; 20 * 1024 * 1024];
        let begun = Instant::now();
        let request = put("/bucket/large", large).payload(Payload::Unsigned);
        assert_eq!(client.send(&request, &keys).head.status, 200);
        let put_time = begun.elapsed();
        let begun = Instant::now();
        assert_eq!(client.send(&get("/bucket/large"), &keys).body.len(), 20 * 1024 * 1024);
        let get_time = begun.elapsed();
        println!(
            "{segments:?}: GET 1 KiB p50 {p50:?} p90 {p90:?}; 20 MiB PUT {put_time:?}, GET {get_time:?}"
        );
        assert!(p50 < STALL, "{segments:?}: {p50:?}");
    }
}
