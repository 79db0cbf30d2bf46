// SPDX-License-Identifier: Apache-2.0
//! The four counters of moved bytes. What nobody measured is absent, never 0: 0 is a claim.

use serde::{Deserialize, Serialize};

/// Bytes that really moved, as far as they were measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tallies {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sent_raw_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sent_payload_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) received_raw_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) received_payload_bytes: Option<u64>,
}

/// All four of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct All {
    pub(crate) sent_raw_bytes: u64,
    pub(crate) sent_payload_bytes: u64,
    pub(crate) received_raw_bytes: u64,
    pub(crate) received_payload_bytes: u64,
}

impl Tallies {
    /// The names of the counters.
    pub(crate) const NAMES: [&str; 4] =
        ["sent_raw_bytes", "sent_payload_bytes", "received_raw_bytes", "received_payload_bytes"];

    /// With another proxy's.
    pub(crate) fn plus(self, other: Self) -> Self {
        let sum = |one: Option<u64>, other: Option<u64>| match (one, other) {
            (Some(one), Some(other)) => Some(one.saturating_add(other)),
            (one, other) => one.or(other),
        };
        Self {
            sent_raw_bytes: sum(self.sent_raw_bytes, other.sent_raw_bytes),
            sent_payload_bytes: sum(self.sent_payload_bytes, other.sent_payload_bytes),
            received_raw_bytes: sum(self.received_raw_bytes, other.received_raw_bytes),
            received_payload_bytes: sum(self.received_payload_bytes, other.received_payload_bytes),
        }
    }

    /// All four; nothing if one of them was not measured.
    pub(crate) fn all(self) -> Option<All> {
        Some(All {
            sent_raw_bytes: self.sent_raw_bytes?,
            sent_payload_bytes: self.sent_payload_bytes?,
            received_raw_bytes: self.received_raw_bytes?,
            received_payload_bytes: self.received_payload_bytes?,
        })
    }

    /// Whether nothing was measured.
    pub(crate) fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// Each counter with its name.
    pub(crate) fn named(self) -> [(&'static str, Option<u64>); 4] {
        let [one, two, three, four] = Self::NAMES;
        [
            (one, self.sent_raw_bytes),
            (two, self.sent_payload_bytes),
            (three, self.received_raw_bytes),
            (four, self.received_payload_bytes),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_holds_what_anybody_measured_and_nothing_else() {
        let one = Tallies { sent_raw_bytes: Some(2), ..Tallies::default() };
        let other = Tallies {
            sent_raw_bytes: Some(u64::MAX),
            received_raw_bytes: Some(0),
            ..Tallies::default()
        };
        let sum = one.plus(other);
        assert_eq!(
            serde_json::to_value(sum).unwrap(),
            serde_json::json!({
                "sent_raw_bytes": u64::MAX, "received_raw_bytes": 0,
            })
        );
        assert!(sum.all().is_none() && Tallies::default().is_empty() && !sum.is_empty());
    }
}
