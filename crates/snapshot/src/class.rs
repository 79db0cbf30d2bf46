// SPDX-License-Identifier: Apache-2.0
//! Why a snapshot was taken. Retention has one policy a class.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a snapshot was taken.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// By a schedule. Its keys carry no class.
    #[default]
    Scheduled,
    /// By a person.
    Manual,
    /// Before an upgrade.
    PreUpgrade,
}

/// No class has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("known classes are scheduled, manual and pre-upgrade")]
pub struct UnknownClass;

impl Class {
    /// Every class.
    pub const ALL: [Self; 3] = [Self::Scheduled, Self::Manual, Self::PreUpgrade];

    /// Its name in flags and manifests.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Manual => "manual",
            Self::PreUpgrade => "pre-upgrade",
        }
    }

    /// What its keys begin with.
    pub(crate) fn key_prefix(self) -> &'static str {
        match self {
            Self::Scheduled => "",
            Self::Manual => "manual-",
            Self::PreUpgrade => "pre-upgrade-",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Class {
    type Err = UnknownClass;

    fn from_str(text: &str) -> Result<Self, UnknownClass> {
        Self::ALL.into_iter().find(|class| class.name() == text).ok_or(UnknownClass)
    }
}
