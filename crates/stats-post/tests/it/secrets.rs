// SPDX-License-Identifier: Apache-2.0
//! No secret of ours is in any output, at any level; and the same search finds one that is planted.

use std::net::SocketAddr;

use testbed::{Heard, Origin, Reply};

use crate::harness::{Pod, body, free_address};

const HEADER: &str = "hush-header-0123456789abcdef";
const TOKEN: &str = "hush-token-0123456789abcdef";
const PLANTED: &str = "hush-planted-0123456789abcdef";

/// A server that repeats all it was sent, which is the worst that one can do.
fn repeating() -> Origin {
    Origin::start(None, |heard: &Heard| {
        let said = String::from_utf8_lossy(&heard.head.bytes).into_owned();
        let text = serde_json::json!({"error": said}).to_string();
        Reply::answer("503 Service Unavailable", "", text.as_bytes())
    })
    .unwrap()
}

/// Everything that the process showed: its log, argv, metrics, stats, spool and last word.
fn shown(pod: &Pod, origin: &Origin, admin: SocketAddr) -> String {
    let mut post = pod.start();
    post.wait("progress is refused", |_| origin.heard().len() >= 2);
    let argv = std::fs::read(format!("/proc/{}/cmdline", post.run.id())).unwrap();
    let ask = |path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        testbed::exchange(admin, request.as_bytes()).unwrap().text()
    };
    let asked = ask("/metrics") + &ask("/stats");
    assert!(asked.contains("stats_post_posts_total"), "{asked}");
    let ended = post.stop();
    ended.assert(2, &["could not be delivered"]);
    let spooled = pod.spooled().unwrap().to_string();
    [ended.log, ended.last_word, asked, spooled, String::from_utf8_lossy(&argv).into_owned()]
        .concat()
}

#[test]
fn no_secret_is_in_any_output_at_trace_level_and_a_planted_one_is_found() {
    let origin = repeating();
    let admin = free_address();
    let pod = Pod::new(&origin.url(), "json").spooling().env("RUST_LOG", "trace");
    let (headers, token) = (pod.path("headers"), pod.path("token"));
    std::fs::write(&headers, format!("X-Api-Key: {HEADER}\n")).unwrap();
    std::fs::write(&token, TOKEN).unwrap();
    let pod =
        pod.args(["--headers-file"]).args([headers]).args(["--bearer-token-file"]).args([token]);
    let pod = pod.with("--grace", "1s").args(["--every", "50ms", "--progress-url", &origin.url()]);
    let pod = pod.with("--admin-listen", &admin.to_string());
    pod.write("planted.json", format!(r#"{{"name": "{PLANTED}", "exit": 0}}"#));
    let shown = shown(&pod, &origin, admin);
    assert!(shown.contains("TRACE"), "the log is at trace level");
    for secret in [HEADER, TOKEN] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    assert!(shown.contains(PLANTED), "the search finds what is there");
    let heard = &origin.heard()[0];
    assert_eq!(heard.head.header("x-api-key"), Some(HEADER));
    assert_eq!(heard.head.header("authorization"), Some(&*format!("Bearer {TOKEN}")));
    assert!(!body(heard).to_string().contains("hush-token"));
}
