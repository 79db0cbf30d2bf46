// SPDX-License-Identifier: Apache-2.0
//! What the cluster says of a pod.

use serde_json::Value;

/// Reasons of a container that waits and will not get out of it by itself.
const STUCK: [&str; 8] = [
    "CrashLoopBackOff",
    "ImagePullBackOff",
    "ErrImagePull",
    "ErrImageNeverPull",
    "InvalidImageName",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
];

/// A pod as it was when it was asked.
#[derive(Debug, Clone)]
pub(crate) struct Pod(pub(crate) Value);

/// How a container ended.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    pub(crate) exit: i64,
    pub(crate) message: String,
    pub(crate) at: String,
}

impl Pod {
    pub(crate) fn name(&self) -> &str {
        self.0["metadata"]["name"].as_str().unwrap_or_default()
    }

    /// Another one of the same name has another one.
    pub(crate) fn uid(&self) -> &str {
        self.0["metadata"]["uid"].as_str().unwrap_or_default()
    }

    pub(crate) fn is_ready(&self) -> bool {
        let conditions = self.0["status"]["conditions"].as_array();
        conditions
            .into_iter()
            .flatten()
            .any(|one| one["type"] == "Ready" && one["status"] == "True")
    }

    /// Names of all its containers, in the order in which they start.
    pub(crate) fn containers(&self) -> Vec<String> {
        let names = |kind: &str| {
            let list = self.0["spec"][kind].as_array().cloned().unwrap_or_default();
            list.into_iter().filter_map(|one| one["name"].as_str().map(str::to_owned))
        };
        names("initContainers").chain(names("containers")).collect()
    }

    pub(crate) fn status(&self, container: &str) -> Option<&Value> {
        ["initContainerStatuses", "containerStatuses"]
            .iter()
            .filter_map(|kind| self.0["status"][kind].as_array())
            .flatten()
            .find(|status| status["name"] == container)
    }

    pub(crate) fn is_running(&self, container: &str) -> bool {
        self.status(container).is_some_and(|status| status["state"]["running"].is_object())
    }

    /// The runtime's name of a container that runs, without the runtime's.
    pub(crate) fn id(&self, container: &str) -> Option<String> {
        let id = self.status(container)?["containerID"].as_str()?;
        Some(id.rsplit('/').next()?.to_owned())
    }

    pub(crate) fn restarts(&self, container: &str) -> i64 {
        self.status(container)
            .and_then(|status| status["restartCount"].as_i64())
            .unwrap_or_default()
    }

    /// How it ended at last, or before it was started again.
    pub(crate) fn ended(&self, container: &str) -> Option<Ended> {
        let status = self.status(container)?;
        let ended = [&status["state"]["terminated"], &status["lastState"]["terminated"]];
        let ended = ended.into_iter().find(|ended| ended.is_object())?;
        let text = |name: &str| ended[name].as_str().unwrap_or_default().to_owned();
        Some(Ended {
            exit: ended["exitCode"].as_i64()?,
            message: text("message"),
            at: text("finishedAt"),
        })
    }

    /// Which container is stuck, and how. A native sidecar that cannot start is told as ended, over and
    /// over, and never as one that waits.
    pub(crate) fn stuck(&self) -> Option<String> {
        self.containers().iter().find_map(|name| {
            let state = &self.status(name)?["state"];
            let reason =
                state["waiting"]["reason"].as_str().filter(|reason| STUCK.contains(reason));
            let never_started = self.0["status"]["phase"] == "Pending" && self.restarts(name) > 0;
            let code =
                state["terminated"]["exitCode"].as_i64().filter(|code| *code != 0 && never_started);
            let how = reason.map(str::to_owned).or(code.map(|code| format!("exit code {code}")))?;
            Some(format!("{}/{name} is stuck: {how}: {state}", self.name()))
        })
    }
}
