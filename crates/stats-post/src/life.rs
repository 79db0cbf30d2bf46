// SPDX-License-Identifier: Apache-2.0
//! One life of the sidecar: it finds what an earlier one left, follows its neighbours until it is asked to
//! stop, and has their last word heard.
//!
//! A run has one final report: the one that was spooled first. A life that finds it delivers that one and
//! no other; what moved since is told, and makes the exit 2.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use admin::{Admin, Readiness};
use jiff::Timestamp;
use sidecar::{Exit, Failure, Outcome, Stop};
use tokio::time::{Instant, sleep};

use crate::about::{About, Key};
use crate::deliver::{Delivery, Past, deliver};
use crate::last_word;
use crate::metrics::Metrics;
use crate::neighbours::{Neighbours, Seen};
use crate::progress::Progress;
use crate::report::{Final, Report};
use crate::resolve::{Plan, Until};
use crate::sender::Sender;
use crate::spool::{Kept, Spool};
use crate::steps::{Step, Walk, Watch};
use crate::target::Target;

/// An outcome is looked for this often where it ends the run.
const OUTCOME_EVERY: Duration = Duration::from_millis(500);

/// What is the same for a whole life.
struct Desk {
    about: About,
    key: Key,
    target: Target,
    /// For the last word.
    to: String,
    until: Until,
    every: Duration,
    sender: Sender,
    spool: Spool,
    metrics: Metrics,
    walk: Walk,
    started: Timestamp,
}

/// The run's final report, as far as it came in an earlier life.
enum Earlier {
    None,
    Pending(Box<Final>),
    Delivered(Box<Final>),
}

/// Follows the neighbours until it is asked to stop, and reports.
///
/// # Errors
/// [`Exit::Unavailable`] for a port that is taken, [`Exit::Usage`] for a device key that is none. Nothing
/// that happens to a report is an error.
pub(crate) async fn live(plan: Plan, stop: Stop, watch: Watch) -> anyhow::Result<Outcome> {
    let admin = Admin::bind(&plan.admin).await?;
    let metrics = Metrics::default();
    let canopy = plan.canopy.map(canopy::Client::open).transpose();
    let canopy = canopy.map_err(|error| Failure::new(Exit::Usage, error))?;
    admin.serve(Readiness::default(), Arc::new(metrics.registry()), metrics.stats(), &stop);
    let walk = Walk::new(watch);
    let spool = Spool::open(plan.spool.as_deref(), &plan.key);
    let (started, mut earlier) = begin(&spool, &walk);
    tracing::info!(folder = %plan.folder.display(), form = plan.form.name(), to = plan.target.shown(), "watching");
    if let Some(why) = plan.http.lack() {
        tracing::warn!(error = why, "nothing can be posted yet: it is read again for each post");
    }
    let mut neighbours = Neighbours::new(plan.folder, plan.executor, started);
    let mut progress = plan.progress.map(|target| Progress::new(target, plan.every));
    let desk = Desk {
        about: plan.about,
        key: plan.key,
        to: canopy.as_ref().filter(|_| plan.form.needs_outcome()).map_or_else(
            || plan.target.shown(),
            |client| format!("the control plane, {}", client.origin()),
        ),
        target: plan.target,
        until: plan.until,
        every: plan.every,
        sender: Sender { http: plan.http, canopy },
        spool,
        metrics,
        walk,
        started,
    };
    tokio::select! {
        biased;
        () = stop.requested() => {}
        () = desk.follow(&mut neighbours, progress.as_mut()) => {}
        () = desk.deliver_earlier(&mut earlier) => {}
    }
    tracing::info!("ending");
    let deadline = Instant::now() + stop.grace();
    Ok(desk.finish(&mut neighbours, earlier, deadline).await)
}

/// When the run began, and how far its report came.
fn begin(spool: &Spool, walk: &Walk) -> (Timestamp, Earlier) {
    match walk.step(Step::Find, || spool.find()) {
        Some(Kept::Counting { started }) => (started, Earlier::None),
        Some(Kept::Pending { all }) => (all.report.started, Earlier::Pending(all)),
        Some(Kept::Delivered { all }) => (all.report.started, Earlier::Delivered(all)),
        None => {
            let started = Timestamp::now();
            // A spool that cannot be written is better known now than at the end.
            keep(spool, &Kept::Counting { started });
            (started, Earlier::None)
        }
    }
}

/// Whether it is on the disk; if not, that is told.
fn keep(spool: &Spool, kept: &Kept) -> bool {
    match spool.keep(kept) {
        Ok(()) => spool.path().is_some(),
        Err(error) => {
            tracing::warn!(error = %error, "the spool cannot be written: a killed sidecar would lose its report");
            false
        }
    }
}

impl Desk {
    /// Ends where the outcome that ends the run is there; else never.
    async fn follow(&self, neighbours: &mut Neighbours, mut progress: Option<&mut Progress>) {
        let mut due = Instant::now() + self.every;
        loop {
            let seen = neighbours.look();
            self.metrics.seen(&seen);
            if self.until == Until::Outcome && seen.executor.is_some() {
                return;
            }
            if Instant::now() >= due {
                due = Instant::now() + self.every;
                if let Some(progress) = &mut progress {
                    let report = Report::running(&self.about, &seen, self.started);
                    progress.tick(&report, &self.sender, &self.metrics).await;
                    due = Instant::now() + progress.wait();
                }
            }
            let wait = due.saturating_duration_since(Instant::now()).min(self.every);
            sleep(if self.until == Until::Outcome { wait.min(OUTCOME_EVERY) } else { wait }).await;
        }
    }

    /// What an earlier life could not deliver; never ends, for the run goes on.
    async fn deliver_earlier(&self, earlier: &mut Earlier) {
        if let Earlier::Pending(all) = &*earlier
            && let Ok(letter) = self.target.letter(all)
        {
            let letter = (&letter, &self.key);
            let sent = Past::MaybeSent;
            let delivery = deliver(&self.sender, &self.metrics, letter, sent, None).await;
            match delivery {
                Delivery::Heard(_) => {
                    let all = all.clone();
                    self.mark(&all);
                    tracing::info!("the report of an earlier start is delivered");
                    *earlier = Earlier::Delivered(all);
                }
                Delivery::Refused(why) | Delivery::Late(why) => {
                    tracing::warn!(error = why, "the report of an earlier start is not taken");
                }
            }
        }
        pending().await
    }

    /// The last reading, and the one report.
    async fn finish(
        &self,
        neighbours: &mut Neighbours,
        earlier: Earlier,
        deadline: Instant,
    ) -> Outcome {
        let seen = self.walk.step(Step::Count, || neighbours.look());
        self.metrics.seen(&seen);
        let now = self.final_report(&seen);
        match earlier {
            Earlier::None => self.report(&now, Past::Unsent, deadline).await,
            Earlier::Pending(all) => {
                let outcome = self.report(&all, Past::MaybeSent, deadline).await;
                last_word::since(outcome, &all, &now)
            }
            Earlier::Delivered(all) => {
                last_word::since(last_word::heard_earlier(&self.to, &all), &all, &now)
            }
        }
    }

    fn final_report(&self, seen: &Seen) -> Final {
        let running = Report::running(&self.about, seen, self.started);
        Final::new(running, seen.executor.clone(), Timestamp::now())
    }

    /// Spools a report, posts it, and marks it as delivered.
    async fn report(&self, all: &Final, past: Past, deadline: Instant) -> Outcome {
        let letter = match self.target.letter(all) {
            Ok(letter) => letter,
            Err(lack) => return last_word::unheard(&lack.to_string(), &all.report, None),
        };
        let kept = Kept::Pending { all: Box::new(all.clone()) };
        let is_kept = self.walk.step(Step::Spool, || keep(&self.spool, &kept));
        let letter = (&letter, &self.key);
        let posting = deliver(&self.sender, &self.metrics, letter, past, Some(deadline));
        let delivery = self.walk.step_async(Step::Post, posting).await;
        let spool = self.spool.path().filter(|_| is_kept);
        match delivery {
            Delivery::Heard(heard) => {
                self.walk.step(Step::Mark, || self.mark(all));
                last_word::heard(heard, &self.to, all, self.metrics.taken("progress"))
            }
            Delivery::Refused(why) => {
                let why = format!("the report was refused: {why}");
                last_word::unheard(&why, &all.report, spool)
            }
            Delivery::Late(why) => {
                let why = format!("the report could not be delivered within the grace: {why}");
                last_word::unheard(&why, &all.report, spool)
            }
        }
    }

    /// It was heard, whatever the disk says.
    fn mark(&self, all: &Final) {
        self.metrics.delivered();
        keep(&self.spool, &Kept::Delivered { all: Box::new(all.clone()) });
    }
}
