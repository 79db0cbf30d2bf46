// SPDX-License-Identifier: Apache-2.0
//! One snapshot: its manifest, and its data as stored.

use std::io::Write;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use jiff::{SignedDuration, Timestamp};
use snapshot::{
    Bytes, Class, DataName, Digest, Encoding, EtcdFacts, Facts, Id, Manifest, Object, Place,
    Source, SourceKind, Taken, Tool,
};

use crate::content::{etcd_facts, flipped, small};
use crate::keys::Keys;

/// No two samples of a process share an id.
static NEXT: AtomicU32 = AtomicU32::new(1);
/// They count from one time, so that hours between them are whole.
static NOW: LazyLock<Timestamp> = LazyLock::new(Timestamp::now);

/// One snapshot to be.
#[derive(Debug, Clone)]
pub struct Sample {
    place: Place,
    class: Class,
    time: Timestamp,
    number: u32,
    content: Vec<u8>,
    etcd: Option<EtcdFacts>,
    encoding: Vec<Encoding>,
    stored: Vec<u8>,
    adopted: Option<String>,
}

impl Sample {
    /// A scheduled snapshot of `NAMESPACE/CLUSTER`, taken so many hours ago: a few bytes of its own, of
    /// which nothing is known.
    pub fn new(place: &str, hours_ago: i64) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let sample = Self {
            place: place.parse().unwrap(),
            class: Class::Scheduled,
            time: *NOW - SignedDuration::from_hours(hours_ago),
            number,
            content: vec![],
            etcd: None,
            encoding: vec![],
            stored: vec![],
            adopted: None,
        };
        sample.content(format!("content number {number}\n"))
    }

    /// A scheduled snapshot of a real etcd, with all facts.
    pub fn etcd(place: &str, hours_ago: i64) -> Self {
        Self::etcd_of(place, hours_ago, small())
    }

    /// The same of these bytes, which a real etcd gave.
    pub fn etcd_of(place: &str, hours_ago: i64, content: Vec<u8>) -> Self {
        let sample = Self::new(place, hours_ago).content(content);
        Self { etcd: Some(etcd_facts(&sample.content)), ..sample }
    }

    /// The same of another class.
    pub fn class(self, class: Class) -> Self {
        Self { class, ..self }
    }

    /// The same with other content, of which nothing is known.
    pub fn content(self, content: impl Into<Vec<u8>>) -> Self {
        let content = content.into();
        Self { stored: content.clone(), content, etcd: None, ..self }
    }

    /// The same whose manifest says something else of the content.
    pub fn saying(mut self, change: impl FnOnce(&mut EtcdFacts)) -> Self {
        self.etcd.as_mut().map(change);
        self
    }

    /// The same, whose manifest says the right digest of content in which a byte is another one.
    pub fn rotten(self, at: usize) -> Self {
        let content = flipped(&self.content, at);
        Self { stored: content.clone(), content, ..self }
    }

    /// The same, stored in another form.
    pub fn encoded(self, encoding: &[Encoding], keys: Option<&Keys>) -> Self {
        let sink = Sink::default();
        let recipients = keys.map(Keys::recipients);
        let mut encoder = encoding::encoder(encoding, recipients, sink.clone()).unwrap();
        encoder.write_all(&self.content).unwrap();
        encoder.finish().unwrap();
        let stored = std::mem::take(&mut *sink.0.lock().unwrap());
        Self { stored, encoding: encoding.to_vec(), ..self }
    }

    /// The same, whose data is an object of another tool: a key from the root of the store.
    pub fn adopting(self, key: &str) -> Self {
        Self { adopted: Some(format!("/{key}")), ..self }
    }

    /// Its id.
    pub fn id(&self) -> Id {
        Id::new(self.class, self.time, self.number.to_be_bytes())
    }

    /// Its content.
    pub fn bytes(&self) -> &[u8] {
        &self.content
    }

    /// Its data, as stored.
    pub fn stored(&self) -> &[u8] {
        &self.stored
    }

    /// The key of its data below the prefix; of an adopted one from the root.
    pub fn data_key(&self) -> String {
        let name = || {
            let encoding = self.encoding.clone();
            let name = DataName { id: self.id(), attempt: None, encoding };
            format!("{}{name}", self.place.folder())
        };
        self.adopted.clone().unwrap_or_else(name)
    }

    /// The key of its manifest below the prefix.
    pub fn manifest_key(&self) -> String {
        format!("{}{}", self.place.folder(), self.id().manifest_name())
    }

    /// Its manifest.
    pub fn manifest(&self) -> Manifest {
        let kind = match (&self.adopted, &self.etcd) {
            (Some(_), _) => SourceKind::Adopted,
            (None, Some(_)) => SourceKind::Etcd,
            (None, None) => SourceKind::File,
        };
        let source = Source {
            kind,
            place: self.place.clone(),
            endpoint: None,
            server_version: None,
            cluster_id: None,
            member_id: None,
        };
        let key = self.data_key();
        let key = key.strip_prefix(&self.place.folder()).unwrap_or(&key).to_owned();
        let Bytes { bytes, sha256 } = sum(&self.stored);
        let object = Object { key, bytes, sha256, encoding: self.encoding.clone() };
        let taken = Taken { start: self.time, end: self.time };
        let tool = Tool { version: "0.0.0".to_owned(), commit: "sample".to_owned() };
        let manifest = Manifest::new(self.id(), source, taken, object, sum(&self.content), tool);
        manifest.with_facts(Facts { etcd: self.etcd.clone() })
    }

    /// Its objects by key below the prefix: data, then manifest. Data of another tool is not among them.
    pub fn objects(&self) -> Vec<(String, Vec<u8>)> {
        let manifest = (self.manifest_key(), self.manifest().to_bytes().unwrap());
        match self.adopted {
            Some(_) => vec![manifest],
            None => vec![(self.data_key(), self.stored.clone()), manifest],
        }
    }
}

fn sum(bytes: &[u8]) -> Bytes {
    Bytes { bytes: bytes.len() as u64, sha256: Digest::of(bytes) }
}

/// A buffer that outlives the encoder that writes to it.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
