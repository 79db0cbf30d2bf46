// SPDX-License-Identifier: Apache-2.0
//! Where a report goes, and what it says there: one body for each form.

use canopy::wire::{BackupProgress, BackupReport, Purpose, RestoreVerification};
use reqwest::Url;
use serde::Serialize;
use serde_json::json;

use crate::address;
use crate::canopy_form::{self, Restore};
use crate::report::{Final, Report};
use crate::tallies::All;

/// Where the final report goes.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    Stats(Url),
    /// The last sample is the report.
    Sample(Url, String),
    Json(Url),
    Backup {
        type_: String,
        purpose: Purpose,
    },
    Verification {
        type_: String,
        restore: Restore,
    },
}

/// Where progress goes.
#[derive(Debug, Clone)]
pub(crate) enum ProgressTarget {
    Operator(Url, String),
    Json(Url),
    ControlPlane { type_: String, purpose: Purpose },
}

/// A report in the form of its server.
#[derive(Debug)]
pub(crate) enum Letter {
    Http(Url, Vec<u8>),
    Progress(Box<BackupProgress>),
    Backup(Box<BackupReport>),
    Verification(Box<RestoreVerification>),
}

/// Why there is nothing to post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Lack {
    #[error(
        "no file of tallies held all four counters, and 0 would be a claim: nothing is reported"
    )]
    Measure,
    #[error(
        "the outcome that is reported never came, so how the run ended is unknown: nothing is reported"
    )]
    Outcome,
}

impl Target {
    /// The report for this server. It is the same each time, for the same key goes with it.
    ///
    /// # Errors
    /// What it cannot say without claiming something.
    pub(crate) fn letter(&self, all: &Final) -> Result<Letter, Lack> {
        let report = &all.report;
        match self {
            Self::Stats(url) => {
                let tallies = report.tallies.all().ok_or(Lack::Measure)?;
                Ok(Letter::Http(url.clone(), text(&tallies)))
            }
            Self::Sample(url, type_) => {
                Ok(Letter::Http(url.clone(), sample(report, type_).ok_or(Lack::Measure)?))
            }
            Self::Json(url) => Ok(Letter::Http(url.clone(), text(report))),
            Self::Backup { type_, purpose } => {
                let ended = all.executor.as_ref().ok_or(Lack::Outcome)?;
                let report = canopy_form::backup(all, ended, type_, *purpose);
                Ok(Letter::Backup(Box::new(report)))
            }
            Self::Verification { type_, restore } => {
                let ended = all.executor.as_ref().ok_or(Lack::Outcome)?;
                let report = canopy_form::verification(all, ended, type_, restore);
                Ok(Letter::Verification(Box::new(report)))
            }
        }
    }

    /// For logs.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Stats(url) | Self::Sample(url, _) | Self::Json(url) => address::origin(url),
            Self::Backup { .. } | Self::Verification { .. } => "the control plane".to_owned(),
        }
    }

    /// Where plain posts go.
    pub(crate) fn url(&self) -> Option<&Url> {
        match self {
            Self::Stats(url) | Self::Sample(url, _) | Self::Json(url) => Some(url),
            Self::Backup { .. } | Self::Verification { .. } => None,
        }
    }
}

impl ProgressTarget {
    /// A sample; nothing while there is nothing to say.
    pub(crate) fn letter(&self, report: &Report) -> Option<Letter> {
        if report.tallies.is_empty() && report.outcomes.is_empty() {
            return None;
        }
        match self {
            Self::Operator(url, type_) => {
                sample(report, type_).map(|body| Letter::Http(url.clone(), body))
            }
            Self::Json(url) => Some(Letter::Http(url.clone(), text(report))),
            Self::ControlPlane { .. } if report.tallies.is_empty() => None,
            Self::ControlPlane { type_, purpose } => {
                let progress = canopy_form::progress(report, type_, *purpose);
                Some(Letter::Progress(Box::new(progress)))
            }
        }
    }

    /// Where plain posts go.
    pub(crate) fn url(&self) -> Option<&Url> {
        match self {
            Self::Operator(url, _) | Self::Json(url) => Some(url),
            Self::ControlPlane { .. } => None,
        }
    }
}

/// The operator wants all four counters, and nothing that it does not know.
fn sample(report: &Report, type_: &str) -> Option<Vec<u8>> {
    let All { sent_raw_bytes, sent_payload_bytes, received_raw_bytes, received_payload_bytes } =
        report.tallies.all()?;
    Some(text(&json!({
        "sent_raw_bytes": sent_raw_bytes,
        "sent_payload_bytes": sent_payload_bytes,
        "received_raw_bytes": received_raw_bytes,
        "received_payload_bytes": received_payload_bytes,
        "run_id": report.about.run_id,
        "type": type_,
    })))
}

fn text(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).expect("strings, numbers and maps with text keys are JSON")
}
