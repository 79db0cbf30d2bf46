// SPDX-License-Identifier: Apache-2.0
//! A caller's body on its way upstream, checked as it passes.
//!
//! A framed body must not complete upstream before its end is proven. Upstream completes when the
//! last announced byte arrives, so the newest slice is always held back until the frames have ended
//! exactly, the lengths agree and (where we check them) all signatures match. A body that fails
//! before is cut, and the store discards it.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame};
use hyper::body::Incoming;
use sigv4::{Event, FrameError, Reader, UnsignedWriter};
use tokio::sync::oneshot;

use super::resign::Resigner;
use super::{Activity, BoxError};
use crate::traffic::Traffic;

/// Why a body was cut.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// The caller's framing, length or chunk signature is wrong.
    Frame(FrameError),
    /// The caller's connection broke.
    Caller(String),
    /// The caller stopped sending.
    Silent,
}

/// Carries a fault past hyper, which hides the causes of body errors.
#[derive(Debug, Clone, Default)]
pub(crate) struct FaultSlot(Arc<Mutex<Option<Fault>>>);

impl FaultSlot {
    pub(crate) fn take(&self) -> Option<Fault> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn put(&self, fault: Fault) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault);
    }
}

/// Who watches a body go by.
#[derive(Clone)]
pub(crate) struct Watch {
    pub(crate) traffic: Arc<Traffic>,
    pub(crate) activity: Arc<Activity>,
    pub(crate) fault: FaultSlot,
}

/// What happens to each slice.
pub(crate) enum Stage {
    Plain,
    Verbatim(Reader),
    Decode(Reader),
    Reframe(Reader, UnsignedWriter),
    Resign(Reader, Resigner),
}

/// A body that hyper's client polls.
pub(crate) struct Pipeline {
    inbound: Option<Incoming>,
    stage: Stage,
    trailers: Vec<(String, Bytes)>,
    out: VecDeque<Bytes>,
    watch: Watch,
    give_back: Option<oneshot::Sender<Incoming>>,
}

impl Pipeline {
    /// The receiver gets the unread rest of the caller's body if the pipeline ends early.
    pub(crate) fn new(
        inbound: Incoming,
        stage: Stage,
        watch: Watch,
    ) -> (Self, oneshot::Receiver<Incoming>) {
        let (give_back, rest) = oneshot::channel();
        let pipeline = Self {
            inbound: Some(inbound),
            stage,
            trailers: Vec::new(),
            out: VecDeque::new(),
            watch,
            give_back: Some(give_back),
        };
        (pipeline, rest)
    }

    /// How many slices stay back while the end is not proven.
    fn held_back(&self) -> usize {
        match (&self.inbound, &self.stage) {
            (None, _) | (_, Stage::Plain) => 0,
            _ => 1,
        }
    }

    fn feed(&mut self, bytes: Bytes) -> Result<(), FrameError> {
        match &mut self.stage {
            Stage::Plain => self.watch.traffic.add_sent_payload(bytes.len()),
            Stage::Verbatim(reader)
            | Stage::Decode(reader)
            | Stage::Reframe(reader, _)
            | Stage::Resign(reader, _) => reader.push(bytes.clone()),
        }
        if matches!(self.stage, Stage::Plain | Stage::Verbatim(_)) {
            self.out.push_back(bytes);
        }
        self.drain_events()
    }

    fn drain_events(&mut self) -> Result<(), FrameError> {
        loop {
            let event = match &mut self.stage {
                Stage::Plain => return Ok(()),
                Stage::Verbatim(reader)
                | Stage::Decode(reader)
                | Stage::Reframe(reader, _)
                | Stage::Resign(reader, _) => reader.next()?,
            };
            match event {
                Some(event) => self.apply(event),
                None => return Ok(()),
            }
        }
    }

    fn apply(&mut self, event: Event) {
        if let Event::Data(data) = &event {
            self.watch.traffic.add_sent_payload(data.len());
        }
        match (&mut self.stage, event) {
            (Stage::Decode(_), Event::Data(data)) => self.out.push_back(data),
            (Stage::Reframe(_, writer), Event::Data(data)) => self.out.extend(writer.frame(data)),
            (Stage::Resign(_, resigner), Event::Data(data)) => resigner.data(data, &mut self.out),
            (Stage::Resign(_, resigner), Event::ChunkEnd { digest, size }) => {
                resigner.chunk_end(size, digest, &mut self.out);
            }
            (_, Event::Trailer(name, value)) => self.trailers.push((name, value)),
            _ => {}
        }
    }

    /// The caller's bytes have ended: proves the end, then lets go of what was held back.
    fn finish(&mut self) -> Result<(), FrameError> {
        let trailers = std::mem::take(&mut self.trailers);
        match &mut self.stage {
            Stage::Plain => {}
            Stage::Verbatim(reader) | Stage::Decode(reader) => {
                reader.finish()?;
            }
            Stage::Reframe(reader, writer) => {
                reader.finish()?;
                self.out.push_back(writer.finish(&trailers));
            }
            Stage::Resign(reader, resigner) => {
                reader.finish()?;
                resigner.finish(&trailers, &mut self.out);
            }
        }
        Ok(())
    }

    fn cut(&mut self, fault: Fault) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let text = match &fault {
            Fault::Frame(error) => error.to_string(),
            Fault::Caller(text) => text.clone(),
            Fault::Silent => "the caller fell silent".to_owned(),
        };
        self.watch.fault.put(fault);
        Poll::Ready(Some(Err(text.into())))
    }

    fn step(&mut self, frame: Option<Result<Frame<Bytes>, hyper::Error>>) -> Result<(), Fault> {
        self.watch.activity.touch();
        match frame {
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => self.feed(data).map_err(Fault::Frame),
                Err(_trailers) => Ok(()),
            },
            Some(Err(error)) => Err(Fault::Caller(format!("the caller's body broke off: {error}"))),
            None => {
                self.inbound = None;
                self.finish().map_err(Fault::Frame)
            }
        }
    }
}

impl Body for Pipeline {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        loop {
            if self.out.len() > self.held_back()
                && let Some(bytes) = self.out.pop_front()
            {
                self.watch.activity.touch();
                self.watch.traffic.add_sent_raw(bytes.len());
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            let Some(inbound) = self.inbound.as_mut() else {
                return Poll::Ready(None);
            };
            let Poll::Ready(frame) = Pin::new(inbound).poll_frame(cx) else {
                self.watch.activity.await_caller();
                return Poll::Pending;
            };
            if let Err(fault) = self.step(frame) {
                return self.cut(fault);
            }
        }
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        if let (Some(inbound), Some(sender)) = (self.inbound.take(), self.give_back.take()) {
            // Nobody waits for the rest: then it is dropped here, and the connection closes.
            let _ = sender.send(inbound);
        }
    }
}
