// SPDX-License-Identifier: Apache-2.0
//! An opened store.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt as _};
use jiff::Timestamp;
use object_store::path::Path;
use object_store::{GetOptions, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, PutPayload};

use crate::error::{Action, Error, Kind};
use crate::location::Location;
use crate::part::Parts;
use crate::stage::Upload;

/// Answers whose bodies break off are asked for so often.
const BODIES: usize = 4;

/// An opened store. Keys are below its prefix; one that begins with `/` is from the bucket's root.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) inner: Arc<dyn ObjectStore>,
    pub(crate) at: Arc<Location>,
}

/// An object of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its key below the prefix.
    pub key: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// When the store says it was written.
    pub modified: Timestamp,
}

impl Store {
    pub(crate) fn new(inner: Arc<dyn ObjectStore>, at: Location) -> Self {
        Self { inner, at: Arc::new(at) }
    }

    /// Where it is.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.at
    }

    /// Creates a small object. Never overwrites.
    ///
    /// # Errors
    /// [`Kind::Exists`] among others. After any other one the object may be there all the same: an
    /// answer may be lost.
    pub async fn create(&self, key: &str, bytes: Bytes) -> Result<(), Error> {
        let options = PutOptions::from(PutMode::Create);
        let put = self.inner.put_opts(&self.path(key)?, PutPayload::from(bytes), options).await;
        put.map(drop).map_err(self.failed(Action::Create, key))
    }

    /// Creates once more what was just created. A store that takes the same key twice would let two
    /// writers overwrite each other.
    ///
    /// # Errors
    /// [`Kind::Unsound`] for such a store; its own.
    pub async fn must_refuse(&self, key: &str, bytes: Bytes) -> Result<(), Error> {
        match self.create(key, bytes).await {
            // It was allowed a moment ago, so what is denied now is overwriting.
            Err(error) if matches!(error.kind(), Kind::Exists | Kind::Denied) => Ok(()),
            Err(error) => Err(error),
            Ok(()) => {
                let text = format!(
                    "{} overwrites an object that must only be created (If-None-Match is ignored): \
                     two runs could destroy each other's work there",
                    self.at.root()
                );
                Err(Error::new(Kind::Unsound, text))
            }
        }
    }

    /// Reads a whole small object of at most `limit` bytes.
    ///
    /// # Errors
    /// [`Kind::Missing`] among others; [`Kind::Unsound`] for a larger one.
    pub async fn read(&self, key: &str, limit: u64) -> Result<Bytes, Error> {
        let path = self.path(key)?;
        let too_large = |size: u64| {
            let url = self.at.url(key);
            let text = format!("{url} has {size} bytes and at most {limit} are sane");
            Error::new(Kind::Unsound, text)
        };
        for tries_left in (0..BODIES).rev() {
            let got = self.inner.get(&path).await.map_err(self.failed(Action::Read, key))?;
            if got.meta.size > limit {
                return Err(too_large(got.meta.size));
            }
            match got.bytes().await {
                Err(error) if tries_left > 0 => self.again(key, &error),
                bytes => return bytes.map_err(self.failed(Action::Read, key)),
            }
        }
        Err(Error::new(Kind::Temporary, format!("{} could not be read", self.at.url(key))))
    }

    /// The library asks again for an answer, not for the rest of one that broke off.
    fn again(&self, key: &str, error: &object_store::Error) {
        tracing::warn!(url = %self.at.url(key), error = %error, "an answer broke off and is asked for again");
    }

    /// An object's size.
    ///
    /// # Errors
    /// [`Kind::Missing`] among others.
    pub async fn stat(&self, key: &str) -> Result<Found, Error> {
        let head = self.inner.head(&self.path(key)?).await;
        let head = head.map_err(self.failed(Action::Read, key))?;
        Ok(Found { key: key.to_owned(), bytes: head.size, modified: modified(&head) })
    }

    /// Some bytes of an object: exactly as many as asked for.
    ///
    /// # Errors
    /// As of [`Store::read`]; [`Kind::Unsound`] if the answer has another length.
    pub async fn range(&self, key: &str, range: Range<u64>) -> Result<Bytes, Error> {
        let (path, wanted) = (self.path(key)?, range.end - range.start);
        let mut tries_left = BODIES;
        let bytes = loop {
            tries_left -= 1;
            let options = GetOptions { range: Some(range.clone().into()), ..GetOptions::default() };
            let got = self.inner.get_opts(&path, options).await;
            match got.map_err(self.failed(Action::Read, key))?.bytes().await {
                Err(error) if tries_left > 0 => self.again(key, &error),
                bytes => break bytes.map_err(self.failed(Action::Read, key))?,
            }
        };
        if bytes.len() as u64 == wanted {
            return Ok(bytes);
        }
        let url = self.at.url(key);
        let text = format!("{url}: asked for {wanted} bytes, the store gave {}", bytes.len());
        Err(Error::new(Kind::Unsound, text))
    }

    /// All objects below a folder, which ends in `/` or is empty for the whole prefix. Every page.
    pub fn list(&self, folder: &str) -> BoxStream<'static, Result<Found, Error>> {
        let (at, key) = (Arc::clone(&self.at), folder.trim_end_matches('/').to_owned());
        let full = at.full(&key);
        let path = Path::parse(full.trim_matches('/')).unwrap_or_default();
        let prefix = (!path.as_ref().is_empty()).then_some(path);
        let found = move |meta: Result<object_store::ObjectMeta, object_store::Error>| {
            let meta = meta.map_err(|error| Error::of(Action::List, &at, &key, error))?;
            let modified = modified(&meta);
            let full: &str = meta.location.as_ref();
            let key = at.relative(full).unwrap_or(full).to_owned();
            Ok(Found { key, bytes: meta.size, modified })
        };
        self.inner.list(prefix.as_ref()).map(found).boxed()
    }

    /// Deletes an object; one that is not there counts as deleted.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn delete(&self, key: &str) -> Result<(), Error> {
        let deleted = self.inner.delete(&self.path(key)?).await;
        match deleted.map_err(self.failed(Action::Delete, key)) {
            Err(error) if error.kind() == Kind::Missing => Ok(()),
            deleted => deleted,
        }
    }

    /// Begins an upload that stays invisible until it is published.
    ///
    /// # Errors
    /// [`Kind::Unsound`] for a key that no store takes.
    pub fn stage(&self, key: &str, parts: Parts) -> Result<Upload, Error> {
        Ok(Upload::new(self.clone(), self.path(key)?, key.to_owned(), parts))
    }

    fn path(&self, key: &str) -> Result<Path, Error> {
        Path::parse(self.at.full(key)).map_err(|error| {
            Error::new(Kind::Unsound, format!("{} is not a key: {error}", self.at.url(key)))
        })
    }

    pub(crate) fn failed(
        &self,
        action: Action,
        key: &str,
    ) -> impl FnOnce(object_store::Error) -> Error {
        move |error| Error::of(action, &self.at, key, error)
    }
}

fn modified(meta: &object_store::ObjectMeta) -> Timestamp {
    Timestamp::from_second(meta.last_modified.timestamp()).unwrap_or(Timestamp::UNIX_EPOCH)
}
