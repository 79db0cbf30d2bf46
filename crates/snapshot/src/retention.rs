// SPDX-License-Identifier: Apache-2.0
//! Which snapshots of one cluster and one class stay, and why.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::class::Class;
use crate::id::Id;
use crate::manifest::Manifest;

/// Clocks differ; a manifest from further ahead than this stops the run.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// What stays. A snapshot stays if any rule keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// The newest so many.
    pub last: usize,
    /// All that are at most so much older than the newest.
    pub within: Option<SignedDuration>,
    /// The newest of each of the last so many hours that have one.
    pub hourly: usize,
    /// The same by days, in UTC.
    pub daily: usize,
    /// The same by ISO weeks.
    pub weekly: usize,
    /// The same by months.
    pub monthly: usize,
    /// However the rules are set, the newest so many stay.
    pub min_keep: usize,
}

/// A rule that keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// The newest is never deleted.
    Newest,
    /// [`Policy::min_keep`].
    MinKeep,
    /// [`Policy::last`].
    Last,
    /// [`Policy::within`].
    Within,
    /// [`Policy::hourly`].
    Hourly,
    /// [`Policy::daily`].
    Daily,
    /// [`Policy::weekly`].
    Weekly,
    /// [`Policy::monthly`].
    Monthly,
    /// A restore is pinned to it.
    Pinned,
    /// It is of a class that this run is not about.
    OtherClass,
}

/// Whether one stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It stays, by these rules.
    Keep(Vec<Rule>),
    /// No rule keeps it.
    Delete,
}

/// The verdict on one snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Which.
    pub id: Id,
    /// Its time.
    pub time: Timestamp,
    /// Whether it stays.
    pub verdict: Verdict,
}

/// All verdicts, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan(pub Vec<Decision>);

/// Why nothing may be deleted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A clock is wrong: the writer's or ours.
    #[error(
        "{id} is from {time}, {:#} ahead of this clock: one of the two clocks is wrong, and ages cannot be told",
        .ahead.abs()
    )]
    Future {
        /// Of which snapshot.
        id: Id,
        /// Its time.
        time: Timestamp,
        /// By how much.
        ahead: SignedDuration,
    },
    /// No rule is set, which would keep nothing but the floor.
    #[error("no rule is set: say what to keep")]
    NoRule,
}

impl Policy {
    fn has_rule(&self) -> bool {
        let counts = [self.last, self.hourly, self.daily, self.weekly, self.monthly];
        self.within.is_some() || counts.iter().any(|count| *count > 0)
    }
}

impl Plan {
    /// What goes, oldest first, so that an interrupted run leaves the newer ones.
    pub fn deletions(&self) -> impl Iterator<Item = &Decision> {
        self.0.iter().rev().filter(|decision| decision.verdict == Verdict::Delete)
    }
}

/// Judges every snapshot of one cluster. Only those of `class` can be deleted.
///
/// # Errors
/// [`Refusal`]: then nothing may be deleted.
pub fn plan(
    manifests: &[Manifest],
    class: Class,
    policy: &Policy,
    pinned: &BTreeSet<Id>,
    now: Timestamp,
) -> Result<Plan, Refusal> {
    if !policy.has_rule() {
        return Err(Refusal::NoRule);
    }
    for manifest in manifests {
        let (id, time) = (manifest.id, manifest.time());
        let ahead = time.duration_since(now);
        if ahead > SKEW {
            return Err(Refusal::Future { id, time, ahead });
        }
    }
    let mut sorted: Vec<(Timestamp, Id)> =
        manifests.iter().map(|manifest| (manifest.time(), manifest.id)).collect();
    sorted.sort_unstable_by(|a, b| b.cmp(a));
    let of_class: Vec<(Timestamp, Id)> =
        sorted.iter().filter(|(_, id)| id.class() == class).copied().collect();
    let mut kept = keep(&of_class, policy);
    for (_, id) in &sorted {
        if id.class() != class {
            kept.entry(*id).or_default().push(Rule::OtherClass);
        }
        if pinned.contains(id) {
            kept.entry(*id).or_default().push(Rule::Pinned);
        }
    }
    let decide = |(time, id): (Timestamp, Id)| {
        let verdict = kept.remove(&id).map_or(Verdict::Delete, Verdict::Keep);
        Decision { id, time, verdict }
    };
    Ok(Plan(sorted.into_iter().map(decide).collect()))
}

/// The rules' keeps among one class, newest first.
fn keep(newest_first: &[(Timestamp, Id)], policy: &Policy) -> BTreeMap<Id, Vec<Rule>> {
    let mut kept: BTreeMap<Id, Vec<Rule>> = BTreeMap::new();
    let mut add = |id: Id, rule| kept.entry(id).or_default().push(rule);
    let counted = [(Rule::Newest, 1), (Rule::MinKeep, policy.min_keep), (Rule::Last, policy.last)];
    for (rule, count) in counted {
        newest_first.iter().take(count).for_each(|(_, id)| add(*id, rule));
    }
    if let (Some(within), Some((newest, _))) = (policy.within, newest_first.first()) {
        let is_within = |time: &Timestamp| newest.duration_since(*time) <= within;
        newest_first.iter().filter(|it| is_within(&it.0)).for_each(|it| add(it.1, Rule::Within));
    }
    for (rule, count) in [
        (Rule::Hourly, policy.hourly),
        (Rule::Daily, policy.daily),
        (Rule::Weekly, policy.weekly),
        (Rule::Monthly, policy.monthly),
    ] {
        let mut periods = BTreeSet::new();
        for (time, id) in newest_first {
            let period = period(rule, *time);
            if periods.len() < count && periods.insert(period) {
                add(*id, rule);
            }
        }
    }
    kept
}

/// A number that two times of one period share.
fn period(rule: Rule, time: Timestamp) -> (i64, i64) {
    let at = time.to_zoned(TimeZone::UTC);
    match rule {
        Rule::Hourly => (time.as_second().div_euclid(3600), 0),
        Rule::Daily => (time.as_second().div_euclid(86_400), 0),
        Rule::Weekly => {
            let week = at.date().iso_week_date();
            (i64::from(week.year()), i64::from(week.week()))
        }
        _ => (i64::from(at.year()), i64::from(at.month())),
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Newest => "newest",
            Self::MinKeep => "min-keep",
            Self::Last => "last",
            Self::Within => "within",
            Self::Hourly => "hourly",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
            Self::Pinned => "pinned",
            Self::OtherClass => "other class",
        })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delete => f.write_str("delete: no rule keeps it"),
            Self::Keep(rules) => {
                let rules: Vec<String> = rules.iter().map(ToString::to_string).collect();
                write!(f, "keep: {}", rules.join(", "))
            }
        }
    }
}
