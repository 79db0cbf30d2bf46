// SPDX-License-Identifier: Apache-2.0
//! How the process ends, and what it says of its listeners, where a caller or a neighbour is in its
//! way.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use testbed::{Mood, Spawn, exchange, wait_until};

use crate::bed::Bed;
use crate::client::assert_ok;
use crate::proxy::{Proxy, SOON, binary};

/// An upload whose caller has sent a part of it and sends no more.
fn half_an_upload(proxy: &Proxy) -> TcpStream {
    let (head, body) = proxy.client().put("/bucket/half", vec![8; 300_000]).parts();
    let mut stream = TcpStream::connect(proxy.addr()).unwrap();
    stream.write_all(&head).unwrap();
    stream.write_all(&body[..150_000]).unwrap();
    wait_until(SOON, "the upload is under way", || {
        proxy.stats()["sent_raw_bytes"].as_u64() > Some(50_000)
    })
    .unwrap();
    stream
}

#[test]
fn a_second_signal_ends_it_at_once_whatever_is_under_way() {
    let bed = Bed::new();
    let mut proxy = bed.setup().ready();
    let _upload = half_an_upload(&proxy);
    proxy.run.interrupt().unwrap();
    proxy.run.wait_until(SOON, "it drains", |run| run.stdout().contains("\"draining\"")).unwrap();
    proxy.run.terminate().unwrap();
    // The grace is 25 s: within a few, only the second signal can have ended it.
    assert_eq!(proxy.run.wait(Duration::from_secs(5)).unwrap().code(), Some(143));
    let stored = |status: http::StatusCode| status.is_success();
    assert!(!bed.seen("/bucket/half").iter().any(|seen| seen.status.is_some_and(stored)));
}

#[test]
fn a_caller_that_never_ends_is_cut_at_the_end_of_the_grace() {
    let bed = Bed::new();
    let mut proxy = bed.setup().args(["--grace", "1s"]).ready();
    let _upload = half_an_upload(&proxy);
    assert_eq!(proxy.stop(), 0);
    let last = std::fs::read_to_string(proxy.path("termination")).unwrap();
    assert!(last.contains("stopped when asked"), "{last}");
}

/// In a pod, a startup probe that gives up stops it: `kubectl describe` then shows this last word.
#[test]
fn a_proxy_that_never_held_credentials_says_why_in_its_last_word() {
    let bed = Bed::new();
    bed.issuer.set_mood(Mood::Denied);
    let mut proxy = bed.setup().start();
    wait_until(SOON, "the probe tells", || proxy.probe().1.contains("no enabled declaration"))
        .unwrap();
    assert_eq!(proxy.stop(), 69);
    let last = std::fs::read_to_string(proxy.path("termination")).unwrap();
    assert!(last.starts_with("stopped before it was ready: no valid credentials yet: "), "{last}");
    assert!(last.contains("no enabled declaration"), "{last}");
}

#[test]
fn a_taken_admin_or_metrics_port_is_named_with_exit_69() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let dir = tempfile::tempdir().unwrap();
    for (flag, other) in [("--admin-listen", None), ("--metrics-listen", Some("--admin-listen"))] {
        let mut run = Spawn::new(binary())
            .clean_env()
            .args(["--region", "r", "--credentials", "env", "--listen", "127.0.0.1:0"])
            .arg("--caller-env-file")
            .arg(dir.path().join("never-written"))
            .args([flag, &address])
            .args(other.into_iter().flat_map(|flag| [flag, "127.0.0.1:0"]))
            .start()
            .unwrap();
        assert_eq!(run.wait(SOON).unwrap().code(), Some(69), "{}", run.story());
        let named = run.stdout().contains(&format!("{flag} {address}"));
        assert!(named, "{}", run.story());
    }
}

#[test]
fn a_scraper_gets_metrics_and_nothing_else() {
    let bed = Bed::new();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let _proxy = bed.setup().args(["--metrics-listen", &free.to_string()]).ready();
    let ask = |path: &str| {
        exchange(free, format!("GET {path} HTTP/1.1\r\nhost: s\r\n\r\n").as_bytes()).unwrap()
    };
    assert!(ask("/metrics").text().contains("s3_resign_proxy_credential_valid 1"));
    for path in ["/stats", "/readyz", "/livez", "/.pilotfish/credentials"] {
        assert_eq!(ask(path).head.status, 404, "{path}");
    }
}

#[test]
fn the_credentials_file_is_for_its_group_alone_and_holds_the_pair_that_passes() {
    let bed = Bed::new();
    let setup = bed.setup();
    let file = setup.path("aws-credentials");
    let proxy =
        setup.args(["--caller-credentials-file".into(), file.as_os_str().to_owned()]).ready();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("[default]\n"), "{text}");
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "));
        line.unwrap().to_owned()
    };
    let client = proxy.client_with(&value("aws_access_key_id"), &value("aws_secret_access_key"));
    assert_ok(&client.put("/bucket/k", "x").send());
}
