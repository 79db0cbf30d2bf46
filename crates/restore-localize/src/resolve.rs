// SPDX-License-Identifier: Apache-2.0
//! The flags, resolved.

use std::path::{Path, PathBuf};
use std::time::Duration;

use catalogue::{Ask, FromArgs, Which};
use jiff::Timestamp;
use serde_json::json;
use sidecar::{Given, Outcome, Problems, Span};
use snapshot::{Class, Place};
use store::{Location, Settings};

use crate::args::{Action, EtcdArgs, GenerationArgs, MemberArgs, PlanArgs};
use crate::bump::Bump;
use crate::confirm::plan::{ConfirmArgs, ConfirmPlan, ToldBy};
use crate::member::{self, Member, variable};
use crate::prove::plan::{Common, ProveArgs, ProvePlan};
use crate::staging;
use crate::volume::{self, Look};

/// Where nobody asks for another one.
const LATEST: Ask = Ask { which: Which::Latest, class: None, before: None };

/// What to do.
#[derive(Debug)]
pub(crate) enum Task {
    /// No generation is set.
    Pass,
    /// This generation is there already. Nothing else is looked at, no other flag judged: a healthy pod
    /// does not depend on its past restore.
    Settled(Settled),
    Restore(Box<Job>),
    Plan(Box<Job>, Form),
    Rejoin(Box<Job>),
    Confirm(Box<ConfirmPlan>),
    Prove(Box<ProvePlan>),
}

/// How a plan is told.
#[derive(Debug, Clone)]
pub(crate) struct Form {
    pub(crate) json: bool,
    pub(crate) objects: Option<PathBuf>,
}

/// A restore to be.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) wanted: Wanted,
    pub(crate) member: Member,
    pub(crate) generation: Generation,
    pub(crate) bump: Bump,
    pub(crate) deadline: Option<Duration>,
}

/// What is to be restored.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) from: Location,
    pub(crate) settings: Settings,
    pub(crate) subject: Subject,
    /// Read when it is needed: a healthy pod may have lost it.
    pub(crate) identity_file: Option<PathBuf>,
}

/// A snapshot, or something without a manifest.
#[derive(Debug, Clone)]
pub(crate) enum Subject {
    Snapshot { place: Place, ask: Ask },
    Object,
}

/// Which restore it is.
#[derive(Debug, Clone)]
pub(crate) struct Generation {
    pub(crate) id: String,
    pub(crate) claims: Option<ClaimsAt>,
    pub(crate) who: Who,
}

/// Whose claims, and where they are recorded.
#[derive(Debug, Clone)]
pub(crate) struct ClaimsAt {
    pub(crate) location: Location,
    pub(crate) settings: Settings,
    pub(crate) target: Place,
}

/// Who is restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// Every member of the list, from the same pin.
    Voters,
    /// The first of the list alone.
    Genesis,
}

/// A member that is there already.
#[derive(Debug)]
pub(crate) struct Settled {
    data_dir: PathBuf,
    generation: String,
    look: Look,
}

impl Settled {
    pub(crate) fn new(data_dir: &Path, generation: &str, look: Look) -> Self {
        Self { data_dir: data_dir.to_owned(), generation: generation.to_owned(), look }
    }

    /// The last word; what a run that was killed in its last moments has left goes.
    pub(crate) fn outcome(self) -> Outcome {
        staging::tidy(&self.data_dir, &self.generation);
        let (shown, generation) = (self.data_dir.display(), &self.generation);
        let sentence = match &self.look {
            Look::Rejoined => {
                format!("{shown} has joined generation {generation} empty: nothing to restore")
            }
            _ => format!("{shown} holds generation {generation} already: nothing to restore"),
        };
        let facts = match &self.look {
            Look::Restored(marker) => json!({
                "generation": generation, "cluster_id": marker.cluster_id, "revision": marker.revision,
                "restored": marker.restored, "changed": false,
            }),
            _ => json!({"generation": generation, "changed": false}),
        };
        Outcome::done(sentence).with(facts)
    }
}

/// Judges the flags of `etcd`.
pub(crate) fn etcd(args: EtcdArgs, is_check: bool, problems: &mut Problems) -> Option<Task> {
    let is_restore = args.action.is_none();
    let generation = args.generation.generation.clone().filter(|name| !name.is_empty());
    if is_restore && generation.is_none() {
        return Some(Task::Pass);
    }
    if is_restore
        && !is_check
        && let Some(settled) = settled(&args, generation.as_deref())
    {
        return Some(Task::Settled(settled));
    }
    let mut args = args;
    match args.action.take() {
        None => job(args, problems).map(Task::Restore),
        Some(Action::Rejoin) => rejoin(args, problems).map(Task::Rejoin),
        Some(Action::Plan(PlanArgs { json, objects })) => {
            job(args, problems).map(|job| Task::Plan(job, Form { json, objects }))
        }
        Some(Action::Confirm(own)) => confirm(own, args, problems),
        Some(Action::Prove(own)) => prove(own, args, problems),
    }
}

/// Without a member: it runs beside the cluster, in a Job.
fn confirm(own: ConfirmArgs, args: EtcdArgs, problems: &mut Problems) -> Option<Task> {
    let data_dir = member::data_dir(&args.member);
    let generation = args.generation.generation.clone().filter(|name| !name.is_empty());
    let claims = args.claims.resolve(&args.from.store, problems);
    let pin = match (claims, &generation, args.from.from.is_some()) {
        (Some(claims), Some(_), true) => {
            let at = self::generation(args.generation, Some(claims), problems)?.claims;
            at.zip(wanted(args.from, LATEST, args.identity_file, problems))
        }
        _ => None,
    };
    let told = ToldBy { data_dir, generation, pin };
    Some(Task::Confirm(Box::new(own.resolve(told, problems))))
}

/// Without a member: the folder is scratch, and only a flag says that it is.
fn prove(own: ProveArgs, args: EtcdArgs, problems: &mut Problems) -> Option<Task> {
    let claims = args.claims.resolve(&args.from.store, problems);
    let ask = ask(args.snapshot, args.class, args.before, problems);
    let wanted = wanted(args.from, ask, args.identity_file, problems);
    let claims = generation(args.generation, claims, problems).and_then(|it| it.claims);
    let deadline = problems.given("--deadline", args.deadline).map(|Span(span)| span);
    let MemberArgs { data_dir, tool, .. } = args.member;
    let common = Common { wanted, data_dir, tool, deadline, claims };
    own.resolve(common, problems).map(|plan| Task::Prove(Box::new(plan)))
}

fn rejoin(args: EtcdArgs, problems: &mut Problems) -> Option<Box<Job>> {
    if args.generation.generation.as_ref().is_none_or(String::is_empty) {
        problems.missing("--generation");
    }
    let job = job(args, problems)?;
    if job.generation.claims.is_none() {
        problems
            .add("rejoin: --claims is required: that the volume is another one is recorded there");
    }
    Some(job)
}

/// A volume that this generation has made.
fn settled(args: &EtcdArgs, generation: Option<&str>) -> Option<Settled> {
    let data_dir = member::data_dir(&args.member)?;
    let generation = generation?;
    match volume::look(&data_dir, generation) {
        Ok(look @ (Look::Restored(_) | Look::Rejoined)) => {
            Some(Settled::new(&data_dir, generation, look))
        }
        _ => None,
    }
}

fn job(args: EtcdArgs, problems: &mut Problems) -> Option<Box<Job>> {
    let claims = args.claims.resolve(&args.from.store, problems);
    let EtcdArgs { from, snapshot, before, class, identity_file, .. } = args;
    let ask = ask(snapshot, class, before, problems);
    let wanted = wanted(from, ask, identity_file, problems);
    let bump = bump(&args.generation, problems);
    let deadline = problems.given("--deadline", args.deadline).map(|Span(span)| span);
    let member = Member::resolve(args.member, problems);
    let generation = generation(args.generation, claims, problems);
    let (member, generation, wanted) = (member?, generation?, wanted?);
    if generation.claims.is_some() {
        claimable(&member.name, problems);
    }
    together(&member, &generation, problems);
    Some(Box::new(Job { wanted, member, generation, bump, deadline }))
}

fn ask(
    snapshot: Option<Given<Which>>,
    class: Option<Given<Class>>,
    before: Option<Given<Timestamp>>,
    problems: &mut Problems,
) -> Ask {
    Ask {
        which: problems.given("--snapshot", snapshot).unwrap_or(Which::Latest),
        class: problems.given("--class", class),
        before: problems.given("--before", before),
    }
}

fn wanted(
    from: FromArgs,
    ask: Ask,
    identity_file: Option<PathBuf>,
    problems: &mut Problems,
) -> Option<Wanted> {
    let from = from.resolve(problems)?;
    let is_choice = ask.which != Which::Latest || ask.class.is_some() || ask.before.is_some();
    let subject = match from.place {
        Some(place) => Subject::Snapshot { place, ask },
        None if is_choice => {
            problems.add("--snapshot, --before and --class choose among the snapshots of --namespace and --cluster; without both, --from is one object or file");
            return None;
        }
        None => Subject::Object,
    };
    if matches!(ask.which, Which::Id(_)) && (ask.class.is_some() || ask.before.is_some()) {
        problems.add("--class and --before choose among many: they go with `latest`");
    }
    Some(Wanted { from: from.location, settings: from.settings, subject, identity_file })
}

fn bump(args: &GenerationArgs, problems: &mut Problems) -> Bump {
    let by = problems.given("--bump-revision", args.bump_revision.clone());
    match (by, args.keep_revision) {
        (Some(_), true) => {
            problems.add("--bump-revision and --keep-revision exclude each other");
            Bump::Keep
        }
        (Some(by), false) => Bump::of(by),
        (None, true) => Bump::Keep,
        (None, false) => Bump::default(),
    }
}

fn generation(
    args: GenerationArgs,
    claims: Option<(Location, Settings)>,
    problems: &mut Problems,
) -> Option<Generation> {
    // A plan may be made before the generation has a name.
    let id = args.generation.filter(|name| !name.is_empty()).unwrap_or_else(|| "next".to_owned());
    let is_name = Place::new(id.clone(), id.clone()).is_ok() && id.len() <= 63;
    // The volume has files of ours of these names, and the claims a folder.
    if !is_name || matches!(id.as_str(), "volume" | "rejoined.json" | "proofs") {
        problems.add(format!(
            "--generation {id}: must be at most 63 letters, digits, `-`, `_` or `.`, begin with a letter or digit, and not be `volume` or `proofs`"
        ));
        return None;
    }
    let claims = match claims {
        Some((location, settings)) => {
            let target = target(args.target_namespace, args.target_cluster, problems)?;
            Some(ClaimsAt { location, settings, target })
        }
        None => None,
    };
    let who = if args.genesis_only { Who::Genesis } else { Who::Voters };
    Some(Generation { id, claims, who })
}

/// Said in so many words: two clusters that are made of one must not share claims.
fn target(
    namespace: Option<String>,
    cluster: Option<String>,
    problems: &mut Problems,
) -> Option<Place> {
    let (Some(namespace), Some(cluster)) = (namespace, cluster) else {
        problems.add("--claims needs --target-namespace and --target-cluster: whose restore it is");
        return None;
    };
    Place::new(namespace, cluster)
        .map_err(|why| problems.add(format!("--target-namespace and --target-cluster {why}")))
        .ok()
}

/// What several members need.
fn together(member: &Member, generation: &Generation, problems: &mut Problems) {
    if generation.who == Who::Genesis || member.listed.voters.len() == 1 {
        return;
    }
    if generation.claims.is_none() {
        problems.add(format!(
            "--claims is required with {} members: without it they could be made of different snapshots, and one whose volume is lost would be restored beside the living",
            member.listed.voters.len()
        ));
    }
    if let Some(state) = variable("ETCD_INITIAL_CLUSTER_STATE")
        && state != "existing"
    {
        problems.add(format!(
            "ETCD_INITIAL_CLUSTER_STATE is `{state}`: set it to `existing`, else members that start empty form a cluster of their own"
        ));
    }
}

/// A claim's key ends in the member's name.
fn claimable(name: &str, problems: &mut Problems) {
    if Place::new(name, "x").is_err() {
        problems.add(format!("--name {name}: cannot be a part of a claim's key"));
    }
    if matches!(name, "pin" | "rejoined") {
        problems.add(format!("--name {name}: claims have files of this name"));
    }
}
