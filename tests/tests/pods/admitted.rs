// SPDX-License-Identifier: Apache-2.0
//! Every spec of `pods/` as the API server sees it before it does anything: known fields alone, no warning, and the
//! `restricted` Pod Security.

use std::path::Path;

use serde_json::json;

use crate::api;
use crate::bed::Bed;
use crate::broker;

/// Components that no story applies to the end, and what each is put on.
const ON: [(&str, &str); 2] = [
    ("credential-broker/tailscale", "credential-broker"),
    ("kopia-restore/broker", "kopia-restore"),
];

/// What of `pods/` can be applied by itself.
fn whole(folder: &Path, name: &str, found: &mut Vec<String>) {
    let file = std::fs::read_to_string(folder.join("kustomization.yaml")).unwrap_or_default();
    if file.contains("\nkind: Kustomization\n") {
        found.push(name.to_owned());
    }
    let entries = std::fs::read_dir(folder).expect("a folder of pods/");
    for entry in entries.flatten().filter(|entry| entry.path().is_dir()) {
        let inner = entry.file_name().to_string_lossy().into_owned();
        let inner = if name.is_empty() { inner } else { format!("{name}/{inner}") };
        whole(&entry.path(), &inner, found);
    }
}

/// What the API server says to it.
fn assert_admitted(bed: &Bed, base: &str, component: Option<&str>) {
    let components: Vec<_> =
        component.iter().map(|one| bed.pods(one).expect("a component")).collect();
    let kustomization = json!({
        "namespace": bed.namespace,
        "resources": [bed.pods(base).expect("a base")],
        "components": components,
    });
    let name = format!("dry-{}", component.unwrap_or(base).replace('/', "-"));
    let folder = bed.overlay(&name, &kustomization, None).expect("an overlay");
    let folder = folder.display().to_string();
    let dry = ["kubectl", "apply", "--dry-run=server", "--validate=strict", "-k", &folder];
    let output = api::cluster(&dry).output().expect("kubectl");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complaint.is_empty(), "{name}: {complaint}");
}

#[test]
fn every_spec_is_admitted_without_a_warning() {
    let bed = Bed::open_bare("admitted");
    let warn = "pod-security.kubernetes.io/warn=restricted";
    api::kubectl(&["label", "namespace", &bed.namespace, warn]).expect("a label");
    let mut bases = Vec::new();
    whole(&api::repository().join("pods"), "", &mut bases);
    assert!(bases.iter().any(|base| base == "credential-broker"), "{bases:?}");
    for base in &bases {
        assert_admitted(&bed, base, None);
    }
    for (component, base) in ON {
        assert_admitted(&bed, base, Some(component));
    }
}

#[test]
fn the_broker_may_ask_who_its_callers_are_and_nothing_else() {
    let bed = Bed::open_bare("rights");
    bed.need_broker();
    let account = format!("--as=system:serviceaccount:{}:credential-broker", broker::NAMESPACE);
    let may = |verb: &str, what: &str| {
        let ask = ["kubectl", "auth", "can-i", verb, what, &account, "--all-namespaces"];
        api::cluster(&ask).output().expect("kubectl").status.success()
    };
    assert!(may("create", "tokenreviews.authentication.k8s.io"));
    assert!(may("get", "namespaces"));
    for (verb, what) in [
        ("get", "secrets"),
        ("list", "secrets"),
        ("list", "namespaces"),
        ("patch", "namespaces"),
        ("get", "pods"),
        ("create", "pods"),
        ("create", "serviceaccounts/token"),
    ] {
        assert!(!may(verb, what), "{verb} {what}");
    }
}
