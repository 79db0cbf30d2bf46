// SPDX-License-Identifier: Apache-2.0
//! What a cluster is to be like, and its start.

use std::path::Path;

use super::member::{Common, Member};
use super::tools::Tools;
use super::{ClientTls, Etcd, Version};
use crate::ca::Ca;
use crate::ports;
use crate::proc::Spawn;

/// A cluster to be.
#[derive(Clone)]
pub struct Builder<'a> {
    version: Version,
    members: usize,
    tls: Option<&'a Ca>,
    certificates: Certificates,
    flags: Vec<String>,
    state: &'static str,
}

/// Whether clients must show a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Certificates {
    NotAsked,
    Required,
}

impl<'a> Builder<'a> {
    pub(super) fn new(version: Version) -> Builder<'a> {
        let (certificates, flags) = (Certificates::NotAsked, Vec::new());
        Builder { version, members: 1, tls: None, certificates, flags, state: "new" }
    }

    /// How many members vote.
    pub fn members(self, members: usize) -> Builder<'a> {
        Builder { members, ..self }
    }

    /// Serves clients over TLS, with a certificate of this authority. Members speak plain HTTP to
    /// each other.
    pub fn tls<'b>(self, ca: &'b Ca) -> Builder<'b>
    where
        'a: 'b,
    {
        Builder { tls: Some(ca), ..self }
    }

    /// Asks clients for a certificate of the authority; with authentication on, its common name is
    /// the user.
    pub fn client_cert_auth(self) -> Builder<'a> {
        Builder { certificates: Certificates::Required, ..self }
    }

    /// More flags for every member, behind all others.
    ///
    /// From 3.5 on, members do without fsync, which survives kill -9 but no power cut;
    /// `--unsafe-no-fsync=false` brings it back.
    pub fn flags(mut self, flags: impl IntoIterator<Item = impl Into<String>>) -> Builder<'a> {
        self.flags.extend(flags.into_iter().map(Into::into));
        self
    }

    /// Members that know their addresses and folders and do not run: their data comes from elsewhere, and
    /// they are started with [`Etcd::start_member`] as parts of a cluster that exists.
    pub fn prepare(self) -> anyhow::Result<Etcd> {
        Builder { state: "existing", ..self }.build()
    }

    /// Starts the cluster and waits until every member serves.
    pub async fn start(self) -> anyhow::Result<Etcd> {
        let mut tries = 1;
        loop {
            match self.start_once().await {
                Err(error) if tries < ports::TRIES && ports::is_taken(&error) => tries += 1,
                done => return done,
            }
        }
    }

    async fn start_once(&self) -> anyhow::Result<Etcd> {
        let etcd = self.build()?;
        etcd.members.iter().try_for_each(Member::start)?;
        for place in 0..etcd.members.len() {
            etcd.ready(place).await?;
        }
        Ok(etcd)
    }

    fn build(&self) -> anyhow::Result<Etcd> {
        let tools = Tools::of(self.version)?;
        let folder = tempfile::Builder::new().prefix("testbed-etcd-").tempdir()?;
        let spawn = Spawn::new(&tools.etcd).clean_env().current_dir(folder.path());
        let spawn = match self.version {
            Version::V3_4 => spawn,
            Version::V3_5 | Version::V3_6 => spawn.arg("--unsafe-no-fsync"),
        };
        let (spawn, tls) = self.with_tls(spawn, folder.path())?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let common = Common { spawn: spawn.args(&self.flags), scheme };
        let members = Member::founders(&common, self.members.max(1), folder.path(), self.state)?;
        Ok(Etcd { members, tools, common, tls, version: self.version, rounds: 0.into(), folder })
    }

    fn with_tls(&self, spawn: Spawn, folder: &Path) -> anyhow::Result<(Spawn, Option<ClientTls>)> {
        let Some(ca) = self.tls else { return Ok((spawn, None)) };
        let (certificate, key) = ca.server_files(folder)?;
        let tls = ClientTls {
            ca: ca.write_pem(folder.join("ca.pem"))?,
            client: ca.client_files(folder, "root")?,
        };
        let spawn = spawn.arg("--cert-file").arg(certificate).arg("--key-file").arg(key);
        let spawn = spawn.arg("--trusted-ca-file").arg(&tls.ca);
        Ok((
            match self.certificates {
                Certificates::NotAsked => spawn,
                Certificates::Required => spawn.arg("--client-cert-auth"),
            },
            Some(tls),
        ))
    }
}
