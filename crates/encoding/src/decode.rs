// SPDX-License-Identifier: Apache-2.0
//! Stored bytes to content.

use std::io::{self, BufRead as _, BufReader, Read};

use snapshot::Encoding;
use zstd::stream::read::Decoder as Zstd;

use crate::keys::Identities;

/// 128 MiB: what a frame may ask of memory. Ours ask for 2 MiB.
const WINDOW_LOG: u32 = 27;

/// Decodes what was encoded in the order given. Reading to the end proves it whole: a cut stream, and
/// bytes behind its end, are errors.
///
/// # Errors
/// Those of the source; `InvalidInput` without an identity for sealed content; `InvalidData` where none
/// of the identities fits.
pub fn decoder<'a>(
    encoding: &[Encoding],
    identities: Option<&Identities>,
    source: impl Read + 'a,
) -> io::Result<Box<dyn Read + 'a>> {
    let mut stack: Box<dyn Read + 'a> = Box::new(source);
    for encoding in encoding.iter().rev() {
        stack = match encoding {
            Encoding::Zstd => {
                let mut zstd = Zstd::new(stack)?.single_frame();
                zstd.window_log_max(WINDOW_LOG)?;
                Box::new(OneFrame(Some(zstd)))
            }
            Encoding::Age => unseal(identities, stack)?,
        };
    }
    Ok(stack)
}

fn unseal<'a>(
    identities: Option<&Identities>,
    source: Box<dyn Read + 'a>,
) -> io::Result<Box<dyn Read + 'a>> {
    let error = |kind, text: &str| io::Error::new(kind, text.to_owned());
    let identities = identities.ok_or_else(|| {
        error(io::ErrorKind::InvalidInput, "it is encrypted: give --identity-file")
    })?;
    let failed = |why: age::DecryptError| match why {
        age::DecryptError::Io(why) => why,
        age::DecryptError::NoMatchingKeys => error(
            io::ErrorKind::InvalidInput,
            "it is encrypted to others: none of the identities can read it",
        ),
        why => io::Error::new(io::ErrorKind::InvalidData, why.to_string()),
    };
    let decryptor = age::Decryptor::new(source).map_err(failed)?;
    Ok(Box::new(decryptor.decrypt(identities.all()).map_err(failed)?))
}

/// A frame with nothing behind it. The library stops at its end and looks no further.
struct OneFrame<'a, R: Read>(Option<Zstd<'a, BufReader<R>>>);

impl<R: Read> Read for OneFrame<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(zstd) = &mut self.0 else { return Ok(0) };
        let read = zstd.read(buffer)?;
        if read > 0 || buffer.is_empty() {
            return Ok(read);
        }
        let mut below = self.0.take().map(Zstd::finish);
        match below.as_mut().map(|below| below.fill_buf().map(<[u8]>::is_empty)).transpose()? {
            Some(false) => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "bytes lie behind the end of the compressed content",
            )),
            _ => Ok(0),
        }
    }
}
