// SPDX-License-Identifier: Apache-2.0
//! Proofs of the past: small records beside the claims, `<namespace>/<cluster>/proofs/<id>/<time>.json`,
//! each created once and never changed.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::stream::TryStreamExt as _;
use jiff::Timestamp;
use serde_json::json;
use snapshot::{Id, Manifest, Place};
use store::{Kind, Store};

use crate::prove::proof::{Grade, Proof};

/// As in ids: no character that a store or a shell takes amiss.
const TIME: &str = "%Y-%m-%dT%H-%M-%SZ";

/// When each snapshot was proven last.
///
/// # Errors
/// Those of the store.
pub(crate) async fn last_proofs(
    claims: &Store,
    target: &Place,
) -> Result<BTreeMap<Id, Timestamp>, store::Error> {
    let folder = folder(target);
    let mut last = BTreeMap::new();
    let mut listing = claims.list(&folder);
    while let Some(found) = listing.try_next().await? {
        let Some((id, time)) = found.key.strip_prefix(&folder).and_then(parse) else { continue };
        let entry = last.entry(id).or_insert(time);
        *entry = time.max(*entry);
    }
    Ok(last)
}

/// The kept snapshot, other than that one, whose last proof is the oldest. One without any comes first, and
/// of several such the oldest one: it is kept for a reason, and waits the longest.
pub(crate) fn next(
    kept: &[Manifest],
    except: Option<Id>,
    last: &BTreeMap<Id, Timestamp>,
) -> Option<Id> {
    let others = kept.iter().filter(|it| Some(it.id) != except);
    let waits = |it: &&Manifest| (last.get(&it.id).copied(), it.time(), it.id);
    others.min_by_key(waits).map(|it| it.id)
}

/// Records a verdict. What could not be tried is none.
///
/// # Errors
/// Those of the store.
pub(crate) async fn record(
    claims: &Store,
    target: &Place,
    proof: &Proof,
) -> Result<(), store::Error> {
    let Some(id) = proof.subject.snapshot.filter(|_| proof.grade != Grade::Untried) else {
        return Ok(());
    };
    let key = format!("{}{id}/{}.json", folder(target), proof.began.strftime(TIME));
    let record = json!({
        "version": "1.0", "snapshot": id, "time": proof.began, "grade": proof.grade,
        "stage": proof.stage, "reason": proof.reason, "etcd": proof.etcd,
    });
    match claims.create(&key, Bytes::from(format!("{record}\n"))).await {
        // Another proof of the same second, or our own whose answer was lost.
        Err(error) if error.kind() == Kind::Exists => Ok(()),
        done => done,
    }
}

fn folder(target: &Place) -> String {
    format!("{}proofs/", target.folder())
}

fn parse(name: &str) -> Option<(Id, Timestamp)> {
    let (id, time) = name.strip_suffix(".json")?.split_once('/')?;
    let time = jiff::civil::DateTime::strptime(TIME, time).ok()?;
    Some((id.parse().ok()?, time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use stock::Sample;

    fn place() -> Place {
        Place::new("ns", "drilled").unwrap()
    }

    async fn note(claims: &Store, id: Id, time: &str) {
        let key = format!("ns/drilled/proofs/{id}/{time}.json");
        claims.create(&key, Bytes::from_static(b"{}")).await.unwrap();
    }

    #[tokio::test]
    async fn the_last_of_several_proofs_counts_and_strangers_do_not() {
        let (claims, id) = (store::memory(), Sample::new("ns/etcd", 1).id());
        note(&claims, id, "2026-11-21T05-00-00Z").await;
        note(&claims, id, "2026-11-21T03-00-00Z").await;
        note(&claims, id, "yesterday").await;
        claims.create("ns/drilled/proofs/pin", Bytes::from_static(b"{}")).await.unwrap();
        let last = last_proofs(&claims, &place()).await.unwrap();
        assert_eq!(last.len(), 1);
        assert_eq!(last[&id].to_string(), "2026-11-21T05:00:00Z");
    }

    #[test]
    fn the_one_that_waits_the_longest_is_next() {
        let samples = [1, 2, 3].map(|hours| Sample::new("ns/etcd", hours));
        let kept: Vec<Manifest> = samples.iter().map(Sample::manifest).collect();
        let [new, mid, old] = [0, 1, 2].map(|at: usize| samples[at].id());
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let mut last = BTreeMap::new();
        assert_eq!(next(&kept, Some(new), &last), Some(old));
        last.insert(old, at(1));
        assert_eq!(next(&kept, Some(new), &last), Some(mid));
        last.insert(mid, at(2));
        assert_eq!(next(&kept, Some(new), &last), Some(old));
        last.insert(old, at(3));
        assert_eq!(next(&kept, Some(new), &last), Some(mid));
        assert_eq!(next(&kept[..1], Some(new), &last), None);
    }

    #[tokio::test]
    async fn a_verdict_is_found_again_and_what_could_not_be_tried_leaves_nothing() {
        let (claims, sample) = (store::memory(), Sample::new("ns/etcd", 1));
        let subject = crate::prove::proof::Subject {
            snapshot: Some(sample.id()),
            ..crate::prove::proof::Subject::default()
        };
        let began = Timestamp::from_second(1_800_000_000).unwrap();
        let mut proof = Proof::begin(subject, began);
        record(&claims, &place(), &proof).await.unwrap();
        assert!(last_proofs(&claims, &place()).await.unwrap().is_empty());
        proof.grade = Grade::Failed;
        record(&claims, &place(), &proof).await.unwrap();
        record(&claims, &place(), &proof).await.unwrap();
        assert_eq!(last_proofs(&claims, &place()).await.unwrap()[&sample.id()], began);
    }
}
