// SPDX-License-Identifier: Apache-2.0
//! Bad input is named, all of it at once, before anything is done.

use testbed::{Spawn, wait_until};

use crate::bed::{Bed, credential_process};
use crate::client::assert_ok;
use crate::proxy::{SOON, Setup, binary};

fn refused(args: &[&str]) -> String {
    let mut run = Spawn::new(binary()).clean_env().args(args).start().unwrap();
    assert_eq!(run.wait(SOON).unwrap().code(), Some(64), "{}", run.story());
    run.stderr()
}

#[test]
fn every_missing_and_contradictory_flag_is_named_at_once() {
    let said = refused(&[]);
    for flag in ["--region", "--credentials", "--caller-env-file"] {
        assert!(said.contains(flag), "{flag} is not in: {said}");
    }
    let said = refused(&[
        "--region",
        "r",
        "--credentials",
        "nonsense",
        "--idle-timeout",
        "soon",
        "--mode",
        "write",
        "--payload",
        "x",
        "--caller-access-key",
        "k",
        "--upstream",
        "ftp://h",
        "--connect-to",
        "h",
    ]);
    for flag in [
        "--credentials",
        "--idle-timeout",
        "--mode",
        "--payload",
        "--caller-secret-file",
        "--upstream",
        "--connect-to",
    ] {
        assert!(said.contains(flag), "{flag} is not in: {said}");
    }
    let said = refused(&[
        "--region",
        "r",
        "--credentials",
        "env",
        "--caller-env-file",
        "/tmp/x",
        "--serve-credentials",
        "--mode",
        "read-only",
        "--group",
        "g",
    ]);
    assert!(said.contains("--serve-credentials") && said.contains("--group"), "{said}");
}

/// The variables that the restore operator sets for its own sidecar: a flag of ours wins over each.
#[test]
fn the_names_of_the_sidecar_it_replaces_are_read_where_its_own_are_unset() {
    let bed = Bed::new();
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let start = || {
        let admin = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        Spawn::new(binary())
            .clean_env()
            .args(["--listen", "localhost:0", "--upstream", &bed.store.http_url()])
            .args(["--admin-listen", &admin.to_string()])
            .arg("--caller-env-file")
            .arg(at("env"))
            .env("PGRO_BROKER_URL", bed.issuer.url())
            .env("PGRO_GROUP", "site-a")
            .env("PGRO_TYPE", "postgres")
            .env("PGRO_RUN_ID", "9e9e")
            .env("PGRO_REGION", "ap-southeast-2")
            .env("AWS_REGION", "of-the-cluster")
            .env("PGRO_PROXY_PORT_FILE", at("proxy-port"))
    };
    let mut run = start().start().unwrap();
    run.wait_for_file(&at("proxy-port"), SOON).unwrap();
    assert!(std::fs::read_to_string(at("proxy-port")).unwrap().parse::<u16>().is_ok());
    assert!(std::fs::read_to_string(at("env")).unwrap().contains("AWS_REGION=ap-southeast-2"));
    let asked = serde_json::json!({"group": "site-a", "type": "postgres", "run_id": "9e9e"});
    assert_eq!(bed.issuer.bodies(), [asked]);
    run.kill().unwrap();

    let mut run = start().args(["--group", "site-b"]).start().unwrap();
    wait_until(SOON, "it asks", || bed.issuer.bodies().len() == 2).unwrap();
    assert_eq!(bed.issuer.bodies()[1]["group"], "site-b");
    run.kill().unwrap();
}

/// An operator sets them for every companion of a pod, whatever that one needs.
#[test]
fn the_old_names_are_no_mistake_where_no_broker_is_asked() {
    let mut run = Spawn::new(binary())
        .clean_env()
        .args(["--check", "--credentials", "env", "--region", "r", "--caller-env-file", "/x"])
        .env("PGRO_BROKER_URL", "http://broker:9091")
        .env("PGRO_GROUP", "site-a")
        .start()
        .unwrap();
    assert_eq!(run.wait(SOON).unwrap().code(), Some(0), "{}", run.story());
}

#[test]
fn check_validates_and_touches_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let env = dir.path().join("env");
    let mut run = Spawn::new(binary())
        .clean_env()
        .args(["--check", "--region", "r", "--credentials", "env", "--caller-env-file"])
        .arg(&env)
        .start()
        .unwrap();
    assert_eq!(run.wait(SOON).unwrap().code(), Some(0));
    assert!(run.stdout().contains("configuration is valid"));
    assert!(!env.exists());
}

#[test]
fn a_bad_ca_bundle_is_named_with_exit_64() {
    let dir = tempfile::tempdir().unwrap();
    let bundle = dir.path().join("empty.pem");
    std::fs::write(&bundle, "no certificate").unwrap();
    let (mut run, _) = Setup::new("https://localhost:1", "env")
        .args(["--ca-bundle".into(), bundle.as_os_str().to_owned()])
        .spawn();
    assert_eq!(run.wait(SOON).unwrap().code(), Some(64));
    assert!(run.stdout().contains("empty.pem"), "{}", run.story());
}

#[test]
fn a_credential_file_may_be_absent_empty_or_half_written_and_become_right() {
    let bed = Bed::new();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("credentials.json");
    let setup = Setup::new(&bed.store.url(), &format!("file:{}", file.display())).trusting(&bed.ca);
    let mut proxy = setup.fixed_pair().start();
    for (content, word) in [
        (None, "credentials.json"),
        (Some(""), "empty"),
        (Some("{\"Version\":1,"), "credentials.json"),
    ] {
        if let Some(content) = content {
            std::fs::write(&file, content).unwrap();
        }
        wait_until(SOON, "the probe says what is wrong", || {
            let (code, said) = proxy.probe();
            code == 1 && said.contains(word)
        })
        .unwrap_or_else(|error| panic!("{content:?}: {error}: {}", proxy.probe().1));
    }
    let issued = bed.store.issue(crate::bed::LONG);
    let mut document: serde_json::Value =
        serde_json::from_str(&credential_process(&issued.access_key_id, &issued.secret)).unwrap();
    document["SessionToken"] = issued.session_token.into();
    std::fs::write(&file, document.to_string()).unwrap();
    proxy.wait_ready();
    let client = proxy.client_with(crate::proxy::FIXED.0, crate::proxy::FIXED.1);
    assert_ok(&client.put("/bucket/k", "x").send());
}
