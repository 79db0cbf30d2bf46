// SPDX-License-Identifier: Apache-2.0
//! `prove`: does the snapshot come back? It is restored into an empty folder with its revision kept, the
//! image's own etcd is booted on it, and what that etcd holds is compared with what the live members
//! held when it was taken.
//!
//! Only what fails verification is a verdict against a snapshot; what could not be tried is told as such.

mod answers;
mod history;
mod http;
mod metrics;
pub(crate) mod plan;
mod proof;
mod report;
mod said;
mod scratch;
mod server;
mod take;

use jiff::Timestamp;
use sidecar::{Exit, Halt, Outcome, Stop};
use store::Store;

use crate::bind::Data;
use crate::prove::plan::ProvePlan;
use crate::prove::proof::{Proof, Stage, Subject, timed};
use crate::prove::report::Report;
use crate::prove::scratch::Scratch;

/// Proves what is asked for, and one more where that is asked for, and writes what came of it.
///
/// # Errors
/// Reports that cannot be written. All else is in the outcome.
pub(crate) async fn prove(plan: ProvePlan, stop: Stop) -> anyhow::Result<Outcome> {
    let halt = Halt::new(stop, plan.deadline);
    let report = Report::new(all(&plan, &halt).await);
    if let Some(path) = &plan.report {
        report.write(path)?;
    }
    if let Some(path) = &plan.metrics_file {
        metrics::write(path, &report)?;
    }
    Ok(report.outcome())
}

/// The second one is chosen once the first is recorded.
async fn all(plan: &ProvePlan, halt: &Halt) -> Vec<Proof> {
    let mut first = one(plan, halt, halt.or(take::asked(plan)).await).await;
    let Some(history) = plan.history.as_ref().filter(|_| first.exit != Exit::Stopped) else {
        return vec![first];
    };
    let claims = match store::open(&history.location, &history.settings) {
        Ok(claims) => claims,
        Err(error) => return vec![first, unchosen(&error.into_failure())],
    };
    keep(plan, &claims, &mut first).await;
    let choosing = take::one_more(plan, &claims, first.subject.snapshot);
    let chosen = match halt.or(choosing).await {
        Ok(None) => return vec![first],
        Ok(Some(data)) => Ok(data),
        Err(error) => Err(error),
    };
    let mut second = one(plan, halt, chosen).await;
    keep(plan, &claims, &mut second).await;
    vec![first, second]
}

/// Records a verdict. Without its record the same snapshot would be chosen again and again, so that this
/// fails is told by the exit code too.
async fn keep(plan: &ProvePlan, claims: &Store, proof: &mut Proof) {
    let Some(history) = &plan.history else { return };
    if let Err(error) = history::record(claims, &history.target, proof).await {
        tracing::warn!(error = %error, "the proof is not recorded");
        proof.unrecorded(&error);
    }
}

fn unchosen(error: &anyhow::Error) -> Proof {
    let mut proof = Proof::begin(Subject::default(), Timestamp::now());
    proof.broke_off(error);
    proof
}

async fn one(plan: &ProvePlan, halt: &Halt, chosen: anyhow::Result<Data>) -> Proof {
    let data = match chosen {
        Ok(data) => data,
        Err(error) => return unchosen(&error),
    };
    let mut proof = Proof::begin(take::whose(&data), Timestamp::now());
    if let Err(error) = halt.or(Box::pin(stages(plan, &data, &mut proof))).await {
        proof.broke_off(&error);
    }
    tracing::info!(grade = ?proof.grade, told = proof.sentence(), "proof ended");
    proof
}

/// From the store to the comparison. However this ends, etcd ends before its folder goes.
async fn stages(plan: &ProvePlan, data: &Data, proof: &mut Proof) -> anyhow::Result<()> {
    proof.enter(Stage::Tool);
    let tool = take::tool(plan, data).await?;
    let etcd = take::etcd(plan, &tool)?;
    proof.enter(Stage::Fetch);
    let scratch = Scratch::make(&plan.data_dir)?;
    let expected = timed(&mut proof.seconds.fetch, take::fetch(plan, data, &scratch)).await?;
    take::sound(&expected, &mut proof.notes)?;
    proof.enter(Stage::Restore);
    let data_dir = timed(&mut proof.seconds.restore, take::restore(&tool, &scratch)).await?;
    proof.enter(Stage::Boot);
    let log = scratch.join("etcd.log");
    let booting = server::boot(&etcd, &data_dir, &log, plan.ready_within);
    let server = timed(&mut proof.seconds.boot, booting).await?;
    proof.etcd = Some(server.version.server.clone());
    proof.enter(Stage::Compare);
    let should = &expected.hash_kv;
    let asking = answers::gather(server, &data_dir, should.revision, should.compact_revision);
    let answers = timed(&mut proof.seconds.compare, asking).await?;
    scratch.clear()?;
    proof.judge(&expected, answers);
    Ok(())
}
