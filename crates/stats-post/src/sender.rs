// SPDX-License-Identifier: Apache-2.0
//! Whoever takes letters: any server over HTTP, or the control plane through its client.

use crate::about::Key;
use crate::answer::{Answer, of_call};
use crate::http::Http;
use crate::target::Letter;

/// The ways out of this process.
#[derive(Debug)]
pub(crate) struct Sender {
    pub(crate) http: Http,
    /// There where a form is the control plane's.
    pub(crate) canopy: Option<canopy::Client>,
}

impl Sender {
    /// Sends once, and says what became of it. Progress has no key: each sample is another one.
    pub(crate) async fn send(&self, letter: &Letter, key: Option<&Key>) -> Answer {
        if let Letter::Http(url, body) = letter {
            return self.http.post(url, body.clone(), key).await;
        }
        let Some(client) = &self.canopy else {
            return Answer::Refused("no control plane is configured".to_owned());
        };
        // The client's own key is the run id, which is what the control plane tells reports apart by.
        of_call(match letter {
            Letter::Progress(progress) => client.backup_progress(progress).await,
            Letter::Backup(report) => client.backup_report(report).await,
            Letter::Verification(report) => client.restore_verification(report).await,
            Letter::Http(..) => Ok(()),
        })
    }
}
