// SPDX-License-Identifier: Apache-2.0
//! The process: opens what it needs, serves until asked to stop, and says what it handed out.

use std::sync::Arc;
use std::time::Duration;

use admin::{Admin, Readiness};
use sidecar::{Outcome, Stop};

use crate::accept::Server;
use crate::config::{Callers, Config, Source};
use crate::desk::Desk;
use crate::identity::{Cluster, Door, Guard};
use crate::issuer::{Canopy, File, Issuer, Sts};
use crate::listen;
use crate::metrics::Metrics;
use crate::service::{Service, Wire};
use crate::tls::Certificate;

/// How often an open door is called one.
const LOUD_EVERY: Duration = Duration::from_secs(600);

/// Serves until it is asked to stop.
///
/// # Errors
/// [`sidecar::Exit::Unavailable`] for a port that is taken, [`sidecar::Exit::Usage`] for files that cannot serve.
pub(crate) async fn serve(config: Config, stop: Stop) -> anyhow::Result<Outcome> {
    let listener = listen::bind(config.listen)?;
    let admin = Admin::bind(&config.admin).await?;
    let metrics = Metrics::default();
    let certificate = config.tls.clone().map(Certificate::open).transpose()?;
    let tls = certificate.as_ref().map(Certificate::acceptor).transpose()?;
    let door = open_door(&config, &metrics).await?;
    let issuer = open_issuer(config.source).await?;
    let name = issuer.name();
    let desk = Desk::new(issuer, config.desk, metrics.clone());

    let readiness = Readiness::default();
    let (told, asked) = (metrics.clone(), desk.clone());
    let stats = Arc::new(move || told.stats(&asked));
    admin.serve(readiness.clone(), Arc::new(metrics.registry(&desk)), stats, &stop);
    tokio::spawn(desk.clone().purge());
    if let Some(certificate) = certificate {
        tokio::spawn(certificate.follow());
    }
    let address = listener.local_addr()?;
    tracing::info!(%address, tls = tls.is_some(), issuer = name, "listening");
    let service = Arc::new(Service {
        door,
        desk: desk.clone(),
        wire: config.wire,
        metrics: metrics.clone(),
        readiness,
        stop: stop.clone(),
        body: config.request,
    });
    if config.wire == Wire::Legacy {
        tracing::warn!("the repository's password is sent with every set, asked for or not");
    }
    let (head, connections) = (config.request, config.connections);
    Server { service, tls, head, connections }.accept_until(listener, &stop).await;
    Ok(finish(&metrics, &desk))
}

async fn open_door(config: &Config, metrics: &Metrics) -> anyhow::Result<Door> {
    match &config.callers {
        Callers::Checked { rules, kube_config } => {
            let cluster = Cluster::open(kube_config.as_deref()).await?;
            let guard = Guard::new(cluster, rules.clone(), config.desk.entries, metrics.clone());
            Ok(Door::Guarded(Box::new(guard)))
        }
        Callers::Anybody => {
            metrics.anonymous.set(1);
            tokio::spawn(be_loud());
            Ok(Door::Open)
        }
    }
}

async fn be_loud() {
    loop {
        tracing::warn!(
            "callers are NOT checked (--allow-anonymous): whoever reaches the port is handed any group's credentials"
        );
        tokio::time::sleep(LOUD_EVERY).await;
    }
}

async fn open_issuer(source: Source) -> anyhow::Result<Issuer> {
    Ok(match source {
        Source::Canopy(config) => Issuer::Canopy(Box::new(Canopy::open(config)?)),
        Source::Sts(session) => {
            if session.is_for_all_groups() {
                tracing::warn!(
                    "neither --sts-bucket nor --sts-prefix holds {{group}}: every group's sessions read the same objects"
                );
            }
            if !session.prefix.is_empty() && !session.prefix.ends_with('/') {
                tracing::warn!(
                    "--sts-prefix does not end in a slash: keys of longer names that begin with it are read too"
                );
            }
            Issuer::Sts(Box::new(Sts::open(session).await))
        }
        Source::File(path) => {
            tracing::warn!(
                path = %path.display(),
                "sets come from a FILE: for development; whoever reads the file has them for ever"
            );
            Issuer::File(File::open(path)?)
        }
    })
}

fn finish(metrics: &Metrics, desk: &Desk) -> Outcome {
    let callers = match metrics.anonymous.get() {
        0 => "",
        _ => "; callers were NOT checked (--allow-anonymous)",
    };
    let sentence = format!(
        "stopped when asked; handed out {} sets of which the issuer issued {}, refused {}{callers}",
        metrics.grants_total(),
        metrics.issuances.get(),
        metrics.refusals_total(),
    );
    Outcome::done(sentence).with(metrics.stats(desk))
}
