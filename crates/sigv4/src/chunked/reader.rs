// SPDX-License-Identifier: Apache-2.0
//! Reads frames: bounded, without copying data, strict about the end.
//!
//! Data comes out before its chunk's signature is known; the error comes at the chunk's end. So a
//! caller must hold back what would complete the body until [`Reader::finish`] has returned.

use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256, digest};
use bytes::Bytes;

use super::chain::Chain;
use super::frame_error::FrameError;
use super::line::{Input, LineEnd};
use crate::key::SigningKey;
use crate::sign::Seed;

const SIGNATURE_FIELD: &[u8] = b"chunk-signature=";
const TRAILER_SIGNATURE: &str = "x-amz-trailer-signature";

/// The form of the frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// `STREAMING-AWS4-HMAC-SHA256-PAYLOAD`.
    Signed,
    /// `STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER`.
    SignedTrailer,
    /// `STREAMING-UNSIGNED-PAYLOAD-TRAILER`.
    UnsignedTrailer,
}

/// Whether signatures are checked. Framing and lengths always are.
pub enum Check {
    /// No SHA-256 is spent.
    Skip,
    /// Each chunk against the chain that begins with the request's signature.
    Verify {
        /// The key of the request's signature.
        key: Arc<SigningKey>,
        /// The request's signature.
        seed: Seed,
    },
}

/// Bounds against hostile frames.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The largest chunk in bytes.
    pub max_chunk: u64,
    /// The longest line in bytes, without its end.
    pub max_line: usize,
    /// All trailer lines together, in bytes.
    pub max_trailer_bytes: usize,
}

/// What the frames hold, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A slice of a chunk's data.
    Data(Bytes),
    /// A chunk ended; its signature matched, where signatures are checked.
    ChunkEnd {
        /// The chunk's bytes.
        size: u64,
        /// Its SHA-256, where it was computed.
        digest: Option<[u8; 32]>,
    },
    /// A trailer line: name in lower case, value trimmed.
    Trailer(String, Bytes),
}

/// Where the reader is.
enum State {
    Head,
    Data {
        size: u64,
        left: u64,
        signature: Vec<u8>,
    },
    DataEnd {
        size: u64,
        signature: Vec<u8>,
        seen_cr: bool,
    },
    /// Behind the last chunk of a form without a trailer: one empty line.
    Ending,
    Trailers(Trailers),
    Done,
    /// What failed once stays failed: no later byte can make such a body complete.
    Failed(FrameError),
}

#[derive(Default)]
struct Trailers {
    lines: Vec<(String, Bytes)>,
    bytes: usize,
    /// A line ended by LF alone is followed by an empty line that separates (minio-go's habit).
    separator_due: bool,
    may_end: bool,
    is_signed: bool,
}

/// The reader. Push bytes, then take events until there are none.
pub struct Reader {
    framing: Framing,
    limits: Limits,
    declared: Option<u64>,
    seen: u64,
    chain: Option<Chain>,
    hash: Option<Context>,
    input: Input,
    state: State,
}

impl Reader {
    /// `declared` is the decoded length that the request announced, in bytes.
    #[must_use]
    pub fn new(framing: Framing, limits: Limits, declared: Option<u64>, check: Check) -> Self {
        let chain = match check {
            Check::Skip => None,
            Check::Verify { key, seed } => Some(Chain::new(key, seed)),
        };
        let (hash, input, state) = (None, Input::default(), State::Head);
        Self { framing, limits, declared, seen: 0, chain, hash, input, state }
    }

    /// Takes the next bytes of the body.
    pub fn push(&mut self, bytes: Bytes) {
        self.input.push(bytes);
    }

    /// The next event; `None` asks for more bytes.
    ///
    /// # Errors
    /// [`FrameError`] for anything that the form does not allow, and again at every later call.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator ends at None, this asks for more"
    )]
    pub fn next(&mut self) -> Result<Option<Event>, FrameError> {
        loop {
            match self.step() {
                Ok(Step::Emit(event)) => return Ok(Some(event)),
                Ok(Step::Starved) => return Ok(None),
                Ok(Step::On) => {}
                Err(error) => {
                    self.state = State::Failed(error.clone());
                    return Err(error);
                }
            }
        }
    }

    fn step(&mut self) -> Result<Step, FrameError> {
        match &mut self.state {
            State::Head => self.head(),
            State::Data { .. } => Ok(self.data()),
            State::DataEnd { .. } => self.data_end(),
            State::Ending => self.ending(),
            State::Trailers(_) => self.trailers(),
            State::Done => self.done(),
            State::Failed(error) => Err(error.clone()),
        }
    }

    /// The body's bytes have ended: proves that the frames have, too.
    ///
    /// # Errors
    /// [`FrameError::Truncated`] if they have not.
    pub fn finish(&mut self) -> Result<(), FrameError> {
        while self.next()?.is_some() {}
        let ended = match &self.state {
            State::Done => true,
            State::Trailers(trailers) => trailers.may_end && self.is_trailer_complete(trailers),
            _ => false,
        };
        if ended && self.input.is_empty() { Ok(()) } else { Err(FrameError::Truncated) }
    }

    fn head(&mut self) -> Result<Step, FrameError> {
        let Some((line, end)) = self.input.line(self.limits.max_line)? else {
            return Ok(Step::Starved);
        };
        if end != LineEnd::CrLf {
            return Err(FrameError::BadLineEnd);
        }
        let (size, signature) = self.parse_head(&line)?;
        let seen = self.seen.saturating_add(size);
        if size > self.limits.max_chunk {
            return Err(FrameError::ChunkTooLarge { size, limit: self.limits.max_chunk });
        }
        if let Some(declared) = self.declared
            && (seen > declared || (size == 0 && seen != declared))
        {
            return Err(FrameError::LengthMismatch { declared, seen });
        }
        self.seen = seen;
        self.hash = self.chain.is_some().then(|| Context::new(&SHA256));
        if size > 0 {
            self.state = State::Data { size, left: size, signature };
            return Ok(Step::On);
        }
        self.check_chunk(digest(&SHA256, b"").as_ref(), &signature)?;
        self.state = match self.framing {
            Framing::Signed => State::Ending,
            Framing::SignedTrailer | Framing::UnsignedTrailer => {
                State::Trailers(Trailers::default())
            }
        };
        Ok(Step::On)
    }

    /// `SIZE` or `SIZE;chunk-signature=HEX`.
    fn parse_head(&self, line: &[u8]) -> Result<(u64, Vec<u8>), FrameError> {
        let at = line.iter().position(|byte| *byte == b';');
        let (size, rest) = at.map_or((line, None), |at| (&line[..at], Some(&line[at + 1..])));
        if size.is_empty() || size.len() > 16 || !size.iter().all(u8::is_ascii_hexdigit) {
            return Err(FrameError::BadSize);
        }
        let text = std::str::from_utf8(size).map_err(|_| FrameError::BadSize)?;
        let size = u64::from_str_radix(text, 16).map_err(|_| FrameError::BadSize)?;
        match (self.framing, rest) {
            (Framing::UnsignedTrailer, None) => Ok((size, Vec::new())),
            (Framing::UnsignedTrailer, Some(_)) => Err(FrameError::UnexpectedExtension),
            (_, rest) => {
                let signature = rest.and_then(|rest| rest.strip_prefix(SIGNATURE_FIELD));
                signature
                    .filter(|hex| is_signature(hex))
                    .map(|hex| (size, hex.to_vec()))
                    .ok_or(FrameError::BadSignatureField)
            }
        }
    }

    fn data(&mut self) -> Step {
        let State::Data { size, left, signature } = &mut self.state else {
            return Step::Starved;
        };
        let Some(data) = self.input.take(*left) else {
            return Step::Starved;
        };
        *left -= data.len() as u64;
        if let Some(hash) = &mut self.hash {
            hash.update(&data);
        }
        if *left == 0 {
            let signature = std::mem::take(signature);
            self.state = State::DataEnd { size: *size, signature, seen_cr: false };
        }
        Step::Emit(Event::Data(data))
    }

    fn data_end(&mut self) -> Result<Step, FrameError> {
        let State::DataEnd { size, signature, seen_cr } = &mut self.state else {
            return Ok(Step::Starved);
        };
        let Some(byte) = self.input.take(1) else {
            return Ok(Step::Starved);
        };
        match (byte.first(), *seen_cr) {
            (Some(b'\r'), false) => {
                *seen_cr = true;
                return Ok(Step::On);
            }
            (Some(b'\n'), true) => {}
            _ => return Err(FrameError::BadLineEnd),
        }
        let (size, signature) = (*size, std::mem::take(signature));
        let digest = self.hash.take().map(|hash| hash.finish());
        if let Some(digest) = &digest {
            self.check_chunk(digest.as_ref(), &signature)?;
        }
        self.state = State::Head;
        let digest = digest.and_then(|digest| digest.as_ref().try_into().ok());
        Ok(Step::Emit(Event::ChunkEnd { size, digest }))
    }

    fn check_chunk(&mut self, digest: &[u8], presented: &[u8]) -> Result<(), FrameError> {
        match &mut self.chain {
            Some(chain) if self.framing != Framing::UnsignedTrailer => {
                let matches = chain.chunk(digest).matches(presented);
                if matches { Ok(()) } else { Err(FrameError::SignatureMismatch) }
            }
            _ => Ok(()),
        }
    }

    fn ending(&mut self) -> Result<Step, FrameError> {
        let Some((line, end)) = self.input.line(2)? else {
            return Ok(Step::Starved);
        };
        if !line.is_empty() || end != LineEnd::CrLf {
            return Err(FrameError::BadLineEnd);
        }
        self.state = State::Done;
        Ok(Step::On)
    }

    fn trailers(&mut self) -> Result<Step, FrameError> {
        let Some((line, end)) = self.input.line(self.limits.max_line)? else {
            return Ok(Step::Starved);
        };
        let State::Trailers(trailers) = &mut self.state else {
            return Ok(Step::Starved);
        };
        trailers.bytes += line.len() + 2;
        if trailers.bytes > self.limits.max_trailer_bytes {
            return Err(FrameError::BadTrailer("it is too long"));
        }
        if line.is_empty() {
            return self.empty_line();
        }
        if trailers.is_signed {
            return Err(FrameError::BadTrailer("a line follows its signature"));
        }
        trailers.separator_due = end == LineEnd::Lf;
        trailers.may_end = false;
        let (name, value) = parse_trailer(&line)?;
        if name == TRAILER_SIGNATURE && self.framing == Framing::SignedTrailer {
            return self.trailer_signature(&value);
        }
        trailers.lines.push((name.clone(), value.clone()));
        Ok(Step::Emit(Event::Trailer(name, value)))
    }

    fn empty_line(&mut self) -> Result<Step, FrameError> {
        let State::Trailers(trailers) = &mut self.state else {
            return Ok(Step::Starved);
        };
        if std::mem::take(&mut trailers.separator_due) {
            trailers.may_end = true;
            return Ok(Step::On);
        }
        let complete = self.framing == Framing::UnsignedTrailer || trailers.is_signed;
        if !complete {
            return Err(FrameError::BadTrailer("its signature is missing"));
        }
        self.state = State::Done;
        Ok(Step::On)
    }

    fn trailer_signature(&mut self, presented: &[u8]) -> Result<Step, FrameError> {
        let State::Trailers(trailers) = &mut self.state else {
            return Ok(Step::Starved);
        };
        if !is_signature(presented) {
            return Err(FrameError::BadTrailer("its signature is not 64 hex digits"));
        }
        if let Some(chain) = &mut self.chain
            && !chain.trailer(&trailers.lines).matches(presented)
        {
            return Err(FrameError::TrailerSignatureMismatch);
        }
        trailers.is_signed = true;
        Ok(Step::On)
    }

    fn is_trailer_complete(&self, trailers: &Trailers) -> bool {
        self.framing == Framing::UnsignedTrailer || trailers.is_signed
    }

    fn done(&mut self) -> Result<Step, FrameError> {
        if self.input.is_empty() { Ok(Step::Starved) } else { Err(FrameError::BytesAfterEnd) }
    }
}

enum Step {
    Emit(Event),
    Starved,
    On,
}

fn is_signature(hex: &[u8]) -> bool {
    hex.len() == 64 && hex.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn parse_trailer(line: &[u8]) -> Result<(String, Bytes), FrameError> {
    let at = line
        .iter()
        .position(|byte| *byte == b':')
        .ok_or(FrameError::BadTrailer("a line has no colon"))?;
    let name = line[..at].trim_ascii();
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-' || *byte == b'_';
    if name.is_empty() || !name.iter().all(is_token) {
        return Err(FrameError::BadTrailer(
            "a name has other characters than letters, digits, - and _",
        ));
    }
    let value = line[at + 1..].trim_ascii();
    if value.iter().any(|byte| byte.is_ascii_control()) {
        return Err(FrameError::BadTrailer("a value has control characters"));
    }
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    Ok((name, Bytes::copy_from_slice(value)))
}
