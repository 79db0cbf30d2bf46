// SPDX-License-Identifier: Apache-2.0
//! The broker of pods/credential-broker, between a control plane and a store of its own, and the restores that
//! ask it: pods/kopia-restore with its component.

use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};

use crate::api;
use crate::bed::Bed;
use crate::control_plane::{self, Speaks};
use crate::overlay;
use crate::pod::Pod;
use crate::store;
use crate::wait::{self, Hopeless};

pub(crate) const NAMESPACE: &str = "pilotfish-broker";
pub(crate) const TYPE: &str = "kopia";
/// What the control plane grants: group, type, and the password of the repository.
const GRANTS: [(&str, &str, &str); 4] = [
    ("pods-broker", TYPE, "password of pods-broker"),
    ("pods-audience", TYPE, "-"),
    ("pods-type", TYPE, "-"),
    ("pods-type", "postgres", "-"),
];
const READY: Duration = Duration::from_secs(90);

/// What its servers show, and by what the control plane knows it.
pub(crate) struct Papers {
    tls: store::Tls,
    device_key: String,
}

impl Papers {
    pub(crate) fn signed_by(ca: &testbed::Ca) -> anyhow::Result<Papers> {
        let (_, device_key) = ca.server_pem(&["device"])?;
        Ok(Papers { tls: store::tls(ca, NAMESPACE)?, device_key })
    }
}

/// Where pods ask it.
pub(crate) fn url() -> String {
    format!("https://credential-broker.{NAMESPACE}.svc.cluster.local:9091")
}

/// Starts all three; returns when the broker serves.
pub(crate) fn start(bed: &Bed, papers: &Papers) -> anyhow::Result<()> {
    store::start(bed.api(), NAMESPACE, &papers.tls)?;
    let kustomization = json!({
        "namespace": NAMESPACE,
        "resources": ["objects.yaml", bed.pods("credential-broker")?],
        "images": [overlay::image()],
        "patches": [{"patch": settings().to_string()}],
    });
    let objects = objects(bed.ca(), papers);
    let folder = bed.overlay("credential-broker", &kustomization, Some(&objects))?;
    api::kubectl(&["apply", "-k", &folder.display().to_string()])?;
    control_plane::await_ready(bed.api(), NAMESPACE, "canopy")?;
    wait::until(READY, "the broker is ready", || {
        let pod = pod(bed)?;
        if let Some(stuck) = pod.as_ref().and_then(Pod::stuck) {
            return Err(Hopeless(format!("{stuck}\n{}", log(bed)?)).into());
        }
        Ok(pod.filter(Pod::is_ready).map(drop))
    })
}

fn settings() -> Value {
    let data = json!({
        "CREDENTIAL_BROKER_ISSUER": format!("canopy:https://canopy.{NAMESPACE}.svc.cluster.local"),
        "CREDENTIAL_BROKER_CANOPY_CA_BUNDLE": "/canopy-ca/ca.crt",
        "CREDENTIAL_BROKER_TLS_CERT": "/tls/tls.crt",
        "CREDENTIAL_BROKER_TLS_KEY": "/tls/tls.key",
    });
    map("credential-broker-settings", &data)
}

/// What a user has besides the specs: Secrets, an authority, and here a control plane.
fn objects(ca: &str, papers: &Papers) -> Value {
    let grants = GRANTS.map(|(group, type_, repo_password)| {
        json!({"group": group, "type": type_, "repo_password": repo_password})
    });
    let config = json!({"grants": grants, "credentials": {"issuer": store::issuer_in(NAMESPACE)}});
    let [service, settings] = control_plane::address("canopy", Speaks::Tls, &config);
    let (certificate, key) = &papers.tls;
    // The control plane is a pod here, so that what is 443 elsewhere is its port.
    let egress = json!([{"ports": [{"protocol": "TCP", "port": control_plane::PORT}]}]);
    json!({"apiVersion": "v1", "kind": "List", "items": [
        service,
        settings,
        control_plane::pod("canopy", Speaks::Tls),
        {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": {"name": "credential-broker-tls"},
         "stringData": {"tls.crt": certificate, "tls.key": key}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "credential-broker-device"},
         "stringData": {"key.pem": papers.device_key}},
        map("canopy-ca", &json!({"ca.crt": ca})),
        {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "canopy"},
         "spec": {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "credential-broker"}},
                  "policyTypes": ["Egress"], "egress": egress}},
    ]})
}

fn pod(bed: &Bed) -> anyhow::Result<Option<Pod>> {
    let selector = "app.kubernetes.io%2Fname%3Dcredential-broker";
    let path = format!("/api/v1/namespaces/{NAMESPACE}/pods?labelSelector={selector}");
    let list = bed.api().get(&path)?;
    Ok(list["items"].as_array().and_then(|pods| pods.first()).cloned().map(Pod))
}

/// Where its pod is.
pub(crate) fn address(bed: &Bed) -> anyhow::Result<String> {
    let pod = pod(bed)?.context("the broker's pod")?;
    let address = pod.0["status"]["podIP"].as_str().context("its address")?;
    Ok(if address.contains(':') { format!("[{address}]") } else { address.to_owned() })
}

/// All that the broker has logged.
pub(crate) fn log(bed: &Bed) -> anyhow::Result<String> {
    let pod = pod(bed)?.context("the broker's pod")?;
    bed.api().text(&format!(
        "/api/v1/namespaces/{NAMESPACE}/pods/{}/log?container=credential-broker",
        pod.name()
    ))
}

/// The lines of its audit that name a namespace.
pub(crate) fn audit(bed: &Bed, namespace: &str) -> anyhow::Result<Vec<String>> {
    let log = log(bed)?;
    let named = format!("\"{namespace}\"");
    Ok(log.lines().filter(|line| line.contains(&named)).map(str::to_owned).collect())
}

impl Bed {
    /// Says on the namespace what its pods may ask for.
    pub(crate) fn entitle(&self, group: &str) {
        let group = format!("pgro.bes.au/group={group}");
        let type_ = format!("pgro.bes.au/type={TYPE}");
        api::kubectl(&["label", "namespace", &self.namespace, &group, &type_]).expect("labels");
    }

    /// Applies pods/kopia-restore with the broker's component, exactly as they are, with this namespace's settings
    /// and these patches, as a kustomization lists them.
    pub(crate) fn restore_by_broker(&self, group: &str, type_: &str, patches: &[Value]) {
        self.need_broker();
        let patches = [&self.wishes(group, type_), patches].concat();
        let kustomization = json!({
            "namespace": self.namespace,
            "resources": ["objects.yaml", self.pods("kopia-restore").expect("pods/kopia-restore")],
            "components": [self.pods("kopia-restore/broker").expect("its component")],
            "images": [overlay::image(), {"name": "kopia/kopia", "newName": "localhost/kopia"}],
            "patches": patches,
        });
        let authority = map("broker-ca", &json!({"ca.crt": self.ca()}));
        let folder = self.overlay("restore", &kustomization, Some(&authority)).expect("an overlay");
        api::kubectl(&["apply", "-k", &folder.display().to_string()]).expect("pods/kopia-restore");
    }

    /// What a user sets.
    fn wishes(&self, group: &str, type_: &str) -> [Value; 3] {
        let namespace = self.namespace.as_str();
        let reports = format!("http://reports.{namespace}.svc.cluster.local:8080");
        let store = json!({
            "S3_RESIGN_PROXY_UPSTREAM": store::upstream_in(NAMESPACE),
            "S3_RESIGN_PROXY_CA_BUNDLE": "/ca/ca.crt",
            "S3_RESIGN_PROXY_BUCKET": store::BUCKET,
            "S3_RESIGN_PROXY_PREFIX": format!("{namespace}/"),
        });
        let broker = json!({
            "BROKER_URL": url(),
            "BROKER_GROUP": group,
            "BROKER_TYPE": type_,
            "BROKER_CA": "/broker-ca/ca.crt",
        });
        let reports = json!({"STATS_POST_URL": reports, "STATS_POST_PROGRESS_URL": reports});
        [("kopia-settings", store), ("kopia-broker", broker), ("kopia-reports", reports)]
            .map(|(name, data)| json!({"patch": map(name, &data).to_string()}))
    }
}

/// A ConfigMap, or a patch of one.
pub(crate) fn map(name: &str, data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
}
