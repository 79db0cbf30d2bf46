// SPDX-License-Identifier: Apache-2.0
//! What was measured: goals that are met or missed, and what stands in every column.

use std::path::Path;

use anyhow::Context;
use serde_json::{Value, json};

use super::column::Column;
use super::etcd::Way;
use super::restore::Back;
use super::route::Route;
use super::series::Series;

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Times,
    Microseconds,
    Milliseconds,
    Seconds,
    /// Of the payload, in millions of bytes.
    MegabytesPerSecond,
    /// Of the payload, in billions of bytes.
    CpuSecondsPerGigabyte,
    Mebibytes,
}

impl Unit {
    /// As it stands behind a number.
    pub(super) fn symbol(self) -> &'static str {
        match self {
            Unit::Times => "×",
            Unit::Microseconds => "µs",
            Unit::Milliseconds => "ms",
            Unit::Seconds => "s",
            Unit::MegabytesPerSecond => "MB/s",
            Unit::CpuSecondsPerGigabyte => "CPU s/GB",
            Unit::Mebibytes => "MiB",
        }
    }

    /// As many digits as mean something.
    pub(super) fn text(self, value: f64) -> String {
        match self {
            Unit::Microseconds | Unit::MegabytesPerSecond => format!("{value:.0}"),
            Unit::Milliseconds | Unit::Mebibytes => format!("{value:.1}"),
            Unit::Times | Unit::Seconds => format!("{value:.2}"),
            Unit::CpuSecondsPerGigabyte => format!("{value:.3}"),
        }
    }
}

/// A number with the most that it should be.
#[derive(Clone, Debug)]
pub(super) struct Judged {
    pub(super) name: String,
    pub(super) value: f64,
    pub(super) unit: Unit,
    pub(super) goal: f64,
}

impl Judged {
    /// Judged as it is shown, so that no table says `2.50 ≤ 2.5: missed`.
    pub(super) fn is_met(&self) -> bool {
        let shown: f64 = self.unit.text(self.value).parse().unwrap_or(f64::NAN);
        shown <= self.goal
    }
}

/// One measurement in all columns.
#[derive(Clone, Debug)]
pub(super) struct Compared<C = Route> {
    pub(super) name: String,
    pub(super) unit: Unit,
    /// Which column the others are held against.
    pub(super) base: C,
    pub(super) series: Series<C>,
}

/// All of a run.
#[derive(Debug, Default)]
pub(super) struct Figures {
    pub(super) judged: Vec<Judged>,
    pub(super) routes: Vec<Compared<Route>>,
    pub(super) ways: Vec<Compared<Way>>,
    pub(super) back: Vec<Compared<Back>>,
}

impl Figures {
    /// A number of its own.
    pub(super) fn judge(&mut self, name: &str, value: f64, unit: Unit, goal: f64) {
        self.judged.push(Judged { name: name.to_owned(), value, unit, goal });
    }

    /// What stands in the columns; our ratio to the base is judged if there is a goal.
    pub(super) fn compare<C: Column>(&mut self, compared: Compared<C>, goal: Option<f64>) {
        if let Some(goal) = goal {
            self.judge_ratio(&compared, compared.base, goal);
        }
        C::shelf(self).push(compared);
    }

    /// Our ratio to one column, if both were measured.
    pub(super) fn judge_ratio<C: Column>(&mut self, of: &Compared<C>, to: C, goal: f64) {
        if let Some(ratio) = of.series.ratio(C::OURS, to) {
            self.judge(&format!("{} : {}", of.name, to.name()), ratio, Unit::Times, goal);
        }
    }

    /// Writes `{"rows":[{"name","value","goal","ok"}]}`: what is judged, then every median.
    pub(super) fn write_json(&self, path: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(&self.json())?;
        std::fs::write(path, text + "\n")
            .with_context(|| format!("the figures cannot be written to {}", path.display()))
    }

    fn json(&self) -> Value {
        let judged = self.judged.iter().map(|judged| {
            let Judged { name, value, unit, goal } = judged;
            let (name, goal) = (named(name, *unit), format!("<= {goal}"));
            json!({"name": name, "value": number(*unit, *value), "goal": goal, "ok": judged.is_met()})
        });
        let routes = self.routes.iter().flat_map(Compared::json);
        let ways = self.ways.iter().flat_map(Compared::json);
        let back = self.back.iter().flat_map(Compared::json);
        let rows = judged.chain(routes).chain(ways).chain(back);
        json!({ "rows": rows.collect::<Vec<_>>() })
    }
}

impl<C: Column> Compared<C> {
    fn json(&self) -> impl Iterator<Item = Value> + '_ {
        C::ALL.iter().filter_map(|column| {
            let value = number(self.unit, self.series.median(*column)?);
            let name = named(&format!("{}, {}", self.name, column.name()), self.unit);
            Some(json!({"name": name, "value": value, "goal": null, "ok": true}))
        })
    }
}

fn named(name: &str, unit: Unit) -> String {
    format!("{name} [{}]", unit.symbol())
}

/// As it is shown.
fn number(unit: Unit, value: f64) -> Option<f64> {
    unit.text(value).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(direct: f64) -> Figures {
        let mut series = Series::default();
        series.push(Route::Direct, direct);
        series.push(Route::Auto, 100.0);
        let mut figures = Figures::default();
        let name = "GET".to_owned();
        let unit = Unit::Microseconds;
        figures.compare(Compared { name, unit, base: Route::Direct, series }, Some(2.5));
        figures
    }

    #[test]
    fn a_ratio_above_its_goal_is_missed_and_one_that_reads_the_same_is_met() {
        assert!(figures(50.0).judged[0].is_met());
        assert!(figures(39.95).judged[0].is_met(), "2.503 is shown as 2.50");
        assert!(!figures(39.0).judged[0].is_met());
    }

    #[test]
    fn what_was_not_measured_is_not_met() {
        let mut figures = Figures::default();
        figures.judge("memory", f64::NAN, Unit::Mebibytes, 16.0);
        assert!(!figures.judged[0].is_met());
    }

    #[test]
    fn the_json_holds_goals_first_and_then_each_route() {
        let rows = figures(50.0).json();
        let wanted = [
            json!({"name": "GET : direct [×]", "value": 2.0, "goal": "<= 2.5", "ok": true}),
            json!({"name": "GET, direct [µs]", "value": 50.0, "goal": null, "ok": true}),
            json!({"name": "GET, auto [µs]", "value": 100.0, "goal": null, "ok": true}),
        ];
        assert_eq!(rows["rows"], json!(wanted));
    }
}
