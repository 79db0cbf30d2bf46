// SPDX-License-Identifier: Apache-2.0
//! What a listing and the manifests tell.

use std::time::Duration;

use catalogue::{Catalogue, Shelf, data_key};
use jiff::{SignedDuration, Timestamp};
use snapshot::{Manifest, Place};
use store::{Found, Kind, Store};

use crate::args::Plan;
use crate::deep;
use crate::finding::{Cluster, Finding, Level, Newest, Report};
use crate::strangers;

/// Clocks differ by so much.
const SKEW: SignedDuration = SignedDuration::from_mins(5);
/// The schedule is looked at over so many times the age that is allowed: what retention has thinned out
/// farther back is no gap.
const WINDOW: u32 = 7;
/// The newest is compared with so many before it.
const BEFORE: usize = 5;

/// Looks at everything that is meant. It never fails: what cannot be told is a finding.
pub(crate) async fn look(plan: &Plan) -> Report {
    let now = Timestamp::now();
    let mut report = Report { checked: now, clusters: vec![], foreign: 0, findings: vec![] };
    let (store, catalogue) = match read(plan).await {
        Ok(read) => read,
        Err(error) => {
            report.findings.push(Finding::new(Level::Unknown, None, format!("{error:#}")));
            return report;
        }
    };
    let mut wanted: Vec<Place> = catalogue.shelves.keys().cloned().collect();
    wanted.extend(plan.expect.iter().chain(&plan.from.place).cloned());
    wanted.sort();
    wanted.dedup();
    let empty = Shelf::default();
    for place in &wanted {
        let shelf = catalogue.shelves.get(place).unwrap_or(&empty);
        let is_expected = plan.expect.contains(place) || plan.from.place.as_ref() == Some(place);
        report.clusters.push(cluster(plan, &store, place, shelf, is_expected, now).await);
    }
    report.foreign = catalogue.foreign.len();
    let outside: Vec<&Found> = catalogue.foreign.iter().collect();
    report.findings.extend(strangers::judge(plan, &store, &outside).await);
    if report.clusters.is_empty() && outside.is_empty() {
        let what = format!("{} holds nothing: is the prefix right?", store.location());
        report.findings.push(Finding::new(Level::Unknown, None, what));
    }
    report
}

async fn read(plan: &Plan) -> anyhow::Result<(Store, Catalogue)> {
    let store = plan.from.open()?;
    let catalogue = match &plan.from.place {
        None => catalogue::read_all(&store).await?,
        Some(place) => {
            let mut catalogue = Catalogue::default();
            let mut places: Vec<&Place> = plan.expect.iter().chain([place]).collect();
            places.dedup();
            for place in places {
                let shelf = catalogue::read_place(&store, place).await?;
                catalogue.shelves.insert(place.clone(), shelf);
            }
            catalogue
        }
    };
    Ok((store, catalogue))
}

async fn cluster(
    plan: &Plan,
    store: &Store,
    place: &Place,
    shelf: &Shelf,
    is_expected: bool,
    now: Timestamp,
) -> Cluster {
    let of_class: Vec<&Manifest> =
        shelf.manifests.iter().filter(|manifest| manifest.class == plan.class).collect();
    let mut findings = Vec::new();
    for strange in &shelf.unreadable {
        let about = Some(strange.key.clone());
        findings.push(Finding::new(Level::Bad, about, format!("manifest: {}", strange.why)));
    }
    if is_expected || is_ours(shelf) {
        findings.extend(freshness(plan, of_class.first().copied(), now));
    }
    findings.extend(shelf.manifests.iter().filter_map(|manifest| from_the_future(manifest, now)));
    findings.extend(gaps(&of_class, plan.max_age, now));
    findings.extend(sizes(&of_class));
    for manifest in &shelf.manifests {
        findings.extend(presence(store, place, shelf, manifest).await);
    }
    let strangers = shelf.strangers(store);
    findings.extend(strangers::judge(plan, store, &strangers).await);
    findings.extend(deep::read(plan, store, place, &shelf.manifests).await);
    Cluster {
        place: place.clone(),
        newest: of_class.first().map(|manifest| newest(manifest, now)),
        snapshots: shelf.manifests.len(),
        stored_bytes: shelf.manifests.iter().map(|manifest| manifest.object.bytes).sum(),
        orphans: shelf.orphans(store).len(),
        foreign: strangers.len(),
        findings,
    }
}

/// A folder with nothing of ours in it is another tool's, and owes us no snapshot. One in which runs began
/// owes one, though none of them got as far as a manifest.
fn is_ours(shelf: &Shelf) -> bool {
    let is_nothing = shelf.manifests.is_empty()
        && shelf.unreadable.is_empty()
        && shelf.data.is_empty()
        && shelf.runs.is_empty();
    !is_nothing
}

fn newest(manifest: &Manifest, now: Timestamp) -> Newest {
    let etcd = manifest.facts.etcd.as_ref();
    Newest {
        id: manifest.id,
        time: manifest.time(),
        age_seconds: now.duration_since(manifest.time()).as_secs(),
        content_bytes: manifest.content.bytes,
        revision: etcd.map(|it| it.revision),
        live_keys: etcd.map(|it| it.live_keys),
    }
}

fn freshness(plan: &Plan, newest: Option<&Manifest>, now: Timestamp) -> Option<Finding> {
    let Some(newest) = newest else {
        let what = format!("there is no {} snapshot", plan.class);
        return Some(Finding::new(Level::Bad, None, what));
    };
    let age = now.duration_since(newest.time());
    let limit = SignedDuration::try_from(plan.max_age).unwrap_or(SignedDuration::MAX);
    (age > limit).then(|| {
        let what = format!("the newest is {} old, allowed are {}", rounded(age), rounded(limit));
        Finding::new(Level::Bad, Some(newest.id.to_string()), what)
    })
}

fn from_the_future(manifest: &Manifest, now: Timestamp) -> Option<Finding> {
    let ahead = manifest.time().duration_since(now);
    (ahead > SKEW).then(|| {
        let what = format!("it is from {} ahead: its clock or this one is wrong", rounded(ahead));
        Finding::new(Level::Bad, Some(manifest.id.to_string()), what)
    })
}

/// Two snapshots, newest first, farther apart than allowed.
fn gaps(of_class: &[&Manifest], max_age: Duration, now: Timestamp) -> Vec<Finding> {
    let limit = SignedDuration::try_from(max_age).unwrap_or(SignedDuration::MAX);
    let window =
        limit.checked_mul(i32::try_from(WINDOW).unwrap_or(1)).unwrap_or(SignedDuration::MAX);
    let pairs = of_class.windows(2).map(|pair| (pair[0], pair[1]));
    let recent = pairs.filter(|(_, older)| now.duration_since(older.time()) <= window);
    recent
        .filter(|(newer, older)| newer.time().duration_since(older.time()) > limit)
        .map(|(newer, older)| {
            let apart = newer.time().duration_since(older.time());
            let what = format!("none was taken for {} before it", rounded(apart));
            Finding::new(Level::Odd, Some(newer.id.to_string()), what)
        })
        .collect()
}

/// A snapshot that is suddenly half of what the last ones were.
fn sizes(of_class: &[&Manifest]) -> Vec<Finding> {
    let Some((newest, before)) = of_class.split_first() else { return vec![] };
    let before = &before[..before.len().min(BEFORE)];
    let keys = |it: &Manifest| it.facts.etcd.as_ref().map(|etcd| etcd.live_keys);
    let halved = |now: u64, mut before: Vec<u64>, unit: &str| {
        before.sort_unstable();
        let usual = *before.get(before.len() / 2)?;
        (now < usual / 2).then(|| {
            let what = format!("it has {now} {unit}, the ones before it about {usual}");
            Finding::new(Level::Odd, Some(newest.id.to_string()), what)
        })
    };
    let bytes = before.iter().map(|it| it.content.bytes).collect();
    let counted = before.iter().filter_map(|it| keys(it)).collect();
    let found = [
        halved(newest.content.bytes, bytes, "bytes"),
        keys(newest).and_then(|now| halved(now, counted, "keys")),
    ];
    found.into_iter().flatten().collect()
}

/// Whether the data is there, and as large as the manifest says.
async fn presence(
    store: &Store,
    place: &Place,
    shelf: &Shelf,
    manifest: &Manifest,
) -> Option<Finding> {
    let about = || Some(manifest.id.to_string());
    let found = match shelf.data.get(&manifest.object.key) {
        Some(found) => Ok(found.clone()),
        None => store.stat(&data_key(place, manifest)).await,
    };
    let wanted = manifest.object.bytes;
    match found {
        Ok(found) if found.bytes == wanted => None,
        Ok(found) => {
            let what = format!("its data has {} bytes, its manifest says {wanted}", found.bytes);
            Some(Finding::new(Level::Bad, about(), what))
        }
        Err(error) if error.kind() == Kind::Missing => {
            Some(Finding::new(Level::Bad, about(), "its data is not there"))
        }
        Err(error) => Some(Finding::new(Level::Unknown, about(), error.to_string())),
    }
}

/// Whole seconds; days where there are many.
fn rounded(span: SignedDuration) -> String {
    let seconds = span.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours) {
        (0, 0) if minutes == 0 => format!("{seconds}s"),
        (0, 0) => format!("{minutes}m"),
        (0, _) => format!("{hours}h {minutes}m"),
        _ => format!("{days}d {hours}h"),
    }
}
