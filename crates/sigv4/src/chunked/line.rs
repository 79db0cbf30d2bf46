// SPDX-License-Identifier: Apache-2.0
//! Lines out of slices: data is never scanned or copied, only the short lines between it.

use std::collections::VecDeque;

use bytes::Bytes;

use super::frame_error::FrameError;

/// How a line ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineEnd {
    CrLf,
    Lf,
}

/// Bytes that came and were not yet understood.
#[derive(Debug, Default)]
pub(crate) struct Input {
    slices: VecDeque<Bytes>,
    line: Vec<u8>,
}

impl Input {
    pub(crate) fn push(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.slices.push_back(bytes);
        }
    }

    /// True when every byte was taken and no line is half read.
    pub(crate) fn is_empty(&self) -> bool {
        self.slices.is_empty() && self.line.is_empty()
    }

    /// Up to `most` bytes of the first slice.
    pub(crate) fn take(&mut self, most: u64) -> Option<Bytes> {
        let first = self.slices.front_mut()?;
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(first.len());
        let taken = first.split_to(most);
        if first.is_empty() {
            self.slices.pop_front();
        }
        Some(taken)
    }

    /// The next line without its end; `None` until it is complete. How the bytes were cut into slices
    /// makes no difference.
    pub(crate) fn line(&mut self, most: usize) -> Result<Option<(Vec<u8>, LineEnd)>, FrameError> {
        while let Some(first) = self.slices.front_mut() {
            let room = (most + 2).saturating_sub(self.line.len());
            let end = first.iter().take(room).position(|byte| *byte == b'\n');
            let taken = first.split_to(end.map_or(first.len().min(room), |end| end + 1));
            if first.is_empty() {
                self.slices.pop_front();
            }
            self.line.extend_from_slice(&taken);
            let text = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
            if text.strip_suffix(b"\r").unwrap_or(text).len() > most {
                return Err(FrameError::LineTooLong(most));
            }
            if end.is_some() {
                return Ok(Some(self.finish_line()));
            }
        }
        Ok(None)
    }

    fn finish_line(&mut self) -> (Vec<u8>, LineEnd) {
        let mut line = std::mem::take(&mut self.line);
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
            return (line, LineEnd::CrLf);
        }
        (line, LineEnd::Lf)
    }
}
