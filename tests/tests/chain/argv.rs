// SPDX-License-Identifier: Apache-2.0
//! The command lines of processes, as anybody on the machine can read them, looked at while they run.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often they are looked at: a program may become another one.
const LOOK: Duration = Duration::from_millis(20);

/// A name and a command line, each once.
pub(crate) type Seen = BTreeSet<(String, String)>;

/// Looks until it is dropped.
pub(crate) struct Argv {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    processes: Mutex<Vec<(String, u32)>>,
    seen: Mutex<Seen>,
    over: AtomicBool,
}

impl Argv {
    pub(crate) fn watch() -> Argv {
        let shared = Arc::<Shared>::default();
        let looking = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            while !looking.over.load(Ordering::SeqCst) {
                looking.look();
                std::thread::sleep(LOOK);
            }
        });
        Argv { shared, thread: Some(thread) }
    }

    pub(crate) fn follow(&self, name: &str, process: u32) {
        lock(&self.shared.processes).push((name.to_owned(), process));
    }

    /// All that was seen so far.
    pub(crate) fn seen(&self) -> Seen {
        lock(&self.shared.seen).clone()
    }
}

impl Drop for Argv {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

impl Shared {
    fn look(&self) {
        for (name, process) in &*lock(&self.processes) {
            // One that has ended has no command line any more.
            let Ok(line) = std::fs::read(format!("/proc/{process}/cmdline")) else { continue };
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            lock(&self.seen).insert((name.clone(), line));
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
