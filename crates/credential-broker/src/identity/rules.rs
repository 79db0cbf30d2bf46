// SPDX-License-Identifier: Apache-2.0
//! How the API server's word is judged: pure.

use std::time::SystemTime;

use k8s_openapi::api::authentication::v1::{TokenReviewStatus, UserInfo};

use super::token::Token;
use super::{Caller, Reason};

const POD: &str = "authentication.kubernetes.io/pod-name";

/// What is asked of a caller.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    /// Whom its token must be meant for.
    pub(crate) audience: String,
    /// The keys of the labels of its namespace.
    pub(crate) group_label: String,
    pub(crate) type_label: String,
}

/// What the API server said of a token.
#[derive(Debug, Clone)]
pub(super) enum Word {
    Known(Caller),
    Unknown(Reason),
}

impl Rules {
    /// A server that knows nothing of audiences answers without one; that is not enough.
    pub(super) fn judge(&self, status: TokenReviewStatus, token: &Token, now: SystemTime) -> Word {
        if status.authenticated != Some(true) {
            // Its claims are good enough to tell the caller why.
            return Word::Unknown(token.complaint(&self.audience, now).unwrap_or(Reason::Rejected));
        }
        if !status.audiences.unwrap_or_default().contains(&self.audience) {
            return Word::Unknown(Reason::WrongAudience);
        }
        status
            .user
            .as_ref()
            .and_then(caller)
            .map_or(Word::Unknown(Reason::NotServiceAccount), Word::Known)
    }

    pub(super) fn disbelieve(&self, reason: Reason) -> String {
        let audience = &self.audience;
        match reason {
            Reason::Expired => {
                "the token has expired: read its file anew for each request".to_owned()
            }
            Reason::WrongAudience => format!("the token is not meant for the audience {audience}"),
            Reason::NotServiceAccount => "the token is not one of a service account".to_owned(),
            _ => "the API server does not know the token".to_owned(),
        }
    }

    pub(super) fn explain(&self, reason: Reason, caller: &Caller) -> String {
        let (namespace, rules) = (&caller.namespace, self);
        match reason {
            Reason::Group => format!(
                "namespace {namespace} is not labelled for this group ({})",
                rules.group_label
            ),
            Reason::Type => format!(
                "namespace {namespace} is not labelled for this type ({})",
                rules.type_label
            ),
            _ => format!(
                "namespace {namespace} may ask for nothing: it lacks the labels {} and {}",
                rules.group_label, rules.type_label
            ),
        }
    }
}

/// `system:serviceaccount:NAMESPACE:NAME`
fn caller(user: &UserInfo) -> Option<Caller> {
    let name = user.username.as_deref()?.strip_prefix("system:serviceaccount:")?;
    let (namespace, service_account) = name.split_once(':')?;
    let is_name = |text: &str| {
        let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
        !text.is_empty() && text.len() <= 253 && text.bytes().all(is_known)
    };
    if !is_name(namespace) || !is_name(service_account) {
        return None;
    }
    let pod = user.extra.as_ref().and_then(|extra| extra.get(POD)?.first().cloned());
    Some(Caller {
        namespace: namespace.to_owned(),
        service_account: service_account.to_owned(),
        pod: pod.filter(|name| is_name(name)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> UserInfo {
        UserInfo { username: Some(name.to_owned()), ..UserInfo::default() }
    }

    #[test]
    fn a_caller_is_a_service_account_and_nobody_else() {
        let found = caller(&user("system:serviceaccount:ns:sa")).unwrap();
        assert_eq!((found.namespace.as_str(), found.service_account.as_str()), ("ns", "sa"));
        for name in [
            "system:serviceaccount:ns",
            "system:serviceaccount::sa",
            "system:serviceaccount:../x:sa",
            "system:serviceaccount:a/b:sa",
            "system:node:n",
            "kubernetes-admin",
        ] {
            assert_eq!(caller(&user(name)), None, "{name}");
        }
    }
}
