// SPDX-License-Identifier: Apache-2.0
//! A Job that knows nothing of ours, and the patch that gives it live credentials.

use serde_json::json;

use crate::api;
use crate::bed::{Bed, Settings};
use crate::store;

#[test]
fn a_job_of_another_tool_gets_live_credentials_by_the_patch_alone() {
    let bed = Bed::open("any", Settings { bytes: 1, ..Settings::default() });
    let namespace = bed.namespace.as_str();
    let secret = [
        "--from-literal=AWS_ACCESS_KEY_ID=tool",
        "--from-literal=AWS_SECRET_ACCESS_KEY=secret/of+tool",
    ];
    let create = ["-n", namespace, "create", "secret", "generic", "s3-caller"];
    api::kubectl(&[&create[..], &secret].concat()).expect("the Secret");
    let job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "my-job"},
    "spec": {"backoffLimit": 0, "template": {"spec": {
        "restartPolicy": "Never",
        "securityContext": {"runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{
            "name": "my-tool",
            "image": "localhost/restic:0.19.1",
            "args": ["--no-cache", "-r", format!("s3:http://localhost:9700/{}/{namespace}", store::BUCKET), "init"],
            "env": [{"name": "RESTIC_PASSWORD", "value": "x"}],
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
        }]}}}});
    let settings = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "s3-resign-proxy"}, "data": {
        "S3_RESIGN_PROXY_UPSTREAM": store::upstream(),
        "S3_RESIGN_PROXY_CREDENTIALS": format!("broker:{}", store::issuer()),
        "S3_RESIGN_PROXY_GROUP": namespace,
        "S3_RESIGN_PROXY_TYPE": "restic",
        "S3_RESIGN_PROXY_CA_BUNDLE": "/ca/ca.crt",
    }});
    bed.apply_component("any-tool", &job, &[settings]).expect("pods/any-tool");
    bed.assert_complete("my-job");
    let issued = store::issued(bed.api(), namespace).expect("the issuer's counts");
    assert!(issued >= 1, "its credentials came from the issuer");
}
