// SPDX-License-Identifier: Apache-2.0
//! Where content goes, and who digests it on the way.

use std::io::{self, Write};

use snapshot::{Bytes as Sum, Summing};

/// Takes content in order, and sums it up: what is digested anyhow for a proof of its own kind is not
/// digested twice.
pub trait Sink: Send + 'static {
    /// What it knows at the end.
    type Report: Send + 'static;

    /// Takes the next bytes.
    ///
    /// # Errors
    /// Those of the disk.
    fn take(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// After the last byte: size and digest of all of them.
    ///
    /// # Errors
    /// Those of the disk.
    fn finish(self) -> io::Result<(Sum, Self::Report)>;
}

/// A writer, with a digest.
pub(crate) struct Plain<W> {
    writer: W,
    sum: Summing,
}

impl<W> Plain<W> {
    pub(crate) fn new(writer: W) -> Self {
        Self { writer, sum: Summing::default() }
    }
}

impl<W: Write + Send + 'static> Sink for Plain<W> {
    type Report = ();

    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.sum.update(bytes);
        self.writer.write_all(bytes)
    }

    fn finish(mut self) -> io::Result<(Sum, ())> {
        self.writer.flush()?;
        Ok((self.sum.finish(), ()))
    }
}
