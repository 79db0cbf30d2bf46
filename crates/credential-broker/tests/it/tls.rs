// SPDX-License-Identifier: Apache-2.0
//! TLS, and a certificate that changes while pods ask.

use std::path::Path;

use testbed::Ca;

use crate::bed::{Broker, HOUR, SOON, Setup, ask_for, control_plane};

/// A client that trusts this authority alone.
fn client(ca: &Ca) -> reqwest::Client {
    let authority = reqwest::Certificate::from_pem(ca.pem().as_bytes()).unwrap();
    reqwest::Client::builder()
        .tls_certs_only([authority])
        .no_proxy()
        .pool_max_idle_per_host(0)
        .timeout(SOON)
        .build()
        .unwrap()
}

async fn ask(broker: &Broker, ca: &Ca) -> Result<u16, reqwest::Error> {
    let url = format!("https://localhost:{}/internal/restore-creds", broker.addr.port());
    let answer = client(ca).post(url).json(&ask_for("g")).send().await?;
    Ok(answer.status().as_u16())
}

fn write(dir: &Path, ca: &Ca) {
    let (certificate, key) = ca.server_pem(&["localhost"]).unwrap();
    std::fs::write(dir.join("tls.key"), key).unwrap();
    std::fs::write(dir.join("tls.crt"), certificate).unwrap();
}

#[tokio::test]
async fn a_changed_certificate_is_used_without_a_restart() {
    let plane = control_plane(HOUR);
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (Ca::new().unwrap(), Ca::new().unwrap());
    write(dir.path(), &one);
    let setup = Setup::open(&plane).args(["--tls-cert".into(), dir.path().join("tls.crt")]);
    let mut broker = setup.args(["--tls-key".into(), dir.path().join("tls.key")]).start();
    assert_eq!(ask(&broker, &one).await.unwrap(), 200);
    assert!(ask(&broker, &two).await.is_err(), "the client checks");

    std::fs::write(dir.path().join("tls.crt"), "half-writ").unwrap();
    broker.wait("the defect is told", |broker| {
        broker.run.stdout().contains("the changed certificate is not used")
    });
    assert_eq!(ask(&broker, &one).await.unwrap(), 200);

    write(dir.path(), &two);
    broker.wait("the change is told", |broker| {
        broker.run.stdout().contains("the changed certificate is in use")
    });
    assert_eq!(ask(&broker, &two).await.unwrap(), 200);
    assert!(ask(&broker, &one).await.is_err());
}

#[tokio::test]
async fn plain_http_gets_nothing_from_a_tls_port() {
    let plane = control_plane(HOUR);
    let dir = tempfile::tempdir().unwrap();
    let ca = Ca::new().unwrap();
    write(dir.path(), &ca);
    let setup = Setup::open(&plane).args(["--tls-cert".into(), dir.path().join("tls.crt")]);
    let broker = setup.args(["--tls-key".into(), dir.path().join("tls.key")]).start();
    let plain = format!("http://{}/internal/restore-creds", broker.addr);
    assert!(client(&ca).post(plain).json(&ask_for("g")).send().await.is_err());
    assert_eq!(plane.count(), 0);
    assert_eq!(ask(&broker, &ca).await.unwrap(), 200);
}
