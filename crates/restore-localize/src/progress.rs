// SPDX-License-Identifier: Apache-2.0
//! How far a download is: a bar on a terminal, else a line every ten seconds.

use std::future::pending;
use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const LINE: Duration = Duration::from_secs(10);
const FRAME: Duration = Duration::from_millis(200);

/// Bytes of content, that are there and that there will be.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    total: AtomicU64,
    done: AtomicU64,
}

impl Progress {
    pub(crate) fn expect(&self, bytes: u64) {
        self.total.store(bytes, Ordering::Relaxed);
    }

    pub(crate) fn done(&self, bytes: u64) {
        self.done.fetch_add(bytes, Ordering::Relaxed);
    }

    fn read(&self) -> (u64, u64) {
        (self.total.load(Ordering::Relaxed), self.done.load(Ordering::Relaxed))
    }

    /// Shows it for as long as the future runs.
    pub(crate) async fn show<T>(&self, future: impl Future<Output = T>) -> T {
        let showing = async {
            if std::io::stderr().is_terminal() { self.bar().await } else { self.lines().await }
        };
        tokio::select! {
            result = future => result,
            () = showing => pending().await,
        }
    }

    async fn lines(&self) {
        loop {
            tokio::time::sleep(LINE).await;
            let (total, done) = self.read();
            tracing::info!(total, done, "downloading");
        }
    }

    async fn bar(&self) {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        if let Ok(style) =
            ProgressStyle::with_template("{wide_bar} {bytes}/{total_bytes} {bytes_per_sec}")
        {
            bar.set_style(style);
        }
        loop {
            tokio::time::sleep(FRAME).await;
            let (total, done) = self.read();
            bar.set_length(total);
            bar.set_position(done);
        }
    }
}
