// SPDX-License-Identifier: Apache-2.0
//! Just enough of protobuf: the fields of a message that may be larger than memory.

use std::ops::Range;

use crate::entry::Value;
use crate::error::Error;

/// More fields than a message of etcd's has.
const MOST: usize = 64;
const LONGEST_VARINT: usize = 10;

/// What a field holds.
pub(crate) enum Content {
    Number(u64),
    /// Where its bytes lie in the message.
    Bytes(Range<u64>),
}

/// Hands each field's number and content to `field`. False if this is no message.
pub(crate) fn fields(
    message: &Value<'_>,
    mut field: impl FnMut(u64, Content),
) -> Result<bool, Error> {
    let mut at = 0;
    for _ in 0..MOST {
        if at == message.len {
            return Ok(true);
        }
        let Some(tag) = varint(message, &mut at)? else { return Ok(false) };
        let Some(content) = content(message, tag & 7, &mut at)? else { return Ok(false) };
        if tag >> 3 == 0 {
            return Ok(false);
        }
        field(tag >> 3, content);
    }
    Ok(at == message.len)
}

fn content(message: &Value<'_>, kind: u64, at: &mut u64) -> Result<Option<Content>, Error> {
    let len = match kind {
        0 => return Ok(varint(message, at)?.map(Content::Number)),
        1 => 8,
        2 => match varint(message, at)? {
            Some(len) => len,
            None => return Ok(None),
        },
        5 => 4,
        _ => return Ok(None),
    };
    let from = *at;
    let Some(end) = from.checked_add(len).filter(|end| *end <= message.len) else {
        return Ok(None);
    };
    *at = end;
    Ok(Some(Content::Bytes(from..end)))
}

fn varint(message: &Value<'_>, at: &mut u64) -> Result<Option<u64>, Error> {
    let mut bytes = [0; LONGEST_VARINT];
    let count = message.peek(*at, &mut bytes)?;
    let mut number = 0;
    for (index, byte) in bytes[..count].iter().enumerate() {
        number |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            *at += index as u64 + 1;
            return Ok(Some(number));
        }
    }
    Ok(None)
}
