// SPDX-License-Identifier: Apache-2.0
//! The plan, for people and for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};
use snapshot::{Plan, Verdict};

use crate::inventory::Inventory;

/// A line a snapshot, newest first, then what else would go.
pub(crate) fn text(plan: &Plan, inventory: &Inventory) -> String {
    let mut text = String::new();
    let mut line = |what: String| {
        let _ = writeln!(text, "{what}");
    };
    for decision in &plan.0 {
        line(format!("{:<52} {}", decision.id.to_string(), decision.verdict));
    }
    for (manifest, why) in &inventory.broken {
        line(format!("{:<52} keep: broken, and not counted: {why}", manifest.id.to_string()));
    }
    for orphan in &inventory.orphans {
        line(format!("{} delete: no manifest names it ({} bytes)", orphan.key, orphan.bytes));
    }
    if !inventory.runs.is_empty() {
        line(format!("{} old run records: delete", inventory.runs.len()));
    }
    if inventory.foreign > 0 {
        line(format!("{} objects of other tools: left alone", inventory.foreign));
    }
    text
}

/// The same as JSON.
pub(crate) fn json(plan: &Plan, inventory: &Inventory) -> Value {
    let snapshots: Vec<Value> = plan
        .0
        .iter()
        .map(|decision| {
            let rules: Vec<String> = match &decision.verdict {
                Verdict::Keep(rules) => rules.iter().map(ToString::to_string).collect(),
                Verdict::Delete => vec![],
            };
            json!({
                "id": decision.id,
                "time": decision.time,
                "keep": decision.verdict != Verdict::Delete,
                "rules": rules,
            })
        })
        .collect();
    let broken: Vec<Value> =
        inventory.broken.iter().map(|(it, why)| json!({"id": it.id, "why": why})).collect();
    let orphans: Vec<&str> = inventory.orphans.iter().map(|it| it.key.as_str()).collect();
    json!({
        "snapshots": snapshots,
        "broken": broken,
        "orphans": orphans,
        "old_run_records": inventory.runs.len(),
        "foreign": inventory.foreign,
    })
}
