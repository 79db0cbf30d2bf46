// SPDX-License-Identifier: Apache-2.0
//! Who reaches the broker's ports, where the cluster's network enforces policies.

use std::io::Write;
use std::time::Duration;

use serde_json::{Value, json};

use crate::api;
use crate::bed::Bed;
use crate::broker;
use crate::control_plane::{self, Speaks};
use crate::wait;

/// Who has no answer by then gets none: a policy may drop what it denies, without a word.
const PATIENCE: Duration = Duration::from_secs(30);

/// What became of a connection.
#[derive(Debug, PartialEq, Eq)]
enum Reach {
    Answered,
    Cut,
}

/// Whether a pod with these labels gets an answer at a broker's URL: a proxy asks there, and its probe tells.
fn reach(bed: &Bed, name: &str, labels: &Value, url: &str) -> Reach {
    let version = env!("CARGO_PKG_VERSION");
    let credentials = format!("--credentials=broker:{url}");
    api::apply(&json!({"apiVersion": "v1", "kind": "Pod",
    "metadata": {"name": name, "namespace": bed.namespace, "labels": labels},
    "spec": {
        "terminationGracePeriodSeconds": 1,
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "securityContext": {"runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
        "volumes": [{"name": "ca", "configMap": {"name": "store-ca"}}],
        "containers": [{
            "name": "asks",
            "image": format!("localhost/pilotfish:{version}"),
            "command": ["s3-resign-proxy"],
            "args": ["--region=eu-west-1", "--caller-access-key=any", "--caller-secret-file=/ca/ca.crt",
                credentials, "--group=any", "--type=any", "--broker-ca=/ca/ca.crt"],
            "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
            "volumeMounts": [{"name": "ca", "mountPath": "/ca"}],
        }],
    }}))
    .expect("a pod that asks");
    let answered = || Ok(said(bed, name)?.contains("answered ").then_some(()));
    match wait::until(PATIENCE, "an answer", answered) {
        Ok(()) => Reach::Answered,
        Err(_) => {
            let said = said(bed, name).unwrap_or_default();
            let is_cut =
                ["(Connect)", "timed out", "in time"].iter().any(|word| said.contains(word));
            assert!(is_cut, "neither answered nor cut: {said}\n{}", bed.story());
            Reach::Cut
        }
    }
}

/// What its probe says; that it is not ready is no failure here.
fn said(bed: &Bed, name: &str) -> anyhow::Result<String> {
    let exec = ["kubectl", "-n", &bed.namespace, "exec", name, "--", "s3-resign-proxy", "probe"];
    let output = api::cluster(&exec).output()?;
    Ok(format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    ))
}

/// Whether this cluster cuts a connection that a policy of ours denies.
fn is_enforced(bed: &Bed) -> bool {
    let [service, settings] = control_plane::address("denied", Speaks::Plain, &json!({}));
    let policy = json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "denied"},
        "spec": {"podSelector": {"matchLabels": {"app": "denied"}}, "policyTypes": ["Ingress"]}});
    for mut object in [service, settings, control_plane::pod("denied", Speaks::Plain), policy] {
        object["metadata"]["namespace"] = json!(bed.namespace);
        api::apply(&object).expect("a server behind a policy");
    }
    // Its kubelet reaches it, policy or not.
    control_plane::await_ready(bed.api(), &bed.namespace, "denied").expect("it serves");
    let url = format!("http://denied.{}.svc.cluster.local:8080", bed.namespace);
    reach(bed, "control", &json!({}), &url) == Reach::Cut
}

#[test]
fn only_labelled_pods_reach_the_broker_where_the_network_enforces_policies() {
    let bed = Bed::open_bare("policy");
    if !is_enforced(&bed) {
        // Not by println, which the runner keeps to itself.
        let line =
            "not run: denial by NetworkPolicy: this cluster's network enforces no policies\n";
        std::io::stdout().write_all(line.as_bytes()).expect("a line");
        return;
    }
    bed.need_broker();
    let labelled = json!({"pgro.bes.au/proxy-sidecar": "true"});
    assert_eq!(reach(&bed, "labelled", &labelled, &broker::url()), Reach::Answered);
    assert_eq!(reach(&bed, "unlabelled", &json!({}), &broker::url()), Reach::Cut);
    let metrics = format!("http://{}:9090", broker::address(&bed).expect("the broker's address"));
    assert_eq!(reach(&bed, "scraper", &json!({}), &metrics), Reach::Answered);
}
