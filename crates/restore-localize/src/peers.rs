// SPDX-License-Identifier: Apache-2.0
//! Who lives at the peers' addresses: a restore beside members of another cluster would split clients
//! between two.
//!
//! Source: `GET /members` of etcd's peer port (`server/etcdserver/api/etcdhttp/peer.go`), the cluster's id
//! in the header `X-Etcd-Cluster-ID`.

use std::time::Duration;

use anyhow::{Context as _, anyhow};
use futures_util::future::join_all;
use reqwest::{Certificate, Client, Identity};
use serde::Deserialize;
use sidecar::{Exit, Failure};

use crate::ids;
use crate::member::PeerAccess;
use crate::voters::Voters;

const CONNECT: Duration = Duration::from_secs(2);
const TOTAL: Duration = Duration::from_secs(5);
/// More than any list of members has, in bytes.
const LIMIT: usize = 256 * 1024;

/// A living peer's answer.
#[derive(Debug, Clone)]
pub(crate) struct Living {
    pub(crate) url: String,
    /// In hex, without leading zeros.
    pub(crate) cluster_id: String,
    pub(crate) members: Vec<PeerMember>,
}

/// A member, as a peer lists it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct PeerMember {
    pub(crate) id: u64,
    /// Empty until it has started.
    #[serde(default)]
    pub(crate) name: String,
    #[serde(rename = "peerURLs", default)]
    pub(crate) peer_urls: Vec<String>,
}

/// Asks every member but this one; those that do not answer are not among the answers.
///
/// # Errors
/// [`Exit::Usage`] for certificates that cannot be used.
pub(crate) async fn living(
    voters: &Voters,
    own: &str,
    access: &PeerAccess,
) -> anyhow::Result<Vec<Living>> {
    let urls = voters.iter().filter(|(name, _)| *name != own).flat_map(|(_, urls)| urls);
    let urls: Vec<&String> = urls.collect();
    if urls.is_empty() {
        return Ok(Vec::new());
    }
    let is_tls = urls.iter().any(|url| url.starts_with("https://"));
    let client = client(access, is_tls).map_err(|error| Failure::new(Exit::Usage, error))?;
    let answers = join_all(urls.into_iter().map(|url| ask(&client, url))).await;
    Ok(answers.into_iter().flatten().collect())
}

/// All that live must be of this cluster.
///
/// # Errors
/// [`Exit::Corrupt`].
pub(crate) fn none_foreign(living: &[Living], cluster_id: u64) -> anyhow::Result<()> {
    let ours = ids::shown(cluster_id);
    let Some(foreign) = living.iter().find(|peer| peer.cluster_id != ours) else { return Ok(()) };
    let (url, theirs) = (&foreign.url, &foreign.cluster_id);
    let why = anyhow!(
        "{url} answers as a member of the cluster {theirs}; this restore would make the cluster {ours} beside it. \
         Stop every member of the old one before any is restored"
    );
    Err(Failure::new(Exit::Corrupt, why))
}

async fn ask(client: &Client, url: &str) -> Option<Living> {
    match answer(client, url).await {
        Ok(living) => Some(living),
        Err(error) => {
            let why = format!("{error:#}");
            match is_absent(&why) {
                // Where all members are restored at once, none of them answers.
                true => tracing::debug!(url, error = why, "a peer does not answer"),
                false => tracing::warn!(
                    url,
                    error = why,
                    "somebody lives at a peer's address and cannot be asked which cluster it is of: --peer-cacert, --peer-cert and --peer-key say how"
                ),
            }
            None
        }
    }
}

/// Whether nobody is there, as far as the words of the system tell.
fn is_absent(why: &str) -> bool {
    let words = ["refused", "dns error", "unreachable", "timed out", "no route"];
    let why = why.to_lowercase();
    words.iter().any(|word| why.contains(word))
}

async fn answer(client: &Client, url: &str) -> anyhow::Result<Living> {
    let mut response = client.get(format!("{url}/members")).send().await?.error_for_status()?;
    let cluster_id =
        response.headers().get("x-etcd-cluster-id").context("it says no cluster id")?;
    let cluster_id = cluster_id.to_str()?.trim_start_matches('0').to_owned();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        anyhow::ensure!(body.len() + chunk.len() <= LIMIT, "its answer is far too large");
        body.extend_from_slice(&chunk);
    }
    Ok(Living { url: url.to_owned(), cluster_id, members: serde_json::from_slice(&body)? })
}

fn client(access: &PeerAccess, is_tls: bool) -> anyhow::Result<Client> {
    let client = Client::builder()
        .connect_timeout(CONNECT)
        .timeout(TOTAL)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        // etcd offers HTTP/2 at its peer port and speaks gRPC alone there.
        .http1_only();
    if !is_tls {
        // An image without any authority must do for plain HTTP.
        return Ok(client.tls_certs_only([]).build()?);
    }
    let client = match &access.ca {
        Some(path) => {
            let pem = std::fs::read(path).with_context(|| format!("{}", path.display()))?;
            client.tls_certs_only(Certificate::from_pem_bundle(&pem)?)
        }
        None => client,
    };
    let client = match &access.identity {
        Some((cert, key)) => {
            let read = |path: &std::path::Path| {
                std::fs::read(path).with_context(|| format!("{}", path.display()))
            };
            let pem = zeroize::Zeroizing::new([read(cert)?, b"\n".to_vec(), read(key)?].concat());
            client.identity(Identity::from_pem(&pem)?)
        }
        None => client,
    };
    Ok(client.build()?)
}
