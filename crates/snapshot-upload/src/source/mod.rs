// SPDX-License-Identifier: Apache-2.0
//! Sources: each fills a spool and proves what it gave.

mod compare;
mod etcd;
mod file;
mod members;
mod stdin;

use std::sync::Arc;

use jiff::Timestamp;
use snapshot::{Bytes as Sum, Facts, Source};

use crate::plan::{Plan, SourcePlan};
use crate::progress::Progress;
use crate::spool::{Spool, Writer};

/// A source that is ready to give.
pub(crate) struct Opened {
    /// What the upload follows.
    pub(crate) spool: Spool,
    /// No more bytes than this will come.
    pub(crate) limit: u64,
    /// What fills the spool.
    pub(crate) feed: Feed,
}

/// All was given, and proven.
#[derive(Debug)]
pub(crate) struct Fed {
    pub(crate) source: Source,
    pub(crate) content: Sum,
    pub(crate) facts: Facts,
    pub(crate) end: Timestamp,
}

/// What fills the spool.
pub(crate) enum Feed {
    Etcd(Box<etcd::Etcd>, Writer),
    File(file::FileSource),
    Stdin(stdin::Stdin, Writer),
}

/// Opens the source of a plan.
///
/// # Errors
/// Those of the source, with the exit code they deserve.
pub(crate) async fn open(plan: &Plan) -> anyhow::Result<Opened> {
    match &plan.source {
        SourcePlan::Etcd(etcd) => {
            let etcd = etcd::open(etcd, plan).await?;
            let (spool, writer) = Spool::create(&plan.spool)?;
            let limit = writer.limit();
            Ok(Opened { spool, limit, feed: Feed::Etcd(Box::new(etcd), writer) })
        }
        SourcePlan::File { path, expected } => file::open(path, *expected, plan),
        SourcePlan::Stdin { producer_exit_file, expected } => {
            let (spool, writer) = Spool::create(&plan.spool)?;
            let stdin = stdin::Stdin::new(producer_exit_file.clone(), *expected, plan);
            Ok(Opened { spool, limit: writer.limit(), feed: Feed::Stdin(stdin, writer) })
        }
        SourcePlan::Adopt { .. } => anyhow::bail!("an object to adopt is no stream"),
    }
}

impl Feed {
    /// Fills the spool to the source's end, and proves what came.
    ///
    /// # Errors
    /// Those of the source; the spool is broken then.
    pub(crate) async fn run(self, spool: &Spool, progress: Arc<Progress>) -> anyhow::Result<Fed> {
        match self {
            Self::Etcd(etcd, writer) => etcd.run(spool, writer, &progress).await,
            Self::File(file) => file.run(spool, &progress).await,
            Self::Stdin(stdin, writer) => stdin.run(spool, writer, &progress).await,
        }
    }
}
