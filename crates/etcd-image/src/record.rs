// SPDX-License-Identifier: Apache-2.0
//! An entry of the bucket `key`: one change of one key.
//!
//! Its own key is the revision: main u64, `_`, sub u64, big-endian; a deletion has a further `t`.
//! Its value is the message `mvccpb.KeyValue`, whose field 1 is the user's key.

use std::ops::Range;

use crate::entry::Entry;
use crate::error::Error;
use crate::protobuf::{self, Content};

const PLAIN: usize = 17;
const USER_KEY: u64 = 1;

/// A change's place in history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Change {
    /// Its main revision.
    pub(crate) revision: i64,
    pub(crate) is_deletion: bool,
}

/// Reads a revision, as the meta bucket has it too.
pub(crate) fn change(key: &[u8]) -> Option<Change> {
    let (revision, mark) = key.split_at_checked(PLAIN)?;
    let main = i64::from_be_bytes(*revision.first_chunk()?);
    let sub = i64::from_be_bytes(*revision.last_chunk()?);
    let is_one = revision[8] == b'_' && mark.len() <= 1 && main >= 0 && sub >= 0;
    is_one.then_some(Change { revision: main, is_deletion: mark == b"t" })
}

/// Where in the entry's value the user's key lies. It is empty where the value is: etcdutl writes
/// such an entry to raise the revision of what it restores.
pub(crate) fn user_key(entry: &Entry<'_>) -> Result<Range<u64>, Error> {
    let mut key = 0..0;
    let is_message = protobuf::fields(&entry.value, |number, content| {
        if let (USER_KEY, Content::Bytes(range)) = (number, content) {
            key = range;
        }
    })?;
    if is_message { Ok(key) } else { Err(entry.corrupt("an entry holds no key and value")) }
}
