// SPDX-License-Identifier: Apache-2.0
//! A snapshot's id: `[<class>-]<YYYY-MM-DDThh-mm-ssZ>-<8 hex>`.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::class::Class;

/// `2026-11-21T03-00-00Z`: colons are no good in keys.
const TIME_LENGTH: usize = 20;

/// A snapshot's id. Its text is the name of its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Id {
    class: Class,
    time: Timestamp,
    random: [u8; 4],
}

/// Not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an id reads [manual-|pre-upgrade-]YYYY-MM-DDThh-mm-ssZ-<8 hex digits>")]
pub struct BadId;

impl Id {
    /// An id of a class at a time, which is cut to whole seconds.
    #[must_use]
    pub fn new(class: Class, time: Timestamp, random: [u8; 4]) -> Self {
        let seconds = time.as_nanosecond().div_euclid(1_000_000_000);
        // Whole seconds of a valid time are a valid time.
        let time = i64::try_from(seconds).ok().and_then(|it| Timestamp::from_second(it).ok());
        Self { class, time: time.unwrap_or(Timestamp::UNIX_EPOCH), random }
    }

    /// Its class.
    #[must_use]
    pub fn class(&self) -> Class {
        self.class
    }

    /// When its run began, in whole seconds.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// Reads an id at the start of a text; gives what follows it.
    pub(crate) fn split(text: &str) -> Option<(Self, &str)> {
        let class =
            Class::ALL.into_iter().rev().find(|class| text.starts_with(class.key_prefix()))?;
        let text = text.strip_prefix(class.key_prefix())?;
        let (time, rest) = text.split_at_checked(TIME_LENGTH)?;
        let (random, rest) = rest.strip_prefix('-')?.split_at_checked(8)?;
        let id = Self { class, time: parse_time(time)?, random: parse_hex(random)? };
        Some((id, rest))
    }
}

/// Exactly what [`Id`]'s `Display` writes: one second has one text.
fn parse_time(text: &str) -> Option<Timestamp> {
    let (date, time) = text.split_once('T')?;
    let time = Timestamp::from_str(&format!("{date}T{}", time.replace('-', ":"))).ok()?;
    (show_time(time) == text).then_some(time)
}

fn show_time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H-%M-%SZ").to_string()
}

/// Eight lower-case hex digits.
pub(crate) fn parse_hex(text: &str) -> Option<[u8; 4]> {
    let mut bytes = [0; 4];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    (hex::encode(bytes) == text).then_some(bytes)
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}{}-{}",
            self.class.key_prefix(),
            show_time(self.time),
            hex::encode(self.random)
        )
    }
}

impl FromStr for Id {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        match Self::split(text) {
            Some((id, "")) => Ok(id),
            _ => Err(BadId),
        }
    }
}

/// By time, then by text, so that two of one second have an order.
impl Ord for Id {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.time, self.class, self.random).cmp(&(other.time, other.class, other.random))
    }
}

impl PartialOrd for Id {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_its_text() {
        for text in [
            "2026-11-21T03-00-00Z-0123abcd",
            "manual-2026-11-21T03-00-00Z-0123abcd",
            "pre-upgrade-2026-12-31T23-59-59Z-ffffffff",
        ] {
            assert_eq!(text.parse::<Id>().map(|id| id.to_string()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn what_only_looks_like_an_id_is_none() {
        for text in [
            "",
            "2026-11-21T03-00-00Z",
            "2026-11-21T03-00-00Z-0123ABCD",
            "2026-11-21T03-00-00Z-0123abcd0",
            "2026-02-30T03-00-00Z-0123abcd",
            "2026-11-21T24-00-00Z-0123abcd",
            "2026-11-21T03:00:00Z-0123abcd",
            "scheduled-2026-11-21T03-00-00Z-0123abcd",
            "nightly-2026-11-21T03-00-00Z-0123abcd",
            "2026-11-21T03-00-00\u{e9}-0123abcd",
        ] {
            assert_eq!(text.parse::<Id>(), Err(BadId), "{text}");
        }
    }

    #[test]
    fn the_order_is_by_time_whatever_the_class() {
        let at = |text: &str| text.parse::<Id>().unwrap();
        assert!(
            at("pre-upgrade-2026-11-21T03-00-00Z-ffffffff") < at("2026-11-21T03-00-01Z-00000000")
        );
    }
}
