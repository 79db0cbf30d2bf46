// SPDX-License-Identifier: Apache-2.0
//! Values of the routes, or of other columns, round by round, and what is made of them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::column::Column;
use super::route::Route;

/// One value per route, or other column, and round.
#[derive(Clone, Debug)]
pub(super) struct Series<C = Route>(BTreeMap<C, Vec<f64>>);

impl<C> Default for Series<C> {
    fn default() -> Series<C> {
        Series::new()
    }
}

impl<C> Series<C> {
    pub(super) const fn new() -> Series<C> {
        Series(BTreeMap::new())
    }
}

impl<C: Column> Series<C> {
    /// The value of the next round.
    pub(super) fn push(&mut self, column: C, value: f64) {
        self.0.entry(column).or_default().push(value);
    }

    /// The median over the rounds; `None` for a column that was not measured.
    pub(super) fn median(&self, column: C) -> Option<f64> {
        median(self.0.get(&column)?)
    }

    /// The median of the ratios within the rounds, so that a slow moment of the machine, which hits
    /// both, weighs little.
    pub(super) fn ratio(&self, column: C, to: C) -> Option<f64> {
        let pairs = self.0.get(&column)?.iter().zip(self.0.get(&to)?);
        median(&pairs.map(|(one, other)| one / other).collect::<Vec<_>>())
    }
}

/// The value in the middle.
pub(super) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() % 2 {
        _ if sorted.is_empty() => None,
        0 => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
        _ => Some(sorted[middle]),
    }
}

/// The time that this many of a hundred do not exceed, in microseconds, of times in order.
pub(super) fn percentile_us(sorted: &[Duration], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted.get(rank).map_or(f64::NAN, |time| time.as_secs_f64() * 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_taken_within_rounds_and_not_between_them() {
        let mut series = Series::default();
        // The machine is ten times slower in the second round; the ratio is 2 in each.
        for pace in [1.0, 10.0, 1.5] {
            series.push(Route::Direct, pace);
            series.push(Route::Auto, 2.0 * pace);
        }
        assert_eq!(series.ratio(Route::Auto, Route::Direct), Some(2.0));
        assert_eq!(series.median(Route::Direct), Some(1.5));
        assert_eq!(series.median(Route::Relay), None);
        assert_eq!(series.ratio(Route::Auto, Route::Relay), None);
    }

    #[test]
    fn the_middle_of_an_even_number_lies_between_two() {
        assert_eq!(median(&[4.0, 1.0, 2.0, 8.0]), Some(3.0));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn a_percentile_is_a_time_that_was_measured() {
        let times: Vec<Duration> = (1..=200).map(Duration::from_micros).collect();
        assert!((percentile_us(&times, 50) - 100.0).abs() < 1e-6);
        assert!((percentile_us(&times, 99) - 198.0).abs() < 1e-6);
        assert!((percentile_us(&times[..1], 50) - 1.0).abs() < 1e-6);
        assert!(percentile_us(&[], 50).is_nan());
    }
}
