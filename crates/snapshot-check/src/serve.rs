// SPDX-License-Identifier: Apache-2.0
//! Again and again, for a scraper.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use admin::{Admin, Readiness};
use serde_json::Value;
use sidecar::{Exit, Outcome, Stop};

use crate::args::Plan;
use crate::look::look;
use crate::metrics::{self, Metrics};

/// Checks until it is asked to stop. It is ready once the first check is done, good or bad.
///
/// # Errors
/// [`Exit::Unavailable`] for a port that is taken.
pub(crate) async fn serve(plan: Plan, every: Duration, stop: Stop) -> anyhow::Result<Outcome> {
    let admin = Admin::bind(&plan.admin).await?;
    let metrics = Metrics::unchecked();
    let readiness = Readiness::default();
    let mut guard = Some(readiness.guard("first check"));
    let last = Arc::new(Mutex::new(Value::Null));
    let told = Arc::clone(&last);
    let stats = Arc::new(move || told.lock().unwrap_or_else(PoisonError::into_inner).clone());
    admin.serve(readiness, Arc::new(metrics.registry()), stats, &stop);
    let mut checks = 0_u64;
    loop {
        let report = tokio::select! {
            report = look(&plan) => report,
            () = stop.requested() => break,
        };
        checks += 1;
        metrics.set(&report);
        if let Some(path) = &plan.metrics_file {
            metrics::write(path, &report)?;
        }
        let outcome = report.outcome();
        match outcome.exit {
            Exit::Done => tracing::info!(verdict = outcome.sentence, "checked"),
            _ => tracing::warn!(verdict = outcome.sentence, "checked"),
        }
        *last.lock().unwrap_or_else(PoisonError::into_inner) = serde_json::to_value(&report)?;
        drop(guard.take());
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = stop.requested() => break,
        }
    }
    Ok(Outcome::done(format!("stopped when asked, after {checks} checks")))
}
