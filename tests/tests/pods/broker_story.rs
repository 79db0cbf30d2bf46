// SPDX-License-Identifier: Apache-2.0
//! A control plane grants, the broker hands on, the proxy signs, kopia restores, and the report of the run says what
//! the store itself counted; also where whoever takes it comes late, or never.

use serde_json::{Value, json};

use crate::api;
use crate::bed::{Bed, Settings};
use crate::broker::{self, TYPE};
use crate::control_plane::{self, Speaks};
use crate::pod::{Ended, Pod};
use crate::store;

const GROUP: &str = "pods-broker";
const REPORTS: &str = "reports";
const JOB: &str = "kopia-restore";

/// With a snapshot in the store that the broker's credentials are for, and its password with the broker alone.
fn backed_up() -> Bed {
    let settings = format!(
        "- patch: |-\n    apiVersion: v1\n    kind: ConfigMap\n    metadata: {{name: kopia-settings}}\n    data:\n      \
         S3_RESIGN_PROXY_UPSTREAM: {}\n      S3_RESIGN_PROXY_CREDENTIALS: broker:{}\n",
        store::upstream_in(broker::NAMESPACE),
        store::issuer_in(broker::NAMESPACE),
    );
    let bed = Bed::open("broker", Settings { patches: vec![settings], ..Settings::default() });
    bed.need_broker();
    bed.entitle(GROUP);
    bed.back_up();
    let delete = ["-n", &bed.namespace, "delete", "secret", "kopia-password"];
    api::kubectl(&delete).expect("the password goes");
    bed
}

fn receiver(bed: &Bed) {
    let [service, settings] = control_plane::address(REPORTS, Speaks::Plain, &json!({}));
    for mut object in [service, settings] {
        object["metadata"]["namespace"] = json!(bed.namespace);
        api::apply(&object).expect("the receiver's name");
    }
}

/// The final reports that were taken.
fn reports(bed: &Bed) -> Vec<Value> {
    let path = format!("/api/v1/canopy-stats/{}/{JOB}", bed.namespace);
    control_plane::captured(bed.api(), &bed.namespace, REPORTS, &path).expect("what was taken")
}

fn start_reports(bed: &Bed) {
    control_plane::start(bed.api(), &bed.namespace, REPORTS).expect("a receiver");
}

/// Runs it again, from the first attempt on.
fn forget(bed: &Bed) {
    let delete = ["-n", &bed.namespace, "delete", "job", JOB, "--cascade=foreground"];
    api::kubectl(&delete).expect("the job goes");
}

fn last_pod(bed: &Bed) -> Pod {
    bed.pods_of(JOB).expect("pods").pop().expect("a pod")
}

/// The last word of stats-post, which ends after the proxy, and the proxy after kopia.
fn assert_report_ended_last(bed: &Bed) -> Ended {
    let pod = last_pod(bed);
    let ends = ["restore", "s3-resign-proxy", "stats-post"].map(|name| pod.ended(name));
    let [restore, proxy, report] = ends.map(|ended| ended.expect("it has ended"));
    assert_eq!((restore.exit, proxy.exit), (0, 0), "{restore:?} {proxy:?}");
    assert!(restore.at <= proxy.at && proxy.at <= report.at, "{restore:?} {proxy:?} {report:?}");
    report
}

fn number(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap_or_else(|| panic!("{name} in {value}"))
}

fn run_id(bed: &Bed) -> String {
    let labels = &last_pod(bed).0["metadata"]["labels"];
    labels["batch.kubernetes.io/controller-uid"].as_str().expect("the job's uid").to_owned()
}

/// One report, with the key by which a second one would be known.
fn assert_one_report(bed: &Bed) -> Value {
    let mut reports = reports(bed);
    let report = reports.pop().unwrap_or_else(|| panic!("a report\n{}", bed.story()));
    assert!(reports.is_empty(), "one report: {report} {reports:?}");
    let headers = report["headers"].to_string().to_lowercase();
    assert!(headers.contains("idempotency-key"), "{headers}");
    report["body"].clone()
}

#[test]
fn a_restore_by_the_broker_reports_once_what_the_store_counted_whenever_its_receiver_is_there() {
    let bed = backed_up();
    receiver(&bed);
    start_reports(&bed);
    let report = what_the_store_counted_is_reported(&bed);
    println!("broker: {report}");
    a_receiver_that_comes_late_hears_it(&bed);
    what_nobody_takes_stays_and_fails_nothing(&bed);
}

/// Both, in words.
fn what_the_store_counted_is_reported(bed: &Bed) -> String {
    let counts = || store::counts(bed.api(), broker::NAMESPACE).expect("the store's counts");
    let before = counts();
    bed.restore_by_broker(GROUP, TYPE, &[]);
    bed.assert_complete(JOB);
    let after = counts();
    bed.assert_restored();
    let ended = assert_report_ended_last(bed);
    assert_eq!(ended.exit, 0, "{}", ended.message);

    let report = assert_one_report(bed);
    let moved = |name: &str| number(&after, name) - number(&before, name);
    assert_eq!(number(&report, "received_payload_bytes"), moved("sent_bytes"), "{report} {after}");
    assert_eq!(number(&report, "sent_payload_bytes"), moved("received_bytes"), "{report}");
    let (raw, counted) = (number(&report, "received_raw_bytes"), moved("sent_bytes"));
    assert!(counted >= bed.settings.borrow().bytes, "all of it was moved: {counted}");
    assert!(raw >= counted && raw - counted <= counted / 100, "raw {raw}, counted {counted}");
    assert_granted(bed);
    format!("{report}, the store counted {counted} bytes of bodies")
}

/// The control plane was shown the device's certificate; the audit tells of the grant, and tells no secret.
fn assert_granted(bed: &Bed) {
    let heard =
        control_plane::heard(bed.api(), broker::NAMESPACE, "canopy", "/restore-credentials");
    let heard = heard.expect("what the control plane was asked");
    assert!(heard.iter().any(|one| one["status"] == 200), "{heard:?}");
    assert!(heard.iter().all(|one| one["certificate"].is_object()), "{heard:?}");
    let audit = broker::audit(bed, &bed.namespace).expect("the audit").join("\n");
    for word in [GROUP, TYPE, &run_id(bed)] {
        assert!(audit.contains(word), "{word} in {audit}");
    }
    let log = broker::log(bed).expect("its log");
    for secret in ["password of", "SecretAccessKey", "eyJ"] {
        assert!(!log.contains(secret), "{secret:?} in {log}");
    }
}

fn a_receiver_that_comes_late_hears_it(bed: &Bed) {
    forget(bed);
    control_plane::stop(&bed.namespace, REPORTS).expect("the receiver goes");
    bed.restore_by_broker(GROUP, TYPE, &[]);
    let done = |pod: &Pod| pod.ended("restore").is_some_and(|ended| ended.exit == 0);
    let pod = bed.pod_when(JOB, "the data is back", done);
    assert!(pod.is_running("stats-post"), "it has something to tell yet\n{}", bed.story());
    start_reports(bed);
    bed.assert_complete(JOB);
    let ended = assert_report_ended_last(bed);
    assert_eq!(ended.exit, 0, "{}", ended.message);
    assert_one_report(bed);
}

fn what_nobody_takes_stays_and_fails_nothing(bed: &Bed) {
    forget(bed);
    control_plane::stop(&bed.namespace, REPORTS).expect("the receiver goes");
    let impatient = broker::map("kopia-reports", &json!({"STATS_POST_GRACE": "2s"}));
    let impatient = json!({"patch": impatient.to_string()});
    bed.restore_by_broker(GROUP, TYPE, &[impatient]);
    bed.assert_complete(JOB);
    let ended = assert_report_ended_last(bed);
    assert_eq!(ended.exit, 2, "{}", ended.message);
    for word in ["received_payload_bytes", &run_id(bed)] {
        assert!(ended.message.contains(word), "{word} in {}", ended.message);
    }
    assert!(bed.describe(JOB).contains("received_payload_bytes"), "kubectl describe shows it");
}
