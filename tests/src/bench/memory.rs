// SPDX-License-Identifier: Apache-2.0
//! The proxy's memory: when nobody has called yet, and its peak under eight uploads at a time.

use std::net::SocketAddr;

use anyhow::anyhow;

use super::connection::{Connection, Peer};
use super::figure::{Figures, Unit};
use super::proxy::Proxy;
use super::request::{Ask, Prepared};
use super::say;
use super::stage::Stage;

const UPLOADS_AT_A_TIME: usize = 8;
/// One after the other on each connection: buffers grow with use.
const UPLOADS_EACH: usize = 6;
const GOAL_MIB: f64 = 16.0;
const MIB: f64 = 1024.0 * 1024.0;

pub(super) fn measure(stage: &Stage, figures: &mut Figures) -> anyhow::Result<()> {
    say("memory");
    for payload in ["auto", "preserve"] {
        stage.interrupt.check()?;
        let proxy = stage.fresh_proxy(payload)?;
        let idle = proxy.usage()?.rss_bytes as f64 / MIB;
        upload(&proxy)?;
        let peak = proxy.usage()?.peak_rss_bytes as f64 / MIB;
        if payload == "auto" {
            figures.judge("memory, idle", idle, Unit::Mebibytes, GOAL_MIB);
        }
        let name = format!("memory, peak at 8 × PUT 20 MiB, {payload}");
        figures.judge(&name, peak, Unit::Mebibytes, GOAL_MIB);
    }
    Ok(())
}

fn upload(proxy: &Proxy) -> anyhow::Result<()> {
    let request = Ask::PutLarge.prepare(proxy.addr(), proxy.caller())?;
    std::thread::scope(|scope| {
        let request = &request;
        let threads: Vec<_> = (0..UPLOADS_AT_A_TIME)
            .map(|_| scope.spawn(move || upload_in_turn(proxy.addr(), request)))
            .collect();
        threads.into_iter().try_for_each(|thread| {
            thread.join().map_err(|_| anyhow!("a client's thread panicked"))?
        })
    })
}

fn upload_in_turn(addr: SocketAddr, request: &Prepared) -> anyhow::Result<()> {
    let mut connection = Connection::open(&Peer { addr, tls: None })?;
    (0..UPLOADS_EACH).try_for_each(|_| connection.exchange(request))
}
