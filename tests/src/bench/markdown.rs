// SPDX-License-Identifier: Apache-2.0
//! The tables: goals first, then ratios, then what the machine did.

use std::fmt::Write as _;

use super::figure::{Compared, Figures};
use super::route::Route;

/// All tables of a run.
pub(super) fn tables(figures: &Figures) -> String {
    [goals(figures), ratios(figures), medians(figures)].join("\n")
}

fn goals(figures: &Figures) -> String {
    let mut text = "| goal | measured | at most | |\n|---|--:|--:|---|\n".to_owned();
    for judged in &figures.judged {
        let (unit, verdict) = (judged.unit, if judged.is_met() { "ok" } else { "**missed**" });
        let (value, symbol) = (unit.text(judged.value), unit.symbol());
        // Writing into a String cannot fail, here and below.
        let _ = writeln!(
            text,
            "| {} | {value} {symbol} | {} {symbol} | {verdict} |",
            judged.name, judged.goal
        );
    }
    text
}

fn ratios(figures: &Figures) -> String {
    let row = |compared: &Compared| {
        let name = format!("{} : {}", compared.name, compared.base.name());
        let ratio = |route| compared.series.ratio(route, compared.base);
        row(&name, |route| ratio(route).map(|ratio| format!("{ratio:.2}")))
    };
    table("ratio", figures, row)
}

fn medians(figures: &Figures) -> String {
    let row = |compared: &Compared| {
        let name = format!("{}, {}", compared.name, compared.unit.symbol());
        let median = |route| compared.series.median(route);
        row(&name, |route| median(route).map(|median| compared.unit.text(median)))
    };
    table("median", figures, row)
}

fn table(title: &str, figures: &Figures, line: impl Fn(&Compared) -> String) -> String {
    let mut text = row(title, |route| Some(route.name().to_owned()));
    text.push_str("|---|--:|--:|--:|--:|\n");
    text.extend(figures.compared.iter().map(line));
    text
}

fn row(name: &str, cell: impl Fn(Route) -> Option<String>) -> String {
    let cells = Route::ALL.map(|route| cell(route).unwrap_or_else(|| "–".to_owned()));
    format!("| {name} | {} |\n", cells.join(" | "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::figure::Unit;
    use crate::bench::series::Series;

    #[test]
    fn a_missed_goal_is_told_plainly_and_a_route_without_a_figure_has_a_dash() {
        let mut series = Series::default();
        for (route, value) in [(Route::Relay, 0.4), (Route::Auto, 0.6), (Route::Preserve, 1.2)] {
            series.push(route, value);
        }
        let mut figures = Figures::default();
        let (name, unit) = ("PUT".to_owned(), Unit::CpuSecondsPerGigabyte);
        figures.compare(Compared { name, unit, base: Route::Relay, series }, Some(1.25));
        let text = tables(&figures);
        assert!(text.contains("| PUT : haproxy | 1.50 × | 1.25 × | **missed** |\n"), "{text}");
        assert!(text.contains("| PUT : haproxy | – | 1.00 | 1.50 | 3.00 |\n"), "{text}");
        assert!(text.contains("| PUT, CPU s/GB | – | 0.400 | 0.600 | 1.200 |\n"), "{text}");
    }
}
