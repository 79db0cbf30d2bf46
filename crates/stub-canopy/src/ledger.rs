// SPDX-License-Identifier: Apache-2.0
//! What came and what was given out, for read-back.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::certificate::Certificate;

/// So many entries are kept of each kind; the oldest go first.
const KEPT: usize = 100_000;

/// By which way a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// By its own path, as at the public host.
    Direct,
    /// Below `/public`, as on the tailnet.
    Tailnet,
}

/// A post that was taken.
#[derive(Debug, Clone, Serialize)]
pub struct Captured {
    /// The path, without the tailnet's prefix.
    pub path: String,
    /// By which way it came.
    pub way: Way,
    /// By their names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The JSON, decoded.
    pub body: Value,
    /// Fields that the contract does not know.
    pub unknown: Vec<String>,
    /// When it came.
    pub at: Timestamp,
    /// The certificate that the client presented.
    pub certificate: Option<Certificate>,
    /// How often it came again with the same `Idempotency-Key`.
    pub repeats: u64,
}

/// A request, whatever became of it.
#[derive(Debug, Clone, Serialize)]
pub struct Heard {
    /// The method.
    pub method: String,
    /// The path, without the tailnet's prefix.
    pub path: String,
    /// By which way it came.
    pub way: Way,
    /// What was answered; `None` for a reset.
    pub status: Option<u16>,
    /// The `Host` that the client asked for.
    pub host: Option<String>,
    /// The certificate that the client presented.
    pub certificate: Option<Certificate>,
}

/// How many sets one asker got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Issued {
    /// The group; none for backups, whose group is the device's own.
    pub group: Option<String>,
    /// The backup type.
    #[serde(rename = "type")]
    pub type_: String,
    /// The run.
    pub run_id: Option<String>,
    /// How many.
    pub count: u64,
}

/// Everything that is kept.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    captured: VecDeque<Captured>,
    heard: VecDeque<Heard>,
    issued: BTreeMap<(Option<String>, String, Option<String>), u64>,
}

impl Ledger {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a post, unless `accepts` says no of those taken before it. One step: two posts of one
    /// run that come together are one and a second one.
    pub(crate) fn take<E>(
        &self,
        post: Captured,
        accepts: impl FnOnce(&mut dyn Iterator<Item = &mut Captured>) -> Result<(), E>,
    ) -> Result<(), E> {
        let captured = &mut self.kept().captured;
        accepts(&mut captured.iter_mut().filter(|earlier| earlier.path == post.path))?;
        push(captured, post);
        Ok(())
    }

    pub(crate) fn hear(&self, heard: Heard) {
        push(&mut self.kept().heard, heard);
    }

    pub(crate) fn issue(&self, group: Option<&str>, type_: &str, run_id: Option<&str>) {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let key = (owned(group), type_.to_owned(), owned(run_id));
        *self.kept().issued.entry(key).or_default() += 1;
    }

    pub(crate) fn captured(&self) -> Vec<Captured> {
        self.kept().captured.iter().cloned().collect()
    }

    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.kept().heard.iter().cloned().collect()
    }

    pub(crate) fn issued(&self) -> Vec<Issued> {
        let kept = self.kept();
        let each = kept.issued.iter().map(|((group, type_, run_id), count)| Issued {
            group: group.clone(),
            type_: type_.clone(),
            run_id: run_id.clone(),
            count: *count,
        });
        each.collect()
    }

    pub(crate) fn forget(&self) {
        *self.kept() = Kept::default();
    }
}

fn push<T>(to: &mut VecDeque<T>, one: T) {
    if to.len() == KEPT {
        to.pop_front();
    }
    to.push_back(one);
}
