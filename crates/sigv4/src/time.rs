// SPDX-License-Identifier: Apache-2.0
//! The two time forms of a signature: `20130524T000000Z` and `20130524`.

use std::time::{SystemTime, UNIX_EPOCH};

const DAY: i64 = 86_400;

/// A moment, to the second, with its basic ISO 8601 text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timestamp {
    unix: i64,
    text: [u8; 16],
}

impl Timestamp {
    /// From the system's clock; moments before 1970 or after 9999 are moved to that bound.
    #[must_use]
    pub fn from_system_time(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Self::from_unix(i64::try_from(since).unwrap_or(i64::MAX))
    }

    /// From seconds since 1970.
    #[must_use]
    pub fn from_unix(unix: i64) -> Self {
        const END: i64 = 253_402_300_799;
        let unix = unix.clamp(0, END);
        let (year, month, day) = civil(unix.div_euclid(DAY));
        let seconds = unix.rem_euclid(DAY);
        let mut text = *b"00000000T000000Z";
        put(&mut text[0..4], year);
        put(&mut text[4..6], month);
        put(&mut text[6..8], day);
        put(&mut text[9..11], seconds / 3600);
        put(&mut text[11..13], seconds / 60 % 60);
        put(&mut text[13..15], seconds % 60);
        Self { unix, text }
    }

    /// Reads `YYYYMMDDTHHMMSSZ`; any other text is `None`.
    #[must_use]
    pub fn parse_basic(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.len() != 16 || bytes[8] != b'T' || bytes[15] != b'Z' {
            return None;
        }
        let number = |from: usize, to: usize| {
            let part = &text.as_bytes()[from..to];
            part.iter()
                .all(u8::is_ascii_digit)
                .then(|| part.iter().fold(0_i64, |sum, digit| sum * 10 + i64::from(digit - b'0')))
        };
        let days = days_from_civil(number(0, 4)?, number(4, 6)?, number(6, 8)?);
        let (hour, minute, second) = (number(9, 11)?, number(11, 13)?, number(13, 15)?);
        let parsed = Self::from_unix(days * DAY + hour * 3600 + minute * 60 + second);
        // A thirteenth month or a 25th hour does not come out as it went in.
        (parsed.text == bytes).then_some(parsed)
    }

    /// `YYYYMMDDTHHMMSSZ`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text).unwrap_or_default()
    }

    /// `YYYYMMDD`.
    #[must_use]
    pub fn date(&self) -> &str {
        &self.as_str()[..8]
    }

    /// Seconds since 1970.
    #[must_use]
    pub fn unix_seconds(&self) -> i64 {
        self.unix
    }
}

fn put(field: &mut [u8], mut value: i64) {
    for digit in field.iter_mut().rev() {
        *digit = b'0' + u8::try_from(value % 10).unwrap_or(0);
        value /= 10;
    }
}

/// Days since 1970 to (year, month, day), by the era arithmetic of the proleptic Gregorian calendar.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let from_march = (month + 9) % 12;
    let day_of_year = (153 * from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_seconds_agree_over_leap_years() {
        for (unix, text) in [
            (0, "19700101T000000Z"),
            (1_369_353_600, "20130524T000000Z"),
            (951_782_400, "20000229T000000Z"),
            (1_709_251_199, "20240229T235959Z"),
            (4_107_542_400, "21000301T000000Z"),
            (253_402_300_799, "99991231T235959Z"),
        ] {
            assert_eq!(Timestamp::from_unix(unix).as_str(), text);
            assert_eq!(Timestamp::parse_basic(text).map(|t| t.unix_seconds()), Some(unix));
        }
    }

    #[test]
    fn a_text_that_is_no_moment_is_refused() {
        for text in [
            "20130230T000000Z",
            "20131301T000000Z",
            "20130524T250000Z",
            "20130524 000000Z",
            "2013",
            "20130524T00000\u{e9}",
        ] {
            assert_eq!(Timestamp::parse_basic(text), None, "{text}");
        }
    }
}
