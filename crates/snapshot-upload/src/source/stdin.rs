// SPDX-License-Identifier: Apache-2.0
//! What another program pipes in. The end of a pipe proves nothing, so something else must.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::anyhow;
use bytes::Bytes;
use jiff::Timestamp;
use sidecar::{Exit, Failure};
use snapshot::{Source, SourceKind};
use tokio::io::AsyncReadExt as _;
use tokio::time::{Instant, sleep, timeout};

use crate::plan::{Expected, Plan};
use crate::progress::Progress;
use crate::proof;
use crate::source::Fed;
use crate::spool::{Spool, Writer};

const PIECE: usize = 256 * 1024;
/// Polling works on every volume; inotify is blind on network file systems.
const PERIOD: Duration = Duration::from_millis(50);

pub(crate) struct Stdin {
    exit_file: Option<PathBuf>,
    expected: Expected,
    stall: Duration,
    source: Source,
}

impl Stdin {
    pub(crate) fn new(exit_file: Option<PathBuf>, expected: Expected, plan: &Plan) -> Self {
        let source = Source {
            kind: SourceKind::Stdin,
            place: plan.place.clone(),
            endpoint: None,
            server_version: None,
            cluster_id: None,
            member_id: None,
        };
        Self { exit_file, expected, stall: plan.spool.stall, source }
    }

    pub(crate) async fn run(
        self,
        spool: &Spool,
        mut writer: Writer,
        progress: &Progress,
    ) -> anyhow::Result<Fed> {
        let mut stdin = tokio::io::stdin();
        loop {
            let mut piece = vec![0; PIECE];
            let read = timeout(self.stall, stdin.read(&mut piece)).await.map_err(|_| {
                let why = anyhow!("nothing came through the pipe for {:?}", self.stall);
                Failure::new(Exit::Temporary, why)
            })??;
            if read == 0 {
                break;
            }
            piece.truncate(read);
            writer.write(Bytes::from(piece)).await?;
            progress.taken(writer.bytes());
        }
        if let Some(file) = &self.exit_file {
            succeeded(file, self.stall).await?;
        }
        // Only now is the spool whole: an upload of what is not proven could otherwise be ready first.
        let received = writer.finish().await?;
        let content = received.sum();
        let facts = proof::judge(spool.file(), content, Some(received), self.expected).await?;
        Ok(Fed { source: self.source, content, facts, end: Timestamp::now() })
    }
}

/// Waits for the producer's exit code. Only 0 is a success.
async fn succeeded(file: &Path, limit: Duration) -> anyhow::Result<()> {
    let deadline = Instant::now() + limit;
    let shown = file.display();
    loop {
        // Written in one go it has a digit at least; an empty one is being written.
        let code = tokio::fs::read_to_string(file).await.unwrap_or_default();
        match code.trim() {
            "0" => return Ok(()),
            "" if Instant::now() < deadline => sleep(PERIOD).await,
            "" => {
                let why =
                    anyhow!("the producer did not write its exit code to {shown} within {limit:?}");
                return Err(Failure::new(Exit::Corrupt, why));
            }
            code => {
                let code: String = code.chars().take(20).collect();
                let why =
                    anyhow!("the producer failed with exit code {code}: nothing was committed");
                return Err(Failure::new(Exit::Corrupt, why));
            }
        }
    }
}
