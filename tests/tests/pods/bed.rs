// SPDX-License-Identifier: Apache-2.0
//! A namespace as a user would have it: Secrets, volumes, and the specs of `pods/` with that user's settings.

use std::cell::RefCell;
use std::process::Command;
use std::sync::{OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::api::{self, Api};
use crate::broker::{self, Papers};
use crate::pod::Pod;
use crate::store;
use crate::wait::{self, Hopeless};

/// Far beyond what any job here takes.
const LIMIT: Duration = Duration::from_secs(300);

/// What all tests share.
struct Shared {
    api: Api,
    /// The certificate of the authority that all servers are signed by.
    ca: String,
    /// What the broker's servers need, for whoever asks for them first.
    papers: Papers,
    broker: OnceLock<()>,
    /// Taken for writing by whoever takes the node's power away.
    power: RwLock<()>,
}

fn shared() -> &'static Shared {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    SHARED.get_or_init(|| {
        let api = Api::open().expect("a cluster");
        let ca = testbed::Ca::new().expect("an authority");
        let tls = store::tls(&ca, store::NAMESPACE).expect("a certificate");
        let papers = Papers::signed_by(&ca).expect("certificates");
        store::start(&api, store::NAMESPACE, &tls).expect("the store in the cluster");
        let ca = ca.pem().to_owned();
        Shared { api, ca, papers, broker: OnceLock::new(), power: RwLock::new(()) }
    })
}

/// What a namespace's specs differ in.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Kopia's image.
    pub(crate) kopia: &'static str,
    /// The group for which credentials are asked.
    pub(crate) group: Option<&'static str>,
    /// Bytes in the volume.
    pub(crate) bytes: u64,
    /// Further patches of the kustomization, as YAML list items.
    pub(crate) patches: Vec<String>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { kopia: "kopia", group: None, bytes: 24 << 20, patches: Vec::new() }
    }
}

/// A namespace of its own; it goes when it is dropped.
pub(crate) struct Bed {
    pub(crate) namespace: String,
    pub(crate) settings: RefCell<Settings>,
    pub(crate) overlays: tempfile::TempDir,
    _power: Option<RwLockReadGuard<'static, ()>>,
    _no_power: Option<RwLockWriteGuard<'static, ()>>,
}

/// How a job ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    Complete,
    /// Reason and message of its condition.
    Failed(String, String),
}

impl Bed {
    /// A namespace beside others.
    pub(crate) fn open(name: &str, settings: Settings) -> Bed {
        Bed::beside_others(name, settings).furnished(Bed::furnish)
    }

    /// A namespace beside others, without volumes and data.
    pub(crate) fn open_bare(name: &str) -> Bed {
        Bed::beside_others(name, Settings::default()).furnished(Bed::settle)
    }

    fn beside_others(name: &str, settings: Settings) -> Bed {
        let power = shared().power.read().unwrap_or_else(PoisonError::into_inner);
        Bed::make(name, settings, Some(power), None)
    }

    /// A namespace on a node that nobody else uses.
    pub(crate) fn open_alone(name: &str, settings: Settings) -> Bed {
        let power = shared().power.write().unwrap_or_else(PoisonError::into_inner);
        Bed::make(name, settings, None, Some(power)).furnished(Bed::furnish)
    }

    fn make(
        name: &str,
        settings: Settings,
        power: Option<RwLockReadGuard<'static, ()>>,
        no_power: Option<RwLockWriteGuard<'static, ()>>,
    ) -> Bed {
        Bed {
            namespace: format!("pods-{name}"),
            settings: RefCell::new(settings),
            overlays: tempfile::Builder::new()
                .prefix(name)
                .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
                .expect("a folder for overlays"),
            _power: power,
            _no_power: no_power,
        }
    }

    fn furnished(self, furnish: impl FnOnce(&Bed) -> anyhow::Result<()>) -> Bed {
        furnish(&self).unwrap_or_else(|error| panic!("{}: {error:#}", self.namespace));
        self
    }

    /// Starts the broker, its control plane and its store, unless they are there.
    pub(crate) fn need_broker(&self) {
        let Shared { broker, papers, .. } = shared();
        broker.get_or_init(|| {
            broker::start(self, papers).unwrap_or_else(|error| panic!("the broker: {error:#}"));
        });
    }

    pub(crate) fn api(&self) -> &'static Api {
        &shared().api
    }

    /// The certificate of the store's authority.
    pub(crate) fn ca(&self) -> &'static str {
        &shared().ca
    }

    /// Asserts that what was restored is what was backed up.
    pub(crate) fn assert_restored(&self) {
        self.tree("compare", &["compare", "/data/tree", "/restored/tree"]).expect("equal trees");
    }

    /// Waits until the cluster and its store answer again, after a power loss.
    pub(crate) fn reopen(&self) {
        let back = self.api().reopen().and_then(|()| store::await_ready(self.api()));
        back.unwrap_or_else(|error| panic!("{error:#}"));
    }

    /// Makes the repository, to its good end.
    pub(crate) fn create_repository(&self) {
        self.apply("kopia-repository").expect("pods/kopia-repository");
        self.assert_complete("kopia-repository");
    }

    /// Runs the nightly backup now.
    pub(crate) fn start_backup(&self, job: &str) {
        self.apply("kopia-backup").expect("pods/kopia-backup");
        self.job_from("kopia-backup", job).expect("a job from the CronJob");
    }

    /// A repository with one snapshot in it.
    pub(crate) fn back_up(&self) {
        self.create_repository();
        self.start_backup("backup");
        self.assert_complete("backup");
    }

    /// Lets so many bytes move between the namespace's pods and the store, and then none until [`Bed::release`]: so
    /// there is time to do harm, on a machine of any speed.
    pub(crate) fn hold(&self, after: u64) {
        store::hold(&self.namespace, after).expect("the store holds");
    }

    pub(crate) fn release(&self) {
        store::release(&self.namespace).expect("the store held");
    }

    /// Waits until the namespace has got so many sets of credentials in all.
    pub(crate) fn await_issued(&self, sets: u64) {
        let enough = || Ok((store::issued(self.api(), &self.namespace)? >= sets).then_some(()));
        wait::until(LIMIT, "sets of credentials", enough)
            .unwrap_or_else(|error| panic!("{error:#}\n{}", self.story()));
    }

    pub(crate) fn start_restore(&self) {
        self.apply("kopia-restore").expect("pods/kopia-restore");
    }

    pub(crate) fn job_from(&self, cron: &str, job: &str) -> anyhow::Result<()> {
        let from = format!("--from=cronjob/{cron}");
        api::kubectl(&["-n", &self.namespace, "create", "job", job, &from]).map(drop)
    }

    /// What kopia says, run in the maintenance pod with other arguments.
    pub(crate) fn kopia(&self, job: &str, arguments: &[&str]) -> anyhow::Result<String> {
        let dry = ["-n", &self.namespace, "create", "job", job, "--from=cronjob/kopia-maintenance"];
        let text = api::kubectl(&[&dry[..], &["--dry-run=client", "-o", "json"]].concat())?;
        let mut spec: Value = serde_json::from_str(&text)?;
        spec["spec"]["template"]["spec"]["containers"][0]["args"] = json!(arguments);
        api::apply(&spec)?;
        let end = self.end_of(job)?;
        ensure!(end == End::Complete, "{job}: {end:?}\n{}", self.story());
        let pod = self.pods_of(job)?.pop().context("a pod")?;
        self.log(&pod, "maintenance")
    }

    pub(crate) fn log(&self, pod: &Pod, container: &str) -> anyhow::Result<String> {
        let name = pod.name();
        let namespace = &self.namespace;
        let path = format!("/api/v1/namespaces/{namespace}/pods/{name}/log?container={container}");
        self.api().text(&path)
    }

    /// The pods of a job, the oldest first.
    pub(crate) fn pods_of(&self, job: &str) -> anyhow::Result<Vec<Pod>> {
        let namespace = &self.namespace;
        let selector = format!("batch.kubernetes.io%2Fjob-name%3D{job}");
        let path = format!("/api/v1/namespaces/{namespace}/pods?labelSelector={selector}");
        let list = self.api().get(&path)?;
        let mut pods: Vec<Value> = list["items"].as_array().cloned().unwrap_or_default();
        pods.sort_by_key(|pod| pod["metadata"]["creationTimestamp"].to_string());
        Ok(pods.into_iter().map(Pod).collect())
    }

    /// Waits for a job's end; a pod that is stuck ends the wait at once, with its logs.
    pub(crate) fn end_of(&self, job: &str) -> anyhow::Result<End> {
        let namespace = &self.namespace;
        let path = format!("/apis/batch/v1/namespaces/{namespace}/jobs/{job}");
        wait::until(LIMIT, &format!("the end of {job}"), || {
            if let Some(stuck) = self.pods_of(job)?.iter().find_map(Pod::stuck) {
                return Err(Hopeless(format!("{stuck}\n{}", self.story())).into());
            }
            Ok(end(&self.api().get(&path)?))
        })
        .with_context(|| self.story())
    }

    pub(crate) fn assert_complete(&self, job: &str) {
        match self.end_of(job) {
            Ok(End::Complete) => {}
            other => panic!(
                "{namespace}/{job}: {other:?}\n{story}",
                namespace = self.namespace,
                story = self.story()
            ),
        }
    }

    /// Waits until a pod of a job is as wanted.
    pub(crate) fn pod_when(&self, job: &str, what: &str, is: impl Fn(&Pod) -> bool) -> Pod {
        let found = wait::until(LIMIT, what, || Ok(self.pods_of(job)?.into_iter().find(&is)));
        found.unwrap_or_else(|error| panic!("{error:#}\n{}", self.story()))
    }

    /// Waits until the container works: the proxy beside it has moved this many bytes for it.
    pub(crate) fn pod_when_moving(&self, job: &str, container: &str, bytes: u64) -> Pod {
        let pod = self.pod_when(job, "the container runs", |pod| pod.is_running(container));
        let moved = || Ok((self.tallies(&pod)? > bytes).then_some(()));
        wait::until(LIMIT, "bytes move", moved)
            .unwrap_or_else(|error| panic!("{error:#}\n{}", self.story()));
        pod
    }

    /// Bytes of objects that the proxy in a pod has moved so far, as a scraper sees them.
    pub(crate) fn tallies(&self, pod: &Pod) -> anyhow::Result<u64> {
        let (namespace, name) = (&self.namespace, pod.name());
        let path = format!("/api/v1/namespaces/{namespace}/pods/{name}:9090/proxy/metrics");
        let metrics = self.api().text(&path)?;
        let counts = metrics.lines().filter_map(|line| line.split_once(' '));
        let payload = counts.filter(|(name, _)| name.ends_with("_payload_bytes_total"));
        Ok(payload.filter_map(|(_, value)| value.parse::<u64>().ok()).sum())
    }

    /// Waits until all that the proxy in a pod has moved is in the file that it writes every five seconds, and more
    /// than `bytes`: what is held moves no more.
    pub(crate) fn await_kept_tallies(&self, pod: &Pod, bytes: u64) -> u64 {
        let id = pod.0["metadata"]["uid"].as_str().unwrap_or_default();
        let volumes = format!("/var/lib/kubelet/pods/{id}/volumes/kubernetes.io~empty-dir");
        let file = format!("{volumes}/stats/s3-resign-proxy.json");
        let kept = || {
            let stats: Value = serde_json::from_str(&api::run(&["node", "cat", &file])?)?;
            let moved = self.tallies(pod)?;
            Ok(Some(payload(&stats)).filter(|kept| *kept > bytes && *kept == moved))
        };
        wait::until(LIMIT, "tallies in the file", kept)
            .unwrap_or_else(|error| panic!("{error:#}\n{}", self.story()))
    }

    /// Kills the first process of a container.
    pub(crate) fn kill(&self, pod: &Pod, container: &str) {
        let id = pod.id(container).expect("the container's id");
        let kill = ["node", "ctr", "-a", "/run/containerd/containerd.sock", "-n", "k8s.io"];
        api::run(&[&kill[..], &["tasks", "kill", "-s", "SIGKILL", &id]].concat())
            .expect("it is killed");
    }

    /// What `kubectl describe` shows of a job and its pods.
    pub(crate) fn describe(&self, job: &str) -> String {
        let selector = format!("batch.kubernetes.io/job-name={job}");
        let describe = ["-n", &self.namespace, "describe"];
        let jobs = api::kubectl(&[&describe[..], &["job", job]].concat());
        let pods = api::kubectl(&[&describe[..], &["pod", "-l", &selector]].concat());
        format!("{}\n{}", jobs.unwrap_or_default(), pods.unwrap_or_default())
    }

    /// All that can be known of the namespace's pods, for the message of a failure.
    pub(crate) fn story(&self) -> String {
        let namespace = self.namespace.as_str();
        let mut story = api::kubectl(&["-n", namespace, "describe", "jobs,pods"])
            .unwrap_or_else(|error| format!("{error:#}"));
        let path = format!("/api/v1/namespaces/{namespace}/pods");
        let list = self.api().get(&path).unwrap_or_default();
        for pod in list["items"].as_array().cloned().unwrap_or_default().into_iter().map(Pod) {
            for container in pod.containers() {
                let log = self.log(&pod, &container).unwrap_or_else(|error| format!("{error:#}"));
                story.push_str(&format!("--- {}/{container}\n{log}\n", pod.name()));
            }
        }
        story
    }
}

/// Payload bytes of stats, both ways.
pub(crate) fn payload(stats: &Value) -> u64 {
    let field = |name: &str| stats[name].as_u64().unwrap_or_default();
    field("sent_payload_bytes") + field("received_payload_bytes")
}

fn end(job: &Value) -> Option<End> {
    let conditions = job["status"]["conditions"].as_array()?;
    conditions.iter().filter(|one| one["status"] == "True").find_map(|one| {
        let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
        match one["type"].as_str()? {
            "Complete" => Some(End::Complete),
            "Failed" => Some(End::Failed(text("reason"), text("message"))),
            _ => None,
        }
    })
}

impl Drop for Bed {
    fn drop(&mut self) {
        if std::thread::panicking() && std::env::var_os("KEEP").is_some() {
            return;
        }
        let mut delete =
            api::cluster(&["kubectl", "delete", "namespace", &self.namespace, "--wait=false"]);
        let _ = Command::output(&mut delete);
    }
}
