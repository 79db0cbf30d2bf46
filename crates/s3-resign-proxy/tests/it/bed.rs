// SPDX-License-Identifier: Apache-2.0
//! What stands behind the proxy: the store with its issuer, or an origin that records bytes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use testbed::{
    Ca, Front, FrontConfig, Issuer, IssuerConfig, Origin, Reply, Seen, StaticPair, Store,
    StoreConfig,
};

use crate::proxy::Setup;

/// Longer than any test.
pub(crate) const LONG: Duration = Duration::from_secs(900);

/// A store over TLS whose credentials the issuer hands out.
pub(crate) struct Bed {
    pub(crate) ca: Ca,
    pub(crate) store: Store,
    pub(crate) issuer: Issuer,
    _dir: TempDir,
}

impl Bed {
    /// Credentials outlive the test.
    pub(crate) fn new() -> Bed {
        Bed::with(LONG, |config| config)
    }

    /// Credentials live this long.
    pub(crate) fn with_lifetime(lifetime: Duration) -> Bed {
        Bed::with(lifetime, |config| config)
    }

    /// A store to order.
    pub(crate) fn with(
        lifetime: Duration,
        order: impl FnOnce(StoreConfig<'_>) -> StoreConfig<'_>,
    ) -> Bed {
        let ca = Ca::new().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let config = StoreConfig { tls: Some(&ca), ..StoreConfig::new(dir.path()) };
        let store = Store::start(order(config)).unwrap();
        let issuer = Issuer::start(IssuerConfig::new(store.keyring(), lifetime)).unwrap();
        Bed { ca, store, issuer, _dir: dir }
    }

    /// A proxy to the store over TLS.
    pub(crate) fn setup(&self) -> Setup {
        self.setup_to(&self.store.url())
    }

    /// A proxy to the store over plain HTTP.
    pub(crate) fn plain_setup(&self) -> Setup {
        self.setup_to(&self.store.http_url())
    }

    /// A proxy to something in front of the store.
    pub(crate) fn setup_to(&self, url: &str) -> Setup {
        let broker = format!("broker:{}", self.issuer.url());
        let setup = Setup::new(url, &broker).trusting(&self.ca);
        setup.args(["--group", "tests", "--type", "backup"])
    }

    /// A front with TLS on both sides.
    pub(crate) fn front(&self) -> Front {
        let ca = Some(&self.ca);
        let config =
            FrontConfig { tls: ca, upstream_tls: ca, ..FrontConfig::new(self.store.addr()) };
        Front::start(config).unwrap()
    }

    /// The store's log of one target.
    pub(crate) fn seen(&self, target: &str) -> Vec<Seen> {
        self.store.log().into_iter().filter(|seen| seen.target == target).collect()
    }
}

/// An origin, and a file with credentials that never change.
pub(crate) struct Scripted {
    pub(crate) ca: Ca,
    pub(crate) origin: Origin,
    dir: TempDir,
}

impl Scripted {
    pub(crate) fn tls(start: impl FnOnce(Option<&Ca>) -> anyhow::Result<Origin>) -> Scripted {
        let ca = Ca::new().unwrap();
        let origin = start(Some(&ca)).unwrap();
        Scripted { ca, origin, dir: tempfile::tempdir().unwrap() }
    }

    /// Answers every request with 200 and no body.
    pub(crate) fn ok() -> Scripted {
        Scripted::always(Reply::answer("200 OK", "", b""))
    }

    pub(crate) fn always(reply: Reply) -> Scripted {
        Scripted::tls(|ca| Origin::always(ca, reply))
    }

    pub(crate) fn in_turn(replies: Vec<Reply>) -> Scripted {
        Scripted::tls(|ca| Origin::in_turn(ca, replies))
    }

    pub(crate) fn setup(&self) -> Setup {
        let credentials = format!("file:{}", static_credentials(self.dir.path()).display());
        Setup::new(&self.origin.url(), &credentials).trusting(&self.ca)
    }
}

/// A credential document without an end.
pub(crate) fn static_credentials(dir: &Path) -> PathBuf {
    let path = dir.join("credentials.json");
    let pair = StaticPair::random();
    std::fs::write(&path, credential_process(&pair.access_key_id, &pair.secret)).unwrap();
    path
}

pub(crate) fn credential_process(id: &str, secret: &str) -> String {
    serde_json::json!({"Version": 1, "AccessKeyId": id, "SecretAccessKey": secret}).to_string()
}
