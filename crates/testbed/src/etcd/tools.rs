// SPDX-License-Identifier: Apache-2.0
//! etcdctl and etcdutl, which lie beside etcd.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::{ClientTls, Version};
use crate::tool::needed_tool;

/// Longer than any snapshot of a test takes.
const PATIENCE: Duration = Duration::from_secs(300);

/// The programs of one version.
#[derive(Clone, Debug)]
pub(super) struct Tools {
    pub(super) etcd: PathBuf,
    version: Version,
}

/// Who calls, where it is not the client certificate alone that says so.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller<'a> {
    pub(super) user: &'a str,
    pub(super) password: &'a str,
}

impl Tools {
    pub(super) fn of(version: Version) -> anyhow::Result<Tools> {
        Ok(Tools { etcd: needed_tool(version.tool())?, version })
    }

    pub(super) async fn ctl(
        &self,
        endpoints: &[String],
        tls: Option<&ClientTls>,
        caller: Option<Caller<'_>>,
        args: &[&str],
        input: Option<&str>,
    ) -> anyhow::Result<String> {
        ensure!(!endpoints.is_empty(), "no member runs that etcdctl could ask");
        let mut command = Command::new(self.etcd.with_file_name("etcdctl"));
        command.env_clear();
        command.arg(format!("--endpoints={}", endpoints.join(",")));
        if self.version == Version::V3_4 {
            // Later ones know no other and warn of it.
            command.env("ETCDCTL_API", "3");
        }
        if let Some(ClientTls { ca, client }) = tls {
            command.arg("--cacert").arg(ca);
            command.arg("--cert").arg(&client.certificate).arg("--key").arg(&client.key);
        }
        if let Some(Caller { user, password }) = caller {
            command.arg(format!("--user={user}:{password}"));
        }
        run(command, args, input).await
    }

    pub(super) async fn utl(&self, args: &[&str]) -> anyhow::Result<String> {
        let program = self.etcd.with_file_name("etcdutl");
        ensure!(program.exists(), "this etcd has no etcdutl: its etcdctl does the same");
        let mut command = Command::new(program);
        command.env_clear();
        run(command, args, None).await
    }
}

async fn run(mut command: Command, args: &[&str], input: Option<&str>) -> anyhow::Result<String> {
    command.args(args).envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let name = Path::new(command.as_std().get_program()).display().to_string();
    let what = || format!("{name} {}", args.join(" "));
    let output = tokio::time::timeout(PATIENCE, async {
        let mut child = command.spawn()?;
        if let (Some(text), Some(mut stdin)) = (input, child.stdin.take()) {
            stdin.write_all(text.as_bytes()).await?;
        }
        child.wait_with_output().await
    });
    let output = output.await.with_context(what)?.with_context(what)?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if !output.status.success() {
        let said = text(&output.stderr) + &text(&output.stdout);
        bail!("{} ended with {}: {}", what(), output.status, said.trim());
    }
    Ok(text(&output.stdout))
}
