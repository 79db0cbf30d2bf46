// SPDX-License-Identifier: Apache-2.0
//! All facts of a file or an object, read from it.

use std::fmt::Write as _;
use std::fs::File;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use etcd_image::{Facts, Options};
use serde_json::{Value, json};
use sidecar::{Exit, Failure, Outcome};
use snapshot::Manifest;

use crate::args::{InspectPlan, What};
use crate::object::object;
use crate::print;

pub(crate) async fn inspect(plan: InspectPlan) -> anyhow::Result<Outcome> {
    let (file, manifest) = match plan.what {
        What::File(path) => (local(&path)?, None),
        What::Object(at) => object(at.0, at.1, plan.identities).await?,
    };
    let facts = tokio::task::spawn_blocking(move || describe(&file)).await?;
    let facts = expected(facts, manifest.as_ref())?;
    print(&match plan.json {
        true => format!("{}\n", all(facts.as_ref(), manifest.as_ref())),
        false => lines(facts.as_ref(), manifest.as_ref()),
    })?;
    let Some(Facts { revision, live_keys, .. }) = facts else {
        return Ok(Outcome::done("good by its digests; it is no etcd snapshot"));
    };
    let sentence = format!("a good etcd snapshot: revision {revision}, {live_keys} keys");
    Ok(Outcome::done(sentence).with(json!({"revision": revision, "live_keys": live_keys})))
}

fn local(path: &Path) -> anyhow::Result<File> {
    let shown = path.display();
    let file = File::open(path).with_context(|| format!("{shown} cannot be read"));
    let file = file.map_err(|error| Failure::new(Exit::Usage, error))?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(Failure::new(Exit::Usage, anyhow!("{shown} is not a regular file"))),
    }
}

/// Content that was verified by a manifest which says nothing of etcd may be of another kind.
fn expected(
    facts: anyhow::Result<Facts>,
    manifest: Option<&Manifest>,
) -> anyhow::Result<Option<Facts>> {
    let is_other = manifest.is_some_and(|it| it.facts.etcd.is_none());
    match facts {
        Err(error) if is_other && Failure::exit_of(&error) == Exit::Corrupt => Ok(None),
        facts => facts.map(Some),
    }
}

fn describe(file: &File) -> anyhow::Result<Facts> {
    let read = || {
        etcd_image::verify_trailer(file)?;
        etcd_image::describe(file, &Options::default())
    };
    read().map_err(|error| {
        let exit = match error {
            etcd_image::Error::Io(_) => Exit::Failed,
            _ => Exit::Corrupt,
        };
        Failure::new(exit, error)
    })
}

fn all(facts: Option<&Facts>, manifest: Option<&Manifest>) -> Value {
    json!({"etcd": facts, "manifest": manifest})
}

fn lines(facts: Option<&Facts>, manifest: Option<&Manifest>) -> String {
    let mut text = String::new();
    if let Some(manifest) = manifest {
        line(&mut text, "id", manifest.id.to_string());
        line(&mut text, "taken", manifest.time().to_string());
        line(&mut text, "content bytes", manifest.content.bytes.to_string());
        line(&mut text, "content SHA-256", manifest.content.sha256.to_string());
    }
    if let Some(facts) = facts {
        etcd(facts, |name, value| line(&mut text, name, value));
    }
    text
}

fn line(text: &mut String, name: &str, value: String) {
    let _ = writeln!(text, "{name:<20}{value}");
}

fn etcd(facts: &Facts, mut line: impl FnMut(&str, String)) {
    line("image bytes", facts.image_bytes.to_string());
    line("revision", facts.revision.to_string());
    line("compacted up to", facts.compact_revision.to_string());
    line("live keys", facts.live_keys.to_string());
    line("all entries", facts.total_keys.to_string());
    line("status hash", format!("{:x}", facts.status_hash));
    line("HashKV", format!("{} at {}", facts.hash_kv.hash, facts.hash_kv.revision));
    line(
        "storage version",
        facts.storage_version.clone().unwrap_or_else(|| "before 3.6".to_owned()),
    );
    line("cluster version", facts.cluster_version.clone().unwrap_or_else(|| "-".to_owned()));
    for member in &facts.members {
        line("member", format!("{:x} {} {}", member.id, member.name, member.peer_urls.join(",")));
    }
    line(
        "auth",
        if facts.auth_enabled {
            "on: passwords of then will be asked".to_owned()
        } else {
            "off".to_owned()
        },
    );
    for alarm in &facts.alarms {
        line("alarm", format!("{:?} of {:x}", alarm.kind, alarm.member));
    }
    line("leases", facts.leases.to_string());
}
