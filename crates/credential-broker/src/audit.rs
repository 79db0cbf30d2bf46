// SPDX-License-Identifier: Apache-2.0
//! One line for each grant and each refusal, under the target `audit`: who, what, and how it was answered.
//! The key id names a set; nothing here opens anything.

use std::time::SystemTime;

use jiff::Timestamp;

use crate::desk::Grant;
use crate::identity::{Caller, Turned};
use crate::metrics::BAD_REQUEST;
use crate::request::{Ask, Password};
use crate::trouble::Trouble;

/// The name of somebody unknown, at an open door.
const ANYBODY: &str = "anonymous";

struct Who<'a> {
    namespace: &'a str,
    service_account: Option<&'a str>,
    pod: Option<&'a str>,
}

impl<'a> Who<'a> {
    fn of(caller: Option<&'a Caller>) -> Self {
        Self {
            namespace: caller.map_or(ANYBODY, |caller| &caller.namespace),
            service_account: caller.map(|caller| caller.service_account.as_str()),
            pod: caller.and_then(|caller| caller.pod.as_deref()),
        }
    }
}

/// A set was handed out.
pub(crate) fn granted(caller: Option<&Caller>, ask: &Ask, grant: &Grant, password: Password) {
    let who = Who::of(caller);
    tracing::info!(
        target: "audit",
        namespace = who.namespace,
        service_account = who.service_account,
        pod = who.pod,
        group = ask.key.group,
        "type" = ask.key.type_,
        run_id = ask.key.run_id,
        verdict = "granted",
        origin = grant.origin.name(),
        access_key_id = grant.held.access_key_id(),
        expires = grant.held.expires().map(time),
        repo_password = password == Password::Wanted && grant.held.has_password(),
        "restore credentials asked for"
    );
}

/// A request that could not be read: nobody was asked for anything.
pub(crate) fn unread(why: &str) {
    tracing::info!(
        target: "audit",
        namespace = "unknown",
        verdict = "refused",
        reason = BAD_REQUEST,
        detail = why,
        "restore credentials asked for"
    );
}

/// A caller's store refuses a set.
pub(crate) fn revoked(caller: Option<&Caller>, ask: &Ask, access_key_id: &str) {
    let who = Who::of(caller);
    tracing::warn!(
        target: "audit",
        namespace = who.namespace,
        service_account = who.service_account,
        pod = who.pod,
        group = ask.key.group,
        "type" = ask.key.type_,
        run_id = ask.key.run_id,
        access_key_id,
        "the caller's store refuses this set before its end: another one is asked for"
    );
}

/// A caller was turned away.
pub(crate) fn turned(turned: &Turned, ask: &Ask) {
    let who = match &turned.caller {
        Some(caller) => Who::of(Some(caller)),
        None => Who { namespace: "unknown", service_account: None, pod: None },
    };
    refused(&who, ask, turned.reason.name(), &turned.detail);
}

/// The issuer brought no set.
pub(crate) fn failed(caller: Option<&Caller>, ask: &Ask, trouble: &Trouble) {
    refused(&Who::of(caller), ask, trouble.cause.class(), &trouble.detail);
}

fn refused(who: &Who<'_>, ask: &Ask, reason: &str, detail: &str) {
    tracing::info!(
        target: "audit",
        namespace = who.namespace,
        service_account = who.service_account,
        pod = who.pod,
        group = ask.key.group,
        "type" = ask.key.type_,
        run_id = ask.key.run_id,
        verdict = "refused",
        reason,
        detail,
        "restore credentials asked for"
    );
}

fn time(at: SystemTime) -> String {
    Timestamp::try_from(at).map_or_else(|_| "out of range".to_owned(), |at| at.to_string())
}
