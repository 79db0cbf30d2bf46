// SPDX-License-Identifier: Apache-2.0
//! What a restore would do, told without touching anything.

use std::io::Write as _;
use std::path::Path;

use serde::Serialize;
use serde_json::json;
use sidecar::{Exit, Failure, Halt, Outcome, Stop};
use snapshot::Manifest;

use crate::bind::{Binding, Bound, DataForm, Seen, bind};
use crate::objects;
use crate::resolve::{Form, Job};
use crate::restore::{alone, claims};
use crate::room;
use crate::tool::Tool;
use crate::verify;
use crate::volume::{self, Look};
use crate::voters::Voters;
use crate::warnings::{Known, warnings};

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// As it should be.
    Ok,
    /// To know.
    Warn,
    /// A restore would end with this.
    Refuse,
}

/// One line of a plan.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    pub(crate) level: Level,
    pub(crate) what: &'static str,
    pub(crate) text: String,
    #[serde(skip)]
    pub(crate) exit: Exit,
}

impl Line {
    pub(crate) fn ok(what: &'static str, text: impl Into<String>) -> Self {
        Self { level: Level::Ok, what, text: text.into(), exit: Exit::Done }
    }

    pub(crate) fn warn(what: &'static str, text: impl Into<String>) -> Self {
        Self { level: Level::Warn, what, text: text.into(), exit: Exit::Done }
    }

    pub(crate) fn refuse(what: &'static str, error: &anyhow::Error) -> Self {
        let exit = Failure::exit_of(error);
        Self { level: Level::Refuse, what, text: format!("{error:#}"), exit }
    }

    fn of(what: &'static str, judged: anyhow::Result<String>) -> Self {
        match judged {
            Ok(text) => Self::ok(what, text),
            Err(error) => Self::refuse(what, &error),
        }
    }
}

/// Tells it, and ends as a restore would.
///
/// # Errors
/// Those of the output.
pub(crate) async fn plan(job: Job, form: Form, stop: Stop) -> anyhow::Result<Outcome> {
    let halt = Halt::new(stop, job.deadline);
    let (lines, bound) = Box::pin(halt.or(async { Ok(lines(&job, &form).await) })).await?;
    print(&lines, bound.as_ref(), form.json)?;
    let refusal = lines.iter().find(|line| line.level == Level::Refuse);
    let mut outcome = match (refusal, &bound) {
        (Some(line), _) => {
            Outcome::done(format!("a restore would be refused: {}: {}", line.what, line.text))
        }
        (None, Some(bound)) => Outcome::done(format!(
            "a restore would make {} of {}",
            job.member.name,
            bound.data.name()
        )),
        (None, None) => Outcome::done("a restore would do nothing"),
    };
    outcome.exit = refusal.map_or(Exit::Done, |line| line.exit);
    Ok(outcome.with(json!({"snapshot": bound.map(|it| it.data.name())})))
}

async fn lines(job: &Job, form: &Form) -> (Vec<Line>, Option<Bound>) {
    let mut lines = vec![volume_line(job)];
    let claims = match claims(job) {
        Ok(claims) => claims,
        Err(error) => {
            lines.push(Line::refuse("claims", &error));
            None
        }
    };
    let bound = match bind(job, claims.as_ref(), Binding::Look).await {
        Ok(Seen::Bound(bound)) => *bound,
        // What is on its volume is its own.
        Ok(Seen::Stranger(voters)) => return (vec![stranger_line(job, &voters)], None),
        Err(error) => {
            lines.push(Line::refuse("snapshot", &error));
            return (lines, None);
        }
    };
    lines.push(data_line(&bound).await);
    lines.push(member_line(job, &bound));
    if let Some(claims) = &claims {
        lines.push(claim_line(job, claims).await);
    }
    lines.push(Line::of(
        "peers",
        alone(job, &bound).await.map(|()| "none of another cluster answers".to_owned()),
    ));
    let tool = tool(job, &bound, &mut lines).await;
    lines.push(room_line(job, bound.data.content_bytes()));
    let known = known(&bound);
    lines.extend(
        warnings(&known, job, tool.as_ref()).into_iter().map(|text| Line::warn("to know", text)),
    );
    if let Some(path) = &form.objects {
        lines.extend(objects::judge(path, &job.member, bound.data.content_bytes()));
    }
    (lines, Some(bound))
}

fn volume_line(job: &Job) -> Line {
    let (data_dir, generation) = (&job.member.data_dir, &job.generation.id);
    let shown = data_dir.display();
    match volume::look(data_dir, generation) {
        Ok(Look::Absent) => {
            Line::warn("volume", format!("{shown} is not here: what is on it is not judged"))
        }
        Ok(Look::Empty) => Line::ok("volume", format!("{shown} is empty")),
        Ok(Look::Restored(_) | Look::Rejoined) => Line::ok(
            "volume",
            format!("{shown} holds generation {generation} already: nothing would be done"),
        ),
        Ok(Look::Populated(what)) => {
            Line::refuse("volume", &volume::populated(data_dir, &what, generation))
        }
        Err(error) => Line::refuse("volume", &error),
    }
}

/// That the object is there, and as long as it must be.
async fn data_line(bound: &Bound) -> Line {
    let name = bound.data.name();
    let DataForm::Snapshot { place, selected } = &bound.data.form else {
        let bytes = bound.data.content_bytes();
        return Line::ok("snapshot", format!("{name}: {bytes} bytes, without a manifest"));
    };
    let manifest = &selected.manifest;
    let key = catalogue::data_key(place, manifest);
    match bound.data.store.stat(&key).await {
        Ok(found) if found.bytes == manifest.object.bytes => Line::ok("snapshot", told(manifest)),
        Ok(found) => {
            let why = anyhow::anyhow!(
                "{key} has {} bytes, its manifest says {}",
                found.bytes,
                manifest.object.bytes
            );
            Line::refuse("snapshot", &Failure::new(Exit::Corrupt, why))
        }
        Err(error) => Line::refuse("snapshot", &error.into_failure()),
    }
}

fn told(manifest: &Manifest) -> String {
    let mut text = format!(
        "{} of {}, taken {}: {} bytes ({} stored)",
        manifest.id,
        manifest.source.place,
        manifest.time(),
        manifest.content.bytes,
        manifest.object.bytes
    );
    if let Some(etcd) = &manifest.facts.etcd {
        text.push_str(&format!(", {} keys at revision {}", etcd.live_keys, etcd.revision));
    }
    text
}

fn member_line(job: &Job, bound: &Bound) -> Line {
    let (name, voters) = (&job.member.name, &bound.voters);
    let urls = job.member.urls.join(",");
    Line::ok("member", format!("{name} at {urls}, one of {}: {voters}", voters.len()))
}

fn stranger_line(job: &Job, voters: &Voters) -> Line {
    let name = &job.member.name;
    Line::ok("member", format!("{name} is none of {voters}: it would be passed over"))
}

async fn claim_line(job: &Job, claims: &crate::claims::Claims) -> Line {
    let name = &job.member.name;
    match claims.of(name).await {
        Ok(None) => Line::ok("claims", format!("{}: {name} was not made yet", claims.url())),
        Ok(Some(claim)) => Line::warn(
            "claims",
            format!(
                "{name} was made on the volume {}: on any other one it would be refused",
                claim.volume
            ),
        ),
        Err(error) => Line::refuse("claims", &error),
    }
}

/// Where etcd's image is not at hand, its tool cannot be judged.
async fn tool(job: &Job, bound: &Bound, lines: &mut Vec<Line>) -> Option<Tool> {
    let told = bound.data.manifest().and_then(verify::version_told);
    match Tool::find(job.member.tool.as_deref()).await {
        Ok(tool) => {
            let judged = verify::not_newer(told, tool.version);
            lines.push(Line::of("tool", judged.map(|()| tool.to_string())));
            Some(tool)
        }
        Err(error) if job.member.tool.is_some() => {
            lines.push(Line::refuse("tool", &error));
            None
        }
        Err(_) => {
            let wanted = told.map_or_else(|| "not known".to_owned(), |it| it.to_string());
            lines.push(Line::warn(
                "tool",
                format!("etcd's tool is not here and not judged; the snapshot is of etcd {wanted}"),
            ));
            None
        }
    }
}

fn room_line(job: &Job, content: u64) -> Line {
    let data_dir = &job.member.data_dir;
    let needed = room::needed(content);
    if !data_dir.exists() {
        return Line::ok("room", format!("{needed} bytes are needed"));
    }
    let judged = room::enough(data_dir, content).and_then(|()| room::free(data_dir));
    Line::of("room", judged.map(|free| format!("{needed} bytes are needed, {free} are free")))
}

fn known(bound: &Bound) -> Known {
    let manifest = bound.data.manifest();
    Known {
        bytes: bound.data.content_bytes(),
        facts: manifest.and_then(|it| it.facts.etcd.clone()),
        has_manifest: manifest.is_some(),
    }
}

fn print(lines: &[Line], bound: Option<&Bound>, is_json: bool) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if is_json {
        let manifest = bound.and_then(|it| it.data.manifest());
        writeln!(out, "{}", json!({"lines": lines, "manifest": manifest}))?;
        return Ok(());
    }
    for line in lines {
        let level = match line.level {
            Level::Ok => "ok",
            Level::Warn => "warn",
            Level::Refuse => "REFUSE",
        };
        writeln!(out, "{level:<8}{:<10}{}", line.what, line.text)?;
    }
    Ok(())
}

/// Of a path that cannot be read.
pub(crate) fn unreadable(path: &Path, why: &str) -> anyhow::Error {
    Failure::new(Exit::Usage, anyhow::anyhow!("{}: {why}", path.display()))
}
