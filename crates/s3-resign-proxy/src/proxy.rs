// SPDX-License-Identifier: Apache-2.0
//! One request through the proxy: admitted, permitted, prepared, forwarded, answered.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use credential::Live;
use http::header::{CONTENT_LENGTH, EXPECT, HOST, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use sigv4::{FrameError, KeyCache};

use crate::answer::Reply;
use crate::body::{self, BoxedBody, CallerChain, Drained, Fault, Outgoing, Passing, Plan, drain};
use crate::complaints::Complaints;
use crate::config::{Limits, PayloadMode};
use crate::connection::{RequestGuard, Requests};
use crate::document::Document;
use crate::forward::{Job, faulty};
use crate::gate::{Admitted, Gate};
use crate::headers::{self, COPY_SOURCE};
use crate::metrics::{Answered, Metrics, method_label};
use crate::policy::{Permit, Policy};
use crate::regions::Regions;
use crate::s3_error::{Connection, S3Error};
use crate::target::{Target, bucket_in_host};
use crate::traffic::{Traffic, head_bytes};
use crate::upstream::Upstream;

/// Everything a request needs. One per process.
pub(crate) struct Proxy {
    pub(crate) gate: Gate,
    pub(crate) policy: Policy,
    pub(crate) payload: PayloadMode,
    pub(crate) upstream: Upstream,
    pub(crate) region: String,
    pub(crate) regions: Regions,
    pub(crate) live: Live,
    pub(crate) keys: KeyCache,
    pub(crate) clock_offset: AtomicI64,
    pub(crate) limits: Limits,
    pub(crate) traffic: Arc<Traffic>,
    pub(crate) metrics: Metrics,
    pub(crate) complaints: Complaints,
    pub(crate) document: Option<Document>,
}

impl Proxy {
    /// Answers one request. Never fails: every failure is an answer in S3's form.
    pub(crate) async fn serve(
        self: Arc<Self>,
        request: Request<Incoming>,
        requests: Requests,
    ) -> Result<Response<BoxedBody>, Infallible> {
        let guard = requests.begin();
        let (parts, inbound) = request.into_parts();
        if let Some(document) = &self.document
            && document.is_asked_for(&parts)
        {
            return Ok(document.answer(&parts, &self.live));
        }
        let method = parts.method.clone();
        let target = target_of(&parts);
        let response = match self.pass(parts, inbound, &target).await {
            Ok(reply) => self.relay(reply, guard),
            Err(error) => {
                self.complaints.say(&error);
                if error.is_slow_down() {
                    self.metrics.slowed.inc();
                }
                error.response(&method, &target.shown())
            }
        };
        let class = response.status().as_u16() / 100;
        self.metrics
            .answered
            .get_or_create(&Answered { method: method_label(&method), class })
            .inc();
        Ok(response)
    }

    async fn pass(
        &self,
        parts: Parts,
        inbound: Incoming,
        target: &Target,
    ) -> Result<Reply, S3Error> {
        let (admitted, permit) = match self.check(&parts, target) {
            Ok(passed) => passed,
            Err(error) => {
                self.metrics.refused.inc();
                return Err(refuse(error, &parts.headers, inbound).await);
            }
        };
        let job = self.prepare(parts, inbound, target, admitted, permit).await?;
        self.forward(job).await
    }

    /// All that can be said before the body is read.
    fn check(&self, parts: &Parts, target: &Target) -> Result<(Admitted, Permit), S3Error> {
        if head_bytes(&parts.headers) > self.limits.head_bytes {
            return Err(S3Error::bad(
                "RequestHeaderSectionTooLarge",
                format!("the request's head exceeds {} bytes (--max-head)", self.limits.head_bytes),
            ));
        }
        let admitted = self.gate.admit(parts)?;
        let copy_source = parts.headers.get(COPY_SOURCE).map(|value| value.as_bytes());
        let permit = self.policy.check(&parts.method, target, &admitted.query, copy_source)?;
        if self.live.current().is_none() {
            return Err(self.no_credentials());
        }
        Ok((admitted, permit))
    }

    async fn prepare(
        &self,
        parts: Parts,
        inbound: Incoming,
        target: &Target,
        admitted: Admitted,
        permit: Permit,
    ) -> Result<Job, S3Error> {
        let asked = body::Request {
            headers: &parts.headers,
            payload: &admitted.payload,
            length: headers::number(&parts.headers, &CONTENT_LENGTH),
            is_empty: is_bodyless(&parts.headers),
            has_signed_digest: headers::has_signed_digest(&parts.headers, |name| {
                admitted.is_signed(name)
            }),
        };
        let (plan, is_empty) = match body::plan(&asked, self.payload) {
            Ok(plan) => (plan, asked.is_empty),
            Err(error) => return Err(refuse(error, &parts.headers, inbound).await),
        };
        if is_empty && !matches!(plan, Plan::Plain { .. }) {
            return Err(faulty(&Fault::Frame(FrameError::Truncated)));
        }
        let mut headers = headers::outbound(parts.headers);
        if matches!(plan, Plan::Decode { .. }) {
            headers::strip_framing(&mut headers);
        }
        let body = if is_empty {
            Outgoing::Held {
                bytes: bytes::Bytes::new(),
                literal: admitted.payload.literal().to_owned(),
            }
        } else {
            let caller =
                CallerChain { key: Arc::clone(&admitted.key), seed: admitted.seed.clone() };
            self.prepare_body(plan, inbound, caller, &admitted, permit, &mut headers).await?
        };
        Ok(Job {
            method: parts.method,
            path: self.path_of(target, &admitted),
            target: target.clone(),
            query: admitted.query.canonical(),
            headers,
            body,
        })
    }

    /// The caller's own path in canonical form; rebuilt where the bucket came by the host name.
    fn path_of(&self, target: &Target, admitted: &Admitted) -> sigv4::CanonicalPath {
        let by_host = sigv4::CanonicalPath::from_decoded(&target.decoded_path());
        if admitted.path.as_str().trim_end_matches('/') == by_host.as_str().trim_end_matches('/') {
            return admitted.path.clone();
        }
        by_host
    }

    fn relay(&self, reply: Reply, guard: RequestGuard) -> Response<BoxedBody> {
        let mut response = match reply {
            Reply::Streaming(response, first) => response.map(|inbound| {
                Passing::new(inbound, first, Arc::clone(&self.traffic), self.limits.idle, guard)
                    .boxed_unsync()
            }),
            Reply::Read(response) => *response,
        };
        headers::strip_hop_by_hop(response.headers_mut());
        response
    }
}

fn target_of(parts: &Parts) -> Target {
    let host = parts.headers.get(HOST).and_then(|value| value.to_str().ok());
    Target::from_path(parts.uri.path().as_bytes(), host.and_then(bucket_in_host))
}

/// No length and no transfer-encoding, or length 0.
fn is_bodyless(headers: &HeaderMap) -> bool {
    if headers.contains_key(TRANSFER_ENCODING) {
        return false;
    }
    headers::number(headers, &CONTENT_LENGTH).unwrap_or(0) == 0
}

/// Refuses with the body still unread: reads it, unless the caller waits for our word (`Expect`).
pub(crate) async fn refuse(mut error: S3Error, headers: &HeaderMap, inbound: Incoming) -> S3Error {
    let waits = headers.contains_key(EXPECT);
    if waits || drain(inbound).await == Drained::Partly {
        error.connection = Connection::Close;
    }
    error
}
