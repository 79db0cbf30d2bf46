// SPDX-License-Identifier: Apache-2.0
//! The flags that say how the control plane is reached.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use credential::{Clock, SystemClock};
use flags::{Given, Problems};
use reqwest::Url;

/// One whole call, on either way.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How the control plane is reached.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Control plane")]
pub struct ClientArgs {
    /// The public host, where the device certificate says who asks [default: $CANOPY_BASE_URL]
    #[arg(long, value_name = "URL")]
    pub canopy_url: Option<Given<Url>>,

    /// The host on the tailnet, which is preferred while it answers; a host under ts.net given as
    /// --canopy-url is taken as this one
    #[arg(long, value_name = "URL")]
    pub canopy_tailnet_url: Option<Given<Url>>,

    /// SOCKS5 proxy for the host on the tailnet and for nothing else, as `socks5://[::1]:1055`
    /// [default: $CANOPY_SOCKS5_PROXY]
    #[arg(long, value_name = "URL")]
    pub canopy_socks5: Option<Given<Url>>,

    /// The device's P-256 private key, a PEM file, read again when it changes
    #[arg(long, value_name = "FILE")]
    pub canopy_device_key: Option<PathBuf>,

    /// Trust the certificates in this PEM file too, read again when it changes
    #[arg(long, value_name = "FILE")]
    pub canopy_ca_bundle: Option<PathBuf>,
}

/// The same, judged.
#[derive(Clone)]
pub struct Config {
    pub(crate) ways: Ways,
    pub(crate) socks5: Option<Url>,
    pub(crate) device_key: Option<PathBuf>,
    pub(crate) ca_bundle: Option<PathBuf>,
    pub(crate) timeout: Duration,
    pub(crate) clock: Arc<dyn Clock>,
}

/// The ways that lead to the control plane. A tailnet's URL is without `/public`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ways {
    Public(Url),
    Tailnet(Url),
    Both { public: Url, tailnet: Url },
}

impl Config {
    /// The same with another limit for one whole call on one way, in place of 30 s: for whoever is
    /// waited for less long than that.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The same with another clock, by which device certificates are dated and rebuilt.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("ways", &self.ways)
            .field("socks5", &self.socks5)
            .field("device_key", &self.device_key)
            .field("ca_bundle", &self.ca_bundle)
            .finish_non_exhaustive()
    }
}

/// The name of another flag, and the URL that it holds.
pub type Elsewhere = (&'static str, String);

impl ClientArgs {
    /// Judges the flags and the two old variables. `url` is one that another flag holds, with that flag's
    /// name, such as `--issuer`; it goes before `--canopy-url`.
    pub fn resolve(self, url: Option<Elsewhere>, problems: &mut Problems) -> Option<Config> {
        self.resolve_with(url, problems, |name| std::env::var(name).ok())
    }

    fn resolve_with(
        self,
        url: Option<Elsewhere>,
        problems: &mut Problems,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Option<Config> {
        let variable = |name: &str| variable(name).filter(|text| !text.is_empty());
        let (elsewhere, url) = url.map_or(("", None), |(flag, url)| (flag, Some(parse(url))));
        let (flag, given) = first([
            (elsewhere, url),
            ("--canopy-url", self.canopy_url),
            ("CANOPY_BASE_URL", variable("CANOPY_BASE_URL").map(parse)),
        ]);
        if given.is_none() && self.canopy_tailnet_url.is_none() {
            problems.add("--canopy-url or --canopy-tailnet-url is required (or CANOPY_BASE_URL)");
        }
        let public = problems.given(flag, given).and_then(|url| host(flag, url, problems));
        let tailnet = problems.given("--canopy-tailnet-url", self.canopy_tailnet_url);
        let tailnet = tailnet.and_then(|url| host("--canopy-tailnet-url", url, problems));
        let (public, tailnet) = match public {
            Some(url) if tailnet.is_none() && is_tailnet(&url) => (None, Some(url)),
            public => (public, tailnet),
        };
        let socks5 = socks5(self.canopy_socks5, variable, tailnet.is_some(), problems);
        if public.as_ref().is_some_and(|url| url.scheme() == "https")
            && self.canopy_device_key.is_none()
        {
            problems.add("--canopy-device-key is required: the public host knows devices by it");
        }
        let ways = match (public, tailnet.map(without_public)) {
            (Some(public), None) => Ways::Public(public),
            (None, Some(tailnet)) => Ways::Tailnet(tailnet),
            (Some(public), Some(tailnet)) => Ways::Both { public, tailnet },
            (None, None) => return None,
        };
        Some(Config {
            ways,
            socks5,
            device_key: self.canopy_device_key,
            ca_bundle: self.canopy_ca_bundle,
            timeout: TIMEOUT,
            clock: Arc::new(SystemClock),
        })
    }
}

/// The old operator had a default for its variable, so that one may be set and of no use.
fn socks5(
    flag: Option<Given<Url>>,
    variable: impl Fn(&str) -> Option<String>,
    has_tailnet: bool,
    problems: &mut Problems,
) -> Option<Url> {
    if flag.is_some() && !has_tailnet {
        problems.add("--canopy-socks5 is for --canopy-tailnet-url alone, which is missing");
    }
    let (name, given) = first([
        ("--canopy-socks5", flag),
        ("CANOPY_SOCKS5_PROXY", variable("CANOPY_SOCKS5_PROXY").map(parse)),
    ]);
    problems.given(name, given).and_then(|url| proxy(name, url, problems))
}

/// The first that is given, with its name.
fn first<const N: usize>(
    given: [(&'static str, Option<Given<Url>>); N],
) -> (&'static str, Option<Given<Url>>) {
    let found = given.into_iter().find(|(_, given)| given.is_some());
    found.unwrap_or(("", None))
}

fn parse(text: String) -> Given<Url> {
    match text.parse() {
        Ok(given) => given,
        Err(never) => match never {},
    }
}

/// A scheme, a host and at most a path; credentials in a URL would end in logs.
fn host(flag: &str, url: Url, problems: &mut Problems) -> Option<Url> {
    let is_good = matches!(url.scheme(), "http" | "https") && url.has_host() && is_bare(&url);
    if !is_good {
        problems.add(format!("{flag}: write it as https://HOST[:PORT], without user or query"));
    }
    is_good.then_some(url)
}

/// Names are resolved by the proxy: only the tailnet's own resolver knows them.
fn proxy(flag: &str, url: Url, problems: &mut Problems) -> Option<Url> {
    let rest = match url.scheme() {
        "socks5" | "socks5h" => url.as_str().split_once("://").map(|(_, rest)| rest),
        _ => None,
    };
    let remote = rest
        .filter(|_| url.has_host() && is_bare(&url))
        .and_then(|rest| format!("socks5h://{rest}").parse().ok());
    if remote.is_none() {
        problems.add(format!("{flag}: write it as socks5://HOST:PORT, without user or query"));
    }
    remote
}

fn is_bare(url: &Url) -> bool {
    url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
}

fn is_tailnet(url: &Url) -> bool {
    url.host_str().is_some_and(|host| host.ends_with(".ts.net"))
}

/// The prefix is ours to add; some write it into the URL.
fn without_public(mut url: Url) -> Url {
    let path = url.path().trim_end_matches('/');
    if let Some(above) = path.strip_suffix("/public") {
        let above = above.to_owned();
        url.set_path(&above);
    }
    url
}

#[cfg(test)]
mod tests;
