// SPDX-License-Identifier: Apache-2.0
//! What is fixed in a StatefulSet and its Service when they are made, and a restore depends on: as
//! `kubectl get statefulset,service -o json` prints them.

use std::path::Path;

use anyhow::anyhow;
use serde_json::Value;
use sidecar::{Exit, Failure};

use crate::member::Member;
use crate::plan::{Line, unreadable};
use crate::room;

/// A line for each thing that matters.
pub(crate) fn judge(path: &Path, member: &Member, content: u64) -> Vec<Line> {
    match read(path) {
        Ok(items) => {
            let sets = of_kind(&items, "StatefulSet");
            let services = of_kind(&items, "Service");
            let mut lines: Vec<Line> =
                sets.iter().flat_map(|set| stateful_set(set, &services, member, content)).collect();
            if sets.is_empty() {
                lines.push(Line::refuse(
                    "objects",
                    &unreadable(path, "there is no StatefulSet in it"),
                ));
            }
            lines
        }
        Err(error) => vec![Line::refuse("objects", &error)],
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<Value>> {
    let text = std::fs::read(path).map_err(|error| unreadable(path, &error.to_string()))?;
    let value: Value = serde_json::from_slice(&text)
        .map_err(|error| unreadable(path, &format!("{error}; write it with -o json")))?;
    Ok(match value.get("items").and_then(Value::as_array) {
        Some(items) => items.clone(),
        None => vec![value],
    })
}

fn of_kind<'a>(items: &'a [Value], kind: &str) -> Vec<&'a Value> {
    items.iter().filter(|item| item.get("kind").and_then(Value::as_str) == Some(kind)).collect()
}

fn stateful_set(set: &Value, services: &[&Value], member: &Member, content: u64) -> Vec<Line> {
    let name = text(set, "/metadata/name");
    let mut lines = Vec::new();
    if member.listed.voters.len() > 1 {
        lines.push(parallel(set, name));
        lines.push(published(set, services, name));
    }
    lines.push(state(set, name));
    lines.extend(size(set, content));
    lines
}

fn refused(why: String) -> Line {
    Line::refuse("objects", &Failure::new(Exit::Usage, anyhow!(why)))
}

/// Members that wait for one another would never be restored.
fn parallel(set: &Value, name: &str) -> Line {
    match text(set, "/spec/podManagementPolicy") {
        "Parallel" => {
            Line::ok("objects", format!("StatefulSet {name} starts its pods in parallel"))
        }
        _ => refused(format!(
            "StatefulSet {name}: podManagementPolicy must be Parallel, else the second pod waits for the first, which waits for its quorum; it is fixed when the StatefulSet is made: delete it with --cascade=orphan and make it anew"
        )),
    }
}

fn published(set: &Value, services: &[&Value], name: &str) -> Line {
    let wanted = text(set, "/spec/serviceName");
    let Some(service) = services.iter().find(|it| text(it, "/metadata/name") == wanted) else {
        return Line::warn(
            "objects",
            format!(
                "Service {wanted} of StatefulSet {name} is not among the objects: it needs publishNotReadyAddresses"
            ),
        );
    };
    match service.pointer("/spec/publishNotReadyAddresses").and_then(Value::as_bool) {
        Some(true) => {
            Line::ok("objects", format!("Service {wanted} publishes addresses that are not ready"))
        }
        _ => refused(format!(
            "Service {wanted}: publishNotReadyAddresses must be true, else members do not find one another before they are ready"
        )),
    }
}

/// With `new`, a member that starts empty would make a cluster of its own.
fn state(set: &Value, name: &str) -> Line {
    let containers = set.pointer("/spec/template/spec/containers").and_then(Value::as_array);
    let said = containers.into_iter().flatten().find_map(|container| {
        let env = container.get("env").and_then(Value::as_array)?;
        let one = env.iter().find(|it| text(it, "/name") == "ETCD_INITIAL_CLUSTER_STATE")?;
        one.get("value").and_then(Value::as_str)
    });
    match said {
        Some("existing") => {
            Line::ok("objects", format!("StatefulSet {name} starts etcd with the state `existing`"))
        }
        Some(other) => refused(format!(
            "StatefulSet {name}: ETCD_INITIAL_CLUSTER_STATE is `{other}` and must be `existing`"
        )),
        None => Line::warn(
            "objects",
            format!(
                "StatefulSet {name} does not set ETCD_INITIAL_CLUSTER_STATE itself: it must come out as `existing`"
            ),
        ),
    }
}

/// Whether the volumes that it makes are large enough.
fn size(set: &Value, content: u64) -> Option<Line> {
    let claims = set.pointer("/spec/volumeClaimTemplates").and_then(Value::as_array)?;
    let asked = claims.iter().map(|claim| text(claim, "/spec/resources/requests/storage"));
    let (text, bytes) =
        asked.filter_map(|text| Some((text, quantity(text)?))).max_by_key(|it| it.1)?;
    let needed = room::needed(content);
    match bytes >= needed {
        true => {
            Some(Line::ok("objects", format!("its volumes have {text}, {needed} bytes are needed")))
        }
        false => {
            Some(refused(format!("its volumes have {text}, and the restore needs {needed} bytes")))
        }
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// A quantity of Kubernetes, in bytes.
fn quantity(text: &str) -> Option<u64> {
    let end = text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let factor: u64 = match unit {
        "" => 1,
        "k" => 1000,
        "M" => 1000_u64.pow(2),
        "G" => 1000_u64.pow(3),
        "T" => 1000_u64.pow(4),
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        "Ti" => 1 << 40,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_as_kubernetes_reads_them() {
        assert_eq!(quantity("8Gi"), Some(8 << 30));
        assert_eq!(quantity("500M"), Some(500_000_000));
        assert_eq!(quantity("1024"), Some(1024));
        assert_eq!(quantity("1.5Gi"), None);
    }
}
