// SPDX-License-Identifier: Apache-2.0
//! A connection to one member.

use std::fmt;
use std::time::Duration;

use http::uri::PathAndQuery;
use prost::Message;
use tonic::Request;
use tonic::client::Grpc;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic_prost::ProstCodec;
use zeroize::Zeroizing;

use crate::error::{Error, Kind};
use crate::messages::{
    Alarm, AlarmRequest, AlarmResponse, AuthenticateRequest, AuthenticateResponse, Empty, HashKv,
    HashKvRequest, Headed, Header, Listed, MemberListResponse, RangeRequest, RangeResponse, Status,
};
use crate::stream::Snapshot;

/// So much of a snapshot may be on its way before it is taken: a window of 64 KiB would make one round
/// trip of every two messages.
const WINDOW: u32 = 4 * 1024 * 1024;
const CONNECT: Duration = Duration::from_secs(5);
/// Every call but the stream.
const CALL: Duration = Duration::from_secs(10);

/// How members are reached.
#[derive(Clone, Default)]
pub struct Access {
    /// PEM of the authorities to trust instead of the platform's.
    pub ca: Option<Vec<u8>>,
    /// PEM of the client's certificate and key.
    pub identity: Option<(Vec<u8>, Zeroizing<Vec<u8>>)>,
    /// User and password.
    pub user: Option<User>,
}

/// A user of etcd's own.
#[derive(Clone)]
pub struct User {
    /// The name.
    pub name: String,
    /// The password.
    pub password: Zeroizing<String>,
}

/// A connection to one member. Clones share it.
#[derive(Clone)]
pub struct Member {
    endpoint: String,
    channel: Channel,
    token: Option<MetadataValue<Ascii>>,
}

impl Member {
    /// Connects to one endpoint, `http://HOST:PORT` or `https://…`, and authenticates.
    ///
    /// # Errors
    /// [`Kind::Unavailable`], [`Kind::Denied`], [`Kind::Usage`].
    pub async fn connect(endpoint: &str, access: &Access) -> Result<Self, Error> {
        let unusable = |why: String| Error::new(Kind::Usage, format!("{endpoint}: {why}"));
        let mut target = Endpoint::from_shared(endpoint.to_owned())
            .map_err(|error| unusable(error.to_string()))?
            .connect_timeout(CONNECT)
            .tcp_nodelay(true)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .http2_keep_alive_interval(Duration::from_secs(10))
            .keep_alive_timeout(Duration::from_secs(10));
        if endpoint.starts_with("https://") {
            target = target.tls_config(tls(access)).map_err(|error| unusable(error.to_string()))?;
        }
        let channel =
            target.connect().await.map_err(|error| Error::connecting(endpoint, &error))?;
        let mut member = Self { endpoint: endpoint.to_owned(), channel, token: None };
        if let Some(user) = &access.user {
            member.token = Some(member.authenticate(user).await?);
        }
        Ok(member)
    }

    /// Its address.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    async fn authenticate(&self, user: &User) -> Result<MetadataValue<Ascii>, Error> {
        const CALL: &str = "/etcdserverpb.Auth/Authenticate";
        let request =
            AuthenticateRequest { name: user.name.clone(), password: user.password.to_string() };
        let response: AuthenticateResponse = self.call(CALL, request).await?;
        MetadataValue::try_from(response.token).map_err(|_| {
            Error::new(Kind::Failed, format!("{}: its token is no token", self.endpoint))
        })
    }

    /// A read through the quorum: the cluster's revision is at least that of the header.
    ///
    /// # Errors
    /// [`Kind::Learner`] among others.
    pub async fn linearizable_read(&self) -> Result<Header, Error> {
        let request = RangeRequest { key: vec![0], count_only: true, ..RangeRequest::default() };
        let response: Headed = self.call("/etcdserverpb.KV/Range", request).await?;
        Ok(response.header.unwrap_or_default())
    }

    /// How many keys lived at a revision, read through the quorum.
    ///
    /// # Errors
    /// [`Kind::Compacted`], [`Kind::Future`], [`Kind::Learner`] among others.
    pub async fn count(&self, revision: i64) -> Result<u64, Error> {
        // From the least key, without an end: all of them.
        let request = RangeRequest { key: vec![0], range_end: vec![0], revision, count_only: true };
        let response: RangeResponse = self.call("/etcdserverpb.KV/Range", request).await?;
        u64::try_from(response.count).map_err(|_| {
            let text = format!("{}: Range: a count of {}", self.endpoint, response.count);
            Error::new(Kind::Failed, text)
        })
    }

    /// What it says of itself.
    ///
    /// # Errors
    /// [`Kind::Denied`] on some releases with auth on.
    pub async fn status(&self) -> Result<Status, Error> {
        self.call("/etcdserverpb.Maintenance/Status", Empty {}).await
    }

    /// All alarms of the cluster.
    ///
    /// # Errors
    /// [`Kind::Learner`] among others.
    pub async fn alarms(&self) -> Result<Vec<Alarm>, Error> {
        let response: AlarmResponse =
            self.call("/etcdserverpb.Maintenance/Alarm", AlarmRequest { action: 0 }).await?;
        Ok(response.alarms)
    }

    /// All members of the cluster.
    ///
    /// # Errors
    /// As of any call.
    pub async fn members(&self) -> Result<Vec<Listed>, Error> {
        let response: MemberListResponse =
            self.call("/etcdserverpb.Cluster/MemberList", Empty {}).await?;
        Ok(response.members)
    }

    /// The hash of its keys at a revision.
    ///
    /// # Errors
    /// [`Kind::Compacted`], [`Kind::Future`], [`Kind::Learner`] among others.
    pub async fn hash_kv(&self, revision: i64) -> Result<HashKv, Error> {
        self.call("/etcdserverpb.Maintenance/HashKV", HashKvRequest { revision }).await
    }

    /// Opens the snapshot stream. A member that has lost its leader refuses.
    ///
    /// # Errors
    /// As of any call.
    pub async fn snapshot(&self) -> Result<Snapshot, Error> {
        const CALL: &str = "/etcdserverpb.Maintenance/Snapshot";
        let failed = |status| Error::of(&self.endpoint, name(CALL), &status);
        let mut grpc = self.grpc(CALL).await?;
        let mut request = self.request(Empty {});
        request.metadata_mut().insert("hasleader", MetadataValue::from_static("true"));
        let codec = ProstCodec::default();
        let response = grpc.server_streaming(request, PathAndQuery::from_static(CALL), codec).await;
        Ok(Snapshot::new(self.endpoint.clone(), response.map_err(failed)?.into_inner()))
    }

    async fn call<A, B>(&self, path: &'static str, body: A) -> Result<B, Error>
    where
        A: Message + 'static,
        B: Message + Default + 'static,
    {
        let mut grpc = self.grpc(path).await?;
        let codec = ProstCodec::default();
        let answer = grpc.unary(self.request(body), PathAndQuery::from_static(path), codec);
        match tokio::time::timeout(CALL, answer).await {
            Ok(Ok(response)) => Ok(response.into_inner()),
            Ok(Err(status)) => Err(Error::of(&self.endpoint, name(path), &status)),
            Err(_) => {
                let text = format!("{}: {}: no answer within {CALL:?}", self.endpoint, name(path));
                Err(Error::new(Kind::Late, text))
            }
        }
    }

    async fn grpc(&self, path: &str) -> Result<Grpc<Channel>, Error> {
        let mut grpc = Grpc::new(self.channel.clone());
        grpc.ready().await.map_err(|error| {
            let text = format!("{}: {}: {error}", self.endpoint, name(path));
            Error::new(Kind::Unavailable, text)
        })?;
        Ok(grpc)
    }

    fn request<T>(&self, body: T) -> Request<T> {
        let mut request = Request::new(body);
        if let Some(token) = &self.token {
            request.metadata_mut().insert("token", token.clone());
        }
        request
    }
}

/// `Snapshot` of `/etcdserverpb.Maintenance/Snapshot`.
fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn tls(access: &Access) -> ClientTlsConfig {
    let config = ClientTlsConfig::new();
    let config = match &access.ca {
        Some(pem) => config.ca_certificate(Certificate::from_pem(pem)),
        None => config.with_native_roots(),
    };
    match &access.identity {
        Some((cert, key)) => config.identity(Identity::from_pem(cert, key.as_slice())),
        None => config,
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self.user.as_ref().map(|user| &user.name);
        f.debug_struct("Access").field("user", &user).finish_non_exhaustive()
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("name", &self.name).finish_non_exhaustive()
    }
}
