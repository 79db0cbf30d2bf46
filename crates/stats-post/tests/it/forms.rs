// SPDX-License-Identifier: Apache-2.0
//! What each form puts on the wire.

use serde_json::json;
use testbed::Heard;

use crate::harness::{Pod, RUN, SNAPSHOT, body, key, outcome, posts, report, taking, tallies};

#[test]
fn canopy_stats_are_four_bare_counters_at_the_operators_path() {
    let origin = taking();
    let pod = Pod::new(&origin.url(), "canopy-stats");
    pod.moved("proxy.json", [1, 0, 9, 8]);
    let told = format!("reported to {}: sent 0 and received 8 bytes", origin.url());
    pod.once().assert(0, &[&told]);
    let one = &posts(&origin, 1)[0];
    assert_eq!(
        (one.head.method.as_str(), one.head.target.as_str()),
        ("POST", "/api/v1/canopy-stats/ns/job-1")
    );
    let exact = r#"{"sent_raw_bytes":1,"sent_payload_bytes":0,"received_raw_bytes":9,"received_payload_bytes":8}"#;
    assert_eq!(String::from_utf8_lossy(&one.body), exact);
    assert_eq!(one.head.header("content-type"), Some("application/json"));
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    assert!(key(one).len() == 32 && is_hex(key(one)), "{}", key(one));
}

#[test]
fn the_operators_own_variables_are_enough() {
    let origin = taking();
    let pod = Pod::bare()
        .env("PGRO_STATS_CALLBACK_URL", &format!("{}/op/api/v1/canopy-stats/n/j", origin.url()))
        .env(
            "PGRO_PROGRESS_CALLBACK_URL",
            &format!("{}/op/api/v1/canopy-progress/n/j", origin.url()),
        )
        .env("PGRO_RUN_ID", RUN)
        .env("PGRO_TYPE", "tamanu-postgres")
        .env("PGRO_GROUP", "5a1e");
    let shared = pod.path("shared");
    let pod = pod.args(["--every", "50ms", "--watch"]).args([shared]);
    pod.moved("proxy.json", [1, 2, 3, 4]);
    let mut post = pod.start();
    post.wait("progress comes", |_| !origin.heard().is_empty());
    post.stop().assert(0, &["reported"]);
    assert_eq!(origin.heard()[0].head.target, "/op/api/v1/canopy-progress/n/j");
    assert_eq!(report(&origin).head.target, "/op/api/v1/canopy-stats/n/j");
}

#[test]
fn canopy_progress_adds_run_and_type_and_its_last_sample_is_the_report() {
    let origin = taking();
    let pod = Pod::new(&origin.url(), "canopy-progress").args(["--every", "50ms"]);
    pod.moved("proxy.json", [1, 2, 3, 4]);
    let mut post = pod.start();
    post.wait("progress comes", |_| !origin.heard().is_empty());
    pod.moved("proxy.json", [5, 6, 7, 8]);
    post.stop().assert(0, &["reported"]);
    let heard = origin.heard();
    let sample = |[one, two, three, four]: [u64; 4]| {
        let mut sample = tallies([one, two, three, four]);
        sample["run_id"] = RUN.into();
        sample["type"] = "tamanu-postgres".into();
        sample
    };
    assert_eq!(body(&heard[0]), sample([1, 2, 3, 4]));
    assert_eq!(key(&heard[0]), "", "each sample is another one");
    let last = &report(&origin);
    assert_eq!(body(last), sample([5, 6, 7, 8]));
    assert_eq!(
        (last.head.target.as_str(), key(last).len()),
        ("/api/v1/canopy-progress/ns/job-1", 32)
    );
}

#[test]
fn json_is_the_whole_run_with_its_neighbours_outcomes() {
    let origin = taking();
    let pod = Pod::new(&format!("{}/hook?a=b", origin.url()), "json").args(["--every", "50ms"]);
    let pod = pod.args(["--progress-url", &format!("{}/progress", origin.url())]);
    pod.moved("proxy.json", [1, 0, 9, 8]);
    let mut post = pod.start();
    post.wait("progress comes", |_| !origin.heard().is_empty());
    let ended = outcome(0, "done", json!({"id": SNAPSHOT}));
    pod.write("upload.json", &ended);
    post.stop().assert(0, &["reported"]);
    let heard = origin.heard();
    let (sample, last) = (body(&heard[0]), body(&report(&origin)));
    let started = last["started"].as_str().unwrap();
    assert!(started < last["ended"].as_str().unwrap());
    assert_eq!(
        last,
        json!({
            "run_id": RUN, "type": "tamanu-postgres", "group": "5a1e", "namespace": "ns", "job": "job-1",
            "tallies": {"sent_raw_bytes": 1, "sent_payload_bytes": 0, "received_raw_bytes": 9, "received_payload_bytes": 8},
            "outcomes": [ended], "started": started, "ended": last["ended"],
        })
    );
    assert_eq!(
        (heard[0].head.target.as_str(), &sample["started"]),
        ("/progress", &last["started"])
    );
    assert!(sample.get("ended").is_none(), "{sample}");
    assert_eq!(report(&origin).head.target, "/hook?a=b");
}

#[test]
fn headers_and_token_go_with_each_post_as_the_files_hold_them_then() {
    let origin = taking();
    let pod = Pod::new(&origin.url(), "json").args(["--every", "50ms"]);
    let (headers, token) = (pod.path("headers"), pod.path("token"));
    std::fs::write(&headers, "# webhook\nX-Api-Key: one\n").unwrap();
    std::fs::write(&token, "token-one\n").unwrap();
    let pod =
        pod.args(["--headers-file"]).args([&headers]).args(["--bearer-token-file"]).args([&token]);
    let pod = pod.args(["--progress-url", &origin.url()]);
    pod.moved("proxy.json", [1, 1, 1, 1]);
    let mut post = pod.start();
    post.wait("progress comes", |_| !origin.heard().is_empty());
    std::fs::write(&headers, "X-Api-Key: two\n").unwrap();
    std::fs::write(&token, "token-two").unwrap();
    post.stop().assert(0, &[]);
    let of = |heard: &Heard| {
        let head = &heard.head;
        ["x-api-key", "authorization"].map(|name| head.header(name).unwrap().to_owned())
    };
    assert_eq!(of(&origin.heard()[0]), ["one", "Bearer token-one"]);
    assert_eq!(of(&report(&origin)), ["two", "Bearer token-two"]);
}

/// 0 would be a claim, and the operator's form has no place for "not measured".
#[test]
fn what_nobody_measured_is_not_reported_as_zero() {
    for (file, form) in [
        (None, "canopy-stats"),
        (Some(json!({"sent_raw_bytes": 1})), "canopy-stats"),
        (Some(json!({"sent_raw_bytes": 1})), "canopy-progress"),
    ] {
        let origin = taking();
        let pod = Pod::new(&origin.url(), form);
        if let Some(file) = file {
            pod.write("proxy.json", file);
        }
        pod.once().assert(2, &["no file of tallies held all four counters", "nothing is reported"]);
        assert_eq!(origin.connections(), 0);
    }
    let origin = taking();
    let pod = Pod::new(&origin.url(), "json");
    pod.write("proxy.json", json!({"received_raw_bytes": 1}));
    pod.once().assert(0, &[]);
    assert_eq!(body(&report(&origin))["tallies"], json!({"received_raw_bytes": 1}));
}
