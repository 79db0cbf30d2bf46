// SPDX-License-Identifier: Apache-2.0
//! One connection through the front: requests up, responses down, faults where they are due.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncWriteExt, ReadHalf, WriteHalf};

use crate::fault::{Fault, Lost};
use crate::leg::Leg;
use crate::rate::Rate;
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
struct Manner<'a> {
    /// Bytes of the head that wait in the buffer, so that they leave with the body.
    head_bytes: usize,
    limit: Option<Limit>,
    pace: Option<Pace>,
    line: Option<&'a Rate>,
}

impl Manner<'_> {
    /// How many bytes go at a time, of which `passed` went before.
    fn room(&self, passed: u64) -> usize {
        let left = self.limit.map_or(u64::MAX, |limit| limit.bytes - passed);
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        let pace = self.pace.map_or(usize::MAX, |pace| pace.piece.max(1));
        left.min(pace).min(self.line.map_or(usize::MAX, Rate::piece))
    }

    /// Waits until so many bytes may go.
    async fn wait(&self, bytes: usize) {
        if let Some(pace) = self.pace {
            tokio::time::sleep(pace.pause).await;
        }
        if let Some(line) = self.line {
            line.take(bytes).await;
        }
    }
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

/// Reads a body away, to its end.
pub(crate) async fn read_away(
    mut scan: BodyScan,
    from: &mut Wire<ReadHalf<Leg>>,
) -> io::Result<()> {
    let mut data = Vec::new();
    while !scan.is_done() {
        if from.buffer.is_empty() && from.fill().await? == 0 {
            let in_order = scan.ends_with_connection();
            return if in_order { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
        }
        let taken = scan.take(&from.buffer, &mut data)?;
        data.clear();
        from.buffer.drain(..taken);
    }
    Ok(())
}

/// Passes one request and its response; both may be on their way at once.
pub(crate) async fn pass(
    fault: Option<&Fault>,
    head: &Head,
    line: Option<&Rate>,
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
    let manner = Manner { limit, line, ..Manner::default() };
    let up = body(head.request_body(), &mut client.wire, &mut upstream.out, manner);
    let down = respond(fault, head, line, &mut upstream.wire, &mut client.out);
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
    line: Option<&Rate>,
    upstream: &mut Wire<ReadHalf<Leg>>,
    client: &mut WriteHalf<Leg>,
) -> io::Result<Next> {
    let Some(head) = final_head(upstream, client).await? else { return Ok(Next::Close) };
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
    let mut manner = Manner { head_bytes: 0, limit, pace, line };
    let together = !scan.is_done() && limit.is_none() && pace.is_none() && line.is_none();
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

/// The head of the answer proper; those before it are passed on.
async fn final_head(
    upstream: &mut Wire<ReadHalf<Leg>>,
    client: &mut WriteHalf<Leg>,
) -> io::Result<Option<Head>> {
    while let Some(head) = upstream.read_head(Head::parse_response).await? {
        if !head.is_informational() {
            return Ok(Some(head));
        }
        client.write_all(&head.bytes).await?;
        client.flush().await?;
    }
    Ok(None)
}

/// Passes one request and keeps its answer, once it is there in full, from the caller.
pub(crate) async fn lose(
    lost: Lost,
    head: &Head,
    line: Option<&Rate>,
    client: &mut Side,
    upstream: &mut Side,
) -> io::Result<Next> {
    upstream.out.write_all(&head.bytes).await?;
    upstream.out.flush().await?;
    let manner = Manner { line, ..Manner::default() };
    let up = body(head.request_body(), &mut client.wire, &mut upstream.out, manner);
    let down = async {
        if let Some(answer) = final_head(&mut upstream.wire, &mut client.out).await? {
            read_away(answer.response_body(&head.method), &mut upstream.wire).await?;
        }
        io::Result::Ok(())
    };
    let (sent, answered) = tokio::join!(up, down);
    sent?;
    answered?;
    match lost {
        Lost::Close => Ok(Next::Close),
        Lost::Reset => Ok(Next::Reset),
        Lost::Silence => std::future::pending().await,
    }
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
    manner: Manner<'_>,
) -> io::Result<Next> {
    let mut head_bytes = manner.head_bytes;
    let (mut data, mut passed) = (Vec::new(), 0);
    loop {
        if let Some(limit) = manner.limit.filter(|limit| passed >= limit.bytes) {
            return Ok(limit.then);
        }
        if scan.is_done() {
            return Ok(Next::KeepOpen);
        }
        if from.buffer.is_empty() && from.fill().await? == 0 {
            // The end of one side is the end of the other, in order or not.
            return Ok(Next::Close);
        }
        let room = manner.room(passed);
        let len = from.buffer.len().min(room);
        let taken = head_bytes + scan.take(&from.buffer[head_bytes..len], &mut data)?;
        head_bytes = 0;
        data.clear();
        manner.wait(taken).await;
        to.write_all(&from.buffer[..taken]).await?;
        to.flush().await?;
        from.buffer.drain(..taken);
        passed += taken as u64;
    }
}
