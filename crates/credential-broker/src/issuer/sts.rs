// SPDX-License-Identifier: Apache-2.0
//! STS as the issuer: the role is assumed with a session policy that leaves read rights on one prefix.
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>

use std::path::PathBuf;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_sts::Client;
use aws_sdk_sts::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_sts::operation::assume_role::{AssumeRoleError, AssumeRoleOutput};
use canopy::wire::{CredentialProcess, RestoreCredentials};
use credential::Secret;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::request::Key;
use crate::trouble::{Cause, Trouble};

/// The longest name of a session.
const LONGEST_NAME: usize = 64;

/// What a session is to be like.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) role: String,
    /// May hold `{group}` and `{type}`, as the prefix and the password's path may.
    pub(crate) bucket: String,
    pub(crate) prefix: String,
    pub(crate) duration: Duration,
    pub(crate) endpoint: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) password_file: Option<PathBuf>,
}

/// STS.
pub(crate) struct Sts {
    client: Client,
    session: Session,
}

impl Sts {
    /// Source credentials come by the standard chain, at the first use.
    pub(crate) async fn open(session: Session) -> Self {
        let mut config = aws_config::defaults(BehaviorVersion::latest())
            // One layer retries, and that is the caller's.
            .retry_config(RetryConfig::disabled());
        if let Some(region) = &session.region {
            config = config.region(Region::new(region.clone()));
        }
        if let Some(endpoint) = &session.endpoint {
            config = config.endpoint_url(endpoint);
        }
        Self { client: Client::new(&config.load().await), session }
    }

    pub(super) fn name(&self) -> String {
        format!("sts:{}", self.session.role)
    }

    pub(super) async fn issue(&self, key: &Key) -> Result<RestoreCredentials, Trouble> {
        let repo_password = self.password(key)?;
        let seconds = i32::try_from(self.session.duration.as_secs()).unwrap_or(i32::MAX);
        let request = self
            .client
            .assume_role()
            .role_arn(&self.session.role)
            .role_session_name(session_name(key))
            .policy(self.session.policy(key).to_string())
            .duration_seconds(seconds);
        let answer = request.send().await.map_err(|error| trouble(&error))?;
        Ok(RestoreCredentials { credentials: set(&answer)?, repo_password })
    }

    fn password(&self, key: &Key) -> Result<Option<Secret>, Trouble> {
        let Some(path) = &self.session.password_file else { return Ok(None) };
        let path = filled(&path.to_string_lossy(), key);
        let missing = |why: String| {
            Trouble::new(
                Cause::Unconfigured,
                format!("the repository's password of this group: {why}"),
            )
        };
        let bytes = small_file::read(path.as_ref(), crate::LARGEST_FILE)
            .map_err(|error| missing(error.to_string()))?;
        let text = std::str::from_utf8(&bytes).map_err(|_| missing("not a text".to_owned()))?;
        match text.trim_end_matches(['\r', '\n']) {
            "" => Err(missing("empty".to_owned())),
            text => Ok(Some(Secret::new(text))),
        }
    }
}

impl Session {
    /// Reads below the prefix, and nothing else: the session has what both this and the role allow.
    fn policy(&self, key: &Key) -> Value {
        let (bucket, prefix) = (filled(&self.bucket, key), filled(&self.prefix, key));
        let partition = self.role.split(':').nth(1).unwrap_or("aws");
        let bucket = format!("arn:{partition}:s3:::{bucket}");
        let mut list = json!({"Effect": "Allow", "Action": "s3:ListBucket", "Resource": bucket});
        if !prefix.is_empty() {
            list["Condition"] = json!({"StringLike": {"s3:prefix": format!("{prefix}*")}});
        }
        json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "s3:GetObject", "Resource": format!("{bucket}/{prefix}*")},
            list,
            {"Effect": "Allow", "Action": "s3:GetBucketLocation", "Resource": bucket},
        ]})
    }
}

/// Group and type hold nothing that a policy, a key or a path reads as more than a letter.
fn filled(template: &str, key: &Key) -> String {
    template.replace("{group}", &key.group).replace("{type}", &key.type_)
}

/// 2 to 64 of the characters that STS takes.
fn session_name(key: &Key) -> String {
    let text = key.run_id.as_deref().unwrap_or(&key.group);
    let is_taken = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    let clean = text.chars().map(|c| if is_taken(c) { c } else { '-' });
    let name: String = "run-".chars().chain(clean).take(LONGEST_NAME).collect();
    name
}

fn set(answer: &AssumeRoleOutput) -> Result<CredentialProcess, Trouble> {
    let none = || Trouble::new(Cause::NotUnderstood, "STS answered without a set");
    let set = answer.credentials().ok_or_else(none)?;
    let expires = set.expiration();
    let expiration =
        Timestamp::new(expires.secs(), i32::try_from(expires.subsec_nanos()).unwrap_or(0));
    Ok(CredentialProcess {
        version: 1,
        access_key_id: set.access_key_id().to_owned(),
        secret_access_key: Secret::new(set.secret_access_key()),
        session_token: Some(Secret::new(set.session_token())).filter(|it| !it.expose().is_empty()),
        expiration: Some(expiration.map_err(|_| none())?),
    })
}

fn trouble(error: &SdkError<AssumeRoleError>) -> Trouble {
    match error {
        SdkError::ServiceError(answer) => {
            let status = answer.raw().status().as_u16();
            let code = answer.err().code().unwrap_or_default();
            let said = answer.err().message().unwrap_or_default();
            let said = format!("STS: {code}: {said}");
            match code {
                // What we ask with is at fault, or our right to: not the caller's wish.
                "AccessDenied"
                | "ExpiredToken"
                | "ExpiredTokenException"
                | "InvalidClientTokenId"
                | "SignatureDoesNotMatch" => Trouble::new(Cause::Unaccepted, said),
                "Throttling" | "ThrottlingException" | "RequestLimitExceeded" => {
                    Trouble::new(Cause::TooOften, said)
                }
                _ => Trouble::of_status(status, Some(&said)),
            }
        }
        SdkError::TimeoutError(_) => Trouble::new(Cause::TimedOut, "STS did not answer in time"),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => {
            Trouble::new(Cause::TimedOut, excerpt::causes(error))
        }
        SdkError::DispatchFailure(failure) if failure.is_io() => {
            Trouble::new(Cause::Unreachable, excerpt::causes(error))
        }
        SdkError::ResponseError(_) => {
            Trouble::new(Cause::NotUnderstood, "STS's answer was not understood")
        }
        // No credentials to ask with, no region, a request that cannot be built.
        _ => Trouble::new(Cause::Unconfigured, excerpt::causes(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(prefix: &str) -> Session {
        Session {
            role: "arn:aws-cn:iam::1:role/r".to_owned(),
            bucket: "bk-{group}".to_owned(),
            prefix: prefix.to_owned(),
            duration: Duration::from_secs(3600),
            endpoint: None,
            region: None,
            password_file: None,
        }
    }

    fn key(run_id: Option<&str>) -> Key {
        Key {
            group: "site-a".to_owned(),
            type_: "pg".to_owned(),
            run_id: run_id.map(str::to_owned),
        }
    }

    #[test]
    fn a_session_reads_below_its_prefix_and_nothing_else() {
        let policy = session("{group}/{type}/").policy(&key(None));
        let expected = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "s3:GetObject",
             "Resource": "arn:aws-cn:s3:::bk-site-a/site-a/pg/*"},
            {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws-cn:s3:::bk-site-a",
             "Condition": {"StringLike": {"s3:prefix": "site-a/pg/*"}}},
            {"Effect": "Allow", "Action": "s3:GetBucketLocation",
             "Resource": "arn:aws-cn:s3:::bk-site-a"},
        ]});
        assert_eq!(policy, expected);
        let whole = session("").policy(&key(None));
        assert_eq!(whole["Statement"][1].get("Condition"), None);
    }

    #[test]
    fn a_sessions_name_is_one_that_sts_takes() {
        let odd = format!("a b/c:{}", "é".repeat(40));
        for (run, expected) in
            [(Some("9e9e"), "run-9e9e"), (None, "run-site-a"), (Some(&odd), "run-a-b-c-")]
        {
            let name = session_name(&key(run));
            assert!(name.starts_with(expected), "{name}");
            assert!((2..=64).contains(&name.len()) && name.is_ascii(), "{name}");
        }
        assert_eq!(session_name(&key(Some(&"x".repeat(100)))).len(), 64);
    }
}
