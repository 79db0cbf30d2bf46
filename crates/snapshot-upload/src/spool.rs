// SPDX-License-Identifier: Apache-2.0
//! The spool: an unlinked file that the source fills at its own speed and the upload follows.
//!
//! A server holds a read transaction while it streams a snapshot, so it never waits for the bucket.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use sidecar::{Exit, Failure};
use tokio::sync::{mpsc, oneshot};

use crate::plan::SpoolPlan;
use crate::received::Received;

/// Messages on their way to the disk. etcd's have 32 KiB.
const QUEUE: usize = 64;

/// A file that grows, or one that is there whole.
#[derive(Debug, Clone)]
pub(crate) struct Spool {
    file: Arc<File>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    grown: Condvar,
}

#[derive(Debug, Clone, Copy)]
struct State {
    written: u64,
    end: End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Open,
    Whole,
    Broken,
}

/// The end that the source writes to.
#[derive(Debug)]
pub(crate) struct Writer {
    sender: mpsc::Sender<Message>,
    bytes: u64,
    limit: u64,
}

enum Message {
    Bytes(Bytes),
    End(oneshot::Sender<Received>),
}

impl Spool {
    /// A new, empty one.
    ///
    /// # Errors
    /// [`Exit::Usage`] for a folder in which no file can be made.
    pub(crate) fn create(plan: &SpoolPlan) -> anyhow::Result<(Self, Writer)> {
        let shown = plan.dir.display();
        let file = tempfile::tempfile_in(&plan.dir)
            .with_context(|| format!("--spool-dir {shown}: no file can be made there"))
            .map_err(|error| Failure::new(Exit::Usage, error))?;
        let spool = Self::of(file, State { written: 0, end: End::Open });
        let (sender, receiver) = mpsc::channel(QUEUE);
        let writing = spool.clone();
        std::thread::Builder::new()
            .name("spool".to_owned())
            .spawn(move || writing.fill(receiver))
            .context("no thread can be started")?;
        let limit = limit(plan)?;
        Ok((spool, Writer { sender, bytes: 0, limit }))
    }

    /// One that is there already.
    pub(crate) fn whole(file: File, bytes: u64) -> Self {
        Self::of(file, State { written: bytes, end: End::Whole })
    }

    fn of(file: File, state: State) -> Self {
        let shared = Shared { state: Mutex::new(state), grown: Condvar::new() };
        Self { file: Arc::new(file), shared: Arc::new(shared) }
    }

    /// The file, for random access once it is whole.
    pub(crate) fn file(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }

    /// Reads from the start to the end, waiting for bytes that are not there yet. Blocks its thread.
    pub(crate) fn reader(&self) -> Reader {
        Reader { spool: self.clone(), position: 0 }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.shared.grown.notify_all();
    }

    /// The writing thread. It ends when the writer does, and knows a clean end from a lost writer.
    fn fill(self, receiver: mpsc::Receiver<Message>) {
        if let Err(error) = self.pour(receiver) {
            tracing::error!(error = %error, "the spool cannot be written");
        }
        if self.state().end == End::Open {
            self.set(|state| state.end = End::Broken);
        }
    }

    fn pour(&self, mut receiver: mpsc::Receiver<Message>) -> io::Result<()> {
        let mut received = Received::default();
        let mut messages = Vec::with_capacity(QUEUE);
        // As many as there are, so that the reader is not woken for each.
        while receiver.blocking_recv_many(&mut messages, QUEUE) > 0 {
            let mut grown = 0;
            for message in messages.drain(..) {
                match message {
                    Message::Bytes(bytes) => {
                        (&*self.file).write_all(&bytes)?;
                        received.update(&bytes);
                        grown += bytes.len() as u64;
                    }
                    Message::End(answer) => {
                        self.set(|state| {
                            state.written += grown;
                            state.end = End::Whole;
                        });
                        let _ = answer.send(received);
                        return Ok(());
                    }
                }
            }
            self.set(|state| state.written += grown);
        }
        Ok(())
    }
}

impl Writer {
    /// Refuses a source that announces more than the spool may hold.
    ///
    /// # Errors
    /// [`Exit::Temporary`].
    pub(crate) fn admit(&self, announced: u64) -> anyhow::Result<()> {
        if announced <= self.limit {
            return Ok(());
        }
        Err(too_large(&format!("the source announces {announced} bytes"), self.limit))
    }

    /// Takes bytes over.
    ///
    /// # Errors
    /// [`Exit::Temporary`] if there is no room for them.
    pub(crate) async fn write(&mut self, bytes: Bytes) -> anyhow::Result<()> {
        self.bytes += bytes.len() as u64;
        if self.bytes > self.limit {
            return Err(too_large("the source gave more", self.limit));
        }
        self.sender.send(Message::Bytes(bytes)).await.map_err(|_| lost())
    }

    /// The most that may come.
    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// How many bytes were taken over.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The clean end.
    ///
    /// # Errors
    /// [`Exit::Temporary`] if not all could be written.
    pub(crate) async fn finish(self) -> anyhow::Result<Received> {
        let (answer, answered) = oneshot::channel();
        self.sender.send(Message::End(answer)).await.map_err(|_| lost())?;
        answered.await.map_err(|_| lost())
    }
}

fn too_large(what: &str, limit: u64) -> anyhow::Error {
    let why = anyhow!(
        "{what} and the spool may hold {limit}: make its volume larger, or raise --spool-limit"
    );
    Failure::new(Exit::Temporary, why)
}

fn lost() -> anyhow::Error {
    let why = anyhow!("the spool cannot be written: is its disk full? The log says more");
    Failure::new(Exit::Temporary, why)
}

/// What the flag allows and the disk has room for.
fn limit(plan: &SpoolPlan) -> anyhow::Result<u64> {
    let free = free(&plan.dir)?;
    Ok(plan.limit.map_or(free, |limit| limit.min(free)))
}

/// Bytes that this user may still write in a folder.
///
/// # Errors
/// Those of the system.
pub(crate) fn free(dir: &Path) -> anyhow::Result<u64> {
    let about = rustix::fs::statvfs(dir).with_context(|| format!("{}", dir.display()))?;
    Ok(about.f_bavail.saturating_mul(about.f_frsize))
}

/// See [`Spool::reader`].
#[derive(Debug)]
pub(crate) struct Reader {
    spool: Spool,
    position: u64,
}

impl Reader {
    /// How many bytes lie behind the position: as many as wanted, fewer only before the end. Each byte
    /// as it comes would cost a change of threads for each message of the source.
    fn ready(&self, wanted: u64) -> io::Result<u64> {
        let waiting =
            |state: &mut State| state.written - self.position < wanted && state.end == End::Open;
        let state = self.spool.shared.grown.wait_while(self.spool.state(), waiting);
        let state = *state.unwrap_or_else(PoisonError::into_inner);
        match state.end {
            End::Broken => {
                Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the source broke off"))
            }
            _ => Ok(state.written - self.position),
        }
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let ready = self.ready(buffer.len() as u64)?;
        let ready = usize::try_from(ready).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(ready);
        let read = self.spool.file.read_at(&mut buffer[..wanted], self.position)?;
        if read == 0 && wanted > 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter"));
        }
        self.position += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn spool() -> (Spool, Writer) {
        let plan =
            SpoolPlan { dir: std::env::temp_dir(), limit: None, stall: Duration::from_secs(30) };
        Spool::create(&plan).unwrap()
    }

    #[tokio::test]
    async fn a_reader_gets_what_was_written_in_whatever_pieces_and_is_told_of_the_end() {
        let (spool, mut writer) = spool();
        let mut reader = spool.reader();
        let reading = std::thread::spawn(move || {
            let (mut all, mut piece) = (Vec::new(), vec![0; 1000]);
            loop {
                match reader.read(&mut piece).unwrap() {
                    0 => return all,
                    read => all.extend_from_slice(&piece[..read]),
                }
            }
        });
        let mut written = Vec::new();
        for size in 0..200 {
            let piece = vec![u8::try_from(size).unwrap(); size];
            written.extend_from_slice(&piece);
            writer.write(Bytes::from(piece)).await.unwrap();
        }
        let sum = writer.finish().await.unwrap().sum();
        assert_eq!(reading.join().unwrap(), written);
        assert_eq!((sum.bytes, sum.sha256), (19_900, snapshot::Digest::of(&written)));
    }

    #[tokio::test]
    async fn a_source_that_is_lost_is_no_end() {
        let (spool, mut writer) = spool();
        writer.write(Bytes::from_static(b"some")).await.unwrap();
        let mut reader = spool.reader();
        drop(writer);
        let read = std::thread::spawn(move || reader.read(&mut [0; 1000]));
        assert_eq!(read.join().unwrap().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
