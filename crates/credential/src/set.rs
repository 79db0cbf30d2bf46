// SPDX-License-Identifier: Apache-2.0
//! One credential set, as an issuer hands it out.

use std::fmt;
use std::time::SystemTime;

use crate::Secret;

/// An access key with its secret, its session token and the time until which it is good.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// The key id; an identifier, not a secret, yet shown by its last four characters only.
    pub access_key_id: String,
    /// The secret that signs.
    pub secret_access_key: Secret,
    /// The token that goes with temporary sets (`x-amz-security-token`).
    pub session_token: Option<Secret>,
    /// When the set stops working; `None` for sets that do not expire.
    pub expires: Option<SystemTime>,
}

impl Credential {
    /// Are both the same set? The expiry may differ: an issuer may tell it anew.
    pub(crate) fn is_same_set(&self, other: &Self) -> bool {
        self.access_key_id == other.access_key_id
            && self.secret_access_key == other.secret_access_key
            && self.session_token == other.session_token
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let expires = self.expires.map(|at| {
            jiff::Timestamp::try_from(at)
                .map_or_else(|_| "out of range".into(), |at| at.to_string())
        });
        f.debug_struct("Credential")
            .field("access_key_id", &Tail(&self.access_key_id))
            .field("expires", &expires.as_deref().unwrap_or("never"))
            .finish_non_exhaustive()
    }
}

/// The last four characters of an identifier; nothing of one that is too short to be cut.
struct Tail<'a>(&'a str);

impl fmt::Debug for Tail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cut = self.0.char_indices().rev().nth(3).map_or(0, |(at, _)| at);
        if cut < 4 { f.write_str("…") } else { write!(f, "…{}", &self.0[cut..]) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_the_end_of_the_key_id_and_the_expiry_alone() {
        let set = Credential {
            access_key_id: "ASIAEXAMPLE1234".to_owned(),
            secret_access_key: Secret::new("the-secret"),
            session_token: Some(Secret::new("the-token")),
            expires: Some(SystemTime::UNIX_EPOCH),
        };
        let shown = format!("{set:?}{set:#?}");
        assert!(shown.contains("…1234") && shown.contains("1970-01-01T00:00:00Z"), "{shown}");
        for hidden in ["the-secret", "the-token", "EXAMPLE"] {
            assert!(!shown.contains(hidden), "{shown}");
        }
    }

    #[test]
    fn a_short_key_id_is_not_shown_at_all() {
        for id in ["", "a", "abcd", "abcdefg", "ééééé"] {
            assert_eq!(format!("{:?}", Tail(id)), "…", "{id}");
        }
        assert_eq!(format!("{:?}", Tail("abcdefgh")), "…efgh");
    }
}
