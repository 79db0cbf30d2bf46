// SPDX-License-Identifier: Apache-2.0
//! The script: what is served, as it is now.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use serde::Deserialize;
use serde_json::Value;

use crate::config::Given;
use crate::fault::Fault;

/// What the JSON file says. A word that is not known is an error, for it would be a typing mistake.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Script {
    /// The answer of `/restore-worklist`, as it is.
    pub(crate) worklist: Vec<Value>,
    /// Who gets restore credentials, and may report on them.
    pub(crate) grants: Vec<Grant>,
    /// Where credentials come from.
    pub(crate) credentials: Option<Source>,
    /// The answer of `/backup-target`, as it is; without one this server is in no group.
    pub(crate) backup_target: Option<Value>,
    /// What goes wrong.
    pub(crate) faults: Vec<Fault>,
    /// Is a second report with the `Idempotency-Key` of an earlier one a success?
    pub(crate) dedupe: bool,
    /// Must ids be UUIDs, as the real ones are?
    pub(crate) strict_ids: bool,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            worklist: Vec::new(),
            grants: Vec::new(),
            credentials: None,
            backup_target: None,
            faults: Vec::new(),
            dedupe: true,
            strict_ids: false,
        }
    }
}

/// An enabled declaration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Grant {
    pub(crate) group: String,
    #[serde(rename = "type")]
    pub(crate) type_: String,
    /// By default the issuer's.
    pub(crate) repo_password: Option<String>,
}

/// Where credentials come from.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Source {
    /// A testbed store's issuer, by its URL.
    Issuer(String),
    /// Always the same `credential_process` document.
    Static(Value),
}

impl Script {
    pub(crate) fn grant(&self, group: &str, type_: &str) -> Option<&Grant> {
        self.grants.iter().find(|grant| grant.group == group && grant.type_ == type_)
    }
}

/// The script in force, and where the next one comes from.
pub(crate) struct Scripts {
    given: Given,
    held: Mutex<Arc<Script>>,
}

impl Scripts {
    /// # Errors
    /// A file that is not there or is no script.
    pub(crate) fn open(given: Given) -> anyhow::Result<Self> {
        let script = match &given {
            Given::File(path) => read(path)?,
            Given::Value(value) => parse(value.clone())?,
        };
        Ok(Self { given, held: Mutex::new(Arc::new(script)) })
    }

    /// As it is now. A file that is half-written leaves the one before in force.
    pub(crate) fn now(&self) -> Arc<Script> {
        if let Given::File(path) = &self.given {
            match read(path) {
                Ok(script) => self.replace(script),
                Err(error) => tracing::warn!("the script stays as it was: {error:#}"),
            }
        }
        Arc::clone(&self.held.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Another one; a file wins it back at the next request.
    pub(crate) fn set(&self, value: Value) -> anyhow::Result<()> {
        parse(value).map(|script| self.replace(script))
    }

    fn replace(&self, script: Script) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(script);
    }
}

fn parse(value: Value) -> anyhow::Result<Script> {
    serde_json::from_value(value).context("the script")
}

fn read(path: &PathBuf) -> anyhow::Result<Script> {
    let about = || format!("the script {}", path.display());
    let bytes = std::fs::read(path).with_context(about)?;
    serde_json::from_slice(&bytes).with_context(about)
}
