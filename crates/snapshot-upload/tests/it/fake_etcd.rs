// SPDX-License-Identifier: Apache-2.0
//! An etcd member that says what a test wants: gRPC by hand over a real HTTP/2 server.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use http_body_util::StreamBody;
use hyper::body::{Frame, Incoming};
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// What a snapshot stream does next.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A message: how much is left, and bytes.
    Message(u64, Bytes),
    /// The stream's clean end.
    End,
    /// A gRPC error.
    Error(u16, &'static str),
    /// The connection is gone.
    Reset,
    /// Nothing more, for ever.
    Silence,
    /// Empty messages, for ever.
    EmptyForEver(u64),
}

/// What a member answers.
#[derive(Clone, Debug)]
pub(crate) struct Answers {
    /// The cluster's revision as a quorum read gives it.
    pub(crate) revision: u64,
    /// The alarm that is raised: 0 none, 1 NOSPACE, 2 CORRUPT.
    pub(crate) alarm: u64,
    /// HashKV, as (hash, compact revision).
    pub(crate) hash_kv: (u32, i64),
    pub(crate) snapshot: Vec<Step>,
}

pub(crate) struct FakeEtcd {
    pub(crate) addr: SocketAddr,
    /// Calls by name, in order.
    pub(crate) calls: Arc<Mutex<Vec<String>>>,
    _runtime: Runtime,
}

impl FakeEtcd {
    pub(crate) fn start(answers: Answers) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let calls = Arc::new(Mutex::new(Vec::new()));
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let addr = listener.local_addr().unwrap();
        let told = Arc::clone(&calls);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answers, told) = (answers.clone(), Arc::clone(&told));
                tokio::spawn(async move {
                    let service = hyper::service::service_fn(move |request| {
                        let (answers, told) = (answers.clone(), Arc::clone(&told));
                        async move { Ok::<_, Infallible>(answer(&request, answers, &told)) }
                    });
                    let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                    let _ = server.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { addr, calls, _runtime: runtime }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }
}

/// The steps of a healthy stream: messages of 32 KiB, then the digest in one of its own.
pub(crate) fn healthy(snapshot: &[u8]) -> Vec<Step> {
    let (image, digest) = snapshot.split_at(snapshot.len() - 32);
    let mut left = image.len() as u64;
    let mut steps: Vec<Step> = image
        .chunks(32 * 1024)
        .map(|blob| {
            left -= blob.len() as u64;
            Step::Message(left, Bytes::copy_from_slice(blob))
        })
        .collect();
    steps.push(Step::Message(0, Bytes::copy_from_slice(digest)));
    steps.push(Step::End);
    steps
}

/// Of a member that answers as etcd does.
pub(crate) fn member(snapshot: Vec<Step>) -> Answers {
    Answers { revision: 1, alarm: 0, hash_kv: (0, 0), snapshot }
}

type Body =
    StreamBody<futures_util::stream::BoxStream<'static, Result<Frame<Bytes>, std::io::Error>>>;

fn answer(
    request: &Request<Incoming>,
    answers: Answers,
    calls: &Mutex<Vec<String>>,
) -> Response<Body> {
    let name = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
    calls.lock().unwrap().push(name.clone());
    let header = message(|out| {
        number(out, 1, 0xc1);
        number(out, 2, 0xa1);
        number(out, 3, answers.revision);
    });
    let headed = |more: &dyn Fn(&mut BytesMut)| {
        message(|out| {
            field(out, 1, &header);
            more(out);
        })
    };
    let steps = match name.as_str() {
        "Range" => unary(headed(&|_| {})),
        "Status" => unary(headed(&|out| {
            field(out, 2, b"3.6.16");
            number(out, 4, 0xb2);
        })),
        "Alarm" => unary(headed(&|out| {
            if answers.alarm > 0 {
                field(
                    out,
                    2,
                    &message(|out| {
                        number(out, 1, 0xa1);
                        number(out, 2, answers.alarm);
                    }),
                );
            }
        })),
        "HashKV" => unary(headed(&|out| {
            number(out, 2, u64::from(answers.hash_kv.0));
            number(out, 3, answers.hash_kv.1 as u64);
        })),
        "Snapshot" => answers.snapshot.into_iter().map(Play::of).collect(),
        _ => VecDeque::from([Play::Trailers(12, "not here")]),
    };
    let body: futures_util::stream::BoxStream<'static, _> =
        Box::pin(futures_util::stream::unfold(steps, play));
    let mut response = Response::new(StreamBody::new(body));
    response.headers_mut().insert("content-type", "application/grpc".parse().unwrap());
    response
}

enum Play {
    Data(Bytes),
    Trailers(u16, &'static str),
    Reset,
    Silence,
    ForEver(Bytes),
}

impl Play {
    fn of(step: Step) -> Self {
        let response = |left: u64, bytes: &[u8]| {
            framed(&message(|out| {
                number(out, 2, left);
                field(out, 3, bytes);
            }))
        };
        match step {
            Step::Message(left, bytes) => Self::Data(response(left, &bytes)),
            Step::End => Self::Trailers(0, ""),
            Step::Error(code, text) => Self::Trailers(code, text),
            Step::Reset => Self::Reset,
            Step::Silence => Self::Silence,
            Step::EmptyForEver(left) => Self::ForEver(response(left, b"")),
        }
    }
}

async fn play(
    mut steps: VecDeque<Play>,
) -> Option<(Result<Frame<Bytes>, std::io::Error>, VecDeque<Play>)> {
    let frame = match steps.pop_front()? {
        Play::Data(bytes) => Ok(Frame::data(bytes)),
        Play::Trailers(code, text) => {
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", code.into());
            trailers.insert("grpc-message", text.parse().unwrap());
            steps.clear();
            Ok(Frame::trailers(trailers))
        }
        Play::Reset => Err(std::io::Error::other("reset")),
        Play::Silence => std::future::pending().await,
        Play::ForEver(bytes) => {
            tokio::time::sleep(Duration::from_millis(20)).await;
            steps.push_front(Play::ForEver(bytes.clone()));
            Ok(Frame::data(bytes))
        }
    };
    Some((frame, steps))
}

fn unary(body: Bytes) -> VecDeque<Play> {
    VecDeque::from([Play::Data(framed(&body)), Play::Trailers(0, "")])
}

fn framed(body: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(5 + body.len());
    out.put_u8(0);
    out.put_u32(u32::try_from(body.len()).unwrap());
    out.put_slice(body);
    out.freeze()
}

fn message(fill: impl FnOnce(&mut BytesMut)) -> Bytes {
    let mut out = BytesMut::new();
    fill(&mut out);
    out.freeze()
}

fn varint(out: &mut BytesMut, mut value: u64) {
    while value >= 0x80 {
        out.put_u8((value as u8) | 0x80);
        value >>= 7;
    }
    out.put_u8(value as u8);
}

fn number(out: &mut BytesMut, tag: u64, value: u64) {
    varint(out, tag << 3);
    varint(out, value);
}

fn field(out: &mut BytesMut, tag: u64, bytes: &[u8]) {
    varint(out, tag << 3 | 2);
    varint(out, bytes.len() as u64);
    out.put_slice(bytes);
}
