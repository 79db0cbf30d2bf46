// SPDX-License-Identifier: Apache-2.0
//! From bytes to an object: an upload is staged, proven, and then published or given up.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStoreExt as _, PutMode, PutOptions, PutPayload};
use snapshot::{Digest, Summing};
use tokio::task::{JoinError, JoinSet};

use crate::error::{Action, Error, Kind};
use crate::part::Parts;
use crate::store::Store;

/// How long parts that are on their way may take to land before an upload is given up.
const LANDING: Duration = Duration::from_secs(5);

/// An upload that still takes bytes. Nothing of it is visible.
pub struct Upload {
    store: Store,
    path: Path,
    key: String,
    parts: Parts,
    /// Fewer bytes than a part.
    rest: Vec<Bytes>,
    rest_bytes: u64,
    sum: Summing,
    multipart: Option<Multipart>,
    is_drained: bool,
}

struct Multipart {
    upload: Box<dyn MultipartUpload>,
    in_flight: JoinSet<object_store::Result<()>>,
}

/// All bytes are with the store, or ready to go in one request. Nothing is visible.
pub struct Staged {
    store: Store,
    path: Path,
    key: String,
    bytes: u64,
    sha256: Digest,
    form: Form,
}

enum Form {
    Whole(PutPayload),
    Parts(Box<dyn MultipartUpload>),
}

/// Somebody has verified the bytes with this digest. Only they can be published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    stored: Digest,
}

impl Proof {
    /// The digest of the stored bytes that were verified.
    #[must_use]
    pub fn of(stored: Digest) -> Self {
        Self { stored }
    }
}

impl Upload {
    pub(crate) fn new(store: Store, path: Path, key: String, parts: Parts) -> Self {
        Self {
            store,
            path,
            key,
            parts,
            rest: Vec::new(),
            rest_bytes: 0,
            sum: Summing::default(),
            multipart: None,
            is_drained: false,
        }
    }

    /// How many bytes each [`Upload::write`] best has.
    #[must_use]
    pub fn part_size(&self) -> u64 {
        self.parts.size
    }

    /// Takes bytes over. Waits while as many parts as allowed are on their way.
    ///
    /// # Errors
    /// Those of the store: then [`Upload::abort`] is all that is left.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), Error> {
        self.sum.update(&bytes);
        self.rest_bytes += bytes.len() as u64;
        self.rest.push(bytes);
        while self.rest_bytes > self.parts.size {
            let part = self.take_part();
            self.send(part).await?;
        }
        Ok(())
    }

    /// Exactly a part's bytes from the front. The last part is held back: it may be the only one.
    fn take_part(&mut self) -> PutPayload {
        let mut wanted = self.parts.size;
        let mut part = Vec::new();
        let mut rest = std::mem::take(&mut self.rest).into_iter();
        for mut bytes in rest.by_ref() {
            let length = bytes.len() as u64;
            if length <= wanted {
                wanted -= length;
                part.push(bytes);
            } else {
                part.push(bytes.split_to(usize::try_from(wanted).unwrap_or(bytes.len())));
                self.rest.push(bytes);
                break;
            }
        }
        self.rest.extend(rest);
        self.rest_bytes -= self.parts.size;
        part.retain(|bytes| !bytes.is_empty());
        PutPayload::from_iter(part)
    }

    async fn send(&mut self, part: PutPayload) -> Result<(), Error> {
        let multipart = match &mut self.multipart {
            Some(multipart) => multipart,
            none => {
                let upload = self.store.inner.put_multipart(&self.path).await;
                let upload = upload.map_err(self.store.failed(Action::Create, &self.key))?;
                none.insert(Multipart { upload, in_flight: JoinSet::new() })
            }
        };
        // One slot is the part that is being filled.
        while multipart.in_flight.len() + 1 >= self.parts.in_flight.max(2) {
            if let Some(done) = multipart.in_flight.join_next().await {
                landed(done).map_err(self.store.failed(Action::Create, &self.key))?;
            }
        }
        // A task, so that it moves while the next part is being made.
        multipart.in_flight.spawn(multipart.upload.put_part(part));
        Ok(())
    }

    /// The end of the bytes: all are with the store.
    ///
    /// # Errors
    /// Those of the store; the upload is given up then.
    pub async fn finish(mut self) -> Result<Staged, Error> {
        if let Err(error) = self.drain().await {
            return Err(self.abort_after(error).await);
        }
        let sum = self.sum.finish();
        let form = match self.multipart {
            Some(multipart) => Form::Parts(multipart.upload),
            None => Form::Whole(PutPayload::from_iter(self.rest)),
        };
        let Self { store, path, key, .. } = self;
        Ok(Staged { store, path, key, bytes: sum.bytes, sha256: sum.sha256, form })
    }

    /// Sends what is left and waits until the store has it all. No bytes may follow. It can be left at
    /// any time, and the upload then be given up.
    ///
    /// # Errors
    /// Those of the store: then [`Upload::abort`] is all that is left.
    pub async fn drain(&mut self) -> Result<(), Error> {
        if self.is_drained {
            return Ok(());
        }
        if self.multipart.is_some() && !self.rest.is_empty() {
            let rest = PutPayload::from_iter(std::mem::take(&mut self.rest));
            self.send(rest).await?;
        }
        if let Some(multipart) = &mut self.multipart {
            while let Some(done) = multipart.in_flight.join_next().await {
                landed(done).map_err(self.store.failed(Action::Create, &self.key))?;
            }
        }
        self.is_drained = true;
        Ok(())
    }

    /// Gives the upload up. What the store holds of it goes.
    ///
    /// # Errors
    /// Those of the store: parts may be left, which a lifecycle rule ends.
    pub async fn abort(mut self) -> Result<(), Error> {
        match &mut self.multipart {
            Some(multipart) => {
                // A part that lands behind the abort would stay for ever, so those that move may land.
                let landing = async { while multipart.in_flight.join_next().await.is_some() {} };
                let _ = tokio::time::timeout(LANDING, landing).await;
                multipart.in_flight.shutdown().await;
                let aborted = multipart.upload.abort().await;
                aborted.map_err(self.store.failed(Action::Abort, &self.key))
            }
            None => Ok(()),
        }
    }

    /// Gives the upload up for a reason, which comes back.
    async fn abort_after(self, error: Error) -> Error {
        if let Err(left) = self.abort().await {
            tracing::warn!(error = %left, "parts of an upload may be left in the store");
        }
        error
    }
}

/// A store that says "made" must show it, to those who may look. The least rights do not include that.
async fn shown(store: &Store, key: &str, bytes: u64) -> Result<(), Error> {
    let url = store.at.url(key);
    match store.stat(key).await {
        Ok(found) if found.bytes != bytes => {
            let text = format!("{url}: {bytes} bytes were stored and {} are there", found.bytes);
            Err(Error::new(Kind::Unsound, text))
        }
        Err(error) if error.kind() == Kind::Missing => {
            let text = format!("{url}: the store said that it made it, and does not show it");
            Err(Error::new(Kind::Temporary, text))
        }
        _ => Ok(()),
    }
}

fn landed(done: Result<object_store::Result<()>, JoinError>) -> object_store::Result<()> {
    done?
}

impl Staged {
    /// How many bytes it has.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Their digest.
    #[must_use]
    pub fn sha256(&self) -> Digest {
        self.sha256
    }

    /// Makes the object visible, if the proof is of these very bytes.
    ///
    /// # Errors
    /// [`Kind::Unsound`] for the proof of other bytes: the upload is given up. Those of the store: the
    /// object may be there or not.
    pub async fn publish(self, proof: Proof) -> Result<(), Error> {
        if proof.stored != self.sha256 {
            let url = self.store.at.url(&self.key);
            let text =
                format!("{url}: {} bytes were uploaded and others were verified", self.bytes);
            let _ = self.abort().await;
            return Err(Error::new(Kind::Unsound, text));
        }
        let done = match self.form {
            Form::Whole(payload) => {
                let options = PutOptions::from(PutMode::Create);
                self.store.inner.put_opts(&self.path, payload, options).await.map(drop)
            }
            Form::Parts(mut upload) => upload.complete().await.map(drop),
        };
        done.map_err(self.store.failed(Action::Create, &self.key))?;
        shown(&self.store, &self.key, self.bytes).await
    }

    /// Gives it up: no object ever exists.
    ///
    /// # Errors
    /// Those of the store: parts may be left, which a lifecycle rule ends.
    pub async fn abort(self) -> Result<(), Error> {
        match self.form {
            Form::Whole(_) => Ok(()),
            Form::Parts(mut upload) => {
                upload.abort().await.map_err(self.store.failed(Action::Abort, &self.key))
            }
        }
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload")
            .field("key", &self.key)
            .field("sum", &self.sum)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Staged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Staged")
            .field("key", &self.key)
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}
