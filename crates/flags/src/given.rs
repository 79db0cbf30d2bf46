// SPDX-License-Identifier: Apache-2.0
//! Flag values that are judged late, so that every bad one is named at once.

use std::convert::Infallible;
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

/// A flag's value, good or bad. Parsing it never fails; [`Problems::given`] judges it.
#[derive(Debug, Clone)]
pub enum Given<T> {
    /// A value of its type.
    Good(T),
    /// What was typed, and what is wrong with it.
    Bad(String, String),
}

impl<T: FromStr<Err: Display>> FromStr for Given<T> {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text.parse() {
            Ok(value) => Self::Good(value),
            Err(why) => Self::Bad(text.to_owned(), why.to_string()),
        })
    }
}

/// A duration as `90s`, `6h` or `1h 30m`; never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match humantime::parse_duration(text) {
            Ok(span) if !span.is_zero() => Ok(Self(span)),
            Ok(_) => Err("must be longer than nothing".to_owned()),
            Err(why) => Err(format!("{why}; write it as 90s, 15m or 6h")),
        }
    }
}

/// A size in bytes as `64MiB` or `5GB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let size: Result<bytesize::ByteSize, _> = text.parse();
        size.map(|size| Self(size.as_u64()))
            .map_err(|_| "write it as 64KiB, 16MiB or 5GB".to_owned())
    }
}

/// Everything that is wrong with a configuration.
#[derive(Debug, Default)]
pub struct Problems {
    prefix: String,
    found: Vec<String>,
}

impl Problems {
    /// `prefix` begins the names of env twins.
    #[must_use]
    pub fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned(), found: Vec::new() }
    }

    /// Adds one.
    pub fn add(&mut self, problem: impl Into<String>) {
        self.found.push(problem.into());
    }

    /// A flag's good value; a bad one is added.
    pub fn given<T>(&mut self, flag: &str, given: Option<Given<T>>) -> Option<T> {
        match given? {
            Given::Good(value) => Some(value),
            Given::Bad(text, why) => {
                self.add(format!("{flag} {text}: {why}"));
                None
            }
        }
    }

    /// The good values of a repeated flag; each bad one is added.
    pub fn given_all<T>(&mut self, flag: &str, given: Vec<Given<T>>) -> Vec<T> {
        given.into_iter().filter_map(|one| self.given(flag, Some(one))).collect()
    }

    /// A flag's good value; a bad or missing one is added.
    pub fn required<T>(&mut self, flag: &str, given: Option<Given<T>>) -> Option<T> {
        if given.is_none() {
            self.missing(flag);
        }
        self.given(flag, given)
    }

    /// Adds that a flag is missing.
    pub fn missing(&mut self, flag: &str) {
        let twin = crate::twin(&self.prefix, flag.trim_start_matches('-'));
        self.add(format!("{flag} is required (or {twin})"));
    }

    /// Two flags that mean something together only; one alone is added.
    pub fn pair<A, B>(
        &mut self,
        first: &str,
        a: Option<A>,
        second: &str,
        b: Option<B>,
    ) -> Option<(A, B)> {
        if a.is_some() != b.is_some() {
            self.add(format!("{first} and {second} go together"));
        }
        a.zip(b)
    }

    /// True if nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// All of them in one sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        self.found.join("; ")
    }
}
