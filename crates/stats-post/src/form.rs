// SPDX-License-Identifier: Apache-2.0
//! The forms that servers read.

use std::str::FromStr;

/// The form of the final report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// The restore operator's: four bare counters.
    CanopyStats,
    /// The restore operator's progress, whose last sample is the report.
    CanopyProgress,
    /// The control plane's, of a backup.
    BackupReport,
    /// The control plane's, of a restore.
    RestoreVerification,
    /// Our own object, for any server.
    Json,
}

/// The form of progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProgressForm {
    /// The restore operator's: four counters, `run_id`, `type`.
    CanopyProgress,
    /// The control plane's.
    BackupProgress,
    /// Our own object, without its end.
    Json,
}

impl Form {
    const ALL: [Self; 5] = [
        Self::CanopyStats,
        Self::CanopyProgress,
        Self::BackupReport,
        Self::RestoreVerification,
        Self::Json,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::CanopyStats => "canopy-stats",
            Self::CanopyProgress => "canopy-progress",
            Self::BackupReport => "backup-report",
            Self::RestoreVerification => "restore-verification",
            Self::Json => "json",
        }
    }

    /// Whether it says how the run ended, which a sidecar cannot know by itself.
    pub(crate) fn needs_outcome(self) -> bool {
        matches!(self, Self::BackupReport | Self::RestoreVerification)
    }
}

impl FromStr for Form {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|form| form.name() == text).ok_or(
            "known forms are canopy-stats, canopy-progress, backup-report, restore-verification and json",
        )
    }
}

impl FromStr for ProgressForm {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "canopy-progress" => Ok(Self::CanopyProgress),
            "backup-progress" => Ok(Self::BackupProgress),
            "json" => Ok(Self::Json),
            _ => Err("known forms are canopy-progress, backup-progress and json"),
        }
    }
}
