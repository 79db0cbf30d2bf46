// SPDX-License-Identifier: Apache-2.0
//! The control plane's own forms, which say how the run ended.

use std::fs::File;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use stub_canopy::{Config, Stub, Tls};

use crate::harness::{Pod, RUN, SNAPSHOT, outcome, stub};

/// A sidecar of a neighbour whose outcome is the run's.
fn of_outcome(stub: &Stub, form: &str, args: &[&str]) -> Pod {
    let pod = Pod::new(&stub.url(), form);
    let file = pod.path("shared/upload.json");
    pod.args(["--outcome-of"]).args([file]).args(args.iter().copied())
}

fn reported(stub: &Stub, path: &str) -> Value {
    let captured = stub.captured();
    let of_path: Vec<_> = captured.iter().filter(|one| one.path == path).collect();
    assert_eq!(of_path.len(), 1, "{captured:?}");
    assert!(of_path[0].unknown.is_empty(), "{:?}", of_path[0].unknown);
    of_path[0].body.clone()
}

#[test]
fn a_backup_report_says_what_our_uploader_found() {
    let stub = stub();
    let pod = of_outcome(&stub, "backup-report", &[]);
    pod.moved("proxy.json", [410, 400, 9, 0]);
    let facts = json!({"id": SNAPSHOT, "bytes": 400, "content_bytes": 900});
    let told = format!("reported to the control plane, {}", stub.url());
    pod.once_with(outcome(0, "done", facts)).assert(0, &[&told]);
    assert_eq!(
        reported(&stub, "/backup-report"),
        json!({
            "run_id": RUN, "type": "tamanu-postgres", "purpose": "backup", "outcome": "success",
            "snapshot_id": SNAPSHOT, "bytes_uploaded": 400, "snapshot_taken_at": "2026-11-20T02:00:00Z",
            "s3_sent_raw_bytes": 410, "s3_sent_payload_bytes": 400, "s3_received_raw_bytes": 9, "s3_received_payload_bytes": 0,
        })
    );
}

#[test]
fn a_failed_backup_is_reported_with_the_end_of_its_error_and_nothing_unmeasured() {
    let stub = stub();
    let pod = of_outcome(&stub, "backup-report", &[]);
    let sentence = format!("{}: no space left", "warning ".repeat(500));
    let ended = pod.once_with(outcome(75, &sentence, Value::Null));
    ended.assert(0, &[": sent an unknown number of"]);
    let tail: String = sentence.chars().skip(sentence.chars().count() - 1500).collect();
    assert_eq!(
        reported(&stub, "/backup-report"),
        json!({
            "run_id": RUN, "type": "tamanu-postgres", "purpose": "backup", "outcome": "failure", "error": tail,
        })
    );
}

#[test]
fn a_restore_verification_claims_health_only_where_the_facts_do() {
    let restore = ["--server-id", "77b2", "--intent", "verify", "--replica-id", "0d0c"];
    for (facts, healthy) in [
        (json!({"grade": "clean", "snapshot_id": "k3f9", "postgres_version": "16"}), true),
        (json!({"grade": "salvaged", "snapshot_id": "k3f9", "postgres_version": "16"}), false),
    ] {
        let stub = stub();
        stub.set(json!({"grants": [{"group": "5a1e", "type": "tamanu-postgres"}]})).unwrap();
        let pod = of_outcome(&stub, "restore-verification", &restore);
        pod.moved("proxy.json", [1, 0, 9, 8]);
        pod.once_with(outcome(0, "restored", facts.clone())).assert(0, &["reported"]);
        let report = reported(&stub, "/restore-verification");
        assert_eq!(
            report,
            json!({
                "replica_id": "0d0c", "run_id": RUN, "group": "5a1e", "server_id": "77b2",
                "type": "tamanu-postgres", "intent": "verify", "snapshot_id": "k3f9", "outcome": "success",
                "replica_healthy": healthy, "postgres_version": "16", "observed_at": report["observed_at"],
                "s3_sent_raw_bytes": 1, "s3_sent_payload_bytes": 0, "s3_received_raw_bytes": 9, "s3_received_payload_bytes": 8,
                "health_details": facts,
            })
        );
        assert!(report["observed_at"].as_str().unwrap().ends_with('Z'), "{report}");
    }
}

#[test]
fn progress_of_a_backup_goes_to_the_control_plane_in_its_own_form() {
    let stub = stub();
    let args = ["--progress-form", "backup-progress", "--every", "50ms"];
    let pod = of_outcome(&stub, "backup-report", &args);
    pod.moved("proxy.json", [410, 400, 9, 0]);
    let mut post = pod.start();
    let came = |stub: &Stub| stub.captured().iter().any(|one| one.path == "/backup-progress");
    post.wait("progress comes", |_| came(&stub));
    pod.write("upload.json", outcome(0, "done", json!({"id": SNAPSHOT})));
    post.stop().assert(0, &["reported"]);
    let sample = stub.captured().into_iter().find(|one| one.path == "/backup-progress").unwrap();
    assert_eq!(
        sample.body,
        json!({
            "run_id": RUN, "type": "tamanu-postgres", "purpose": "backup",
            "s3_sent_raw_bytes": 410, "s3_sent_payload_bytes": 400, "s3_received_raw_bytes": 9, "s3_received_payload_bytes": 0,
        })
    );
}

#[test]
fn a_run_whose_outcome_never_came_is_not_reported_as_anything() {
    let stub = stub();
    let pod = of_outcome(&stub, "backup-report", &[]).spooling();
    pod.moved("proxy.json", [1, 2, 3, 4]);
    // Another neighbour's outcome is not the run's.
    pod.write("other.json", outcome(0, "done", Value::Null));
    let ended = pod.once();
    ended.assert(2, &["the outcome that is reported never came", "nothing is reported"]);
    assert_eq!(ended.facts()["report"]["tallies"]["sent_raw_bytes"], 1);
    assert!(stub.captured().is_empty());
}

/// A folder that outlives its runs, as outside Kubernetes.
#[test]
fn an_outcome_of_an_earlier_run_is_told_once_and_never_reported() {
    let stub = stub();
    let pod = of_outcome(&stub, "backup-report", &["--until-outcome", "--every", "50ms"]);
    let write = |exit: i32, age: u64| {
        pod.write("upload.json", outcome(exit, "x", json!({"id": SNAPSHOT})));
        let file = File::options().write(true).open(pod.path("shared/upload.json")).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
    };
    write(0, 60);
    let ended = pod.once();
    ended.assert(2, &["the outcome that is reported never came"]);
    assert_eq!(ended.log.matches("it is of an earlier run").count(), 1, "{}", ended.log);
    assert!(stub.captured().is_empty());
    let post = pod.start();
    write(1, 0);
    post.end().assert(0, &["reported"]);
    assert_eq!(reported(&stub, "/backup-report")["outcome"], "failure");
}

/// A restarted sidecar counts from when the run began.
#[test]
fn an_outcome_that_came_while_the_sidecar_was_away_is_the_runs() {
    let stub = stub();
    let pod = of_outcome(&stub, "backup-report", &[]).spooling();
    let mut post = pod.start();
    post.run.kill().unwrap();
    let entry = std::fs::read_dir(pod.path("spool")).unwrap().next().unwrap().unwrap();
    let counting = json!({"stage": "counting", "started": "2026-01-01T00:00:00Z"});
    std::fs::write(entry.path(), counting.to_string()).unwrap();
    pod.write("upload.json", outcome(0, "done", json!({"id": SNAPSHOT})));
    let file = File::options().write(true).open(pod.path("shared/upload.json")).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(60)).unwrap();
    pod.once().assert(0, &["reported"]);
}

#[test]
fn a_run_outside_kubernetes_ends_with_its_outcome() {
    let stub = stub();
    let pod = of_outcome(&stub, "backup-report", &["--until-outcome"]);
    let post = pod.start();
    pod.moved("proxy.json", [1, 2, 3, 4]);
    pod.write("upload.json", outcome(0, "done", json!({"id": SNAPSHOT})));
    post.end().assert(0, &["reported"]);
    assert_eq!(reported(&stub, "/backup-report")["s3_sent_raw_bytes"], 1);
}

#[test]
fn the_public_host_knows_the_device_by_its_key() {
    let ca = testbed::Ca::new().unwrap();
    let files = tempfile::tempdir().unwrap();
    let (certificate, key) = ca.server_files(files.path()).unwrap();
    let tls = Some(Tls { certificate, key });
    let stub = Stub::start(Config { tls, ..Config::new(json!({})) }).unwrap();
    let device = ca.client_files(files.path(), "device").unwrap();
    let pod = of_outcome(&stub, "backup-report", &[]);
    let pod = pod.args(["--canopy-device-key"]).args([device.key]);
    let pod = pod.args(["--canopy-ca-bundle"]).args([ca.pem_path()]);
    pod.once_with(outcome(0, "done", json!({"id": SNAPSHOT}))).assert(0, &["reported"]);
    assert_eq!(reported(&stub, "/backup-report")["outcome"], "success");
    assert!(stub.captured()[0].certificate.is_some());
}
