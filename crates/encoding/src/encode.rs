// SPDX-License-Identifier: Apache-2.0
//! Content to stored bytes.

use std::io::{self, Write};

use age::stream::StreamWriter;
use snapshot::Encoding;
use zstd::stream::write::Encoder as Zstd;

use crate::keys::Recipients;

/// zstd's own default: fast, and Kubernetes objects shrink to a quarter.
const LEVEL: i32 = 3;

/// A writer that must be finished: what was not is cut off, and does not decode.
pub trait Encoder: Write + Send {
    /// Ends the stream.
    ///
    /// # Errors
    /// Those of the sink.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

struct Plain<W>(W);
struct Compressed(Zstd<'static, Layer>);
struct Sealed<W: Write>(StreamWriter<W>);
/// The layer below, which is finished after the one above it.
struct Layer(Box<dyn Encoder>);

/// Encodes in the order given: what is written comes out of the last one into `sink`.
///
/// # Errors
/// Those of the sink; `InvalidInput` if there is nobody to encrypt to.
pub fn encoder(
    encoding: &[Encoding],
    recipients: Option<&Recipients>,
    sink: impl Write + Send + 'static,
) -> io::Result<Box<dyn Encoder>> {
    let mut stack: Box<dyn Encoder> = Box::new(Plain(sink));
    for encoding in encoding.iter().rev() {
        stack = match encoding {
            Encoding::Zstd => {
                let mut zstd = Zstd::new(Layer(stack), LEVEL)?;
                zstd.include_checksum(true)?;
                Box::new(Compressed(zstd))
            }
            Encoding::Age => Box::new(Sealed(seal(recipients, Layer(stack))?)),
        };
    }
    Ok(stack)
}

fn seal(recipients: Option<&Recipients>, below: Layer) -> io::Result<StreamWriter<Layer>> {
    let nobody = || io::Error::new(io::ErrorKind::InvalidInput, "nobody to encrypt to");
    let recipients = recipients.ok_or_else(nobody)?;
    let encryptor = age::Encryptor::with_recipients(recipients.all());
    encryptor.map_err(io::Error::other)?.wrap_output(below)
}

impl<W: Write + Send> Encoder for Plain<W> {
    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.0.flush()
    }
}

impl Encoder for Compressed {
    fn finish(self: Box<Self>) -> io::Result<()> {
        self.0.finish()?.0.finish()
    }
}

impl Encoder for Sealed<Layer> {
    fn finish(self: Box<Self>) -> io::Result<()> {
        self.0.finish()?.0.finish()
    }
}

impl<W: Write> Write for Plain<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Write for Compressed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<W: Write> Write for Sealed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Write for Layer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
