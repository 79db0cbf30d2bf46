// SPDX-License-Identifier: Apache-2.0
//! What goes wrong, and how often it did.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One fault of the script. The first one that fits a request and is not used up is the one.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Fault {
    /// A path; one that ends in `*` means all that begin so.
    path: String,
    /// Answers this.
    status: Option<u16>,
    /// With `status`: the `Retry-After`, in seconds.
    pub(crate) retry_after: Option<u64>,
    /// With `status`: the problem's own words.
    pub(crate) detail: Option<String>,
    /// Waits first.
    delay_ms: u64,
    /// Promises more of the answer than it sends.
    half: bool,
    /// Resets the connection.
    refuse: bool,
    /// With `status` or `refuse`: takes the request first, so that only the answer is lost.
    taken: bool,
    /// So many times; without it for ever.
    times: Option<u64>,
}

/// How an answer goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It does not.
    None,
    /// It is this status instead.
    Status(u16),
    /// It ends early.
    Half,
    /// It is a reset.
    Refuse,
}

/// Is the request taken all the same?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    Yes,
    No,
}

impl Fault {
    fn fits(&self, path: &str) -> bool {
        match self.path.strip_suffix('*') {
            Some(start) => path.starts_with(start),
            None => self.path == path,
        }
    }

    pub(crate) fn delay(&self) -> Duration {
        Duration::from_millis(self.delay_ms)
    }

    pub(crate) fn effect(&self) -> Effect {
        match self.status {
            _ if self.refuse => Effect::Refuse,
            _ if self.half => Effect::Half,
            Some(status) => Effect::Status(status),
            None => Effect::None,
        }
    }

    pub(crate) fn taken(&self) -> Taken {
        match self.effect() {
            Effect::None | Effect::Half => Taken::Yes,
            _ if self.taken => Taken::Yes,
            _ => Taken::No,
        }
    }
}

/// How often each fault has struck. It is known by its text, so that the count outlives a new
/// reading of the script, and a changed fault begins anew.
#[derive(Debug, Default)]
pub(crate) struct Struck(Mutex<HashMap<String, u64>>);

impl Struck {
    /// The fault of this request, counted.
    pub(crate) fn next(&self, faults: &[Fault], path: &str) -> Option<Fault> {
        let mut struck = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for fault in faults.iter().filter(|fault| fault.fits(path)) {
            let Some(times) = fault.times else { return Some(fault.clone()) };
            let text = serde_json::to_string(fault).unwrap_or_default();
            let count = struck.entry(text).or_default();
            if *count < times {
                *count += 1;
                return Some(fault.clone());
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<Fault> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_fault_strikes_as_often_as_it_says_also_when_the_script_is_read_anew() {
        let text = r#"[{"path":"/a","status":502,"times":2},{"path":"/*","status":503}]"#;
        let struck = Struck::default();
        let mut seen = Vec::new();
        for _ in 0..3 {
            seen.push(struck.next(&faults(text), "/a").unwrap().effect());
        }
        assert_eq!(seen, [Effect::Status(502), Effect::Status(502), Effect::Status(503)]);
        assert_eq!(struck.next(&faults(text), "/b").unwrap().effect(), Effect::Status(503));
    }

    #[test]
    fn a_typing_mistake_in_a_fault_is_an_error() {
        assert!(serde_json::from_str::<Fault>(r#"{"path":"/a","state":502}"#).is_err());
    }
}
