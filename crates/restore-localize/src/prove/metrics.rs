// SPDX-License-Identifier: Apache-2.0
//! The report as Prometheus text, for a textfile collector.

use std::path::Path;

use anyhow::Context as _;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use sidecar::{FOR_ALL, replace_file};

use crate::prove::proof::{Grade, Proof};
use crate::prove::report::Report;

type Labels = Vec<(String, String)>;
type Gauges = Family<Labels, Gauge>;
type Spans = Family<Labels, Gauge<f64, std::sync::atomic::AtomicU64>>;

/// Snapshots are told apart by their turn in the run, not by their ids, of which there is no end.
const TURNS: [&str; 2] = ["asked", "one-more"];

/// Writes them, whole or not at all.
///
/// # Errors
/// Those of the disk.
pub(crate) fn write(path: &Path, report: &Report) -> anyhow::Result<()> {
    let mut text = String::new();
    encode(&mut text, &registry(report))?;
    replace_file(path, text.as_bytes(), FOR_ALL).with_context(|| path.display().to_string())
}

fn registry(report: &Report) -> Registry {
    let (grades, times, taken, spans) =
        (Gauges::default(), Gauges::default(), Gauges::default(), Spans::default());
    for (proof, turn) in report.proofs.iter().zip(TURNS) {
        set_grades(&grades, proof, turn);
        let labels = labels(proof, turn);
        times.get_or_create(&labels).set(proof.began.as_second());
        if let Some(time) = proof.subject.taken {
            taken.get_or_create(&labels).set(time.as_second());
        }
        set_spans(&spans, proof, turn);
    }
    let mut registry = Registry::with_prefix("restore_localize_proof");
    registry.register("grade", "1 for the grade that the snapshot has", grades);
    registry.register("time_seconds", "Unix time of the proof", times);
    registry.register("snapshot_time_seconds", "Unix time of the snapshot", taken);
    registry.register_with_unit("stage", "How long a stage took", Unit::Seconds, spans);
    registry
}

/// All grades are there, so that an alert need not know which one is missing.
fn set_grades(grades: &Gauges, proof: &Proof, turn: &str) {
    for (name, grade) in [
        ("proven", Grade::Proven),
        ("matched", Grade::Matched),
        ("failed", Grade::Failed),
        ("untried", Grade::Untried),
    ] {
        let is = i64::from(proof.grade == grade);
        grades.get_or_create(&with(labels(proof, turn), "grade", name)).set(is);
    }
}

fn set_spans(spans: &Spans, proof: &Proof, turn: &str) {
    let seconds = &proof.seconds;
    for (name, span) in [
        ("fetch", seconds.fetch),
        ("restore", seconds.restore),
        ("boot", seconds.boot),
        ("compare", seconds.compare),
    ] {
        spans.get_or_create(&with(labels(proof, turn), "stage", name)).set(span);
    }
}

fn labels(proof: &Proof, turn: &str) -> Labels {
    let mut labels = vec![("snapshot".to_owned(), turn.to_owned())];
    if let Some(place) = &proof.subject.place {
        labels = with(labels, "namespace", &place.namespace);
        labels = with(labels, "cluster", &place.cluster);
    }
    labels
}

fn with(mut labels: Labels, name: &str, value: &str) -> Labels {
    labels.push((name.to_owned(), value.to_owned()));
    labels
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prove::proof::Subject;
    use jiff::Timestamp;
    use snapshot::Place;

    #[test]
    fn every_grade_has_a_line_and_one_of_them_is_set() {
        let place = Some(Place::new("prod", "etcd").unwrap());
        let mut proof =
            Proof::begin(Subject { place, ..Subject::default() }, Timestamp::UNIX_EPOCH);
        proof.grade = Grade::Proven;
        let mut text = String::new();
        encode(&mut text, &registry(&Report::new(vec![proof]))).unwrap();
        let lines: Vec<&str> =
            text.lines().filter(|it| it.starts_with("restore_localize_proof_grade{")).collect();
        assert_eq!(lines.len(), 4, "{text}");
        let set: Vec<&&str> = lines.iter().filter(|line| line.ends_with(" 1")).collect();
        assert!(set.len() == 1 && set[0].contains("grade=\"proven\""), "{text}");
    }
}
