// SPDX-License-Identifier: Apache-2.0
//! One connection through the front: requests up, responses down, faults where they are due.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncWriteExt, ReadHalf, WriteHalf};

use crate::fault::{Fault, Then};
use crate::gate::error_xml;
use crate::leg::Leg;
use crate::wire::{BodyScan, Head, Wire};

/// What becomes of a connection after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    KeepOpen,
    Close,
    Reset,
}

/// The two halves of one leg.
pub(crate) struct Side {
    pub(crate) wire: Wire<ReadHalf<Leg>>,
    pub(crate) out: WriteHalf<Leg>,
}

impl Side {
    pub(crate) fn new(leg: Leg) -> Side {
        let (read, out) = tokio::io::split(leg);
        Side { wire: Wire::new(read), out }
    }

    /// Ends the leg, in order or with a reset.
    pub(crate) async fn end(mut self, next: Next) {
        if next != Next::Reset {
            self.out.shutdown().await.ok();
        }
        let leg = self.wire.stream.unsplit(self.out);
        if next == Next::Reset {
            leg.reset_on_drop().ok();
        }
    }
}

/// What is special about the way a body goes.
#[derive(Clone, Copy, Debug, Default)]
struct Manner {
    /// Bytes of the head that wait in the buffer, so that they leave with the body.
    head_bytes: usize,
    limit: Option<Limit>,
    pace: Option<Pace>,
}

/// How far a body goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Limit {
    bytes: u64,
    then: Next,
}

/// How a body goes.
#[derive(Clone, Copy, Debug)]
struct Pace {
    piece: usize,
    pause: Duration,
}

/// Answers in the upstream's stead, where the fault says so.
pub(crate) async fn answer_alone(
    fault: &Fault,
    head: &Head,
    client: &mut Side,
) -> io::Result<Option<Next>> {
    let (status, code, more, headers) = match fault {
        Fault::EarlyAnswer { status, code, .. } | Fault::Answer { status, code } => {
            (*status, code.as_str(), String::new(), String::new())
        }
        Fault::ExpiredToken => (400, "ExpiredToken", String::new(), String::new()),
        Fault::Redirect301 { region } => {
            let more = format!("<Endpoint>s3.{region}.amazonaws.com</Endpoint>");
            let header = format!("x-amz-bucket-region: {region}\r\n");
            (301, "PermanentRedirect", more, header)
        }
        Fault::Hang => std::future::pending().await,
        _ => return Ok(None),
    };
    let text = answer_text(head, status, code, &more, &headers, fault);
    if let Fault::EarlyAnswer { then, .. } = fault {
        client.out.write_all(&text).await?;
        client.out.flush().await?;
        if *then == Then::Close {
            return Ok(Some(Next::Close));
        }
        swallow(head, client).await?;
        return Ok(Some(Next::KeepOpen));
    }
    if expects_100(head) {
        client.out.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    swallow(head, client).await?;
    client.out.write_all(&text).await?;
    client.out.flush().await?;
    Ok(Some(Next::KeepOpen))
}

fn expects_100(head: &Head) -> bool {
    head.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue"))
}

fn answer_text(
    head: &Head,
    status: u16,
    code: &str,
    more: &str,
    headers: &str,
    fault: &Fault,
) -> Vec<u8> {
    let message = match code {
        "ExpiredToken" => "The provided token has expired.",
        "SlowDown" => "Please reduce your request rate.",
        "AccessDenied" => "Access Denied",
        _ => "The front was told to answer so.",
    };
    let kind = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::BAD_REQUEST);
    let body = error_xml(kind, code, message, more).into_body();
    let reason = kind.canonical_reason().unwrap_or("Unknown");
    let closing = matches!(fault, Fault::EarlyAnswer { then: Then::Close, .. });
    let connection = if closing { "Connection: close\r\n" } else { "" };
    let mut text = format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: application/xml\r\n\
         x-amz-request-id: FRONT\r\n{headers}{connection}"
    )
    .into_bytes();
    if head.method == "HEAD" {
        text.extend_from_slice(b"\r\n");
    } else {
        text.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
        text.extend_from_slice(&body);
    }
    text
}

/// Reads a request's body away.
async fn swallow(head: &Head, client: &mut Side) -> io::Result<()> {
    let mut scan = head.request_body();
    let mut data = Vec::new();
    while !scan.is_done() {
        if client.wire.buffer.is_empty() && client.wire.fill().await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let taken = scan.take(&client.wire.buffer, &mut data)?;
        data.clear();
        client.wire.buffer.drain(..taken);
    }
    Ok(())
}

/// Passes one request and its response; both may be on their way at once.
pub(crate) async fn pass(
    fault: Option<&Fault>,
    head: &Head,
    client: &mut Side,
    upstream: &mut Side,
) -> io::Result<Next> {
    upstream.out.write_all(&head.bytes).await?;
    upstream.out.flush().await?;
    let limit = match fault {
        Some(Fault::CutRequestAt(bytes)) => Some(Limit { bytes: *bytes, then: Next::Close }),
        Some(Fault::ResetRequestAt(bytes)) => Some(Limit { bytes: *bytes, then: Next::Reset }),
        _ => None,
    };
    let manner = Manner { limit, ..Manner::default() };
    let up = body(head.request_body(), &mut client.wire, &mut upstream.out, manner);
    let down = respond(fault, head, &mut upstream.wire, &mut client.out);
    let (mut up, mut down) = (std::pin::pin!(up), std::pin::pin!(down));
    tokio::select! {
        sent = &mut up => match sent {
            Ok(Next::KeepOpen) => down.await,
            Ok(next) => Ok(next),
            // An upstream that stopped reading may still have answered.
            Err(_) => down.await.map(|_| Next::Close),
        },
        answered = &mut down => match answered? {
            Next::KeepOpen => up.await,
            next => Ok(next),
        },
    }
}

async fn respond(
    fault: Option<&Fault>,
    request: &Head,
    upstream: &mut Wire<ReadHalf<Leg>>,
    client: &mut WriteHalf<Leg>,
) -> io::Result<Next> {
    let head = loop {
        let Some(head) = upstream.read_head(Head::parse_response).await? else {
            return Ok(Next::Close);
        };
        if !head.is_informational() {
            break head;
        }
        client.write_all(&head.bytes).await?;
        client.flush().await?;
    };
    if let Some(Fault::Delay(wait)) = fault {
        tokio::time::sleep(*wait).await;
    }
    let scan = head.response_body(&request.method);
    let limit = match fault {
        Some(Fault::CutResponseAt(bytes)) => Some(Limit { bytes: *bytes, then: Next::Close }),
        Some(Fault::ResetResponseAt(bytes)) => Some(Limit { bytes: *bytes, then: Next::Reset }),
        _ => None,
    };
    let pace = match fault {
        Some(Fault::SlowBody { piece, pause }) => Some(Pace { piece: *piece, pause: *pause }),
        _ => None,
    };
    let mut manner = Manner { head_bytes: 0, limit, pace };
    let together = !scan.is_done() && limit.is_none() && pace.is_none();
    if together && fault != Some(&Fault::SplitHeaderBody) {
        // What upstream sent in one segment leaves in one.
        upstream.buffer.splice(..0, head.bytes.iter().copied());
        manner.head_bytes = head.bytes.len();
    } else {
        client.write_all(&head.bytes).await?;
        client.flush().await?;
    }
    closing(&head, body(scan, upstream, client, manner).await?)
}

fn closing(head: &Head, next: Next) -> io::Result<Next> {
    let close = head.header("connection").is_some_and(|one| one.eq_ignore_ascii_case("close"));
    Ok(if close && next == Next::KeepOpen { Next::Close } else { next })
}

/// Passes a body's wire bytes on as they come.
async fn body(
    mut scan: BodyScan,
    from: &mut Wire<ReadHalf<Leg>>,
    to: &mut WriteHalf<Leg>,
    manner: Manner,
) -> io::Result<Next> {
    let Manner { mut head_bytes, limit, pace } = manner;
    let (mut data, mut passed) = (Vec::new(), 0);
    loop {
        if let Some(limit) = limit.filter(|limit| passed >= limit.bytes) {
            return Ok(limit.then);
        }
        if scan.is_done() {
            return Ok(Next::KeepOpen);
        }
        if from.buffer.is_empty() && from.fill().await? == 0 {
            // The end of one side is the end of the other, in order or not.
            return Ok(Next::Close);
        }
        let room = limit.map_or(u64::MAX, |limit| limit.bytes - passed);
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        let room = room.min(pace.map_or(usize::MAX, |pace| pace.piece.max(1)));
        let len = from.buffer.len().min(room);
        let taken = head_bytes + scan.take(&from.buffer[head_bytes..len], &mut data)?;
        head_bytes = 0;
        data.clear();
        if let Some(pace) = pace {
            tokio::time::sleep(pace.pause).await;
        }
        to.write_all(&from.buffer[..taken]).await?;
        to.flush().await?;
        from.buffer.drain(..taken);
        passed += taken as u64;
    }
}
