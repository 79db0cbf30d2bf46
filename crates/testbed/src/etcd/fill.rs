// SPDX-License-Identifier: Apache-2.0
//! Many keys in little time: transactions of a hundred puts, a few at a time.

use std::sync::atomic::Ordering;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::Etcd;

/// etcd takes 128 operations in a transaction.
const PUTS: usize = 100;
/// etcd takes requests of 1.5 MiB.
const BYTES: usize = 1024 * 1024;
/// What an operation costs beside its value.
const OVERHEAD: usize = 64;
/// How many transactions are on their way at once.
const AT_ONCE: usize = 4;

impl Etcd {
    /// The key that [`Etcd::put_many`] gives this number.
    pub fn key(number: usize) -> String {
        format!("key-{number:08}")
    }

    /// Puts the keys of the first `count` numbers, each with its own random value of letters,
    /// digits, `-` and `_`. A second call puts them again, with other values.
    pub async fn put_many(&self, count: usize, value_bytes: usize) -> anyhow::Result<()> {
        let round = self.rounds.fetch_add(1, Ordering::Relaxed);
        let at_once = (BYTES / (value_bytes + OVERHEAD)).clamp(1, PUTS);
        let voters = self.voters();
        let put = |first: usize| {
            let numbers = first..(first + at_once).min(count);
            let text = transaction(numbers, value_bytes, round);
            let voters = &voters;
            async move { self.ctl_with(voters, None, &["txn"], Some(&text)).await.map(drop) }
        };
        stream::iter((0..count).step_by(at_once))
            .map(put)
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await
    }
}

/// No comparison, the puts as what follows success, nothing as what follows failure.
fn transaction(numbers: std::ops::Range<usize>, value_bytes: usize, round: u64) -> String {
    let mut text = "\n".to_owned();
    for number in numbers {
        let value = value((round << 32) ^ number as u64, value_bytes);
        text.push_str(&format!("put {} {value}\n", Etcd::key(number)));
    }
    text.push_str("\n\n");
    text
}

/// Made in bulk, which counts where there are a million of them.
fn value(seed: u64, bytes: usize) -> String {
    let mut random = vec![0; bytes / 4 * 3 + 3];
    fastrand::Rng::with_seed(seed).fill(&mut random);
    let mut value = URL_SAFE_NO_PAD.encode(random);
    value.truncate(bytes.max(1));
    // A word that starts so would be a flag.
    if value.starts_with('-') {
        value.replace_range(..1, "_");
    }
    value
}
