// SPDX-License-Identifier: Apache-2.0
//! How far a run is: a bar on a terminal, else a line every ten seconds.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const LINE: Duration = Duration::from_secs(10);
const FRAME: Duration = Duration::from_millis(200);

/// Counters that the stages turn.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Bytes that the source is known to have; 0 while it is not.
    total: AtomicU64,
    /// Bytes taken from the source.
    taken: AtomicU64,
    /// Stored bytes handed to the store.
    uploaded: AtomicU64,
}

impl Progress {
    pub(crate) fn expect(&self, bytes: u64) {
        self.total.store(bytes, Ordering::Relaxed);
    }

    pub(crate) fn taken(&self, bytes: u64) {
        self.taken.store(bytes, Ordering::Relaxed);
    }

    pub(crate) fn uploaded(&self, bytes: u64) {
        self.uploaded.fetch_add(bytes, Ordering::Relaxed);
    }

    fn read(&self) -> (u64, u64, u64) {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (of(&self.total), of(&self.taken), of(&self.uploaded))
    }

    /// Shows the counters for as long as the future runs.
    pub(crate) async fn show<T>(self: Arc<Self>, future: impl Future<Output = T>) -> T {
        let showing = async {
            if std::io::stderr().is_terminal() { self.bar().await } else { self.lines().await }
        };
        tokio::select! {
            result = future => result,
            () = showing => unreachable_end().await,
        }
    }

    async fn lines(&self) {
        loop {
            tokio::time::sleep(LINE).await;
            let (total, taken, uploaded) = self.read();
            tracing::info!(total, taken, uploaded, "progress");
        }
    }

    async fn bar(&self) {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        let style =
            ProgressStyle::with_template("{wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {msg}");
        if let Ok(style) = style {
            bar.set_style(style);
        }
        loop {
            tokio::time::sleep(FRAME).await;
            let (total, taken, uploaded) = self.read();
            bar.set_length(total.max(taken));
            bar.set_position(taken);
            bar.set_message(format!("uploaded {}", indicatif::HumanBytes(uploaded)));
        }
    }
}

/// The displays never end by themselves.
async fn unreachable_end<T>() -> T {
    std::future::pending().await
}
