// SPDX-License-Identifier: Apache-2.0
//! Help, probes, and flags that cannot be used.

use std::net::TcpListener;

use testbed::Spawn;

use crate::harness::{Pod, SOON, binary, free_address, posts, taking};

/// Exit code and all that it said.
fn run(args: &[&str]) -> (Option<i32>, String) {
    let mut run = Spawn::new(binary()).clean_env().args(args).start().unwrap();
    let code = run.wait(SOON).unwrap().code();
    (code, run.stdout() + &run.stderr())
}

#[test]
fn the_help_says_where_it_belongs_and_what_its_exit_means() {
    let (code, help) = run(&["--help"]);
    assert_eq!(code, Some(0));
    let words =
        ["before the proxy", "Exit 2", "--watch", "STATS_POST_URL", "$PGRO_STATS_CALLBACK_URL"];
    for word in words {
        assert!(help.contains(word), "no `{word}` in {help}");
    }
}

#[test]
fn every_mistake_is_told_at_once() {
    let args = [
        "--form",
        "xml",
        "--every",
        "0s",
        "--type",
        "",
        "--admin-listen",
        "9731",
        "--purpose",
        "fun",
    ];
    let more = ["--headers-file", "/", "--ca-bundle", "/is/not/there"];
    let (code, told) = run(&[&args[..], &more].concat());
    assert_eq!(code, Some(64), "{told}");
    for part in [
        "--form xml: known forms are",
        "--every 0s",
        "--type : it is empty",
        "--run-id is required (or STATS_POST_RUN_ID)",
        "--watch is required",
        "--admin-listen 9731",
        "--purpose fun",
        "--headers-file /: it is not a regular file",
        "--ca-bundle /is/not/there",
    ] {
        assert!(told.contains(part), "no `{part}` in {told}");
    }
}

#[test]
fn a_form_that_says_how_the_run_ended_needs_somebodys_outcome() {
    for form in ["backup-report", "restore-verification"] {
        let pod = Pod::new("http://127.0.0.1:1", form);
        let pod = pod.args(["--server-id", "s", "--intent", "verify"]);
        pod.end().assert(64, &[form, "which a sidecar cannot know by itself", "--outcome-of"]);
    }
}

#[test]
fn what_a_form_needs_is_named() {
    let watch = ["--watch", "/tmp", "--run-id", "r", "--url", "http://127.0.0.1:1"];
    for (args, parts) in [
        (&["--form", "canopy-stats"][..], &["--namespace and --job", "/api/v1/canopy-stats/"][..]),
        (&["--form", "canopy-progress", "--namespace", "n", "--job", "j"], &["--type is required"]),
        (
            &["--form", "restore-verification", "--outcome-of", "/o"],
            &[
                "--type is required",
                "--group is required",
                "--server-id is required",
                "--intent is required",
            ],
        ),
        (&["--form", "json", "--progress-form", "json"], &["--progress-url is required"]),
        (
            &[
                "--form",
                "canopy-progress",
                "--type",
                "t",
                "--namespace",
                "n",
                "--job",
                "j",
                "--progress-url",
                "http://x",
            ],
            &["--progress-url and --progress-form do not go with it"],
        ),
        (&["--form", "json", "--until-outcome"], &["--outcome-of"]),
    ] {
        let (code, told) = run(&[&watch[..], args].concat());
        assert_eq!(code, Some(64), "{told}");
        for part in parts {
            assert!(told.contains(part), "no `{part}` in {told}");
        }
    }
}

#[test]
fn a_url_with_a_password_is_refused_and_not_repeated() {
    for flag in ["--url", "--progress-url"] {
        let mut args = vec!["--watch", "/tmp", "--run-id", "r", "--form", "json"];
        args.extend([flag, "https://me:hunter2@host/x"]);
        let (code, told) = run(&args);
        assert_eq!(code, Some(64), "{told}");
        assert!(told.contains("must not hold credentials") && !told.contains("hunter2"), "{told}");
    }
}

#[test]
fn a_bad_line_of_the_headers_is_named_and_not_shown() {
    let pod = Pod::new("http://127.0.0.1:1", "json");
    let headers = pod.path("headers");
    std::fs::write(&headers, "X-Good: yes\nhunter2\n").unwrap();
    let ended = pod.args(["--headers-file"]).args([headers]).end();
    ended.assert(64, &["line 2"]);
    assert!(!ended.last_word.contains("hunter2") && !ended.log.contains("hunter2"));
}

/// A reporting mistake holds no restore up, and a Secret may come late.
#[test]
fn a_file_of_headers_that_is_not_there_yet_is_told_and_read_when_it_comes() {
    let origin = taking();
    let pod = Pod::new(&origin.url(), "json");
    let token = pod.path("token");
    let pod = pod.args(["--bearer-token-file"]).args([&token]);
    let late = pod.clone().with("--grace", "1s").once();
    late.assert(2, &["--bearer-token-file", "No such file"]);
    assert!(late.log.contains("nothing can be posted yet"), "{}", late.log);
    let post = pod.start();
    std::fs::write(&token, "hush").unwrap();
    post.stop().assert(0, &["reported"]);
    assert_eq!(posts(&origin, 1)[0].head.header("authorization"), Some("Bearer hush"));
}

#[test]
fn a_check_says_that_it_is_valid_and_posts_nothing() {
    let origin = taking();
    let ended = Pod::new(&origin.url(), "json").args(["--check"]).end();
    assert_eq!((ended.code, origin.connections()), (0, 0), "{}", ended.log);
}

#[test]
fn it_is_ready_at_once_and_says_so() {
    let (origin, admin) = (taking(), free_address());
    let pod = Pod::new(&origin.url(), "json").with("--admin-listen", &admin.to_string());
    pod.moved("proxy.json", [1, 2, 3, 4]);
    let mut post = pod.start();
    let ask = |path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let answer = testbed::exchange(admin, request.as_bytes()).unwrap();
        (answer.head.status, answer.text())
    };
    assert_eq!((ask("/readyz").0, ask("/livez").0), (200, 200));
    assert_eq!(run(&["probe", "--admin-listen", &admin.to_string()]).0, Some(0));
    post.wait("it is counted", |_| {
        ask("/metrics").1.contains("counter=\"received_payload_bytes\"} 4")
    });
    assert!(ask("/stats").1.contains("\"received_payload_bytes\":4"), "{}", ask("/stats").1);
    post.stop().assert(0, &[]);
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap().to_string();
    let pod = Pod::new("http://127.0.0.1:1", "json").with("--admin-listen", &at);
    pod.end().assert(69, &["--admin-listen", &at]);
}
