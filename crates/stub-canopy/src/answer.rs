// SPDX-License-Identifier: Apache-2.0
//! What each endpoint does.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::certificate::Certificate;
use crate::contract::{self, Ids};
use crate::ledger::{Captured, Ledger, Way};
use crate::reply::{Answer, Problem, Success};
use crate::route::Endpoint;
use crate::script::Script;
use crate::{body, issuer};

/// A request, read whole.
pub(crate) struct Asked {
    pub(crate) endpoint: Endpoint,
    pub(crate) path: String,
    pub(crate) way: Way,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Bytes,
    pub(crate) certificate: Option<Certificate>,
}

/// What an answer is made from.
pub(crate) struct Desk<'a> {
    pub(crate) script: &'a Script,
    pub(crate) ledger: &'a Ledger,
    pub(crate) issuer: &'a reqwest::Client,
}

impl Desk<'_> {
    /// Does what the request asks.
    pub(crate) async fn answer(&self, asked: &Asked) -> Answer {
        match asked.endpoint {
            Endpoint::Servers => return Ok(Success::Document(json!([]))),
            Endpoint::RestoreWorklist => {
                return Ok(Success::Document(Value::Array(self.script.worklist.clone())));
            }
            Endpoint::BackupTarget => return self.target(),
            _ => {}
        }
        let post = self.read(asked)?;
        match asked.endpoint {
            Endpoint::RestoreCredentials => self.restore_credentials(post).await,
            Endpoint::BackupCredentials => self.backup_credentials(post).await,
            Endpoint::RestoreVerification => {
                self.granted(&post.body)?;
                self.report(post, Twice::Taken)
            }
            Endpoint::BackupReport => self.report(post, Twice::Conflict),
            _ => self.report(post, Twice::Taken),
        }
    }

    /// The body, held against the contract.
    fn read(&self, asked: &Asked) -> Result<Captured, Problem> {
        let body = body::json(&asked.headers, &asked.bytes)?;
        let ids = if self.script.strict_ids { Ids::Uuids } else { Ids::Any };
        let found = contract::check(asked.endpoint, &body, ids);
        if !found.defects.is_empty() {
            let detail = found.defects.join("; ");
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, &detail));
        }
        Ok(Captured {
            path: asked.path.clone(),
            way: asked.way,
            headers: texts(&asked.headers),
            body,
            unknown: found.unknown,
            at: Timestamp::now(),
            certificate: asked.certificate.clone(),
            repeats: 0,
        })
    }

    fn target(&self) -> Answer {
        let ungrouped = || Problem::new(StatusCode::CONFLICT, "this server is in no group");
        self.script.backup_target.clone().map(Success::Document).ok_or_else(ungrouped)
    }

    fn granted(&self, body: &Value) -> Result<Option<String>, Problem> {
        let (group, type_) = (text(body, "group"), text(body, "type"));
        match self.script.grant(group.unwrap_or_default(), type_.unwrap_or_default()) {
            Some(grant) => Ok(grant.repo_password.clone()),
            None => Err(Problem::new(StatusCode::FORBIDDEN, "no enabled declaration")),
        }
    }

    async fn restore_credentials(&self, post: Captured) -> Answer {
        let password = self.granted(&post.body)?;
        let group = text(&post.body, "group");
        let set = self.issue(&post.body, group).await?;
        self.kept(post)?;
        let mut document = json!({"credentials": set.credentials});
        if let Some(password) = password.or(set.repo_password) {
            document["repo_password"] = password.into();
        }
        Ok(Success::Document(document))
    }

    async fn backup_credentials(&self, post: Captured) -> Answer {
        if self.script.backup_target.is_none() {
            return Err(Problem::new(StatusCode::CONFLICT, "this server is in no group"));
        }
        let set = self.issue(&post.body, None).await?;
        self.kept(post)?;
        Ok(Success::Document(set.credentials))
    }

    async fn issue(&self, body: &Value, group: Option<&str>) -> Result<issuer::Set, Problem> {
        let not_ready = || Problem::new(StatusCode::CONFLICT, "the configuration is not ready");
        let source = self.script.credentials.as_ref().ok_or_else(not_ready)?;
        let (type_, run_id) = (text(body, "type").unwrap_or_default(), text(body, "run_id"));
        // The issuer insists on a group; the device's own has no name here.
        let asked = group.unwrap_or("backup");
        let set = issuer::issue(self.issuer, source, asked, type_, run_id).await;
        let set = set.map_err(|error| {
            Problem::new(StatusCode::BAD_GATEWAY, &format!("the issuer is down: {error:#}"))
        })?;
        self.ledger.issue(group, type_, run_id);
        Ok(set)
    }

    fn kept(&self, post: Captured) -> Result<(), Problem> {
        self.ledger.take(post, |_| Ok(()))
    }

    /// Takes a report once: a second one of its key is a success, a second one of its run is what
    /// `twice` says.
    fn report(&self, post: Captured, twice: Twice) -> Answer {
        let key = post.headers.get("idempotency-key").cloned();
        let key = key.filter(|_| self.script.dedupe);
        let run = post.body["run_id"].clone();
        let taken = self.ledger.take(post, |earlier| {
            for one in earlier {
                if key.is_some() && one.headers.get("idempotency-key") == key.as_ref() {
                    one.repeats += 1;
                    return Err(Ok(Success::Again));
                }
                if twice == Twice::Conflict && one.body["run_id"] == run {
                    let detail = "this run was reported before";
                    return Err(Err(Problem::new(StatusCode::CONFLICT, detail)));
                }
            }
            Ok(())
        });
        taken.map_or_else(|other| other, |()| Ok(Success::Nothing))
    }
}

/// What a second report of a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Twice {
    Taken,
    Conflict,
}

fn text<'a>(body: &'a Value, name: &str) -> Option<&'a str> {
    body.get(name).and_then(Value::as_str)
}

fn texts(headers: &HeaderMap) -> BTreeMap<String, String> {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect()
}
