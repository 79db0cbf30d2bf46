// SPDX-License-Identifier: Apache-2.0
//! The broker's wire form, against a real HTTP server.

use std::path::Path;
use std::time::{Duration, SystemTime};

use credential::{BrokerArgs, Credential, Error, Kind, Provider, RepoPassword};

use crate::server::{Answer, Identity, Server};

const SET: &str = r#"{"credentials":{"Version":1,"AccessKeyId":"ASIABROKER01","SecretAccessKey":"hush","SessionToken":"hush-token","Expiration":"2999-01-01T00:00:00Z"},"repo_password":"hush-password"}"#;

fn arguments() -> BrokerArgs {
    BrokerArgs {
        group: "site-a".to_owned(),
        type_: "tamanu-postgres".to_owned(),
        run_id: Some("9e9e".to_owned()),
        token_file: None,
        ca: None,
    }
}

fn open(url: &str, arguments: BrokerArgs) -> Result<Box<dyn Provider>, Error> {
    credential::open(&format!("broker:{url}").parse().unwrap(), Some(arguments))
}

async fn fetch(url: &str, arguments: BrokerArgs) -> Result<Credential, Error> {
    open(url, arguments)?.fetch().await
}

fn ok(body: &str) -> Answer {
    (200, vec![("content-type", "application/json".to_owned())], body.to_owned())
}

#[tokio::test]
async fn the_request_and_the_answer_have_the_brokers_wire_form() {
    let server = Server::start(|_| ok(SET)).await;
    let set = fetch(&server.url(), arguments()).await.unwrap();
    assert_eq!(set.access_key_id, "ASIABROKER01");
    assert_eq!(set.secret_access_key.expose(), "hush");
    assert_eq!(set.session_token.as_ref().unwrap().expose(), "hush-token");
    assert!(set.expires.unwrap() > SystemTime::UNIX_EPOCH + Duration::from_secs(32_000_000_000));
    let asked = server.asked().remove(0);
    assert_eq!(asked.line, "POST /internal/restore-creds");
    assert_eq!(asked.header("content-type"), Some("application/json"));
    assert_eq!(asked.header("authorization"), None);
    let expected = r#"{"group":"site-a","run_id":"9e9e","type":"tamanu-postgres"}"#;
    assert_eq!(asked.body, expected);
}

#[tokio::test]
async fn a_request_without_run_has_no_run_id() {
    let server = Server::start(|_| ok(SET)).await;
    let url = format!("{}/internal/restore-creds", server.url());
    fetch(&url, BrokerArgs { run_id: None, ..arguments() }).await.unwrap();
    let asked = server.asked().remove(0);
    assert_eq!(asked.line, "POST /internal/restore-creds");
    assert_eq!(asked.body, r#"{"group":"site-a","type":"tamanu-postgres"}"#);
}

#[tokio::test]
async fn the_token_file_is_read_again_for_each_request() {
    let server = Server::start(|_| ok(SET)).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, "first\n").unwrap();
    let arguments = BrokerArgs { token_file: Some(path.clone()), ..arguments() };
    let broker = open(&server.url(), arguments).unwrap();
    broker.fetch().await.unwrap();
    std::fs::write(&path, "second").unwrap();
    broker.fetch().await.unwrap();
    let tokens: Vec<_> = server
        .asked()
        .iter()
        .map(|asked| asked.header("authorization").map(str::to_owned))
        .collect();
    let expected = ["Bearer first", "Bearer second"].map(|it| Some(it.to_owned()));
    assert_eq!(tokens, expected);

    std::fs::write(&path, " \n").unwrap();
    let empty = broker.fetch().await.unwrap_err();
    assert!(empty.kind() == Kind::Invalid && empty.message().contains("is empty"), "{empty}");
    std::fs::write(&path, "hu\nsh").unwrap();
    let odd = broker.fetch().await.unwrap_err();
    assert!(odd.kind() == Kind::Invalid && !odd.to_string().contains("sh"), "{odd}");
    std::fs::remove_file(&path).unwrap();
    let gone = broker.fetch().await.unwrap_err();
    assert!(gone.kind() == Kind::Unavailable && gone.message().contains("token file"), "{gone}");
    assert_eq!(server.asked().len(), 2, "no request goes out without its token");
}

#[tokio::test]
async fn a_refusal_is_denied_and_carries_the_brokers_words() {
    let body = r#"{"error":"no enabled declaration for site-a"}"#;
    let server = Server::start(move |_| (403, vec![], body.to_owned())).await;
    let error = fetch(&server.url(), arguments()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Denied);
    assert!(error.is_denied() && !error.is_retryable());
    let expected =
        format!("broker:{}: answered 403: no enabled declaration for site-a", server.url());
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn a_busy_broker_says_when_to_come_again() {
    let wait = || vec![("retry-after", "7".to_owned())];
    let server = Server::start(move |_| (503, wait(), String::new())).await;
    let error = fetch(&server.url(), arguments()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Server::start(|_| ok(SET)).await;
    let to = elsewhere.url();
    let server = Server::start(move |_| (307, vec![("location", to.clone())], String::new())).await;
    let error = fetch(&server.url(), arguments()).await.unwrap_err();
    assert!(error.message().contains("redirects are not followed"), "{error}");
    assert_eq!((server.asked().len(), elsewhere.asked().len()), (1, 0));
}

#[tokio::test]
async fn an_endless_answer_is_cut() {
    let server = Server::start(|_| ok(&"x".repeat(70_000))).await;
    let error = fetch(&server.url(), arguments()).await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (Kind::Invalid, "answered with more than 64 KiB"));
}

#[tokio::test]
async fn an_answer_cut_half_way_is_an_outage() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 4096]).await;
        let half = b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"credentials\":{\"hush";
        stream.write_all(half).await.unwrap();
    });
    let error = fetch(&url, arguments()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert!(!error.to_string().contains("hush"), "{error}");
}

#[tokio::test]
async fn a_broker_that_is_not_there_is_an_outage() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = fetch(&url, arguments()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert!(error.message().contains("refused"), "{error}");
}

/// The clock is paused: the runtime jumps to the time-out as soon as nothing else moves.
#[tokio::test(start_paused = true)]
async fn a_silent_broker_is_given_up() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let error = fetch(&url, arguments()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Timeout, "{error}");
    drop(listener);
}

fn write_ca(path: &Path, identity: &Identity) {
    std::fs::write(path, identity.pem()).unwrap();
}

#[tokio::test]
async fn a_ca_file_is_trusted_and_followed_when_it_changes() {
    let (right, wrong) = (Identity::new(), Identity::new());
    let server = Server::start_tls(&right, |_| ok(SET)).await;
    let url = format!("https://localhost:{}", server.address.port());
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    write_ca(&ca, &wrong);
    let broker = open(&url, BrokerArgs { ca: Some(ca.clone()), ..arguments() }).unwrap();
    let error = broker.fetch().await.unwrap_err();
    assert!(error.kind() == Kind::Unavailable && error.message().contains("CA"), "{error}");
    write_ca(&ca, &right);
    assert_eq!(broker.fetch().await.unwrap().access_key_id, "ASIABROKER01");
    std::fs::write(&ca, "half-writ").unwrap();
    broker.fetch().await.expect("the CA that was good a moment ago still serves");
}

async fn ask_password(url: &str) -> Result<credential::Secret, Error> {
    RepoPassword::open(&url.parse().unwrap(), arguments())?.fetch().await
}

#[tokio::test]
async fn the_repositorys_password_is_asked_for_where_it_is_wanted_and_nowhere_else() {
    let server = Server::start(|_| ok(SET)).await;
    assert_eq!(ask_password(&server.url()).await.unwrap().expose(), "hush-password");
    fetch(&server.url(), arguments()).await.unwrap();
    let bodies: Vec<String> = server.asked().into_iter().map(|asked| asked.body).collect();
    let with =
        r#"{"group":"site-a","repo_password":true,"run_id":"9e9e","type":"tamanu-postgres"}"#;
    let without = r#"{"group":"site-a","run_id":"9e9e","type":"tamanu-postgres"}"#;
    assert_eq!(bodies, [with, without]);
}

#[tokio::test]
async fn a_password_that_does_not_come_is_told_from_one_that_is_refused() {
    let alone = r#"{"credentials":{"AccessKeyId":"A","SecretAccessKey":"hush"}}"#;
    let server = Server::start(move |_| ok(alone)).await;
    let missing = ask_password(&server.url()).await.unwrap_err();
    assert_eq!(missing.kind(), Kind::Invalid);
    assert!(
        missing.message().contains("repo_password is missing: the broker's issuer"),
        "{missing}"
    );
    let words = r#"{"error":"not for this namespace","status":403}"#;
    let server = Server::start(move |_| (403, vec![], words.to_owned())).await;
    let refused = ask_password(&server.url()).await.unwrap_err();
    assert!(refused.is_denied(), "{refused}");
    assert_eq!(refused.message(), "answered 403: not for this namespace");
}

#[test]
fn what_cannot_work_is_refused_at_start() {
    let missing = BrokerArgs { ca: Some("/nowhere/ca.pem".into()), ..arguments() };
    let error = open("http://b", missing).err().unwrap();
    assert!(
        error.kind() == Kind::Invalid && error.message().contains("/nowhere/ca.pem"),
        "{error}"
    );
    let spec = "broker:http://b".parse().unwrap();
    let error = credential::open(&spec, None).err().unwrap();
    assert!(error.message().contains("group and type are missing"), "{error}");
}

#[tokio::test]
async fn a_broker_hears_which_set_the_store_refuses_until_another_one_comes() {
    const HEADER: &str = "pilotfish-refused-access-key-id";
    let server = Server::start(|_| ok(SET)).await;
    let provider = open(&server.url(), arguments()).unwrap();
    for refused in [None, Some("ASIABROKER01"), None] {
        provider.store_refuses(refused);
        provider.fetch().await.unwrap();
        assert_eq!(server.asked().pop().unwrap().header(HEADER), refused);
    }
}
