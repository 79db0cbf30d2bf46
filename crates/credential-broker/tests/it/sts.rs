// SPDX-License-Identifier: Apache-2.0
//! STS as the issuer: what is asked of it, and what its answers mean.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::Url;
use serde_json::{Value, json};

use crate::bed::{Setup, ask_for, body};
use crate::fake::{Answer, Asked, Fake};

const ROLE: &str = "sts:arn:aws:iam::123456789012:role/restore";

pub(crate) const SECRET: &str = "hush/sts+secret";
pub(crate) const TOKEN: &str = "hush/sts+token";
pub(crate) const SOURCE_SECRET: &str = "hush-secret-of-the-brokers-own-set";
pub(crate) const SOURCE_TOKEN: &str = "hush-token-of-the-brokers-own-set";

/// What STS answers: <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>.
pub(crate) fn assumed(_: &Asked) -> Answer {
    let expires = Timestamp::now() + jiff::SignedDuration::from_secs(3600);
    let body = format!(
        r#"<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
        <Credentials><AccessKeyId>ASIASTS1</AccessKeyId><SecretAccessKey>{SECRET}</SecretAccessKey>
        <SessionToken>{TOKEN}</SessionToken><Expiration>{expires:.0}</Expiration></Credentials>
        <AssumedRoleUser><Arn>arn:aws:sts::1:assumed-role/restore/x</Arn><AssumedRoleId>A:x</AssumedRoleId></AssumedRoleUser>
        </AssumeRoleResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></AssumeRoleResponse>"#
    );
    (200, vec![("content-type", "text/xml".to_owned())], body)
}

fn failed(status: u16, code: &str) -> Answer {
    let body = format!(
        r#"<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>
        <Code>{code}</Code><Message>the words of STS</Message></Error><RequestId>r</RequestId></ErrorResponse>"#
    );
    (status, vec![("content-type", "text/xml".to_owned())], body)
}

/// A broker of this STS, with a source set of its own.
pub(crate) fn setup(sts: &Fake) -> Setup {
    setup_at(&sts.url())
}

fn setup_at(url: &str) -> Setup {
    Setup::new(ROLE)
        .args(["--allow-anonymous", "--sts-bucket", "bk-{group}", "--sts-prefix", "{type}/"])
        .args(["--sts-region", "eu-west-1", "--sts-endpoint", url])
        .env("AWS_ACCESS_KEY_ID", "AKIASOURCE")
        .env("AWS_SECRET_ACCESS_KEY", SOURCE_SECRET)
        .env("AWS_SESSION_TOKEN", SOURCE_TOKEN)
        .env("AWS_EC2_METADATA_DISABLED", "true")
}

/// The form that was posted, one field.
fn field(asked: &Asked, name: &str) -> String {
    let form = String::from_utf8(asked.body.clone()).unwrap();
    let url: Url = format!("http://x/?{form}").parse().unwrap();
    let found = url.query_pairs().find(|(key, _)| key == name);
    found.unwrap_or_else(|| panic!("{name} is not in {form}")).1.into_owned()
}

#[test]
fn the_role_is_assumed_for_reading_one_prefix() {
    let sts = Fake::start(assumed);
    let broker = setup(&sts).args(["--sts-duration", "2h"]).start();
    let wish = json!({"group": "site-a", "type": "pg", "run_id": "run 9/é".replace('é', "e")});
    let answer = broker.ask(&wish);
    assert_eq!(answer.head.status, 200, "{}\n{}", answer.text(), broker.run.story());
    let set = body(&answer);
    assert_eq!(set["credentials"]["AccessKeyId"], "ASIASTS1");
    assert_eq!(set["credentials"]["SecretAccessKey"], SECRET);
    assert_eq!(set["credentials"]["SessionToken"], TOKEN);
    let ends: Timestamp = set["credentials"]["Expiration"].as_str().unwrap().parse().unwrap();
    assert!(ends > Timestamp::now());

    let asked = sts.asked().remove(0);
    assert_eq!(field(&asked, "Action"), "AssumeRole");
    assert_eq!(field(&asked, "RoleArn"), "arn:aws:iam::123456789012:role/restore");
    assert_eq!(field(&asked, "DurationSeconds"), "7200");
    assert_eq!(field(&asked, "RoleSessionName"), "run-run-9-e");
    let policy: Value = serde_json::from_str(&field(&asked, "Policy")).unwrap();
    let statements = policy["Statement"].as_array().unwrap();
    let actions: Vec<_> = statements.iter().map(|it| it["Action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["s3:GetObject", "s3:ListBucket", "s3:GetBucketLocation"]);
    assert_eq!(statements[0]["Resource"], "arn:aws:s3:::bk-site-a/pg/*");
    assert_eq!(statements[1]["Condition"], json!({"StringLike": {"s3:prefix": "pg/*"}}));
    let signed = asked.headers.get("authorization").unwrap().to_str().unwrap();
    assert!(signed.contains("AKIASOURCE") && signed.contains("eu-west-1/sts"), "{signed}");
}

#[test]
fn the_password_comes_from_the_groups_file_and_is_read_anew() {
    let sts = Fake::start(assumed);
    let setup = setup(&sts);
    let template = setup.path("password-{group}");
    let broker = setup.clone().args(["--repo-password-file".into(), template]).start();
    let wish = json!({"group": "g", "type": "pg", "repo_password": true});
    let answer = broker.ask(&wish);
    assert_eq!(answer.head.status, 503, "{}", answer.text());
    assert!(!answer.text().contains(setup.path("").to_str().unwrap()), "{}", answer.text());
    std::fs::write(setup.path("password-h"), "one\n").unwrap();
    let wish = json!({"group": "h", "type": "pg", "repo_password": true});
    assert_eq!(body(&broker.ask(&wish))["repo_password"], "one");
}

#[test]
fn each_error_of_sts_has_its_answer() {
    for (status, code, answered) in [
        (403, "AccessDenied", 502),
        (403, "ExpiredToken", 502),
        (403, "InvalidClientTokenId", 502),
        (400, "PackedPolicyTooLarge", 502),
        (400, "ValidationError", 502),
        (400, "Throttling", 503),
        (500, "InternalFailure", 502),
        (503, "ServiceUnavailable", 502),
    ] {
        let sts = Fake::start(move |_| failed(status, code));
        let broker = setup(&sts).start();
        let answer = broker.ask(&ask_for("g"));
        println!("{status} {code} -> {} {}", answer.head.status, answer.text());
        assert_eq!(answer.head.status, answered, "{code}: {}", answer.text());
        let told = body(&answer);
        let told = told["error"].as_str().unwrap();
        assert!(told.contains(code) && told.contains("the words of STS"), "{code}: {told}");
        assert_eq!(sts.count(), 1, "{code}: the broker does not retry for its callers");
    }
}

#[test]
fn sts_that_does_not_answer_is_an_outage() {
    let sts = Fake::start(assumed);
    sts.hold();
    let broker = setup(&sts).args(["--issuer-timeout", "500ms"]).start();
    let answer = broker.ask(&ask_for("g"));
    assert_eq!((answer.head.status, answer.head.header("retry-after")), (503, Some("1")));
    let nowhere = Fake::start(assumed);
    let url = nowhere.url();
    drop(nowhere);
    let broker = setup_at(&url).start();
    let answer = broker.ask(&ask_for("g"));
    assert_eq!(answer.head.status, 503, "{}", answer.text());
}

#[test]
fn without_a_set_of_its_own_the_broker_says_so() {
    let sts = Fake::start(assumed);
    let broker = setup(&sts)
        .env("AWS_ACCESS_KEY_ID", "")
        .env("AWS_SECRET_ACCESS_KEY", "")
        .args(["--issuer-timeout", "15s", "--answer-within", "15s"])
        .start();
    let answer = broker.ask(&ask_for("g"));
    println!("{}", answer.text());
    assert_eq!(answer.head.status, 503, "{}", answer.text());
    assert_eq!(sts.count(), 0);
    assert!(broker.run.usage().unwrap().cpu < Duration::from_secs(10));
}
