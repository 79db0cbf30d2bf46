// SPDX-License-Identifier: Apache-2.0
//! An upload in parts: a resumable session, create-only, in order, whose object exists only at its end.
//!
//! <https://cloud.google.com/storage/docs/performing-resumable-uploads>

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use object_store::{MultipartUpload, PutPayload, PutResult, Result, UploadPart};
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, LOCATION, RANGE};
use reqwest::{Response, StatusCode};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep};

use crate::gcs::client::{Client, Failure};
use crate::gcs::wire::Object;

/// Every request but the last has a multiple of this.
const GRAIN: usize = 256 * 1024;
/// More parts than any caller hands over before the first has landed.
const AT_ONCE: usize = 64;
const PAUSE: Duration = Duration::from_millis(500);

/// A session, fed in order by one task.
pub(crate) struct Resumable {
    key: String,
    orders: mpsc::Sender<Order>,
}

enum Order {
    Part(PutPayload, oneshot::Sender<Result<()>>),
    Complete(oneshot::Sender<Result<PutResult>>),
    Abort(oneshot::Sender<Result<()>>),
}

impl Resumable {
    pub(crate) fn begin(client: Client, key: String) -> Self {
        let (orders, taken) = mpsc::channel(AT_ONCE);
        let session =
            Session { client, key: key.clone(), url: None, held: BytesMut::new(), sent: 0, sum: 0 };
        tokio::spawn(session.run(taken));
        Self { key, orders }
    }

    fn ask<T: Send + 'static>(
        &self,
        order: impl FnOnce(oneshot::Sender<Result<T>>) -> Order,
    ) -> BoxFuture<'static, Result<T>> {
        let (answer, answered) = oneshot::channel();
        let gone = self.orders.try_send(order(answer)).is_err();
        let key = self.key.clone();
        Box::pin(async move {
            let ended =
                || Failure::new("the upload has ended, or has too many parts at once").of(&key);
            if gone { Err(ended()) } else { answered.await.unwrap_or_else(|_| Err(ended())) }
        })
    }
}

#[async_trait]
impl MultipartUpload for Resumable {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.ask(|answer| Order::Part(data, answer))
    }

    async fn complete(&mut self) -> Result<PutResult> {
        self.ask(Order::Complete).await
    }

    async fn abort(&mut self) -> Result<()> {
        self.ask(Order::Abort).await
    }
}

struct Session {
    client: Client,
    key: String,
    url: Option<String>,
    /// Not sent yet. One byte at least is held back to the end: the last one makes the object.
    held: BytesMut,
    sent: u64,
    sum: u32,
}

impl Session {
    async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        while let Some(order) = orders.recv().await {
            match order {
                Order::Part(data, answer) => {
                    let done = self.part(data).await.map_err(|failure| failure.of(&self.key));
                    let _ = answer.send(done);
                }
                Order::Complete(answer) => {
                    let done = self.complete().await.map_err(|failure| failure.of(&self.key));
                    let _ = answer.send(done);
                    return;
                }
                Order::Abort(answer) => {
                    let done = self.abort().await.map_err(|failure| failure.of(&self.key));
                    let _ = answer.send(done);
                    return;
                }
            }
        }
    }

    async fn part(&mut self, data: PutPayload) -> std::result::Result<(), Failure> {
        for bytes in &data {
            self.sum = crc32c::crc32c_append(self.sum, bytes);
            self.held.extend_from_slice(bytes);
        }
        let ready = self.held.len().saturating_sub(1) / GRAIN * GRAIN;
        if ready == 0 {
            return Ok(());
        }
        let chunk = self.held.split_to(ready).freeze();
        self.push(chunk, None).await.map(drop)
    }

    async fn complete(&mut self) -> std::result::Result<PutResult, Failure> {
        let rest = self.held.split().freeze();
        let total = self.sent + rest.len() as u64;
        let Some(response) = self.push(rest, Some(total)).await? else {
            return Err(Failure::new("the store took all bytes and made no object"));
        };
        let object: Object = response.json().await.map_err(|error| Failure::network(&error))?;
        if !object.holds(total, self.sum) {
            return Err(Failure::new("the store holds other bytes than were sent"));
        }
        Ok(PutResult {
            e_tag: object.etag,
            version: object.generation,
            extensions: Default::default(),
        })
    }

    async fn abort(&mut self) -> std::result::Result<(), Failure> {
        let Some(url) = self.url.take() else { return Ok(()) };
        let response = self.client.once(self.client.http().delete(&url).header(CONTENT_LENGTH, 0));
        let response = response.await?;
        match response.status().as_u16() {
            // Client Closed Request is the service's word for success here.
            200..=299 | 404 | 410 | 499 => Ok(()),
            // Emulators without the call forget the session with themselves.
            400 | 405 | 501 => Ok(()),
            _ => Err(Failure::answer(response).await),
        }
    }

    async fn session(&mut self) -> std::result::Result<String, Failure> {
        if let Some(url) = &self.url {
            return Ok(url.clone());
        }
        let url = self.client.upload_url("resumable", &self.key, true);
        let make = || self.client.http().post(&url).header(CONTENT_LENGTH, 0);
        let response = self.client.send(make).await?;
        let location = response.headers().get(LOCATION).and_then(|it| it.to_str().ok());
        let session = location.and_then(|location| self.client.session_url(location));
        let session = session.ok_or_else(|| Failure::new("no session was opened"))?;
        self.url = Some(session.clone());
        Ok(session)
    }

    /// Sends bytes until the store has them. The answer is the object's, once `total` is known.
    async fn push(
        &mut self,
        chunk: Bytes,
        total: Option<u64>,
    ) -> std::result::Result<Option<Response>, Failure> {
        let url = self.session().await?;
        let (start, end) = (self.sent, self.sent + chunk.len() as u64);
        let deadline = Instant::now() + self.client.retrying;
        loop {
            let skipped = usize::try_from(self.sent - start).unwrap_or(usize::MAX);
            let rest = chunk.slice(skipped.min(chunk.len())..);
            let request = self.client.http().put(&url);
            let request =
                request.header(CONTENT_RANGE, content_range(self.sent, rest.len(), total));
            let request = request.header(CONTENT_LENGTH, rest.len()).body(rest);
            let failure = match self.answer(self.client.once(request).await).await {
                Ok(Step::Object(response)) if total.is_some() => {
                    self.sent = end;
                    return Ok(Some(response));
                }
                Ok(Step::Object(_)) => return Err(Failure::new("the object was made too early")),
                Ok(Step::Persisted(persisted)) if persisted < self.sent || persisted > end => {
                    return Err(Failure::new("the store lost bytes that it had taken"));
                }
                Ok(Step::Persisted(persisted)) => {
                    self.sent = persisted;
                    if persisted == end && total.is_none() {
                        return Ok(None);
                    }
                    continue_or_late(deadline)?;
                    continue;
                }
                Err(failure) => failure,
            };
            if !failure.is_worth_retrying() || Instant::now() > deadline {
                return Err(failure);
            }
            // The same bytes again: the service passes over those that it has already. Emulators do not
            // answer the question how far they are, but end the upload at it.
            sleep(PAUSE).await;
        }
    }

    async fn answer(
        &self,
        response: std::result::Result<Response, Failure>,
    ) -> std::result::Result<Step, Failure> {
        let response = response?;
        match response.status() {
            StatusCode::OK | StatusCode::CREATED => Ok(Step::Object(response)),
            StatusCode::PERMANENT_REDIRECT => {
                let range = response.headers().get(RANGE).and_then(|it| it.to_str().ok());
                let last = range.and_then(|range| range.rsplit_once('-')?.1.parse::<u64>().ok());
                Ok(Step::Persisted(last.map_or(0, |last| last + 1)))
            }
            _ => Err(Failure::answer(response).await),
        }
    }
}

enum Step {
    /// The store has so many bytes in all.
    Persisted(u64),
    /// The object is there.
    Object(Response),
}

fn continue_or_late(deadline: Instant) -> std::result::Result<(), Failure> {
    if Instant::now() <= deadline {
        Ok(())
    } else {
        Err(Failure::new("the store takes no more bytes"))
    }
}

fn content_range(start: u64, length: usize, total: Option<u64>) -> String {
    let total = total.map_or_else(|| "*".to_owned(), |total| total.to_string());
    match length as u64 {
        0 => format!("bytes */{total}"),
        length => format!("bytes {start}-{}/{total}", start + length - 1),
    }
}

impl fmt::Debug for Resumable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resumable").field("key", &self.key).finish_non_exhaustive()
    }
}
