// SPDX-License-Identifier: Apache-2.0
//! A binary of ours in a container of an image that has neither it nor a shell.

use serde_json::json;

use crate::api;
use crate::bed::{Bed, Settings};

#[test]
fn run_with_serves_in_an_image_without_a_shell_once_it_is_installed_in_a_volume() {
    let bed = Bed::open("install", Settings { bytes: 1, ..Settings::default() });
    let version = env!("CARGO_PKG_VERSION");
    let strict = json!({"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
        "capabilities": {"drop": ["ALL"]}});
    api::apply(&json!({"apiVersion": "batch/v1", "kind": "Job",
    "metadata": {"name": "installed", "namespace": bed.namespace},
    "spec": {"backoffLimit": 0, "template": {"spec": {
        "restartPolicy": "Never",
        "securityContext": {"runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
        "volumes": [{"name": "tools", "emptyDir": {}},
            {"name": "password", "secret": {"secretName": "kopia-password"}}],
        "initContainers": [{
            "name": "install",
            "image": format!("localhost/pilotfish:{version}"),
            "command": ["run-with", "install", "/tools"],
            "securityContext": strict,
            "volumeMounts": [{"name": "tools", "mountPath": "/tools"}],
        }],
        "containers": [{
            "name": "tool",
            "image": "localhost/kopia-no-shell:0.23.1",
            "command": ["/tools/run-with", "--env", "KOPIA_PASSWORD=@/password/password", "--",
                "/app/kopia", "--version"],
            "securityContext": strict,
            "volumeMounts": [{"name": "tools", "mountPath": "/tools", "readOnly": true},
                {"name": "password", "mountPath": "/password", "readOnly": true}],
        }]}}}}))
    .expect("the job");
    bed.assert_complete("installed");
    let pod = bed.pods_of("installed").expect("pods").pop().expect("a pod");
    let installed = pod.ended("install").expect("it has ended").message;
    assert!(installed.starts_with("installed /tools/run-with ("), "{installed}");
    assert!(bed.log(&pod, "tool").expect("its log").starts_with("0.23.1"), "kopia ran");
}
