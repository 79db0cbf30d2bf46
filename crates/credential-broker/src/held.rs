// SPDX-License-Identifier: Apache-2.0
//! One issued set: how long it is fresh, how long it serves, and how it is written to a caller.
//!
//! Every text in it is wiped from memory when the last holder drops it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use canopy::wire::{CredentialProcess, RestoreCredentials};
use credential::Secret;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::request::Password;
use crate::trouble::{Cause, Trouble};

/// A set that does not expire is asked for again after this: its source may have changed.
const ENDLESS: Duration = Duration::from_secs(60);
/// How long a set that does not expire is kept without being asked for.
const KEPT: Duration = Duration::from_secs(3600);
/// A set's first moments, in which no refusal counts, are a twentieth of its lifetime, and this at most.
const LONGEST_FIRST: Duration = Duration::from_secs(30);
const MOST_MARGIN: Duration = Duration::from_secs(120);

/// An issued set with its times.
#[derive(Debug)]
pub(crate) struct Held {
    issued: RestoreCredentials,
    taken: SystemTime,
    fresh_until: SystemTime,
    is_refused: AtomicBool,
}

/// How good a held set is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Handed out without a question.
    Fresh,
    /// Handed out only where no newer one can be had.
    Old,
    /// Of no use to anybody.
    Over,
}

impl Held {
    /// Takes a set over.
    ///
    /// # Errors
    /// [`Cause::NotUnderstood`] for one that is over already, or that no request could be signed with.
    pub(crate) fn new(issued: RestoreCredentials, now: SystemTime) -> Result<Self, Trouble> {
        let unusable = |why: &str| Trouble::new(Cause::NotUnderstood, why);
        if let Some(defect) = defect(&issued.credentials) {
            return Err(unusable(&format!("the issuer's set is unusable: {defect}")));
        }
        let Some(expires) = issued.credentials.expiration.map(SystemTime::from) else {
            return Ok(Self::taken(issued, now, now + ENDLESS));
        };
        match expires.duration_since(now) {
            Ok(left) if !left.is_zero() => Ok(Self::taken(issued, now, expires - margin(left))),
            _ => Err(unusable(
                "the issuer's set is over already: it is an old one, or the clocks differ",
            )),
        }
    }

    fn taken(issued: RestoreCredentials, taken: SystemTime, fresh_until: SystemTime) -> Self {
        Self { issued, taken, fresh_until, is_refused: AtomicBool::new(false) }
    }

    pub(crate) fn state(&self, now: SystemTime) -> State {
        match self.expires() {
            _ if now < self.fresh_until && !self.is_refused.load(Ordering::Relaxed) => State::Fresh,
            Some(expires) if now >= expires => State::Over,
            _ => State::Old,
        }
    }

    /// Some store still takes it.
    pub(crate) fn is_valid(&self, now: SystemTime) -> bool {
        self.state(now) != State::Over
    }

    pub(crate) fn expires(&self) -> Option<SystemTime> {
        self.issued.credentials.expiration.map(SystemTime::from)
    }

    /// Whether a caller's word that the store refuses it counts: not in its first moments, in which some stores
    /// do not know it yet, and so that nobody can have sets issued as fast as he can ask.
    pub(crate) fn may_be_refused(&self, now: SystemTime) -> bool {
        let lifetime = self.expires().and_then(|at| at.duration_since(self.taken).ok());
        let first = lifetime.map_or(LONGEST_FIRST, |it| (it / 20).min(LONGEST_FIRST));
        now.duration_since(self.taken).is_ok_and(|age| age >= first)
    }

    /// A store refuses it: it is old from now on. True if that is news.
    pub(crate) fn refuse(&self) -> bool {
        !self.is_refused.swap(true, Ordering::Relaxed)
    }

    /// Whether a password came with it.
    pub(crate) fn has_password(&self) -> bool {
        self.issued.repo_password.is_some()
    }

    pub(crate) fn access_key_id(&self) -> &str {
        &self.issued.credentials.access_key_id
    }

    /// How long it is worth keeping.
    pub(crate) fn kept_for(&self, now: SystemTime) -> Duration {
        self.expires().map_or(KEPT, |at| at.duration_since(now).unwrap_or_default())
    }

    /// The answer's body, with the password if it is wanted and there is one.
    ///
    /// # Errors
    /// None that a set can cause.
    pub(crate) fn to_body(&self, password: Password) -> serde_json::Result<Zeroizing<Vec<u8>>> {
        let set = &self.issued.credentials;
        let repo_password = match password {
            Password::Wanted => self.issued.repo_password.as_ref().map(Secret::expose),
            Password::NotWanted => None,
        };
        let token = set.session_token.as_ref().map(Secret::expose);
        let texts = [set.access_key_id.as_str(), set.secret_access_key.expose()];
        let options = [token, repo_password].into_iter().flatten();
        let long: usize = texts.into_iter().chain(options).map(str::len).sum();
        let wire = Wire { credentials: set, repo_password };
        // Room for all, were every character escaped: a growing vector leaves unwiped copies behind.
        let mut body = Zeroizing::new(Vec::with_capacity(6 * long + 512));
        serde_json::to_writer(&mut *body, &wire)?;
        Ok(body)
    }
}

/// How long before its end a set is replaced.
fn margin(lifetime: Duration) -> Duration {
    (lifetime / 5).min(MOST_MARGIN)
}

/// What no header could carry, or no store would take.
fn defect(set: &CredentialProcess) -> Option<&'static str> {
    let is_fit = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if set.version != 1 {
        return Some("its Version is not 1");
    }
    if !is_fit(&set.access_key_id) {
        return Some("its AccessKeyId is empty or odd");
    }
    if !is_fit(set.secret_access_key.expose()) {
        return Some("its SecretAccessKey is empty or odd");
    }
    let token = set.session_token.as_ref().map_or("", Secret::expose);
    (!token.is_empty() && !is_fit(token)).then_some("its SessionToken is odd")
}

#[derive(Serialize)]
struct Wire<'a> {
    credentials: &'a CredentialProcess,
    #[serde(skip_serializing_if = "Option::is_none")]
    repo_password: Option<&'a str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: SystemTime = SystemTime::UNIX_EPOCH;

    fn issued(lifetime: Option<u64>) -> RestoreCredentials {
        let at = lifetime.map(|seconds| BEGIN + Duration::from_secs(seconds));
        let credentials = CredentialProcess {
            version: 1,
            access_key_id: "ASIAX".to_owned(),
            secret_access_key: Secret::new("s\"\\"),
            session_token: Some(Secret::new("t")),
            expiration: at.map(|at| at.try_into().unwrap()),
        };
        RestoreCredentials { credentials, repo_password: Some(Secret::new("p")) }
    }

    fn held(lifetime: Option<u64>) -> Result<Held, Trouble> {
        Held::new(issued(lifetime), BEGIN)
    }

    #[test]
    fn an_entry_ends_two_minutes_or_a_fifth_before_its_set() {
        for (lifetime, fresh) in [(3600, 3480), (600, 480), (300, 240), (10, 8), (5, 4)] {
            let held = held(Some(lifetime)).unwrap();
            let at = |seconds| BEGIN + Duration::from_secs(seconds);
            assert_eq!(held.state(at(fresh - 1)), State::Fresh, "{lifetime}");
            assert_eq!(held.state(at(fresh)), State::Old, "{lifetime}");
            assert_eq!(held.state(at(lifetime)), State::Over, "{lifetime}");
        }
    }

    #[test]
    fn a_store_may_refuse_a_set_but_not_in_its_first_moments() {
        for (lifetime, first) in [(Some(3600), 30), (Some(200), 10), (Some(20), 1), (None, 30)] {
            let held = held(lifetime).unwrap();
            let at = |seconds| BEGIN + Duration::from_secs(seconds);
            assert!(!held.may_be_refused(at(first) - Duration::from_millis(1)), "{lifetime:?}");
            assert!(held.may_be_refused(at(first)), "{lifetime:?}");
        }
    }

    #[test]
    fn a_set_that_is_over_is_no_set() {
        assert_eq!(held(Some(0)).unwrap_err().cause, Cause::NotUnderstood);
    }

    #[test]
    fn a_set_that_cannot_sign_is_no_set() {
        for spoil in [
            (|set: &mut CredentialProcess| set.version = 2) as fn(&mut CredentialProcess),
            |set| set.access_key_id.clear(),
            |set| set.secret_access_key = Secret::new(""),
            |set| set.session_token = Some(Secret::new("a\r\nb: c")),
        ] {
            let mut issued = issued(Some(9));
            spoil(&mut issued.credentials);
            let trouble = Held::new(issued, BEGIN).unwrap_err();
            assert_eq!(trouble.cause, Cause::NotUnderstood, "{trouble}");
        }
    }

    #[test]
    fn a_set_without_end_is_asked_for_again_and_serves_meanwhile() {
        let held = held(None).unwrap();
        assert_eq!(held.state(BEGIN), State::Fresh);
        assert_eq!(held.state(BEGIN + KEPT), State::Old);
    }

    #[test]
    fn the_answer_has_the_wire_form_and_the_password_only_where_wanted() {
        let held = held(Some(3600)).unwrap();
        let body = held.to_body(Password::NotWanted).unwrap();
        let expected = r#"{"credentials":{"Version":1,"AccessKeyId":"ASIAX","SecretAccessKey":"s\"\\","SessionToken":"t","Expiration":"1970-01-01T01:00:00Z"}}"#;
        assert_eq!(std::str::from_utf8(&body).unwrap(), expected);
        let body = held.to_body(Password::Wanted).unwrap();
        assert!(body.ends_with(br#"},"repo_password":"p"}"#));
    }

    #[test]
    fn no_debug_output_shows_a_secret() {
        let shown = format!("{:?}", held(Some(9)).unwrap());
        for secret in ["s\\\"", "\"t\"", "\"p\""] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
