// SPDX-License-Identifier: Apache-2.0
//! What went wrong with a store, said so that it can be mended.

use std::error::Error as StdError;
use std::fmt;
use std::io::ErrorKind;

use sidecar::Exit;

use crate::location::{Location, Scheme};

/// An answer's body is quoted up to here.
const EXCERPT: usize = 300;

/// What was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Create an object, also in parts.
    Create,
    /// Give up an upload.
    Abort,
    /// Read an object.
    Read,
    /// List objects.
    List,
    /// Delete an object.
    Delete,
}

/// Is it worth retrying?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The object is not there.
    Missing,
    /// The bucket, container or folder is not there. It is never created.
    NoBucket,
    /// An object of this key exists already.
    Exists,
    /// Who asks may not.
    Denied,
    /// Try again later: an outage, a timeout, a broken connection.
    Temporary,
    /// The disk behind a folder, or the quota of a store, is full.
    Full,
    /// The store answers what it must not.
    Unsound,
    /// The settings cannot be used.
    Usage,
}

/// An error of a store. Its text names the object, what was tried, and what would help.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    text: String,
}

impl Error {
    pub(crate) fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The exit code it deserves when nothing else can be done.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self.kind {
            Kind::Missing => Exit::Corrupt,
            Kind::Denied => Exit::Denied,
            Kind::Usage => Exit::Usage,
            Kind::NoBucket | Kind::Unsound => Exit::Unavailable,
            Kind::Temporary | Kind::Full => Exit::Temporary,
            Kind::Exists => Exit::Failed,
        }
    }

    /// As a failure with its exit code.
    #[must_use]
    pub fn into_failure(self) -> anyhow::Error {
        sidecar::Failure::new(self.exit(), self)
    }

    /// Of the library, in our words.
    pub(crate) fn of(action: Action, at: &Location, key: &str, error: object_store::Error) -> Self {
        use object_store::Error as E;
        let url = at.url(key);
        let answer = Answer::of(&error);
        let kind = match &error {
            // versitygw says 404 of a key that it does not know.
            E::NotFound { .. } if answer.is_expired() => Kind::Denied,
            // Only a bucket can be missing when its objects are listed, or one is made.
            E::NotFound { .. } if matches!(action, Action::List | Action::Create) => Kind::NoBucket,
            E::NotFound { .. } if answer.no_bucket() => Kind::NoBucket,
            E::NotFound { .. } => Kind::Missing,
            E::AlreadyExists { .. } | E::Precondition { .. } => Kind::Exists,
            E::PermissionDenied { .. } | E::Unauthenticated { .. } => Kind::Denied,
            E::NotSupported { .. } | E::NotImplemented { .. } | E::InvalidPath { .. } => {
                Kind::Unsound
            }
            _ if answer.is_full => Kind::Full,
            _ if answer.no_bucket() => Kind::NoBucket,
            _ if answer.is_expired() || answer.is_denied() => Kind::Denied,
            _ if answer.is_refusal() => Kind::Usage,
            _ => Kind::Temporary,
        };
        let verb = verb(action);
        let text = match kind {
            Kind::Missing => format!("{url} is not there ({verb})"),
            Kind::NoBucket => format!(
                "{} does not exist, and is never created here: {}; is its name right?",
                at.root(),
                answer.text
            ),
            Kind::Exists => format!("{url} exists already"),
            Kind::Denied => format!(
                "{url}: {verb} was denied: {}; it needs {}",
                answer.text,
                permission(action, at, key)
            ),
            Kind::Full => format!("{url}: {verb} failed: no space is left there: {}", answer.text),
            _ => format!("{url}: {verb} failed: {}", answer.text),
        };
        Self::new(kind, text)
    }
}

fn verb(action: Action) -> &'static str {
    match action {
        Action::Create => "creating it",
        Action::Abort => "giving up its upload",
        Action::Read => "reading it",
        Action::List => "listing it",
        Action::Delete => "deleting it",
    }
}

/// The least that would do.
fn permission(action: Action, at: &Location, key: &str) -> String {
    let (bucket, key) = (&at.bucket, at.full(key));
    match (at.scheme, action) {
        (Scheme::S3, Action::Create) => format!("s3:PutObject on arn:aws:s3:::{bucket}/{key}"),
        (Scheme::S3, Action::Abort) => {
            format!("s3:AbortMultipartUpload on arn:aws:s3:::{bucket}/{key}")
        }
        (Scheme::S3, Action::Read) => format!("s3:GetObject on arn:aws:s3:::{bucket}/{key}"),
        (Scheme::S3, Action::List) => format!("s3:ListBucket on arn:aws:s3:::{bucket}"),
        (Scheme::S3, Action::Delete) => format!("s3:DeleteObject on arn:aws:s3:::{bucket}/{key}"),
        (Scheme::Gcs, Action::Create | Action::Abort) => {
            format!("storage.objects.create on {bucket}")
        }
        (Scheme::Gcs, Action::Read) => format!("storage.objects.get on {bucket}"),
        (Scheme::Gcs, Action::List) => format!("storage.objects.list on {bucket}"),
        (Scheme::Gcs, Action::Delete) => format!("storage.objects.delete on {bucket}"),
        (Scheme::Azure, Action::Create | Action::Abort) => {
            format!("blobs/add/action (SAS: c) on container {bucket}")
        }
        (Scheme::Azure, Action::Read) => format!("blobs/read (SAS: r) on container {bucket}"),
        (Scheme::Azure, Action::List) => format!("blobs/read (SAS: l) on container {bucket}"),
        (Scheme::Azure, Action::Delete) => format!("blobs/delete (SAS: d) on container {bucket}"),
        (Scheme::File | Scheme::Memory, Action::Read | Action::List) => {
            "read rights on the folder".to_owned()
        }
        (Scheme::File | Scheme::Memory, _) => "write rights on the folder".to_owned(),
    }
}

/// What the store said, less what the library says around it.
struct Answer {
    text: String,
    is_full: bool,
}

impl Answer {
    fn of(error: &object_store::Error) -> Self {
        let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
        let mut deepest = error.to_string();
        let mut is_full = false;
        while let Some(this) = cause {
            if let Some(io) = this.downcast_ref::<std::io::Error>() {
                is_full |= matches!(io.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded);
            }
            deepest = this.to_string();
            cause = this.source();
        }
        let text = request(&deepest);
        Self { is_full: is_full || text.starts_with("507"), text }
    }

    fn no_bucket(&self) -> bool {
        [
            "NoSuchBucket",
            "ContainerNotFound",
            "bucket does not exist",
            "The specified container does not exist",
        ]
        .iter()
        .any(|code| self.text.contains(code))
    }

    /// Asking the same again would be answered the same.
    fn is_refusal(&self) -> bool {
        let lasting = ["400", "405", "411", "413", "414", "501"];
        lasting.iter().any(|status| self.text.starts_with(status))
    }

    /// Of a listing, and of one deletion among several, the library keeps the status to itself.
    fn is_denied(&self) -> bool {
        let says = |status: &str| {
            self.text.starts_with(status) || self.text.ends_with(&format!("(code: {status})"))
        };
        ["401", "403"].into_iter().any(says)
    }

    /// Expired or malformed credentials come as 400.
    fn is_expired(&self) -> bool {
        [
            "ExpiredToken",
            "InvalidAccessKeyId",
            "SignatureDoesNotMatch",
            "InvalidToken",
            "UserNotFound",
        ]
        .iter()
        .any(|code| self.text.contains(code))
    }
}

/// The library keeps its types to itself, so its words are read: a status, and the answer's body.
fn request(text: &str) -> String {
    const STATUS: &str = "Server returned non-2xx status code: ";
    const IN_BODY: &str = "Server returned error response: ";
    if let Some(body) = text.strip_prefix(IN_BODY) {
        return format!("200 OK with an error in it{}", said(body));
    }
    match text.strip_prefix(STATUS).map(|answer| answer.split_once(": ").unwrap_or((answer, ""))) {
        Some((status, body)) => format!("{status}{}", said(body)),
        None if text.starts_with("Received redirect") => {
            "it redirects nowhere: is the region right?".to_owned()
        }
        None => excerpt(text),
    }
}

/// Code and message of an error document, else its beginning.
fn said(body: &str) -> String {
    let between = |name: &str| {
        let rest = body.split_once(&format!("<{name}>"))?.1;
        Some(rest.split_once(&format!("</{name}>"))?.0.to_owned())
    };
    match (between("Code"), between("Message")) {
        (Some(code), Some(message)) => {
            format!(": {code}: {}", excerpt(message.lines().next().unwrap_or_default()))
        }
        _ if body.trim().is_empty() => String::new(),
        _ => format!(": {}", excerpt(body)),
    }
}

fn excerpt(text: &str) -> String {
    let line: String = text.chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
    let line = line.trim();
    match line.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl StdError for Error {}
