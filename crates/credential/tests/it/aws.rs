// SPDX-License-Identifier: Apache-2.0
//! The sources that go by environment variables. Each test runs itself again in a child process,
//! as a process's own environment cannot be changed safely.

use std::time::Duration;

use credential::{Kind, SourceSpec};

use crate::server::{Answer, Server};

/// Set in the child: which source to ask.
const SOURCE: &str = "PILOTFISH_TEST_SOURCE";
const MARK: &str = "outcome: ";

/// Runs `test` in a child that asks the source in the given environment; `None` in that child.
async fn outcome(test: &str, source: &str, environment: &[(&str, &str)]) -> Option<String> {
    if let Ok(source) = std::env::var(SOURCE) {
        report(&source).await;
        return None;
    }
    let mut command = tokio::process::Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture"]).env_clear();
    command.env(SOURCE, source).envs(environment.iter().copied());
    command.env("AWS_EC2_METADATA_DISABLED", "true").env("HOME", "/nonexistent");
    let output = tokio::time::timeout(Duration::from_secs(60), command.kill_on_drop(true).output());
    let output = output.await.expect("the child hangs").unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find_map(|line| Some(line.split_once(MARK)?.1.to_owned()));
    Some(
        line.unwrap_or_else(|| {
            panic!("no outcome: {text}{}", String::from_utf8_lossy(&output.stderr))
        }),
    )
}

#[expect(clippy::print_stdout, reason = "how the child tells its parent")]
async fn report(source: &str) {
    let spec: SourceSpec = source.parse().unwrap();
    let outcome = match credential::open(&spec, None) {
        Ok(provider) => provider.fetch().await,
        Err(error) => Err(error),
    };
    match outcome {
        Ok(set) => println!(
            "\n{MARK}{} {} {} {}",
            set.access_key_id,
            set.secret_access_key.expose(),
            set.session_token.as_ref().map_or("-", |token| token.expose()),
            if set.expires.is_some() { "expires" } else { "forever" },
        ),
        Err(error) => println!("\n{MARK}{:?} {error}", error.kind()),
    }
}

fn denied(outcome: &str) -> bool {
    outcome.starts_with(&format!("{:?} ", Kind::Denied))
}

#[tokio::test]
async fn a_container_uri_gives_a_set_with_its_token() {
    let body = r#"{"AccessKeyId":"ASIAC","SecretAccessKey":"s","Token":"t","Expiration":"2999-01-01T00:00:00Z"}"#;
    let server = Server::start(move |_| (200, vec![], body.to_owned())).await;
    let uri = format!("{}/creds", server.url());
    let environment = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri.as_str()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "let-me-in"),
    ];
    let test = "aws::a_container_uri_gives_a_set_with_its_token";
    let Some(outcome) = outcome(test, "container", &environment).await else { return };
    assert_eq!(outcome, "ASIAC s t expires");
    let asked = server.asked().remove(0);
    assert_eq!(
        (asked.line.as_str(), asked.header("authorization")),
        ("GET /creds", Some("let-me-in"))
    );
}

#[tokio::test]
async fn a_container_without_uri_is_refused_at_start() {
    let test = "aws::a_container_without_uri_is_refused_at_start";
    let Some(outcome) = outcome(test, "container", &[]).await else { return };
    assert!(outcome.starts_with("Invalid container: neither AWS_CONTAINER"), "{outcome}");
}

fn sts_set() -> Answer {
    let body = r#"<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
      <AssumeRoleWithWebIdentityResult><Credentials><SessionToken>t</SessionToken>
      <SecretAccessKey>s</SecretAccessKey><Expiration>2999-01-01T00:00:00Z</Expiration>
      <AccessKeyId>ASIAW</AccessKeyId></Credentials></AssumeRoleWithWebIdentityResult>
      </AssumeRoleWithWebIdentityResponse>"#;
    (200, vec![("content-type", "text/xml".to_owned())], body.to_owned())
}

fn sts_error(status: u16, code: &str) -> Answer {
    let body = format!(
        r#"<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>
        <Code>{code}</Code><Message>Not authorized to perform sts:AssumeRoleWithWebIdentity</Message>
        </Error><RequestId>r</RequestId></ErrorResponse>"#
    );
    (status, vec![("content-type", "text/xml".to_owned())], body)
}

async fn web_identity(test: &str, answer: Answer) -> Option<(String, Server)> {
    let server = Server::start(move |_| answer.clone()).await;
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "the-web-token").unwrap();
    let url = server.url();
    let environment = [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap()),
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/backup"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ENDPOINT_URL_STS", url.as_str()),
    ];
    Some((outcome(test, "web-identity", &environment).await?, server))
}

#[tokio::test]
async fn a_web_identity_token_is_exchanged_for_a_set() {
    let test = "aws::a_web_identity_token_is_exchanged_for_a_set";
    let Some((outcome, server)) = web_identity(test, sts_set()).await else { return };
    assert_eq!(outcome, "ASIAW s t expires");
    let body = server.asked().remove(0).body;
    assert!(body.contains("WebIdentityToken=the-web-token"), "{body}");
}

#[tokio::test]
async fn a_refusal_of_sts_is_denied() {
    let test = "aws::a_refusal_of_sts_is_denied";
    let answer = sts_error(403, "AccessDenied");
    let Some((outcome, server)) = web_identity(test, answer).await else { return };
    assert!(denied(&outcome) && outcome.contains("AccessDenied"), "{outcome}");
    assert!(!outcome.contains("the-web-token"), "{outcome}");
    assert_eq!(server.asked().len(), 1, "only the refresh tries again");
}

#[tokio::test]
async fn an_outage_of_sts_is_no_refusal() {
    let test = "aws::an_outage_of_sts_is_no_refusal";
    let answer = sts_error(503, "ServiceUnavailable");
    let Some((outcome, _server)) = web_identity(test, answer).await else { return };
    assert!(outcome.starts_with("Unavailable web-identity: "), "{outcome}");
}

#[tokio::test]
async fn missing_variables_of_web_identity_are_named_at_start() {
    let test = "aws::missing_variables_of_web_identity_are_named_at_start";
    let Some(outcome) = outcome(test, "web-identity", &[]).await else { return };
    assert!(outcome.contains("AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN"), "{outcome}");
}

#[tokio::test]
async fn the_environment_is_read_by_env_and_found_by_the_default_chain() {
    let test = "aws::the_environment_is_read_by_env_and_found_by_the_default_chain";
    let environment = [
        ("AWS_ACCESS_KEY_ID", "AKIAE"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
        ("AWS_SESSION_TOKEN", "t"),
        ("AWS_REGION", "eu-central-1"),
    ];
    for source in ["env", "default"] {
        let Some(outcome) = outcome(test, source, &environment).await else { return };
        assert_eq!(outcome, "AKIAE s t forever", "{source}");
    }
}

#[tokio::test]
async fn an_empty_default_chain_says_that_nothing_is_set_up() {
    let test = "aws::an_empty_default_chain_says_that_nothing_is_set_up";
    let environment = [("AWS_REGION", "eu-central-1")];
    let Some(outcome) = outcome(test, "default", &environment).await else { return };
    assert!(outcome.starts_with("Unavailable default: no source of the chain"), "{outcome}");
}
