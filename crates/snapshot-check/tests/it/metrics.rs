// SPDX-License-Identifier: Apache-2.0
//! The report as Prometheus text.

use std::collections::BTreeMap;

use stock::{Folder, Sample};

use crate::{PLACE, check};

/// Every sample of a text in Prometheus' form, by name and labels.
///
/// # Panics
/// If a line is none, or a metric has no help and no type before it.
pub(crate) fn parse(text: &str) -> BTreeMap<String, f64> {
    let mut described = BTreeMap::<&str, u8>::new();
    let mut samples = BTreeMap::new();
    for line in text.lines().filter(|line| *line != "# EOF") {
        if let Some(rest) = line.strip_prefix("# ") {
            let mut words = rest.splitn(3, ' ');
            assert!(matches!(words.next(), Some("HELP" | "TYPE")), "{line}");
            *described.entry(words.next().unwrap()).or_default() += 1;
            assert!(!words.next().unwrap().is_empty(), "{line}");
            continue;
        }
        let (sample, value) = line.rsplit_once(' ').unwrap();
        let name = sample.split('{').next().unwrap();
        assert_eq!(described.get(name), Some(&2), "{line}");
        assert!(!sample.contains('{') || sample.ends_with('}'), "{line}");
        assert!(samples.insert(sample.to_owned(), value.parse().unwrap()).is_none(), "{line}");
    }
    samples
}

#[test]
fn the_file_has_the_verdict_and_the_figures_of_each_cluster() {
    let newest = Sample::etcd(PLACE, 1);
    let folder = Folder::with(&[&newest, &Sample::etcd(PLACE, 30)]);
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("snapshots.prom");
    let args = ["--metrics-file", file.to_str().unwrap(), "--expect", "ns/lost"];
    check(&folder, &args).end().assert(65, &["no scheduled snapshot"]);
    let metrics = parse(&std::fs::read_to_string(&file).unwrap());
    let of = |name: &str| metrics[&format!("snapshot_check_{name}")];
    let cluster = |name: &str| of(&format!("{name}{{namespace=\"ns\",cluster=\"etcd\"}}"));
    assert_eq!(
        (of("verdict"), of("findings{level=\"bad\"}"), of("findings{level=\"odd\"}")),
        (3., 1., 1.)
    );
    assert_eq!(
        (cluster("snapshots"), cluster("orphans"), cluster("newest_live_keys")),
        (2., 0., 62.)
    );
    let bytes = newest.stored().len() as f64;
    assert_eq!((cluster("newest_content_bytes"), cluster("stored_bytes")), (bytes, 2. * bytes));
    assert_eq!(cluster("newest_time_seconds"), newest.id().time().as_second() as f64);
    assert!(of("last_run_seconds") - cluster("newest_time_seconds") >= 3600.);
    assert!(!metrics.keys().any(|key| key.contains("lost") && key.contains("newest")));
    let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o644, "a collector of another user reads it");
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 1);
}

#[test]
fn each_verdict_has_its_number() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("snapshots.prom");
    let verdict = |folder: &Folder| {
        check(folder, &["--metrics-file", file.to_str().unwrap()]).end();
        parse(&std::fs::read_to_string(&file).unwrap())["snapshot_check_verdict"]
    };
    assert_eq!(verdict(&Folder::with(&[&Sample::new(PLACE, 1)])), 0.);
    assert_eq!(verdict(&Folder::with(&[&Sample::new(PLACE, 1), &Sample::new(PLACE, 50)])), 1.);
    assert_eq!(verdict(&Folder::new()), 2.);
    assert_eq!(verdict(&Folder::with(&[&Sample::new(PLACE, 50)])), 3.);
}
