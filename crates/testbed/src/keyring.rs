// SPDX-License-Identifier: Apache-2.0
//! The credentials that the store honours: who was issued what, and until when.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::rights::Grant;

/// A temporary credential as its holder sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// `ASIA` and sixteen more characters.
    pub access_key_id: String,
    /// The secret key.
    pub secret: String,
    /// What `x-amz-security-token` must carry.
    pub session_token: String,
    /// When the store says that it dies; [`EarlyRevocation`] may be faster.
    pub expires: Timestamp,
}

/// A key pair without a token that never dies, for comparisons without the proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticPair {
    /// `AKIA` and sixteen more characters.
    pub access_key_id: String,
    /// The secret key.
    pub secret: String,
    /// What it may do; everything if `None`.
    pub grants: Option<Vec<Grant>>,
}

impl StaticPair {
    /// A fresh pair, which may do everything.
    pub fn random() -> StaticPair {
        StaticPair { access_key_id: key_id("AKIA"), secret: text(40), grants: None }
    }

    /// A fresh pair, which may do this and nothing else.
    pub fn granted(grants: Vec<Grant>) -> StaticPair {
        StaticPair { grants: Some(grants), ..StaticPair::random() }
    }
}

/// Some sets die before the time that was announced for them, without a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EarlyRevocation {
    /// Every set lives as long as announced.
    #[default]
    Never,
    /// Each `nth` set (1 = all) dies `early` before its announced end.
    Every {
        /// Which sets are hit, counted from the first that is issued.
        nth: u64,
        /// How much of the announced life is taken away.
        early: Duration,
    },
}

/// Why the store does not honour a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Nobody issued this access key.
    Unknown,
    /// Its seconds are over, or it was revoked.
    Expired,
    /// The session token is missing, is another one's, or came with a static key.
    WrongToken,
}

/// All credentials of one store; clone the `Arc` around it to share it with an issuer.
#[derive(Debug, Default)]
pub struct Keyring {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    keys: HashMap<String, Key>,
    issued: u64,
    early: EarlyRevocation,
}

#[derive(Debug)]
struct Key {
    secret: String,
    life: Life,
    grants: Option<Vec<Grant>>,
}

#[derive(Debug)]
enum Life {
    Forever,
    Until { token: String, dies: Timestamp },
}

impl Keyring {
    pub(crate) fn new(pairs: &[StaticPair], early: EarlyRevocation) -> Keyring {
        let keys = pairs.iter().map(|pair| {
            let grants = pair.grants.clone();
            let key = Key { secret: pair.secret.clone(), life: Life::Forever, grants };
            (pair.access_key_id.clone(), key)
        });
        Keyring { inner: Mutex::new(Inner { keys: keys.collect(), issued: 0, early }) }
    }

    /// Issues a set that lives for `lifetime` from now on.
    pub fn issue(&self, lifetime: Duration) -> Issued {
        let mut inner = self.lock();
        inner.issued += 1;
        let now = Timestamp::now();
        let expires = later(now, lifetime);
        let dies = match inner.early {
            EarlyRevocation::Every { nth, early } if inner.issued.is_multiple_of(nth.max(1)) => {
                later(now, lifetime.saturating_sub(early))
            }
            _ => expires,
        };
        let issued = Issued {
            access_key_id: key_id("ASIA"),
            secret: text(40),
            session_token: format!("{}/{}+{}==", text(90), text(90), text(60)),
            expires,
        };
        let life = Life::Until { token: issued.session_token.clone(), dies };
        let key = Key { secret: issued.secret.clone(), life, grants: None };
        inner.keys.insert(issued.access_key_id.clone(), key);
        issued
    }

    /// Ends a set now, as if its time were over; `false` if nobody issued it.
    pub fn revoke(&self, access_key_id: &str) -> bool {
        self.end(access_key_id, Timestamp::now())
    }

    /// Ends every temporary set now; returns how many were still alive.
    pub fn revoke_all(&self) -> usize {
        let now = Timestamp::now();
        let ids: Vec<String> = self.lock().keys.keys().cloned().collect();
        ids.iter().filter(|id| self.is_temporary(id) && self.end(id, now)).count()
    }

    /// Changes which of the sets issued from now on die early.
    pub fn set_early_revocation(&self, early: EarlyRevocation) {
        self.lock().early = early;
    }

    /// How many temporary sets were issued so far.
    pub fn issued(&self) -> u64 {
        self.lock().issued
    }

    /// Every secret key and session token issued so far, the dead ones' too: what no log may hold.
    pub fn secrets(&self) -> Vec<String> {
        let inner = self.lock();
        let texts = inner.keys.values().flat_map(|key| match &key.life {
            Life::Until { token, .. } => vec![key.secret.clone(), token.clone()],
            Life::Forever => Vec::new(),
        });
        texts.collect()
    }

    pub(crate) fn secret(&self, access_key_id: &str) -> Result<String, Refusal> {
        let inner = self.lock();
        let key = inner.keys.get(access_key_id).ok_or(Refusal::Unknown)?;
        match &key.life {
            Life::Until { dies, .. } if *dies <= Timestamp::now() => Err(Refusal::Expired),
            _ => Ok(key.secret.clone()),
        }
    }

    pub(crate) fn check_token(&self, id: &str, given: Option<&[u8]>) -> Result<(), Refusal> {
        let inner = self.lock();
        let key = inner.keys.get(id).ok_or(Refusal::Unknown)?;
        let right = match &key.life {
            Life::Forever => given.is_none(),
            Life::Until { token, .. } => given == Some(token.as_bytes()),
        };
        if right { Ok(()) } else { Err(Refusal::WrongToken) }
    }

    /// What an access key may do; everything if `None`.
    pub(crate) fn grants(&self, id: &str) -> Option<Vec<Grant>> {
        self.lock().keys.get(id)?.grants.clone()
    }

    fn is_temporary(&self, id: &str) -> bool {
        matches!(self.lock().keys.get(id), Some(Key { life: Life::Until { .. }, .. }))
    }

    fn end(&self, id: &str, at: Timestamp) -> bool {
        match self.lock().keys.get_mut(id) {
            Some(Key { life: Life::Until { dies, .. }, .. }) if *dies > at => {
                *dies = at;
                true
            }
            _ => false,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn later(from: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    from.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// Not random enough for a real secret, and no secret of this crate is one.
fn text(len: usize) -> String {
    std::iter::repeat_with(fastrand::alphanumeric).take(len).collect()
}

fn key_id(prefix: &str) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let rest = std::iter::repeat_with(|| char::from(LETTERS[fastrand::usize(..LETTERS.len())]));
    prefix.chars().chain(rest.take(16)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_honoured_with_its_own_token_only() {
        let ring = Keyring::default();
        let (one, two) = (ring.issue(Duration::from_secs(60)), ring.issue(Duration::from_secs(60)));
        assert_eq!(ring.secret(&one.access_key_id), Ok(one.secret.clone()));
        let id = &one.access_key_id;
        assert_eq!(ring.check_token(id, Some(one.session_token.as_bytes())), Ok(()));
        let other = Some(two.session_token.as_bytes());
        assert_eq!(ring.check_token(id, other), Err(Refusal::WrongToken));
        assert_eq!(ring.check_token(id, None), Err(Refusal::WrongToken));
    }

    #[test]
    fn a_set_is_expired_at_the_end_of_its_life_and_when_revoked() {
        let ring = Keyring::default();
        let dead = ring.issue(Duration::ZERO);
        assert_eq!(ring.secret(&dead.access_key_id), Err(Refusal::Expired));
        let live = ring.issue(Duration::from_secs(60));
        assert!(ring.revoke(&live.access_key_id));
        assert_eq!(ring.secret(&live.access_key_id), Err(Refusal::Expired));
        assert_eq!(ring.secret("ASIANOBODY"), Err(Refusal::Unknown));
    }

    #[test]
    fn what_was_issued_is_known_dead_or_alive_and_what_was_given_is_not() {
        let ring = Keyring::new(&[StaticPair::random()], EarlyRevocation::Never);
        let (dead, live) = (ring.issue(Duration::ZERO), ring.issue(Duration::from_secs(60)));
        let secrets = ring.secrets();
        assert_eq!(secrets.len(), 4);
        for set in [dead, live] {
            assert!(secrets.contains(&set.secret) && secrets.contains(&set.session_token));
        }
    }

    #[test]
    fn every_nth_set_dies_before_its_announced_end() {
        let early = EarlyRevocation::Every { nth: 2, early: Duration::from_secs(60) };
        let ring = Keyring::new(&[], early);
        let sets: Vec<Issued> = (0..4).map(|_| ring.issue(Duration::from_secs(60))).collect();
        let alive = sets.iter().map(|set| ring.secret(&set.access_key_id).is_ok());
        assert_eq!(alive.collect::<Vec<_>>(), [true, false, true, false]);
        assert!(sets.iter().all(|set| set.expires > Timestamp::now()));
    }

    #[test]
    fn a_static_pair_never_dies_and_has_no_token() {
        let pair = StaticPair::random();
        let ring = Keyring::new(std::slice::from_ref(&pair), EarlyRevocation::Never);
        assert_eq!(ring.revoke_all(), 0);
        assert_eq!(ring.secret(&pair.access_key_id), Ok(pair.secret));
        let refused = ring.check_token(&pair.access_key_id, Some(b"token"));
        assert_eq!(refused, Err(Refusal::WrongToken));
    }
}
