// SPDX-License-Identifier: Apache-2.0
//! What was reported, held against what the store counted itself: bodies exactly; with heads, on the wire
//! to the store, within 1 %.

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::ground::Ground;
use crate::post::{reports, samples};

/// The four counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tallies {
    pub(crate) sent_raw: u64,
    pub(crate) sent_payload: u64,
    pub(crate) received_raw: u64,
    pub(crate) received_payload: u64,
}

impl Tallies {
    pub(crate) fn of(body: &Value) -> anyhow::Result<Tallies> {
        let number = |name: &str| {
            body[name].as_u64().with_context(|| format!("{name} is no number in {body}"))
        };
        Ok(Tallies {
            sent_raw: number("sent_raw_bytes")?,
            sent_payload: number("sent_payload_bytes")?,
            received_raw: number("received_raw_bytes")?,
            received_payload: number("received_payload_bytes")?,
        })
    }

    /// As the store counted them: from its side, so that what it sent was received.
    pub(crate) fn counted(ground: &Ground) -> Tallies {
        let counts = ground.store.counts();
        Tallies {
            sent_raw: ground.meter.received(),
            sent_payload: counts.received_bytes,
            received_raw: ground.meter.sent(),
            received_payload: counts.sent_bytes,
        }
    }

    fn never_falls_to(self, next: Tallies) -> bool {
        self.sent_raw <= next.sent_raw
            && self.sent_payload <= next.sent_payload
            && self.received_raw <= next.received_raw
            && self.received_payload <= next.received_payload
    }
}

/// There is one report, and it says what the store counted.
pub(crate) fn check_report(ground: &Ground) -> anyhow::Result<Tallies> {
    let reports = reports(ground);
    ensure!(reports.len() == 1, "{} reports: {reports:?}", reports.len());
    let (reported, counted) = (Tallies::of(&reports[0])?, Tallies::counted(ground));
    let sides = || format!("reported {reported:?}, counted {counted:?}");
    ensure!(reported.received_payload == counted.received_payload, "{}", sides());
    ensure!(reported.sent_payload == counted.sent_payload, "{}", sides());
    ensure!(within_1_percent(reported.received_raw, counted.received_raw), "{}", sides());
    ensure!(within_1_percent(reported.sent_raw, counted.sent_raw), "{}", sides());
    println!("one report, received/sent payload and raw:");
    println!("  reported {:?}\n  counted  {:?}", shown(reported), shown(counted));
    Ok(reported)
}

fn shown(tallies: Tallies) -> [u64; 4] {
    let Tallies { sent_raw, sent_payload, received_raw, received_payload } = tallies;
    [received_payload, sent_payload, received_raw, sent_raw]
}

fn within_1_percent(reported: u64, counted: u64) -> bool {
    reported.abs_diff(counted) <= counted / 100
}

/// How many different totals were told on the way.
pub(crate) fn totals(ground: &Ground) -> anyhow::Result<usize> {
    let mut told = samples(ground).iter().map(Tallies::of).collect::<anyhow::Result<Vec<_>>>()?;
    told.dedup();
    Ok(told.len())
}

/// Progress never falls, and the final report goes on from it.
pub(crate) fn check_progress(ground: &Ground, reported: Tallies) -> anyhow::Result<()> {
    let mut before: Option<Tallies> = None;
    for sample in samples(ground) {
        let now = Tallies::of(&sample)?;
        let is_more = before.is_none_or(|before| before.never_falls_to(now));
        ensure!(is_more, "{before:?} fell to {now:?}");
        before = Some(now);
    }
    let last = before.context("a sample of progress")?;
    ensure!(last.never_falls_to(reported), "{last:?} fell to {reported:?} in the report");
    Ok(())
}
