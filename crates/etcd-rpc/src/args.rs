// SPDX-License-Identifier: Apache-2.0
//! The flags that say how a cluster is reached, and the files they name.

use std::fs;
use std::path::{Path, PathBuf};

use flags::Problems;
use url::Url;
use zeroize::Zeroizing;

use crate::{Access, User};

/// More than any certificate, key or password, in bytes.
const LIMIT: u64 = 1024 * 1024;

/// How an etcd cluster is reached.
#[derive(Debug, Clone, clap::Args)]
pub struct ReachArgs {
    /// A member's client URL; repeat it for each member
    #[arg(long = "endpoint", value_name = "URL", value_delimiter = ',')]
    endpoints: Vec<String>,

    /// Trust the certificate authorities in this PEM file, and no others, for etcd
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,

    /// The client certificate, PEM
    #[arg(long, value_name = "FILE")]
    cert: Option<PathBuf>,

    /// The client certificate's key, PEM
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,

    /// An etcd user with the role root, where authentication is on
    #[arg(long, value_name = "NAME")]
    user: Option<String>,

    /// File with that user's password
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

/// The same, judged.
#[derive(Debug, Clone)]
pub struct Reach {
    /// The client URLs of members.
    pub endpoints: Vec<String>,
    cacert: Option<PathBuf>,
    identity: Option<(PathBuf, PathBuf)>,
    user: Option<(String, PathBuf)>,
}

/// A file that lets us in cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{flag} {path}: {why}")]
pub struct Unreadable {
    flag: &'static str,
    path: String,
    why: String,
}

impl ReachArgs {
    /// Judges the flags.
    pub fn resolve(self, problems: &mut Problems) -> Reach {
        let endpoints: Vec<String> = self.endpoints.iter().map(|it| it.trim().to_owned()).collect();
        if endpoints.is_empty() {
            problems.missing("--endpoint");
        }
        for bad in endpoints.iter().filter(|url| !is_endpoint(url)) {
            problems.add(format!(
                "--endpoint {bad}: write it as https://HOST:PORT or http://HOST:PORT"
            ));
        }
        Reach {
            identity: problems.pair("--cert", self.cert, "--key", self.key),
            user: problems.pair("--user", self.user, "--password-file", self.password_file),
            cacert: self.cacert,
            endpoints,
        }
    }
}

fn is_endpoint(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

impl Reach {
    /// Reads the files.
    ///
    /// # Errors
    /// The first that cannot be read.
    pub fn access(&self) -> Result<Access, Unreadable> {
        let ca = self.cacert.as_deref().map(|path| small("--cacert", path)).transpose()?;
        let identity = match &self.identity {
            Some((cert, key)) => Some((small("--cert", cert)?.to_vec(), small("--key", key)?)),
            None => None,
        };
        let user = match &self.user {
            Some((name, file)) => Some(User { name: name.clone(), password: password(file)? }),
            None => None,
        };
        Ok(Access { ca: ca.map(|pem| pem.to_vec()), identity, user })
    }
}

fn password(file: &Path) -> Result<Zeroizing<String>, Unreadable> {
    let bytes = small("--password-file", file)?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| unreadable("--password-file", file, "it is not text"))?;
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

fn small(flag: &'static str, path: &Path) -> Result<Zeroizing<Vec<u8>>, Unreadable> {
    let about = fs::metadata(path).map_err(|error| unreadable(flag, path, error))?;
    if !about.is_file() || about.len() > LIMIT {
        return Err(unreadable(flag, path, "not a small regular file"));
    }
    fs::read(path).map(Zeroizing::new).map_err(|error| unreadable(flag, path, error))
}

fn unreadable(flag: &'static str, path: &Path, why: impl ToString) -> Unreadable {
    Unreadable { flag, path: path.display().to_string(), why: why.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(endpoint: &str) -> ReachArgs {
        ReachArgs {
            endpoints: vec![endpoint.to_owned()],
            cacert: None,
            cert: None,
            key: None,
            user: None,
            password_file: None,
        }
    }

    #[test]
    fn an_endpoint_has_a_scheme_and_a_host() {
        for (text, is_good) in [
            ("http://a:2379", true),
            (" https://[::1]:1", true),
            ("http://", false),
            ("a:1", false),
        ] {
            let mut problems = Problems::new("x");
            args(text).resolve(&mut problems);
            assert_eq!(problems.is_empty(), is_good, "{text}: {}", problems.sentence());
        }
    }

    #[test]
    fn a_certificate_goes_with_its_key_and_a_user_with_a_password() {
        let mut problems = Problems::new("x");
        let args = ReachArgs { cert: Some("c".into()), user: Some("u".into()), ..args("http://a") };
        args.resolve(&mut problems);
        assert_eq!(
            problems.sentence(),
            "--cert and --key go together; --user and --password-file go together"
        );
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named_with_its_flag() {
        let args = ReachArgs { cacert: Some("/nowhere/ca.crt".into()), ..args("http://a") };
        let Err(error) = args.resolve(&mut Problems::new("x")).access() else { panic!("read") };
        assert!(error.to_string().starts_with("--cacert /nowhere/ca.crt: No such"), "{error}");
    }
}
