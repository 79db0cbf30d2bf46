// SPDX-License-Identifier: Apache-2.0
//! What there is.

use std::fmt::Write as _;

use catalogue::Shelf;
use sidecar::{Exit, Outcome};
use snapshot::{Manifest, Place};

use crate::args::ListPlan;
use crate::print;

pub(crate) async fn list(plan: ListPlan) -> anyhow::Result<Outcome> {
    let store = plan.from.open()?;
    let shelves: Vec<(Place, Shelf)> = match &plan.from.place {
        Some(place) => {
            let shelf = catalogue::read_place(&store, place).await;
            vec![(place.clone(), shelf.map_err(store::Error::into_failure)?)]
        }
        None => {
            let all = catalogue::read_all(&store).await.map_err(store::Error::into_failure)?;
            all.shelves.into_iter().collect()
        }
    };
    let is_meant = |it: &&Manifest| plan.class.is_none_or(|class| class == it.class);
    let manifests: Vec<&Manifest> =
        shelves.iter().flat_map(|(_, shelf)| shelf.manifests.iter().filter(is_meant)).collect();
    print(&if plan.json { json(&manifests)? } else { table(&manifests) })?;
    let strange: Vec<_> = shelves.iter().flat_map(|(_, shelf)| &shelf.unreadable).collect();
    let sentence = format!("{} snapshots", manifests.len());
    match strange.first() {
        None => Ok(Outcome::done(sentence)),
        Some(first) => {
            let count = strange.len();
            let sentence = format!(
                "{sentence}; {count} manifests cannot be read: {}: {}",
                first.key, first.why
            );
            Ok(Outcome { exit: Exit::Partial, ..Outcome::done(sentence) })
        }
    }
}

fn json(manifests: &[&Manifest]) -> anyhow::Result<String> {
    let mut text = String::new();
    for manifest in manifests {
        let _ = writeln!(text, "{}", serde_json::to_string(manifest)?);
    }
    Ok(text)
}

fn table(manifests: &[&Manifest]) -> String {
    let mut rows =
        vec![["TIME", "CLUSTER", "ID", "BYTES", "STORED", "REVISION", "KEYS"].map(str::to_owned)];
    rows.extend(manifests.iter().map(|manifest| row(manifest)));
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..7).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(column, (cell, width))| {
                let width = *width;
                if column < 3 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
            })
            .collect();
        let _ = writeln!(text, "{}", cells.join("  ").trim_end());
    }
    text
}

fn row(manifest: &Manifest) -> [String; 7] {
    let etcd = manifest.facts.etcd.as_ref();
    let or_dash = |number: Option<String>| number.unwrap_or_else(|| "-".to_owned());
    let encoding: Vec<String> = manifest.object.encoding.iter().map(ToString::to_string).collect();
    let stored = match encoding.as_slice() {
        [] => manifest.object.bytes.to_string(),
        some => format!("{} {}", some.join("+"), manifest.object.bytes),
    };
    [
        manifest.time().strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
        manifest.source.place.to_string(),
        manifest.id.to_string(),
        manifest.content.bytes.to_string(),
        stored,
        or_dash(etcd.map(|it| it.revision.to_string())),
        or_dash(etcd.map(|it| it.live_keys.to_string())),
    ]
}
