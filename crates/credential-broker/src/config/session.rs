// SPDX-License-Identifier: Apache-2.0
//! The flags of STS sessions. What would widen a session is refused.

use std::time::Duration;

use sidecar::{Problems, Span};

use crate::args::Args;
use crate::issuer::Session;

/// What STS takes.
const SESSIONS: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(15 * 60)..=Duration::from_secs(12 * 3600);

/// They would say nothing to another issuer.
pub(super) fn refuse_flags(args: &Args, problems: &mut Problems) {
    let given = [
        ("--sts-bucket", args.sts_bucket.is_some()),
        ("--sts-prefix", args.sts_prefix.is_some()),
        ("--sts-duration", args.sts_duration.is_some()),
        ("--sts-endpoint", args.sts_endpoint.is_some()),
        ("--sts-region", args.sts_region.is_some()),
        ("--repo-password-file", args.repo_password_file.is_some()),
    ];
    for (flag, _) in given.into_iter().filter(|(_, is_given)| *is_given) {
        problems.add(format!("{flag} is for --issuer sts:ROLE_ARN alone"));
    }
}

/// What sessions are to be like.
pub(super) fn session(role: String, args: Args, problems: &mut Problems) -> Option<Session> {
    let duration = problems.given("--sts-duration", args.sts_duration);
    let duration = duration.map_or(Duration::from_secs(3600), |Span(span)| span);
    if !SESSIONS.contains(&duration) {
        problems.add(format!("--sts-duration {duration:?}: STS takes 15m to 12h"));
    }
    let bucket = template("--sts-bucket", args.sts_bucket.unwrap_or_default(), problems);
    let prefix = template("--sts-prefix", args.sts_prefix.unwrap_or_default(), problems);
    if bucket.is_empty() {
        problems.add("--sts-bucket is required: sessions read one bucket");
    }
    Some(Session {
        role,
        bucket,
        prefix,
        duration,
        endpoint: args.sts_endpoint,
        region: args.sts_region,
        password_file: args.repo_password_file,
    })
}

/// A policy would read `*`, `?` and `$` as more than letters.
fn template(flag: &str, text: String, problems: &mut Problems) -> String {
    let bare = text.replace("{group}", "").replace("{type}", "");
    if bare.contains(['*', '?', '$', '{', '}', '"', '\\']) || bare.contains(char::is_control) {
        problems.add(format!(
            "{flag} {text}: known placeholders are {{group}} and {{type}}; wildcards would widen the session"
        ));
    }
    text
}

impl Session {
    /// Nothing in it tells one group's objects from another's.
    pub(crate) fn is_for_all_groups(&self) -> bool {
        !self.bucket.contains("{group}") && !self.prefix.contains("{group}")
    }
}
