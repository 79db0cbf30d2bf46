// SPDX-License-Identifier: Apache-2.0
//! An object's bytes, verified while they are written.

use std::io::{self, Read, Write};

use bytes::Bytes;
use encoding::Identities;
use futures_util::stream::{self, StreamExt as _};
use sidecar::{Exit, Failure};
use snapshot::{Bytes as Sum, Digest, Encoding, Manifest, Place, Summing};
use store::{Error, Store};
use tokio::sync::mpsc;

use crate::shelf::data_key;
use crate::sink::{Plain, Sink};

/// So many bytes a request, so many requests at once: bounded memory, and a lost one costs little.
const RANGE: u64 = 8 * 1024 * 1024;
const AT_ONCE: usize = 4;
/// Content is handed on in pieces of this size.
const PIECE: usize = 256 * 1024;
const MORE: &str = "it has more content than its manifest says";

/// All bytes are there and are what the manifest says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fetched {
    /// As stored.
    pub stored: Sum,
    /// Decoded.
    pub content: Sum,
}

/// Why content could not be had.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The store does not give it.
    #[error(transparent)]
    Store(#[from] Error),
    /// It is not what the manifest says.
    #[error("{0}")]
    Content(String),
    /// It is sealed, and not for us.
    #[error("{0}")]
    Sealed(String),
    /// Writing it failed.
    #[error("writing it failed: {0}")]
    Sink(io::Error),
}

impl Broken {
    /// With the exit code it deserves.
    #[must_use]
    pub fn into_failure(self) -> anyhow::Error {
        match self {
            Self::Store(error) => error.into_failure(),
            Self::Content(_) => Failure::new(Exit::Corrupt, self),
            Self::Sealed(_) => Failure::new(Exit::Denied, self),
            Self::Sink(_) => Failure::new(Exit::Temporary, self),
        }
    }
}

/// Fetches a snapshot's content into `sink`, and verifies sizes and digests of what is stored and of the
/// content. Only a `Fetched` says that `sink` holds the snapshot.
///
/// # Errors
/// [`Broken`]: then `sink` holds nothing of worth.
pub async fn fetch<W: Write + Send + 'static>(
    store: &Store,
    place: &Place,
    manifest: &Manifest,
    identities: Option<Identities>,
    sink: W,
) -> Result<Fetched, Broken> {
    let (fetched, ()) = fetch_into(store, place, manifest, identities, Plain::new(sink)).await?;
    Ok(fetched)
}

/// As [`fetch`], into a sink that digests for itself.
///
/// # Errors
/// [`Broken`].
pub async fn fetch_into<S: Sink>(
    store: &Store,
    place: &Place,
    manifest: &Manifest,
    identities: Option<Identities>,
    sink: S,
) -> Result<(Fetched, S::Report), Broken> {
    let key = data_key(place, manifest);
    let object = &manifest.object;
    let found = store.stat(&key).await?;
    if found.bytes != object.bytes {
        let (is, should) = (found.bytes, object.bytes);
        return Err(Broken::Content(format!("{key} has {is} bytes, its manifest says {should}")));
    }
    let (encoding, content) = (object.encoding.clone(), manifest.content.bytes);
    let form = Form { stored: object.bytes, encoding, content };
    let (fetched, report) = pump(store, &key, form, identities, sink).await?;
    if fetched.stored.sha256 != object.sha256 {
        return Err(differs(&key, "stored bytes", object.sha256, fetched.stored.sha256));
    }
    if fetched.content != manifest.content {
        return Err(differs(&key, "content", manifest.content.sha256, fetched.content.sha256));
    }
    Ok((fetched, report))
}

/// Fetches an object that has no manifest, as it is: nothing is verified but its length.
///
/// # Errors
/// [`Broken`].
pub async fn fetch_raw<W: Write + Send + 'static>(
    store: &Store,
    key: &str,
    sink: W,
) -> Result<Fetched, Broken> {
    let (fetched, ()) = fetch_raw_into(store, key, Plain::new(sink)).await?;
    Ok(fetched)
}

/// As [`fetch_raw`], into a sink that digests for itself.
///
/// # Errors
/// [`Broken`].
pub async fn fetch_raw_into<S: Sink>(
    store: &Store,
    key: &str,
    sink: S,
) -> Result<(Fetched, S::Report), Broken> {
    let found = store.stat(key).await?;
    let form = Form { stored: found.bytes, encoding: vec![], content: found.bytes };
    pump(store, key, form, None, sink).await
}

/// What is to come.
struct Form {
    /// Bytes, as stored.
    stored: u64,
    encoding: Vec<Encoding>,
    /// Bytes, decoded: few stored ones can decode to more than any disk holds.
    content: u64,
}

fn differs(key: &str, what: &str, should: Digest, is: Digest) -> Broken {
    Broken::Content(format!("{key}: the digest of its {what} is {is}, its manifest says {should}"))
}

/// Ranges come in order from the network, and a thread decodes and writes.
async fn pump<S: Sink>(
    store: &Store,
    key: &str,
    form: Form,
    identities: Option<Identities>,
    sink: S,
) -> Result<(Fetched, S::Report), Broken> {
    let bytes = form.stored;
    // What waits for the disk is on its way too, so no more than one range waits behind it.
    let (sender, receiver) = mpsc::channel(1);
    let writing = tokio::task::spawn_blocking(move || {
        // Plain content is its own stored form, and is not counted twice.
        let sum = (!form.encoding.is_empty()).then(Summing::default);
        let arriving = Arriving { receiver, now: Bytes::new(), sum };
        write(&form, identities.as_ref(), arriving, sink)
    });
    let starts = (0..bytes).step_by(usize::try_from(RANGE).unwrap_or(usize::MAX));
    let mut ranges = stream::iter(starts)
        .map(|start| store.range(key, start..bytes.min(start + RANGE)))
        .buffered(AT_ONCE);
    while let Some(range) = ranges.next().await {
        // A writer that has failed says why itself.
        if sender.send(range?).await.is_err() {
            break;
        }
    }
    drop(ranges);
    drop(sender);
    writing.await.map_err(|error| Broken::Content(error.to_string()))?
}

fn write<S: Sink>(
    form: &Form,
    identities: Option<&Identities>,
    mut arriving: Arriving,
    mut sink: S,
) -> Result<(Fetched, S::Report), Broken> {
    let mut passed = 0;
    let bad = |error: io::Error| match error.kind() {
        io::ErrorKind::InvalidInput => Broken::Sealed(error.to_string()),
        _ => Broken::Content(format!("it cannot be decoded: {error}")),
    };
    {
        let mut decoder =
            encoding::decoder(&form.encoding, identities, &mut arriving).map_err(bad)?;
        let mut piece = vec![0; PIECE];
        loop {
            let read = decoder.read(&mut piece).map_err(bad)?;
            if read == 0 {
                break;
            }
            passed += read as u64;
            if passed > form.content {
                return Err(Broken::Content(MORE.to_owned()));
            }
            sink.take(&piece[..read]).map_err(Broken::Sink)?;
        }
    }
    let (content, report) = sink.finish().map_err(Broken::Sink)?;
    let stored = arriving.sum.map_or(content, Summing::finish);
    Ok((Fetched { stored, content }, report))
}

/// What arrives, as a reader.
struct Arriving {
    receiver: mpsc::Receiver<Bytes>,
    now: Bytes,
    sum: Option<Summing>,
}

impl Read for Arriving {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.now.is_empty() {
            match self.receiver.blocking_recv() {
                Some(bytes) => self.now = bytes,
                None => return Ok(0),
            }
        }
        let count = buffer.len().min(self.now.len());
        let taken = self.now.split_to(count);
        buffer[..count].copy_from_slice(&taken);
        if let Some(sum) = &mut self.sum {
            sum.update(&taken);
        }
        Ok(count)
    }
}
