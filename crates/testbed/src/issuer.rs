// SPDX-License-Identifier: Apache-2.0
//! An issuer of the store's credentials, in the broker's wire form and as a container endpoint.
//!
//! `POST /internal/restore-creds` with `{group, type, run_id?}` answers what AWS's
//! `credential_process` prints, and `repo_password`; `GET /container` answers the document of
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>; `GET /issued`
//! answers how many sets each group of the broker's requests got, and `GET /counts` what the store that
//! it issues for has moved; `POST /hold?after=BYTES&path=PATH` and `POST /release?path=PATH` let that store's
//! callers wait, as [`Holds`] says.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::access::query_value;
use crate::ca::Ca;
use crate::holds::Holds;
use crate::host::{Host, accept_from, bind_reusable};
use crate::keyring::{Issued, Keyring};
use crate::ledger::Counts;
use crate::leg::Leg;
use crate::proc::wait_until;

/// The password that comes with every set; a test can look for it where it must not be.
pub const REPO_PASSWORD: &str = "testbed-repository-password";

/// How the issuer feels about its work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    /// Issues a set at every request.
    #[default]
    Serving,
    /// Answers 503.
    Unavailable,
    /// Takes requests and never answers.
    Hanging,
    /// Its port refuses connections, and open ones are cut.
    Refusing,
    /// Answers 403: nobody granted this.
    Denied,
    /// Answers 409: not ready.
    Conflict,
    /// Answers 200 with something that is no credential.
    Garbled,
    /// Answers as a broker does that cannot or will not issue.
    Failing {
        /// The status.
        status: u16,
        /// Its words.
        words: &'static str,
        /// When to come again, in seconds.
        retry_after: Option<u64>,
    },
}

/// What an issuer is to be like.
pub struct IssuerConfig<'a> {
    /// Whose credentials it issues.
    pub keyring: Arc<Keyring>,
    /// How long each set lives.
    pub lifetime: Duration,
    /// Serves TLS.
    pub tls: Option<&'a Ca>,
    /// Where to listen; port 0 takes any.
    pub listen: SocketAddr,
    /// The token that callers must bring, as `Authorization: Bearer TOKEN` or bare.
    pub token: Option<String>,
    /// Groups that nobody granted anything: 403.
    pub denied_groups: Vec<String>,
    /// What `GET /counts` tells, for those who are in another process than the store.
    pub counter: Option<Counter>,
    /// What `POST /hold` and `POST /release` work on.
    pub holds: Holds,
}

/// The sums of a store so far.
pub type Counter = Box<dyn Fn() -> Counts + Send + Sync>;

impl<'a> IssuerConfig<'a> {
    /// A plain issuer that asks for no token.
    pub fn new(keyring: Arc<Keyring>, lifetime: Duration) -> IssuerConfig<'a> {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        IssuerConfig {
            keyring,
            lifetime,
            tls: None,
            listen,
            token: None,
            denied_groups: Vec::new(),
            counter: None,
            holds: Holds::default(),
        }
    }
}

/// A running issuer; it ends when it is dropped.
pub struct Issuer {
    host: Host,
    addr: SocketAddr,
    scheme: &'static str,
    shared: Arc<Shared>,
    mood: watch::Sender<Mood>,
    open: watch::Receiver<bool>,
}

struct Shared {
    keyring: Arc<Keyring>,
    lifetime: Mutex<Duration>,
    token: Option<String>,
    mood: watch::Receiver<Mood>,
    requests: AtomicU64,
    bodies: Mutex<Vec<Value>>,
    denied_groups: Vec<String>,
    issued: Mutex<BTreeMap<String, u64>>,
    counter: Option<Counter>,
    holds: Holds,
}

impl Issuer {
    /// Starts an issuer; when this returns, it accepts connections.
    pub fn start(config: IssuerConfig<'_>) -> anyhow::Result<Issuer> {
        let host = Host::start("testbed-issuer", 1)?;
        let (listener, addr) = host
            .bind(config.listen)
            .with_context(|| format!("the issuer cannot listen on {}", config.listen))?;
        let (mood, moods) = watch::channel(Mood::default());
        let (opening, open) = watch::channel(true);
        let shared = Arc::new(Shared {
            keyring: config.keyring,
            lifetime: Mutex::new(config.lifetime),
            token: config.token,
            mood: moods,
            requests: AtomicU64::new(0),
            bodies: Mutex::default(),
            denied_groups: config.denied_groups,
            issued: Mutex::default(),
            counter: config.counter,
            holds: config.holds,
        });
        let tls = config.tls.map(Ca::server_config_for_loopback).transpose()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        host.spawn(open_and_close(Arc::clone(&shared), listener, addr, tls, opening));
        Ok(Issuer { host, addr, scheme, shared, mood, open })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `https://localhost:PORT` with TLS, else `http://127.0.0.1:PORT`; the broker's base URL.
    pub fn url(&self) -> String {
        match self.scheme {
            "https" => format!("https://localhost:{}", self.addr.port()),
            scheme => format!("{scheme}://{}", self.addr),
        }
    }

    /// The container-credentials endpoint.
    pub fn container_url(&self) -> String {
        format!("{}/container", self.url())
    }

    /// Changes its mood; when this returns, the port is open or refuses as the mood says.
    pub fn set_mood(&self, mood: Mood) {
        self.mood.send_replace(mood);
        let wanted = mood != Mood::Refusing;
        let open = || *self.open.borrow() == wanted || self.open.has_changed().is_err();
        // Where the port was taken meanwhile, the next request says so.
        wait_until(Duration::from_secs(5), "the issuer's port changes", open).ok();
    }

    /// Changes how long the sets live that are issued from now on.
    pub fn set_lifetime(&self, lifetime: Duration) {
        *lock(&self.shared.lifetime) = lifetime;
    }

    /// How many requests for credentials came, whatever was answered.
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// The bodies of the broker's requests so far.
    pub fn bodies(&self) -> Vec<Value> {
        lock(&self.shared.bodies).clone()
    }

    /// Ends the issuer; when this returns, its port refuses connections.
    pub fn stop(mut self) {
        self.host.stop();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Listens while the mood allows it; the port stays the same.
async fn open_and_close(
    shared: Arc<Shared>,
    listener: TcpListener,
    addr: SocketAddr,
    tls: Option<Arc<rustls::ServerConfig>>,
    opening: watch::Sender<bool>,
) {
    let mut mood = shared.mood.clone();
    let mut listener = Some(listener);
    loop {
        if let Some(listener) = listener.take() {
            opening.send_replace(true);
            let serving = Arc::clone(&shared);
            let accept =
                accept_from(listener, tls.clone(), move |leg| serve(Arc::clone(&serving), leg));
            tokio::select! {
                () = accept => {}
                ended = mood.wait_for(|mood| *mood == Mood::Refusing) => drop(ended),
            }
        }
        opening.send_replace(false);
        if mood.wait_for(|mood| *mood != Mood::Refusing).await.is_err() {
            return;
        }
        listener = bind_reusable(addr).and_then(TcpListener::from_std).ok();
    }
}

async fn serve(shared: Arc<Shared>, leg: Leg) {
    let mut mood = shared.mood.clone();
    let service = hyper::service::service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, Infallible>(answer(&shared, request).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(leg), service);
    tokio::select! {
        served = connection => drop(served),
        ended = mood.wait_for(|mood| *mood == Mood::Refusing) => drop(ended),
    }
}

async fn answer(shared: &Shared, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    let broker = match (&parts.method, path) {
        (&Method::GET, "/healthz") => return text(StatusCode::OK, "ok"),
        (&Method::GET, "/issued") => {
            return json_answer(StatusCode::OK, &json!(*lock(&shared.issued)));
        }
        (&Method::GET, "/counts") => return shared.counts(),
        (&Method::POST, "/hold" | "/release") => return shared.held(&parts.uri),
        (&Method::POST, "/internal/restore-creds") => true,
        (&Method::GET, "/container") => false,
        _ => return problem(StatusCode::NOT_FOUND, "no such path"),
    };
    shared.requests.fetch_add(1, Ordering::SeqCst);
    if !shared.admits(parts.headers.get(header::AUTHORIZATION)) {
        return problem(StatusCode::UNAUTHORIZED, "the token is missing or wrong");
    }
    if broker {
        let bytes = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let Ok(asked) = serde_json::from_slice::<Value>(&bytes) else {
            return problem(StatusCode::BAD_REQUEST, "the request is no JSON");
        };
        let group = asked["group"].as_str().map(str::to_owned);
        let group = group.filter(|_| asked["type"].is_string());
        lock(&shared.bodies).push(asked);
        let Some(group) = group else {
            return problem(StatusCode::UNPROCESSABLE_ENTITY, "group and type are required");
        };
        if shared.denied_groups.contains(&group) {
            return problem(StatusCode::FORBIDDEN, "no enabled declaration");
        }
        *lock(&shared.issued).entry(group).or_default() += 1;
    }
    let mood = *shared.mood.borrow();
    match mood {
        Mood::Serving => shared.set(broker),
        Mood::Unavailable => problem(StatusCode::SERVICE_UNAVAILABLE, "the issuer is down"),
        Mood::Denied => problem(StatusCode::FORBIDDEN, "no enabled declaration"),
        Mood::Conflict => problem(StatusCode::CONFLICT, "no ready configuration"),
        Mood::Garbled => text(StatusCode::OK, "<html>a captive portal</html>"),
        Mood::Failing { status, words, retry_after } => failing(status, words, retry_after),
        Mood::Hanging | Mood::Refusing => std::future::pending().await,
    }
}

impl Shared {
    fn admits(&self, given: Option<&http::HeaderValue>) -> bool {
        let Some(token) = &self.token else { return true };
        let given = given.and_then(|value| value.to_str().ok()).unwrap_or_default();
        given.strip_prefix("Bearer ").unwrap_or(given) == token
    }

    fn counts(&self) -> Response<Full<Bytes>> {
        let Some(counter) = &self.counter else {
            return problem(StatusCode::NOT_FOUND, "no store's counts are known here");
        };
        let Counts { requests, failed, cut, received_bytes, sent_bytes, .. } = counter();
        let counts = json!({
            "requests": requests,
            "failed": failed,
            "cut": cut,
            "received_bytes": received_bytes,
            "sent_bytes": sent_bytes,
        });
        json_answer(StatusCode::OK, &counts)
    }

    fn held(&self, order: &Uri) -> Response<Full<Bytes>> {
        let path = query_value(order, "path").filter(|path| path.starts_with('/'));
        let Some(path) = path else {
            return problem(StatusCode::BAD_REQUEST, "path is required, as /BUCKET/PREFIX");
        };
        let after = query_value(order, "after").and_then(|after| after.parse().ok());
        match (order.path(), after) {
            ("/hold", Some(after)) => self.holds.hold(&path, after),
            ("/hold", None) => {
                return problem(StatusCode::BAD_REQUEST, "after is a count of bytes");
            }
            _ if self.holds.release(&path) => {}
            _ => return problem(StatusCode::NOT_FOUND, "nothing is held there"),
        }
        text(StatusCode::OK, "ok")
    }

    fn set(&self, broker: bool) -> Response<Full<Bytes>> {
        let lifetime = *lock(&self.lifetime);
        let Issued { access_key_id, secret, session_token, expires } = self.keyring.issue(lifetime);
        let expires = expires.to_string();
        let document = if broker {
            json!({
                "credentials": {
                    "Version": 1,
                    "AccessKeyId": access_key_id,
                    "SecretAccessKey": secret,
                    "SessionToken": session_token,
                    "Expiration": expires,
                },
                "repo_password": REPO_PASSWORD,
            })
        } else {
            json!({
                "AccessKeyId": access_key_id,
                "SecretAccessKey": secret,
                "Token": session_token,
                "Expiration": expires,
            })
        };
        json_answer(StatusCode::OK, &document)
    }
}

fn problem(status: StatusCode, detail: &str) -> Response<Full<Bytes>> {
    json_answer(status, &json!({ "error": detail, "status": status.as_u16() }))
}

fn failing(status: u16, words: &str, retry_after: Option<u64>) -> Response<Full<Bytes>> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = problem(status, words);
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

fn json_answer(status: StatusCode, document: &Value) -> Response<Full<Bytes>> {
    let mut response = text(status, &document.to_string());
    let json = http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

fn text(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text.to_owned()));
    *response.status_mut() = status;
    response
}
