// SPDX-License-Identifier: Apache-2.0
//! The library's trait over the JSON interface.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{
    Attributes, CopyOptions, Error, GetOptions, GetRange, GetResult, GetResultPayload, ListResult,
    MultipartUpload, ObjectMeta, ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, Result,
};
use reqwest::header::{CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap, LAST_MODIFIED, RANGE};

use crate::gcs::client::{Client, Failure};
use crate::gcs::resumable::Resumable;
use crate::gcs::wire::{Object, Page, encoded, sum_text};

const FIELDS: &str = "items(name,size,updated,etag,generation),prefixes,nextPageToken";
/// Between the parts of an upload's body. Random enough: content never has this line by chance.
const BOUNDARY: &str = "pilotfish-5f0e6d1a-8c1b-4a57-9a43-2f7b0c9d3e61";

/// One bucket.
#[derive(Debug, Clone)]
pub(crate) struct Gcs {
    client: Client,
}

impl Gcs {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    async fn metadata(&self, key: &str) -> Result<Object> {
        let url = self.client.object_url(key);
        let response = self.client.send(|| self.client.http().get(&url)).await;
        let response = response.map_err(|failure| failure.of(key))?;
        response.json().await.map_err(|error| Failure::network(&error).of(key))
    }

    async fn page(&self, prefix: &str, delimiter: bool, token: Option<&str>) -> Result<Page> {
        let mut url =
            format!("{}?fields={FIELDS}&prefix={}", self.client.list_url(), encoded(prefix));
        if delimiter {
            url.push_str("&delimiter=%2F");
        }
        if let Some(token) = token {
            url.push_str(&format!("&pageToken={}", encoded(token)));
        }
        let response = self.client.send(|| self.client.http().get(&url)).await;
        let response = response.map_err(|failure| failure.of(prefix))?;
        response.json().await.map_err(|error| Failure::network(&error).of(prefix))
    }

    async fn delete_one(&self, path: Path) -> Result<Path> {
        let url = self.client.object_url(path.as_ref());
        let deleted = self.client.send(|| self.client.http().delete(&url)).await;
        deleted.map(|_| path.clone()).map_err(|failure| failure.of(path.as_ref()))
    }
}

/// A prefix ends at the end of a segment.
fn folder(prefix: Option<&Path>) -> String {
    match prefix {
        Some(path) if !path.as_ref().is_empty() => format!("{path}/"),
        _ => String::new(),
    }
}

fn not_implemented(operation: &str) -> Error {
    Error::NotImplemented { operation: operation.to_owned(), implementer: "GCS".to_owned() }
}

#[async_trait]
impl ObjectStore for Gcs {
    async fn put_opts(
        &self,
        at: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let is_create = match options.mode {
            PutMode::Create => true,
            PutMode::Overwrite => false,
            PutMode::Update(_) => return Err(not_implemented("updating an object")),
        };
        let key = at.as_ref();
        let content = Bytes::from(payload);
        let sum = crc32c::crc32c(&content);
        // The store refuses a body that does not have this sum.
        let metadata = serde_json::json!({"name": key, "crc32c": sum_text(sum)});
        let mut body = format!(
            "--{BOUNDARY}\r\nContent-Type: application/json\r\n\r\n{metadata}\r\n\
             --{BOUNDARY}\r\nContent-Type: application/octet-stream\r\n\r\n"
        )
        .into_bytes();
        body.extend_from_slice(&content);
        body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
        let (url, body) = (self.client.upload_url("multipart", key, is_create), Bytes::from(body));
        let make = || {
            let form = format!("multipart/related; boundary={BOUNDARY}");
            self.client.http().post(&url).header(CONTENT_TYPE, form).body(body.clone())
        };
        let response = self.client.send(make).await.map_err(|failure| failure.of(key))?;
        let object: Object =
            response.json().await.map_err(|error| Failure::network(&error).of(key))?;
        if !object.holds(content.len() as u64, sum) {
            return Err(Failure::new("the store holds other bytes than were sent").of(key));
        }
        Ok(PutResult {
            e_tag: object.etag,
            version: object.generation,
            extensions: Default::default(),
        })
    }

    async fn put_multipart_opts(
        &self,
        at: &Path,
        _options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Ok(Box::new(Resumable::begin(self.client.clone(), at.to_string())))
    }

    async fn get_opts(&self, at: &Path, options: GetOptions) -> Result<GetResult> {
        let key = at.as_ref();
        let is_conditional = options.if_match.is_some()
            || options.if_none_match.is_some()
            || options.if_modified_since.is_some()
            || options.if_unmodified_since.is_some();
        if is_conditional || options.version.is_some() {
            return Err(not_implemented("a conditional read"));
        }
        if options.head {
            let meta = self.metadata(key).await?.meta()?;
            let (range, nothing) = (0..meta.size, stream::empty().boxed());
            return Ok(GetResult {
                payload: GetResultPayload::Stream(nothing),
                meta,
                range,
                attributes: Attributes::default(),
                extensions: Default::default(),
            });
        }
        let url = format!("{}?alt=media", self.client.object_url(key));
        let wanted = options.range.as_ref().map(range_text);
        let make = || match &wanted {
            Some(range) => self.client.http().get(&url).header(RANGE, range),
            None => self.client.http().get(&url),
        };
        let response = self.client.send(make).await.map_err(|failure| failure.of(key))?;
        let total = response.content_length();
        let (range, size) = extent(response.headers(), total, wanted.is_some())
            .ok_or_else(|| Failure::new("the answer does not say which bytes it has").of(key))?;
        let meta = meta_of(at, size, response.headers());
        let key = key.to_owned();
        let body = stream::try_unfold(response, move |mut response| {
            let key = key.clone();
            async move {
                let chunk = response.chunk().await;
                let chunk = chunk.map_err(|error| Failure::network(&error).of(&key))?;
                Ok(chunk.map(|chunk| (chunk, response)))
            }
        });
        Ok(GetResult {
            payload: GetResultPayload::Stream(body.boxed()),
            meta,
            range,
            attributes: Attributes::default(),
            extensions: Default::default(),
        })
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let this = self.clone();
        paths
            .and_then(move |path| {
                let this = this.clone();
                async move { this.delete_one(path).await }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (this, prefix) = (self.clone(), folder(prefix));
        let pages = stream::try_unfold(Some(None::<String>), move |token| {
            let (this, prefix) = (this.clone(), prefix.clone());
            async move {
                let Some(token) = token else { return Ok::<_, Error>(None) };
                let page = this.page(&prefix, false, token.as_deref()).await?;
                let objects: Vec<Result<ObjectMeta>> =
                    page.items.iter().map(Object::meta).collect();
                Ok(Some((stream::iter(objects), page.next.map(Some))))
            }
        });
        pages.try_flatten().boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let (prefix, mut token) = (folder(prefix), None::<String>);
        let (mut common_prefixes, mut objects) = (vec![], vec![]);
        loop {
            let page = self.page(&prefix, true, token.as_deref()).await?;
            for object in &page.items {
                objects.push(object.meta()?);
            }
            for prefix in &page.prefixes {
                common_prefixes.push(Path::parse(prefix)?);
            }
            token = page.next;
            if token.is_none() {
                return Ok(ListResult { common_prefixes, objects, extensions: Default::default() });
            }
        }
    }

    async fn copy_opts(&self, _from: &Path, _to: &Path, _options: CopyOptions) -> Result<()> {
        Err(not_implemented("copying an object"))
    }
}

fn range_text(range: &GetRange) -> String {
    match range {
        GetRange::Bounded(range) => {
            format!("bytes={}-{}", range.start, range.end.saturating_sub(1))
        }
        GetRange::Offset(start) => format!("bytes={start}-"),
        GetRange::Suffix(count) => format!("bytes=-{count}"),
    }
}

/// Which bytes an answer has, and how many the object has.
fn extent(
    headers: &HeaderMap,
    length: Option<u64>,
    is_part: bool,
) -> Option<(std::ops::Range<u64>, u64)> {
    let Some(range) = headers.get(CONTENT_RANGE) else {
        let length = length?;
        // All of it where a part was asked for would be taken for the part.
        return (!is_part).then_some((0..length, length));
    };
    let (range, total) = range.to_str().ok()?.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
    Some((first..last.checked_add(1)?, total.parse().ok()?))
}

fn meta_of(at: &Path, size: u64, headers: &HeaderMap) -> ObjectMeta {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let modified = text(LAST_MODIFIED).and_then(|it| chrono::DateTime::parse_from_rfc2822(it).ok());
    ObjectMeta {
        location: at.clone(),
        last_modified: modified.unwrap_or_default().into(),
        size,
        e_tag: text(ETAG).map(str::to_owned),
        version: None,
    }
}

impl fmt::Display for Gcs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "gs://{}", self.client.bucket)
    }
}
