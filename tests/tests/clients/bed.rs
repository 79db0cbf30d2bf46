// SPDX-License-Identifier: Apache-2.0
//! The stores, the proxies, and the ways to them.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use tempfile::TempDir;
use testbed::{
    Ca, Issuer, IssuerConfig, Running, Spawn, StaticPair, Store, StoreConfig, wait_until,
};

use crate::tool;

pub(crate) const REGION: &str = "us-east-1";
const LIFETIME: Duration = Duration::from_secs(3);
const START: Duration = Duration::from_secs(30);

/// Where a client is sent.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    /// `host:port`.
    pub(crate) host: String,
    /// The authority of a TLS endpoint; `None` is plain HTTP.
    pub(crate) ca: Option<PathBuf>,
    pub(crate) bucket: String,
    pub(crate) access_key_id: String,
    pub(crate) secret: String,
}

impl Endpoint {
    pub(crate) fn url(&self) -> String {
        let scheme = if self.ca.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.host)
    }
}

/// One way from a client to a store.
pub(crate) struct Way {
    pub(crate) name: String,
    pub(crate) endpoint: Endpoint,
}

/// Everything that runs. Fields end in order: who calls before who is called.
pub(crate) struct Bed {
    proxies: Vec<(Running, Way)>,
    gateway: Option<(Running, Endpoint)>,
    _issuer: Issuer,
    store: Store,
    pair: StaticPair,
    ca: Ca,
    _folder: TempDir,
}

impl Bed {
    pub(crate) fn open() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let (ca, pair) = (Ca::new()?, StaticPair::random());
        let buckets = ["direct", "plain", "auto", "preserve"].map(str::to_owned).to_vec();
        let store = Store::start(StoreConfig {
            buckets,
            tls: Some(&ca),
            static_pairs: vec![pair.clone()],
            ..StoreConfig::new(folder.path().join("store"))
        })?;
        let issuer = Issuer::start(IssuerConfig::new(store.keyring(), LIFETIME))?;
        let gateway = gateway(folder.path(), &ca)?;
        let mut proxies = Vec::new();
        for payload in ["auto", "preserve"] {
            let broker = ["--credentials".to_owned(), format!("broker:{}", issuer.url())];
            let flags = ["--group", "g", "--type", "t", "--payload", payload].map(str::to_owned);
            let flags: Vec<String> = flags.into_iter().chain(broker).collect();
            let at = folder.path().join(payload);
            let proxy = proxy(&at, &store.url(), ca.pem_path(), payload, &flags)?;
            proxies.push(named(format!("testbed, proxied, {payload}"), proxy));
        }
        if let Some((_, behind)) = &gateway {
            let keys = folder.path().join("keys.json");
            let Endpoint { access_key_id, secret, .. } = behind;
            std::fs::write(
                &keys,
                format!(
                    r#"{{"Version":1,"AccessKeyId":"{access_key_id}","SecretAccessKey":"{secret}"}}"#
                ),
            )?;
            let flags = ["--credentials".to_owned(), format!("file:{}", keys.display())];
            let at = folder.path().join("gateway-proxy");
            let proxy = proxy(&at, &behind.url(), ca.pem_path(), "proxied", &flags)?;
            proxies.push(named("versitygw, proxied".to_owned(), proxy));
        }
        Ok(Self { proxies, gateway, _issuer: issuer, store, pair, ca, _folder: folder })
    }

    pub(crate) fn ways(&self) -> anyhow::Result<Vec<&Way>> {
        let direct = |name: &str, host: String, ca: Option<PathBuf>, bucket: &str| Way {
            name: name.to_owned(),
            endpoint: Endpoint {
                host,
                ca,
                bucket: bucket.to_owned(),
                access_key_id: self.pair.access_key_id.clone(),
                secret: self.pair.secret.clone(),
            },
        };
        let host = |url: String| url.split("://").nth(1).map(str::to_owned).context("a URL");
        let mut ways = vec![
            direct(
                "testbed, direct, TLS",
                host(self.store.url())?,
                Some(self.ca.pem_path().to_owned()),
                "direct",
            ),
            direct("testbed, direct, plain", host(self.store.http_url())?, None, "plain"),
        ];
        if let Some((_, endpoint)) = &self.gateway {
            ways.push(Way { name: "versitygw, direct".to_owned(), endpoint: endpoint.clone() });
        }
        // Leaked on purpose: a test's few ways live as long as its process.
        let ways: &'static [Way] = Vec::leak(ways);
        Ok(ways.iter().chain(self.proxies.iter().map(|(_, way)| way)).collect())
    }

    /// No request was refused for its signature, its body or its credentials.
    pub(crate) fn assert_nothing_failed(&self) {
        let bad: Vec<_> = self
            .store
            .log()
            .into_iter()
            .filter(|seen| seen.status.is_some_and(|status| status.as_u16() >= 400))
            .filter(|seen| !matches!(seen.status.map(|s| s.as_u16()), Some(404 | 412 | 416 | 409)))
            .collect();
        assert!(bad.is_empty(), "the store refused: {bad:?}");
    }

    /// The forms that were sent to the plain listener, which are those a loopback proxy gets.
    pub(crate) fn forms(&self) -> BTreeMap<String, usize> {
        let mut forms = BTreeMap::new();
        for seen in self.store.log() {
            if !seen.target.starts_with("/plain") {
                continue;
            }
            let form = match seen.content_sha256() {
                Some(hex) if hex.len() == 64 => "a SHA-256",
                Some(literal) => literal,
                None => "no x-amz-content-sha256",
            };
            *forms.entry(format!("{} {form}", seen.method)).or_default() += 1;
        }
        forms
    }

    pub(crate) fn story(&self) -> String {
        self.proxies.iter().map(|(run, way)| format!("{}: {}\n", way.name, run.story())).collect()
    }
}

fn named(name: String, (run, endpoint): (Running, Endpoint)) -> (Running, Way) {
    (run, Way { name, endpoint })
}

fn proxy(
    at: &Path,
    upstream: &str,
    ca: &Path,
    bucket: &str,
    flags: &[String],
) -> anyhow::Result<(Running, Endpoint)> {
    std::fs::create_dir_all(at)?;
    let (port, env) = (at.join("port"), at.join("env"));
    let admin = free()?.to_string();
    let mut run = Spawn::new(tool::ours("s3-resign-proxy")?)
        .clean_env()
        .args(["--listen", "localhost:0", "--region", REGION, "--upstream", upstream])
        .args(["--admin-listen", &admin])
        .arg("--ca-bundle")
        .arg(ca)
        .arg("--port-file")
        .arg(&port)
        .arg("--caller-env-file")
        .arg(&env)
        .args(flags)
        .start()?;
    run.wait_for_file(&port, START)?;
    let text = std::fs::read_to_string(&env)?;
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name}=")));
        line.map(str::to_owned).with_context(|| format!("no {name} in the caller file"))
    };
    let endpoint = Endpoint {
        host: value("AWS_ENDPOINT_URL_S3")?.trim_start_matches("http://").to_owned(),
        ca: None,
        bucket: bucket.to_owned(),
        access_key_id: value("AWS_ACCESS_KEY_ID")?,
        secret: value("AWS_SECRET_ACCESS_KEY")?,
    };
    Ok((run, endpoint))
}

/// versitygw over TLS with two buckets; a bucket of its posix backend is a folder.
fn gateway(folder: &Path, ca: &Ca) -> anyhow::Result<Option<(Running, Endpoint)>> {
    let Some(program) = tool::find("versitygw") else { return Ok(None) };
    let root = folder.join("gateway");
    for bucket in ["direct", "proxied"] {
        std::fs::create_dir_all(root.join(bucket))?;
    }
    let (certificate, key) = ca.server_files(folder)?;
    let address = free()?;
    let run = Spawn::new(program)
        .clean_env()
        .args(["--access", "gateway", "--secret", "gateway-secret", "--region", REGION])
        .args(["--port", &address.to_string()])
        .arg("--cert")
        .arg(certificate)
        .arg("--key")
        .arg(key)
        .arg("posix")
        .arg(&root)
        .start()?;
    wait_until(START, "versitygw to listen", || TcpStream::connect(address).is_ok())?;
    let endpoint = Endpoint {
        host: format!("localhost:{}", address.port()),
        ca: Some(ca.pem_path().to_owned()),
        bucket: "direct".to_owned(),
        access_key_id: "gateway".to_owned(),
        secret: "gateway-secret".to_owned(),
    };
    Ok(Some((run, endpoint)))
}

fn free() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
