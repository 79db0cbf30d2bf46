// SPDX-License-Identifier: Apache-2.0
//! The figures of a run against their goals: a table for people, JSON for programs.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, bail};
use serde::Serialize;
use serde_json::{Value, json};

/// What a figure should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Goal {
    /// Told, not judged.
    None,
    /// Not less than this.
    AtLeast(u64),
    /// Exactly this.
    Exactly(u64),
    /// Said of something that must be so.
    Yes,
}

impl Goal {
    fn text(self) -> Option<String> {
        match self {
            Goal::None => None,
            Goal::AtLeast(least) => Some(format!(">= {least}")),
            Goal::Exactly(figure) => Some(figure.to_string()),
            Goal::Yes => Some("yes".to_owned()),
        }
    }

    fn is_met(self, value: &Value) -> bool {
        match self {
            Goal::None => true,
            Goal::AtLeast(least) => value.as_u64().is_some_and(|value| value >= least),
            Goal::Exactly(figure) => value.as_u64() == Some(figure),
            Goal::Yes => value.as_str() == Some("yes"),
        }
    }
}

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    value: Value,
    goal: Option<String>,
    ok: bool,
}

/// The rows of one run, in the order in which they were added.
#[derive(Debug, Default)]
pub(super) struct Rows(Vec<Row>);

impl Rows {
    pub(super) fn add(&mut self, name: &str, value: impl Into<Value>, goal: Goal) {
        let value = value.into();
        let ok = goal.is_met(&value);
        self.0.push(Row { name: name.to_owned(), value, goal: goal.text(), ok });
    }

    /// Seconds and ratios, to a hundredth.
    pub(super) fn add_figure(&mut self, name: &str, value: f64) {
        self.add(name, (value * 100.0).round() / 100.0, Goal::None);
    }

    /// Writes `{"rows":[{"name","value","goal","ok"}]}`.
    pub(super) fn write_json(&self, path: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(&json!({ "rows": self.0 }))?;
        std::fs::write(path, text + "\n")
            .with_context(|| format!("the rows cannot be written to {}", path.display()))
    }

    /// The table, with aligned columns.
    pub(super) fn table(&self) -> String {
        let mut cells = vec![["", "value", "goal", ""].map(str::to_owned)];
        cells.extend(self.0.iter().map(Row::cells));
        let width = |column: usize| cells.iter().map(|row| row[column].len()).max().unwrap_or(0);
        let widths = [0, 1, 2].map(width);
        let mut text = String::new();
        for [name, value, goal, verdict] in &cells {
            let [a, b, c] = widths;
            let line = format!("{name:a$}  {value:>b$}  {goal:>c$}  {verdict}");
            // Writing into a String cannot fail.
            let _ = writeln!(text, "{}", line.trim_end());
        }
        text
    }

    /// # Errors
    /// Names each goal that was missed.
    pub(super) fn judge(&self) -> anyhow::Result<()> {
        let missed: Vec<String> = self.0.iter().filter(|row| !row.ok).map(Row::complaint).collect();
        if missed.is_empty() {
            return Ok(());
        }
        bail!("goals were missed: {}", missed.join("; "))
    }
}

impl Row {
    fn value_text(&self) -> String {
        self.value.as_str().map_or_else(|| self.value.to_string(), str::to_owned)
    }

    fn cells(&self) -> [String; 4] {
        let verdict = match (&self.goal, self.ok) {
            (None, _) => "",
            (Some(_), true) => "ok",
            (Some(_), false) => "MISSED",
        };
        let goal = self.goal.clone().unwrap_or_default();
        [self.name.clone(), self.value_text(), goal, verdict.to_owned()]
    }

    fn complaint(&self) -> String {
        let goal = self.goal.as_deref().unwrap_or_default();
        format!("{} is {}, the goal is {goal}", self.name, self.value_text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(keys: u64, identical: &str) -> Rows {
        let mut rows = Rows::default();
        rows.add_figure("ratio", 1.006_f64);
        rows.add("keys", keys, Goal::AtLeast(10));
        rows.add("failed", 0, Goal::Exactly(0));
        rows.add("identical", identical, Goal::Yes);
        rows
    }

    #[test]
    fn met_goals_are_no_error_and_each_missed_one_is_named() {
        rows(10, "yes").judge().unwrap();
        let error = rows(9, "other bytes").judge().unwrap_err().to_string();
        assert!(error.contains("keys is 9, the goal is >= 10"), "{error}");
        assert!(error.contains("identical is other bytes"), "{error}");
        assert!(!error.contains("ratio") && !error.contains("failed"), "{error}");
    }

    #[test]
    fn the_json_has_a_row_for_each_line_of_the_table() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.json");
        let rows = rows(3, "yes");
        rows.write_json(&path).unwrap();
        let read: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let wanted = json!({"name": "keys", "value": 3, "goal": ">= 10", "ok": false});
        assert_eq!(read["rows"][1], wanted);
        assert_eq!(
            read["rows"][0],
            json!({"name": "ratio", "value": 1.01, "goal": null, "ok": true})
        );
        assert_eq!(rows.table().lines().count(), 1 + read["rows"].as_array().unwrap().len());
        assert!(rows.table().lines().nth(2).unwrap().ends_with(">= 10  MISSED"));
    }
}
