// SPDX-License-Identifier: Apache-2.0
//! The upload that follows the spool: content is read, encoded, and handed to the store, not visible.

use std::io::{self, Read, Write};
use std::sync::Arc;

use anyhow::anyhow;
use bytes::Bytes;
use encoding::Recipients;
use sidecar::{Exit, Failure, Halt};
use snapshot::{Digest, Encoding, Summing};
use store::{Staged, Upload};
use tokio::sync::mpsc;

use crate::progress::Progress;
use crate::spool::Reader;

/// Bytes of one piece, and how many of them wait.
const PIECE: usize = 1024 * 1024;
const QUEUE: usize = 4;

/// All of the content is with the store.
#[derive(Debug)]
pub(crate) struct Followed {
    pub(crate) staged: Staged,
    /// The digest of the content that was read; the stored bytes may be another form of it.
    pub(crate) content: Digest,
}

/// Uploads what the reader gives, to its end. On any error the upload is given up here.
///
/// # Errors
/// The store's, the reader's, or why the run must end.
pub(crate) async fn follow(
    reader: Reader,
    encoding: Vec<Encoding>,
    recipients: Option<Recipients>,
    mut upload: Upload,
    progress: Arc<Progress>,
    halt: &Halt,
) -> anyhow::Result<Followed> {
    let is_plain = encoding.is_empty();
    let (sender, mut pieces) = mpsc::channel(QUEUE);
    let reading = tokio::task::spawn_blocking(move || {
        if encoding.is_empty() {
            copy(reader, &sender).map(|()| None)
        } else {
            encode(reader, &encoding, recipients, sender).map(Some)
        }
    });
    let sending = async {
        while let Some(piece) = pieces.recv().await {
            progress.uploaded(Bytes::len(&piece) as u64);
            upload.write(piece).await.map_err(store::Error::into_failure)?;
        }
        // The end of the pieces is the end of the content only if the reader says so.
        let content = reading.await?.map_err(broken)?;
        upload.drain().await.map_err(store::Error::into_failure)?;
        Ok(content)
    };
    match halt.or(sending).await {
        Ok(content) => {
            let staged = upload.finish().await.map_err(store::Error::into_failure)?;
            let content = content.unwrap_or_else(|| staged.sha256());
            debug_assert!(!is_plain || content == staged.sha256());
            Ok(Followed { staged, content })
        }
        Err(error) => {
            if let Err(left) = upload.abort().await {
                tracing::warn!(error = %left, "parts of the upload may be left in the store");
            }
            Err(error)
        }
    }
}

fn broken(error: io::Error) -> anyhow::Error {
    Failure::new(Exit::Temporary, anyhow!("reading the spool failed: {error}"))
}

fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the upload ended")
}

/// As it is.
fn copy(mut reader: Reader, sender: &mpsc::Sender<Bytes>) -> io::Result<()> {
    loop {
        let mut piece = vec![0; PIECE];
        let read = fill(&mut reader, &mut piece)?;
        if read == 0 {
            return Ok(());
        }
        piece.truncate(read);
        sender.blocking_send(Bytes::from(piece)).map_err(|_| gone())?;
    }
}

/// Encoded; the digest is that of the content.
fn encode(
    mut reader: Reader,
    encoding: &[Encoding],
    recipients: Option<Recipients>,
    sender: mpsc::Sender<Bytes>,
) -> io::Result<Digest> {
    let mut sum = Summing::default();
    let sink = Pieces { sender, piece: Vec::with_capacity(PIECE) };
    let mut encoder = encoding::encoder(encoding, recipients.as_ref(), sink)?;
    let mut piece = vec![0; PIECE];
    loop {
        let read = reader.read(&mut piece)?;
        if read == 0 {
            break;
        }
        sum.update(&piece[..read]);
        encoder.write_all(&piece[..read])?;
    }
    encoder.finish()?;
    Ok(sum.finish().sha256)
}

/// As much as there is room for, less only at the end.
fn fill(reader: &mut Reader, piece: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < piece.len() {
        let read = reader.read(&mut piece[filled..])?;
        if read == 0 {
            break;
        }
        filled += read;
    }
    Ok(filled)
}

/// A sink that hands its bytes on in pieces.
struct Pieces {
    sender: mpsc::Sender<Bytes>,
    piece: Vec<u8>,
}

impl Pieces {
    fn send(&mut self) -> io::Result<()> {
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        self.sender.blocking_send(Bytes::from(piece)).map_err(|_| gone())
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.send()?;
        }
        Ok(bytes.len())
    }

    /// Only the end of the stream flushes: a compressor's own flushes are no reason for small pieces.
    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() { Ok(()) } else { self.send() }
    }
}
