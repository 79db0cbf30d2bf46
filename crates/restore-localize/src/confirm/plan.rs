// SPDX-License-Identifier: Apache-2.0
//! The flags that only `confirm` has, and what it is to do.

use std::path::PathBuf;
use std::time::Duration;

use sidecar::{Given, Problems, Span};

use crate::resolve::{ClaimsAt, Wanted};

/// Pods are scheduled, volumes bound and images pulled meanwhile.
const WAIT: Duration = Duration::from_secs(600);

/// The flags that only `confirm` has.
#[derive(Debug, clap::Args)]
pub(crate) struct ConfirmArgs {
    /// A member's client URL; repeat it for each member. One that is not named is asked where it says that
    /// it can be reached
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

    /// An etcd user with the role root, where authentication is on: that of the snapshot
    #[arg(long, value_name = "NAME")]
    user: Option<String>,

    /// File with that user's password
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,

    /// A cluster that is not whole after this is given up [default: 10m]
    #[arg(long, value_name = "SPAN")]
    wait: Option<Given<Span>>,
}

/// What to do.
#[derive(Debug)]
pub(crate) struct ConfirmPlan {
    pub(crate) endpoints: Vec<String>,
    pub(crate) access: AccessFiles,
    pub(crate) wait: Duration,
    pub(crate) told: ToldBy,
}

/// Where it is told what was restored. The marker of a volume at hand is asked first.
#[derive(Debug)]
pub(crate) struct ToldBy {
    /// A member's data directory.
    pub(crate) data_dir: Option<PathBuf>,
    /// Only that of this generation.
    pub(crate) generation: Option<String>,
    /// The pin of that generation, and the manifest that it names.
    pub(crate) pin: Option<(ClaimsAt, Wanted)>,
}

/// What lets us in.
#[derive(Debug, Default)]
pub(crate) struct AccessFiles {
    pub(crate) cacert: Option<PathBuf>,
    pub(crate) identity: Option<(PathBuf, PathBuf)>,
    /// A user's name, and the file with the password.
    pub(crate) user: Option<(String, PathBuf)>,
}

impl ConfirmArgs {
    /// Judges the flags.
    pub(crate) fn resolve(self, told: ToldBy, problems: &mut Problems) -> Option<ConfirmPlan> {
        let wait = problems.given("--wait", self.wait).map_or(WAIT, |Span(span)| span);
        let endpoints: Vec<String> = self.endpoints.iter().map(|it| it.trim().to_owned()).collect();
        let is_url = |url: &str| url.starts_with("http://") || url.starts_with("https://");
        if endpoints.is_empty() {
            problems.add("confirm: --endpoint is required: the client URL of each restored member");
        }
        for bad in endpoints.iter().filter(|url| !is_url(url)) {
            problems.add(format!(
                "--endpoint {bad}: write it as http://HOST:PORT or https://HOST:PORT"
            ));
        }
        let identity = both(self.cert, self.key, "--cert and --key", problems);
        let user = both(self.user, self.password_file, "--user and --password-file", problems);
        if told.data_dir.is_none() && told.pin.is_none() {
            problems.add(
                "confirm: what was restored must be told: by --data-dir of a restored member, or by \
                 --claims, --generation and --from",
            );
        }
        let access = AccessFiles { cacert: self.cacert, identity, user };
        Some(ConfirmPlan { endpoints, access, wait, told })
    }
}

fn both<A, B>(
    one: Option<A>,
    other: Option<B>,
    names: &str,
    problems: &mut Problems,
) -> Option<(A, B)> {
    if one.is_some() != other.is_some() {
        problems.add(format!("{names} go together"));
    }
    one.zip(other)
}
