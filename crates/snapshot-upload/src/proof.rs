// SPDX-License-Identifier: Apache-2.0
//! Is the content what it must be? It is looked at itself, not at what was said of it.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use anyhow::anyhow;
use sidecar::{Exit, Failure};
use snapshot::{Bytes as Sum, EtcdFacts, Facts};

use crate::plan::{Content, Expected};
use crate::received::Received;

/// Where bolt's mark stands: behind the header of the first page.
const MARK_AT: u64 = 16;
const MARK: [u8; 4] = 0xED0C_DAED_u32.to_le_bytes();

/// Judges whole content of a kind that was asked for. Without what was seen of it on its way, an etcd
/// snapshot's trailer costs one more reading.
///
/// # Errors
/// [`Exit::Corrupt`].
pub(crate) async fn judge(
    file: Arc<File>,
    sum: Sum,
    received: Option<Received>,
    expected: Expected,
) -> anyhow::Result<Facts> {
    if let Some(wanted) = expected.sha256
        && wanted != sum.sha256
    {
        let why = anyhow!("its digest is {}, --sha256 says {wanted}", sum.sha256);
        return Err(Failure::new(Exit::Corrupt, why));
    }
    let is_etcd = match expected.content {
        Content::Etcd => true,
        Content::Plain => false,
        Content::Auto => looks_like_etcd(&file),
    };
    match is_etcd {
        true => Ok(Facts { etcd: Some(etcd(file, received).await?) }),
        false => Ok(Facts::default()),
    }
}

fn looks_like_etcd(file: &File) -> bool {
    let mut mark = [0; 4];
    file.read_exact_at(&mut mark, MARK_AT).is_ok() && mark == MARK
}

/// Reads a whole etcd snapshot: its trailer, its structure, its facts.
///
/// # Errors
/// [`Exit::Corrupt`].
pub(crate) async fn etcd(file: Arc<File>, received: Option<Received>) -> anyhow::Result<EtcdFacts> {
    let read = tokio::task::spawn_blocking(move || {
        match received {
            Some(received) => received.sealed()?,
            None => etcd_image::verify_trailer(&*file)?,
        };
        etcd_image::describe(&*file, &etcd_image::Options::default())
    });
    let facts = read.await?;
    facts.map(|facts| EtcdFacts::from(&facts)).map_err(|error| {
        let exit = match error {
            etcd_image::Error::Io(_) => Exit::Temporary,
            _ => Exit::Corrupt,
        };
        Failure::new(exit, anyhow!("the etcd snapshot is not good: {error}"))
    })
}
