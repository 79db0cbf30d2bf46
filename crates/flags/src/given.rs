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

/// What was typed, less the user and password of a URL in it: a complaint goes to logs and last words.
fn without_user(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..authority].rfind('@') {
        Some(at) => format!("{scheme}://…{}", &rest[at..]),
        None => text.to_owned(),
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
                self.add(format!("{flag} {}: {why}", without_user(&text)));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_never_shows_the_password_of_a_url() {
        let mut problems = Problems::new("x");
        for text in ["broker:http://user:hush@b/c", "http://hush@b", "s3://u:hush@x@b?y=@"] {
            let given: Given<u8> = text.parse().unwrap();
            problems.given("--url", Some(given));
        }
        let sentence = problems.sentence();
        assert!(
            !sentence.contains("hush") && sentence.contains("broker:http://…@b/c"),
            "{sentence}"
        );
        assert_eq!(without_user("http://b/a@c"), "http://b/a@c");
    }
}
