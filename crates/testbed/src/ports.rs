// SPDX-License-Identifier: Apache-2.0
//! Free ports for servers of other makers, which must be told theirs before they start.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Mutex, PoisonError};

use anyhow::bail;

/// Below the range that the kernel gives to outgoing connections, so that none of them takes a
/// port between its choice and its use.
const RANGE: std::ops::Range<u16> = 15_000..32_000;
/// How many are looked at before it is no accident that all are taken.
const LOOKS: usize = 1_000;
/// How often a server is started anew whose port was taken after all.
pub(crate) const TRIES: usize = 5;

/// What this process has handed out: a member that is down keeps its ports, though nobody listens on them.
static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// Different ports of 127.0.0.1 that are free now and were never handed out by this process; another process may take
/// one at any time.
pub(crate) fn free(count: usize) -> anyhow::Result<Vec<SocketAddr>> {
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut held = Vec::new();
    for _ in 0..LOOKS {
        if held.len() == count {
            break;
        }
        let port = fastrand::u16(RANGE);
        if given.contains(&port) {
            continue;
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok();
        given.extend(listener.is_some().then_some(port));
        held.extend(listener);
    }
    if held.len() < count {
        bail!("no {count} free ports on 127.0.0.1 between {} and {}", RANGE.start, RANGE.end);
    }
    held.iter().map(|listener| Ok(listener.local_addr()?)).collect()
}

/// Starts something on free ports, and again on others if one of them was taken meanwhile.
pub(crate) fn on_free<T>(
    count: usize,
    mut start: impl FnMut(&[SocketAddr]) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let mut tries = 1;
    loop {
        match start(&free(count)?) {
            Err(error) if tries < TRIES && is_taken(&error) => tries += 1,
            done => return done,
        }
    }
}

/// Servers say it in the words of their libraries: Go's, and node's.
pub(crate) fn is_taken(error: &anyhow::Error) -> bool {
    let told = format!("{error:#}").to_lowercase();
    ["address already in use", "eaddrinuse", "port is already in use"]
        .iter()
        .any(|words| told.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_ports_differ_and_can_be_bound() {
        let ports = free(6).unwrap();
        let held: Vec<_> = ports.iter().map(|at| TcpListener::bind(at).unwrap()).collect();
        assert_eq!(held.len(), 6);
    }

    #[test]
    fn a_port_that_was_taken_is_one_more_try_and_another_error_is_none() {
        let mut tries = 0;
        let done = on_free(1, |_| {
            tries += 1;
            if tries < 3 { bail!("listen tcp: bind: address already in use") } else { Ok(tries) }
        });
        assert_eq!(done.unwrap(), 3);
        let mut tries = 0;
        let failed = on_free(1, |_| -> anyhow::Result<()> {
            tries += 1;
            bail!("no such folder")
        });
        assert!(failed.is_err());
        assert_eq!(tries, 1);
    }
}
