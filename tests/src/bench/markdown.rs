// SPDX-License-Identifier: Apache-2.0
//! The tables: goals first, then ratios, then what the machine did.

use std::fmt::Write as _;

use super::column::Column;
use super::figure::{Compared, Figures};

/// All tables of a run.
pub(super) fn tables(figures: &Figures) -> String {
    let mut tables = vec![goals(figures)];
    compared(&figures.routes, &mut tables);
    compared(&figures.ways, &mut tables);
    compared(&figures.back, &mut tables);
    tables.join("\n")
}

/// Nothing for columns in which nothing was measured.
fn compared<C: Column>(all: &[Compared<C>], tables: &mut Vec<String>) {
    if !all.is_empty() {
        tables.extend([ratios(all), medians(all)]);
    }
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

fn ratios<C: Column>(all: &[Compared<C>]) -> String {
    let line = |compared: &Compared<C>| {
        let name = format!("{} : {}", compared.name, compared.base.name());
        let ratio = |column| compared.series.ratio(column, compared.base);
        row(&name, |column| ratio(column).map(|ratio| format!("{ratio:.2}")))
    };
    table("ratio", all, line)
}

fn medians<C: Column>(all: &[Compared<C>]) -> String {
    let line = |compared: &Compared<C>| {
        let name = format!("{}, {}", compared.name, compared.unit.symbol());
        let median = |column| compared.series.median(column);
        row(&name, |column| median(column).map(|median| compared.unit.text(median)))
    };
    table("median", all, line)
}

fn table<C: Column>(
    title: &str,
    all: &[Compared<C>],
    line: impl Fn(&Compared<C>) -> String,
) -> String {
    let mut text = row(title, |column: C| Some(column.name().to_owned()));
    text.push_str(&format!("|---|{}\n", "--:|".repeat(C::ALL.len())));
    text.extend(all.iter().map(line));
    text
}

fn row<C: Column>(name: &str, cell: impl Fn(C) -> Option<String>) -> String {
    let cells = C::ALL.iter().map(|column| cell(*column).unwrap_or_else(|| "–".to_owned()));
    format!("| {name} | {} |\n", cells.collect::<Vec<_>>().join(" | "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::figure::Unit;
    use crate::bench::route::Route;
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
