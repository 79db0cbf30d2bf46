// SPDX-License-Identifier: Apache-2.0
//! The standard environment variables: one set, for as long as the process lives.

use std::ffi::OsString;

use crate::provider::{BoxFuture, Provider};
use crate::{Credential, Error, Kind, Secret};

const NAME: &str = "env";

pub(crate) struct Env(Credential);

impl Env {
    /// Reads the variables through `lookup`, once: they cannot change any more.
    pub(crate) fn open(lookup: impl Fn(&str) -> Option<OsString>) -> Result<Self, Error> {
        let mut missing = Vec::new();
        let mut required = |name: &'static str| {
            let value = text(&lookup, name)?;
            if value.is_none() {
                missing.push(name);
            }
            Ok(value.unwrap_or_default())
        };
        let access_key_id = required("AWS_ACCESS_KEY_ID")?;
        let secret_access_key = Secret::new(required("AWS_SECRET_ACCESS_KEY")?);
        let session_token = text(&lookup, "AWS_SESSION_TOKEN")?.map(Secret::new);
        if !missing.is_empty() {
            let message = format!("not set or empty: {}", missing.join(", "));
            return Err(Error::new(Kind::Invalid, NAME, message));
        }
        let expires = None;
        Ok(Self(Credential { access_key_id, secret_access_key, session_token, expires }))
    }
}

/// The variable's value; an empty one counts as none, as with AWS's own tools.
fn text(lookup: impl Fn(&str) -> Option<OsString>, name: &str) -> Result<Option<String>, Error> {
    let Some(value) = lookup(name).filter(|value| !value.is_empty()) else { return Ok(None) };
    let printable = |text: &String| text.bytes().all(|byte| byte.is_ascii_graphic());
    match value.into_string().ok().filter(printable) {
        Some(text) => Ok(Some(text)),
        None => {
            let message = format!("{name} holds a blank or a character that no header can carry");
            Err(Error::new(Kind::Invalid, NAME, message))
        }
    }
}

impl Provider for Env {
    fn name(&self) -> &str {
        NAME
    }

    fn fetch(&self) -> BoxFuture<'_, Result<Credential, Error>> {
        Box::pin(std::future::ready(Ok(self.0.clone())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(pairs: &[(&str, &str)]) -> Result<Env, Error> {
        Env::open(|name| {
            let found = pairs.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        })
    }

    #[tokio::test]
    async fn the_three_variables_make_a_set_that_does_not_expire() {
        let env = open(&[
            ("AWS_ACCESS_KEY_ID", "AKIA"),
            ("AWS_SECRET_ACCESS_KEY", "s"),
            ("AWS_SESSION_TOKEN", "t"),
        ])
        .unwrap();
        let set = env.fetch().await.unwrap();
        assert_eq!((set.access_key_id.as_str(), set.secret_access_key.expose()), ("AKIA", "s"));
        assert_eq!((set.session_token.unwrap().expose(), set.expires), ("t", None));
    }

    #[test]
    fn all_missing_variables_are_named_at_once() {
        let error = open(&[("AWS_SECRET_ACCESS_KEY", "")]).err().unwrap();
        let expected = "env: not set or empty: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY";
        assert_eq!((error.kind(), error.to_string().as_str()), (Kind::Invalid, expected));
    }

    #[test]
    fn a_value_with_a_line_end_is_refused_without_being_shown() {
        let pairs = [("AWS_ACCESS_KEY_ID", "A"), ("AWS_SECRET_ACCESS_KEY", "hush\n")];
        let error = open(&pairs).err().unwrap().to_string();
        assert!(
            error.contains("AWS_SECRET_ACCESS_KEY holds") && !error.contains("hush"),
            "{error}"
        );
    }
}
