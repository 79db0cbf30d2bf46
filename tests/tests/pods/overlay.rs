// SPDX-License-Identifier: Apache-2.0
//! The specs of `pods/`, exactly as they are, with the settings of a namespace over them.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::api;
use crate::bed::Bed;
use crate::store;

/// Keeps the clock from starting backups beside those of the test.
const UNASKED: &str =
    "- target: {kind: CronJob}\n  patch: |-\n    - {op: add, path: /spec/suspend, value: true}\n";

impl Bed {
    /// Applies a folder of `pods/`, exactly as it is, with this namespace's settings over it.
    pub(crate) fn apply(&self, pods: &str) -> anyhow::Result<()> {
        let folder = self.overlays.path().join(pods);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("kustomization.yaml"), self.kustomization(pods, &folder)?)?;
        api::kubectl(&["apply", "-k", &folder.display().to_string()])?;
        Ok(())
    }

    /// Applies a Job of a user's with a component of `pods/`, exactly as it is, and patches over both.
    pub(crate) fn apply_component(
        &self,
        pods: &str,
        job: &Value,
        patches: &[Value],
    ) -> anyhow::Result<()> {
        let (base, folder) = (self.overlays.path().join("job"), self.overlays.path().join(pods));
        std::fs::create_dir_all(&base)?;
        std::fs::create_dir_all(&folder)?;
        std::fs::write(base.join("job.yaml"), job.to_string())?;
        let component = relative(&base, &api::repository().join("pods").join(pods))?;
        let users = json!({"resources": ["job.yaml"], "components": [component]});
        std::fs::write(base.join("kustomization.yaml"), users.to_string())?;
        let patches: Vec<Value> =
            patches.iter().map(|patch| json!({"patch": patch.to_string()})).collect();
        let ours = json!({
            "namespace": self.namespace,
            "resources": ["../job"],
            "images": [image()],
            "patches": patches,
        });
        std::fs::write(folder.join("kustomization.yaml"), ours.to_string())?;
        api::kubectl(&["apply", "-k", &folder.display().to_string()]).map(drop)
    }

    /// Applies a folder of `pods/`, exactly as it is, with patches as a kustomization lists them.
    pub(crate) fn apply_patched(&self, pods: &str, patches: &[Value]) -> anyhow::Result<()> {
        let folder = self.overlays.path().join(pods);
        std::fs::create_dir_all(&folder)?;
        let base = relative(&folder, &api::repository().join("pods").join(pods))?;
        let ours = json!({
            "namespace": self.namespace,
            "resources": [base],
            "images": [image()],
            "patches": patches,
        });
        std::fs::write(folder.join("kustomization.yaml"), ours.to_string())?;
        api::kubectl(&["apply", "-k", &folder.display().to_string()]).map(drop)
    }

    /// Writes a kustomization of a user's, with `objects` beside it, into a folder of its own.
    pub(crate) fn overlay(
        &self,
        name: &str,
        kustomization: &Value,
        objects: Option<&Value>,
    ) -> anyhow::Result<PathBuf> {
        let folder = self.overlays.path().join(name);
        std::fs::create_dir_all(&folder)?;
        if let Some(objects) = objects {
            std::fs::write(folder.join("objects.yaml"), objects.to_string())?;
        }
        std::fs::write(folder.join("kustomization.yaml"), kustomization.to_string())?;
        Ok(folder)
    }

    /// The way from a folder of the user's to one of `pods/`.
    pub(crate) fn pods(&self, pods: &str) -> anyhow::Result<PathBuf> {
        let folder = self.overlays.path().join("any");
        std::fs::create_dir_all(&folder)?;
        relative(&folder, &api::repository().join("pods").join(pods))
    }

    fn kustomization(&self, pods: &str, folder: &Path) -> anyhow::Result<String> {
        let base = relative(folder, &api::repository().join("pods").join(pods))?;
        let settings = self.settings.borrow();
        let group = settings.group.unwrap_or(&self.namespace);
        let version = env!("CARGO_PKG_VERSION");
        let patches = [UNASKED, &settings.patches.concat()].concat();
        Ok(format!(
            "namespace: {namespace}\n\
             resources: [{base}]\n\
             images:\n\
             - {{name: pilotfish, newName: localhost/pilotfish, newTag: {version}}}\n\
             - {{name: kopia/kopia, newName: localhost/{kopia}}}\n\
             patches:\n\
             - target: {{kind: ConfigMap, name: kopia-settings}}\n\
             \x20 patch: |-\n\
             \x20   apiVersion: v1\n\
             \x20   kind: ConfigMap\n\
             \x20   metadata: {{name: kopia-settings}}\n\
             \x20   data:\n\
             \x20     S3_RESIGN_PROXY_UPSTREAM: {upstream}\n\
             \x20     S3_RESIGN_PROXY_CA_BUNDLE: /ca/ca.crt\n\
             \x20     S3_RESIGN_PROXY_BUCKET: {bucket}\n\
             \x20     S3_RESIGN_PROXY_PREFIX: {namespace}/\n\
             \x20     S3_RESIGN_PROXY_CREDENTIALS: broker:{issuer}\n\
             \x20     S3_RESIGN_PROXY_GROUP: {group}\n\
             \x20     S3_RESIGN_PROXY_TYPE: kopia\n\
             \x20     S3_RESIGN_PROXY_METRICS_LISTEN: '[::]:9090'\n\
             {patches}",
            namespace = self.namespace,
            base = base.display(),
            kopia = settings.kopia,
            upstream = store::upstream(),
            issuer = store::issuer(),
            bucket = store::BUCKET,
        ))
    }
}

/// Where `scripts/test-pods` has put ours.
pub(crate) fn image() -> Value {
    json!({"name": "pilotfish", "newName": "localhost/pilotfish", "newTag": env!("CARGO_PKG_VERSION")})
}

/// The way from one folder to another; kustomize takes no absolute one.
fn relative(from: &Path, to: &Path) -> anyhow::Result<PathBuf> {
    let (from, to) = (from.canonicalize()?, to.canonicalize()?);
    let up = from.components().skip(1).map(|_| "..").collect::<PathBuf>();
    Ok(up.join(to.strip_prefix("/")?))
}
