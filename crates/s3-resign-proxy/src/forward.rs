// SPDX-License-Identifier: Apache-2.0
//! One request's way to the store: signed with the credentials of this moment, and sent again where
//! the store's answer says that only the signature was out of date.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use credential::Held;
use http::header::{CONTENT_LENGTH, HOST, HeaderValue, RANGE, TRANSFER_ENCODING};
use http::{HeaderMap, Method, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use sigv4::{CanonicalPath, Identity, Scope, Seed, SigningKey, Timestamp};
use tokio::sync::oneshot;

use crate::answer::{self, Answer, Reply};
use crate::body::{self, Activity, BoxedBody, Fault, FaultSlot, Outgoing, Pipeline, Watch, drain};
use crate::metrics::Replayed;
use crate::proxy::Proxy;
use crate::s3_error::S3Error;
use crate::stage;
use crate::target::Target;
use crate::traffic::request_head_bytes;

/// A request is sent at most this many times: fresh credentials, the clock and the region may each
/// have to be learned once.
const SENDS: usize = 4;
/// How long a request waits for fresh credentials after the store refused the held ones.
const REFRESH_WAIT: Duration = Duration::from_secs(10);
/// How long we wait for a cut upload to hand back the caller's unread bytes.
const HAND_BACK: Duration = Duration::from_secs(5);

/// A verified, permitted request.
pub(crate) struct Job {
    pub(crate) method: Method,
    pub(crate) target: Target,
    pub(crate) path: CanonicalPath,
    /// Canonical.
    pub(crate) query: String,
    /// The caller's, cleaned.
    pub(crate) headers: HeaderMap,
    pub(crate) body: Outgoing,
}

/// One attempt's end.
enum Attempt {
    Answered(Answer),
    /// No connection: sending again at once would find none either.
    Unreached {
        why: String,
    },
    /// No answer came.
    Broken {
        why: String,
        fault: Option<Fault>,
    },
}

/// What a sent request leaves behind to ask about its body.
struct Sent {
    fault: FaultSlot,
    rest: Option<oneshot::Receiver<Incoming>>,
    activity: Arc<Activity>,
}

impl Proxy {
    /// Sends a job until it has an answer for the caller.
    pub(crate) async fn forward(&self, mut job: Job) -> Result<Reply, S3Error> {
        let mut sends = 0;
        loop {
            sends += 1;
            let held = self.held()?;
            let region = self.regions.of(&job.target, &self.region);
            let (attempt, sent) = self.attempt(&mut job, &held, &region).await?;
            let may_replay = sends < SENDS && matches!(job.body, Outgoing::Held { .. });
            match self.judge(attempt, &job, &held, &region, may_replay).await {
                Judged::Relay(reply) => return Ok(reply),
                Judged::Again(reason) => {
                    self.metrics.replayed.get_or_create(&Replayed { reason }).inc();
                }
                Judged::Refuse(error) => {
                    hand_back(sent).await;
                    return Err(error);
                }
            }
        }
    }

    /// The held set; its absence is answered at once, for a waiting caller learns nothing.
    fn held(&self) -> Result<Arc<Held>, S3Error> {
        self.live.current().ok_or_else(|| self.no_credentials())
    }

    /// Why there are no credentials, in the form that makes the caller do the right thing.
    pub(crate) fn no_credentials(&self) -> S3Error {
        match self.live.status().last_error {
            Some(error) if error.is_denied() => {
                S3Error::denied(format!("the issuer of this proxy's credentials refuses: {error}"))
            }
            Some(error) => {
                S3Error::slow_down(format!("no valid credentials at this moment: {error}"))
            }
            None => S3Error::slow_down("no valid credentials at this moment"),
        }
    }

    async fn attempt(
        &self,
        job: &mut Job,
        held: &Held,
        region: &str,
    ) -> Result<(Attempt, Sent), S3Error> {
        let (request, sent) = self.signed(job, held, region)?;
        let head = request_head_bytes(&request);
        let answer = tokio::select! {
            answer = self.upstream.request(request) => answer,
            () = sent.activity.idle(self.limits.idle) => {
                let attempt = self.silent(&sent);
                return Ok((attempt, sent));
            }
        };
        if answer.as_ref().is_ok() || answer.as_ref().is_err_and(|error| !error.is_connect()) {
            self.traffic.add_sent_raw(head);
        }
        let attempt = match answer {
            Ok(response) => self.received(response, &job.method).await,
            Err(error) if error.is_connect() => Attempt::Unreached { why: causes(&error) },
            Err(error) => Attempt::Broken { why: causes(&error), fault: sent.fault.take() },
        };
        Ok((attempt, sent))
    }

    /// A GET's head is passed on with its first bytes: until then it can be sent again.
    async fn received(&self, mut response: Response<Incoming>, method: &Method) -> Attempt {
        self.traffic.add_received_head(&response);
        if method != Method::GET || !response.status().is_success() {
            return match answer::read(response, method, &self.traffic).await {
                Ok(answer) => Attempt::Answered(answer),
                Err(why) => Attempt::Broken { why, fault: None },
            };
        }
        let first = answer::first_slice(&mut response);
        match tokio::time::timeout(self.limits.idle, first).await {
            Ok(Ok(first)) => {
                Attempt::Answered(Answer::Relay(Reply::Streaming(Box::new(response), first)))
            }
            Ok(Err(error)) => Attempt::Broken { why: causes(&error), fault: None },
            Err(_) => Attempt::Broken { why: "the store fell silent".to_owned(), fault: None },
        }
    }

    /// Nothing moves: it is the caller's turn to send, or the store's to answer.
    fn silent(&self, sent: &Sent) -> Attempt {
        let limit = humantime::format_duration(self.limits.idle);
        if sent.activity.is_callers_turn() {
            return Attempt::Broken { why: String::new(), fault: Some(Fault::Silent) };
        }
        Attempt::Broken { why: format!("no byte has moved for {limit}"), fault: sent.fault.take() }
    }

    /// Signs the job for this moment; the wire has exactly what was signed.
    fn signed(
        &self,
        job: &mut Job,
        held: &Held,
        region: &str,
    ) -> Result<(http::Request<BoxedBody>, Sent), S3Error> {
        let to =
            self.upstream.destination(&job.target, &job.path, &job.query).map_err(|error| {
                S3Error::bad("InvalidURI", format!("the key does not fit into a URI: {error}"))
            })?;
        let mut headers = job.headers.clone();
        headers.insert(HOST, to.host);
        let at = self.signing_time();
        let credential = &held.credential;
        let secret = credential.secret_access_key.expose().as_bytes();
        let key = self.keys.get(&credential.access_key_id, secret, at.date(), region);
        let seed = sigv4::sign(
            &sigv4::Request { method: &job.method, path: &to.path, query: &job.query },
            &mut headers,
            literal(&job.body),
            &Identity {
                access_key_id: &credential.access_key_id,
                session_token: credential.session_token.as_ref().map(|token| token.expose()),
            },
            &key,
            &Scope::new(at.date(), region),
            at,
        )
        .map_err(|error| S3Error::bad("InvalidRequest", format!("cannot be signed: {error}")))?;
        set_length(&mut headers, &job.method, &job.body);
        let (body, sent) = self.body(&mut job.body, key, seed)?;
        let mut request = http::Request::new(body);
        *request.method_mut() = job.method.clone();
        *request.uri_mut() = to.uri;
        *request.headers_mut() = headers;
        Ok((request, sent))
    }

    /// Our clock, corrected by what the store said of its own.
    fn signing_time(&self) -> Timestamp {
        let offset = self.clock_offset.load(Ordering::Relaxed);
        let span = Duration::from_secs(offset.unsigned_abs());
        let now = SystemTime::now();
        Timestamp::from_system_time(if offset < 0 { now - span } else { now + span })
    }

    fn body(
        &self,
        outgoing: &mut Outgoing,
        key: Arc<SigningKey>,
        seed: Seed,
    ) -> Result<(BoxedBody, Sent), S3Error> {
        let watch = Watch {
            traffic: Arc::clone(&self.traffic),
            activity: Arc::new(Activity::start()),
            fault: FaultSlot::default(),
        };
        let sent =
            |rest| Sent { fault: watch.fault.clone(), rest, activity: Arc::clone(&watch.activity) };
        match outgoing {
            Outgoing::Held { bytes, .. } => {
                Ok((body::Held::new(bytes.clone(), watch.clone()).boxed_unsync(), sent(None)))
            }
            Outgoing::Stream { plan, inbound, caller, .. } => {
                let inbound = inbound.take().ok_or_else(|| {
                    S3Error::slow_down("the body was sent already and cannot be sent again")
                })?;
                let stage = stage::open(plan, caller, key, seed);
                let (pipeline, rest) = Pipeline::new(inbound, stage, watch.clone());
                Ok((pipeline.boxed_unsync(), sent(Some(rest))))
            }
        }
    }

    async fn judge(
        &self,
        attempt: Attempt,
        job: &Job,
        held: &Held,
        region: &str,
        may_replay: bool,
    ) -> Judged {
        match attempt {
            Attempt::Answered(Answer::Relay(reply)) => Judged::Relay(reply),
            Attempt::Answered(Answer::Unclear(reply)) => {
                self.clarify(reply, job, held, region).await
            }
            Attempt::Answered(Answer::Stale) => self.refresh(held, may_replay).await,
            Attempt::Answered(Answer::Skewed { offset }) => self.correct_clock(offset, may_replay),
            Attempt::Answered(Answer::OtherRegion { name, reply }) => {
                self.regions.learn(&job.target, &name);
                let is_other = name != region;
                if is_other && may_replay { Judged::Again("region") } else { Judged::Relay(reply) }
            }
            Attempt::Unreached { why } => self.unreachable(&why),
            Attempt::Broken { fault: Some(fault), .. } => Judged::Refuse(faulty(&fault)),
            Attempt::Broken { why, .. } => {
                tracing::debug!(error = why, "request to the store failed");
                if may_replay && job.method != Method::POST {
                    return Judged::Again("connection");
                }
                self.unreachable(&why)
            }
        }
    }

    fn unreachable(&self, why: &str) -> Judged {
        let store = self.upstream.authority();
        Judged::Refuse(S3Error::slow_down(format!(
            "the connection to the store {store} broke: {why}"
        )))
    }

    /// A HEAD that failed without a word: the same by GET has an error body that says why.
    async fn clarify(&self, reply: Reply, job: &Job, held: &Held, region: &str) -> Judged {
        let mut probe = Job {
            method: Method::GET,
            target: job.target.clone(),
            path: job.path.clone(),
            query: job.query.clone(),
            headers: job.headers.clone(),
            body: Outgoing::Held { bytes: Bytes::new(), literal: literal(&job.body).to_owned() },
        };
        probe.headers.insert(RANGE, HeaderValue::from_static("bytes=0-0"));
        match self.attempt(&mut probe, held, region).await {
            Ok((Attempt::Answered(Answer::Stale), _)) => self.refresh(held, true).await,
            _ => Judged::Relay(reply),
        }
    }

    /// The store no longer takes the held set: get another.
    async fn refresh(&self, held: &Held, may_replay: bool) -> Judged {
        if !may_replay {
            let live = self.live.clone();
            let generation = held.generation;
            tokio::spawn(async move { live.refresh_after(generation, REFRESH_WAIT).await });
            return Judged::Refuse(S3Error::slow_down(
                "the store asked for fresh credentials, which are being fetched: send the request again",
            ));
        }
        match self.live.refresh_after(held.generation, REFRESH_WAIT).await {
            Ok(_) => Judged::Again("credentials"),
            Err(_) => Judged::Refuse(self.no_credentials()),
        }
    }

    /// The store's clock differs from ours: sign by its clock from now on.
    fn correct_clock(&self, offset: i64, may_replay: bool) -> Judged {
        const NOTEWORTHY: u64 = 60;
        let before = self.clock_offset.swap(offset, Ordering::Relaxed);
        if before.abs_diff(offset) > NOTEWORTHY {
            tracing::warn!(
                offset_seconds = offset,
                "this pod's clock differs from the store's; signing by the store's"
            );
        }
        if may_replay {
            return Judged::Again("clock");
        }
        Judged::Refuse(S3Error::slow_down(format!(
            "this pod's clock differs from the store's by {offset} s: send the request again"
        )))
    }
}

/// What to do after an attempt.
enum Judged {
    Relay(Reply),
    Again(&'static str),
    Refuse(S3Error),
}

fn literal(body: &Outgoing) -> &str {
    match body {
        Outgoing::Held { literal, .. } | Outgoing::Stream { literal, .. } => literal,
    }
}

/// An explicit length, for hyper writes none of its own for an empty body.
fn set_length(headers: &mut HeaderMap, method: &Method, body: &Outgoing) {
    let length = match body {
        Outgoing::Held { bytes, .. } if bytes.is_empty() => {
            matches!(*method, Method::PUT | Method::POST).then_some(0)
        }
        Outgoing::Held { bytes, .. } => Some(bytes.len() as u64),
        Outgoing::Stream { plan, .. } => match plan.wire_length() {
            Some(length) => Some(length),
            None => {
                headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
                None
            }
        },
    };
    if let Some(length) = length {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
}

/// Reads what the caller still sends, so that it sees our answer and not a reset.
async fn hand_back(sent: Sent) {
    let Some(rest) = sent.rest else { return };
    if let Ok(Ok(inbound)) = tokio::time::timeout(HAND_BACK, rest).await {
        drain(inbound).await;
    }
}

/// The caller's own fault, in S3's words.
pub(crate) fn faulty(fault: &Fault) -> S3Error {
    match fault {
        Fault::Frame(error) if error.s3_code() == "SignatureDoesNotMatch" => {
            S3Error::new(http::StatusCode::FORBIDDEN, "SignatureDoesNotMatch", format!("{error}"))
        }
        Fault::Frame(error) => S3Error::bad(error.s3_code(), format!("{error}")),
        Fault::Silent => S3Error::bad(
            "RequestTimeout",
            "your socket connection to the server was not written to within the timeout period",
        ),
        Fault::Caller(why) => S3Error::bad("IncompleteBody", why.clone()),
    }
    .closing()
}

/// An error and its causes in one line.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
