// SPDX-License-Identifier: Apache-2.0
//! The table of errors: each answer of the broker, what the proxy then answers its caller, and what the
//! real kopia makes of that. `docs/operations.md` has it with a cure for each row.
//!
//! Refusals meet kopia as it begins. Outages meet it in the middle of a restore, each longer than the ten
//! tries of kopia's S3 client: as it begins kopia has no other, and would end before the broker is back.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context, ensure};
use testbed::{
    Fault, FaultPlan, Front, Issuer, IssuerConfig, Match, Mood, RawResponse, compare, wait_until,
};

use crate::bed::Bed;
use crate::kopia::{LIMIT, last_line};
use crate::proxy::{Proxy, SOON};

/// Sets end soon after the broker fails.
const LIFETIME: Duration = Duration::from_secs(2);
/// The restore takes as many answers as there are files, one after the other.
const PER_ANSWER: Duration = Duration::from_millis(100);
/// More than kopia's S3 client tries of its own.
const TRIES: u64 = 12;
/// Kopia's end by it would be the end of a run that could have gone on.
const FATAL: &str = "The provided token has expired";

/// What the broker does, and what must come of it.
struct Row {
    broker: &'static str,
    mood: Mood,
    must: Must,
}

enum Must {
    /// The proxy says 403 with these words, and kopia ends with them in its last line.
    End(&'static str),
    /// The proxy says 503, kopia tries again, and ends well once the broker is back.
    GoOn,
}

/// A row as it happened.
struct Told {
    broker: &'static str,
    answer: String,
    kopia: String,
}

fn rows() -> Vec<Row> {
    let failing = |status, words, retry_after| Mood::Failing { status, words, retry_after };
    let refusal = |broker, status, words| Row {
        broker,
        mood: failing(status, words, None),
        must: Must::End(words),
    };
    let outage = |broker, mood| Row { broker, mood, must: Must::GoOn };
    vec![
        refusal("401", 401, "the token is not for this audience"),
        refusal("403", 403, "no enabled declaration"),
        refusal("409", 409, "no ready configuration"),
        outage("429", failing(429, "too many requests", None)),
        outage("502", failing(502, "the control plane is away", None)),
        outage("502, with the words of an expired token", failing(502, FATAL, None)),
        outage("503 and Retry-After", failing(503, "starting", Some(2))),
        outage("takes the request and says nothing", Mood::Hanging),
        outage("200 and something else than credentials", Mood::Garbled),
        outage("refuses connections", Mood::Refusing),
    ]
}

/// What the rows share: a repository with a snapshot, and a store whose answers take their time.
struct Ground {
    bed: Bed,
    front: Front,
    program: PathBuf,
    tree: PathBuf,
    snapshot: String,
}

impl Ground {
    fn open(program: &Path) -> anyhow::Result<Ground> {
        let bed = Bed::open()?;
        let tree = bed.tree(60, 2 << 20)?;
        let kopia = bed.direct(program)?;
        kopia.create()?;
        let snapshot = kopia.snapshot(&tree)?;
        let front = bed.front()?;
        front.plan(FaultPlan::one(Match::method("GET"), Fault::Delay(PER_ANSWER)));
        Ok(Ground { bed, front, program: program.to_owned(), tree, snapshot })
    }
}

/// All rows at once, for kopia's pauses are long.
pub(crate) fn tell(program: &Path) -> anyhow::Result<()> {
    let ground = Ground::open(program)?;
    let rows = rows();
    let told: Vec<anyhow::Result<Told>> = thread::scope(|scope| {
        let begin = |(number, row)| {
            let ground = &ground;
            scope.spawn(move || play(ground, number, row).with_context(|| row.broker))
        };
        let playing: Vec<_> = rows.iter().enumerate().map(begin).collect();
        let joined = playing.into_iter().map(|row| row.join());
        joined.map(|row| row.unwrap_or_else(|_| Err(anyhow::anyhow!("a row panicked")))).collect()
    });
    println!("| the broker | the proxy to its caller | kopia |\n|---|---|---|");
    let told: Vec<Told> = told.into_iter().collect::<Result<_, _>>()?;
    for Told { broker, answer, kopia } in &told {
        println!("| {broker} | {answer} | {kopia} |");
    }
    Ok(())
}

fn play(ground: &Ground, number: usize, row: &Row) -> anyhow::Result<Told> {
    let broker = Issuer::start(IssuerConfig::new(ground.bed.store.keyring(), LIFETIME))?;
    let (name, store) = (format!("row-{number}"), ground.front.url());
    let start = || Proxy::start(&ground.bed, &name, &broker.url(), &store);
    let (answer, kopia) = match row.must {
        Must::End(words) => {
            broker.set_mood(row.mood);
            let proxy = start()?;
            ends(ground, &proxy, words).with_context(|| proxy.story())?
        }
        Must::GoOn => {
            let proxy = start()?;
            goes_on(ground, &proxy, &broker, row.mood).with_context(|| proxy.story())?
        }
    };
    ensure!(!answer.text().contains(FATAL), "{}", answer.text());
    Ok(Told { broker: row.broker, answer: in_short(&answer), kopia })
}

fn ends(ground: &Ground, proxy: &Proxy, words: &str) -> anyhow::Result<(RawResponse, String)> {
    let known = || proxy.metric("credential_last_error") == 1;
    wait_until(SOON, "the broker's answer is known", known)?;
    let answer = proxy.answer()?;
    let text = answer.text();
    ensure!(answer.head.status == 403, "{text}");
    ensure!(text.contains("<Code>AccessDenied</Code>") && text.contains(words), "{text}");
    let mut run = proxy.kopia(&ground.program)?.connect().start()?;
    let status = run.wait(LIMIT)?;
    let last = last_line(&run);
    ensure!(status.code() == Some(1), "kopia ended with {status}: {}", run.story());
    ensure!(last.contains(words), "kopia's last line does not say {words:?}: {}", run.story());
    Ok((answer, format!("ends with 1: `{}`", without_addresses(&last))))
}

fn goes_on(
    ground: &Ground,
    proxy: &Proxy,
    broker: &Issuer,
    mood: Mood,
) -> anyhow::Result<(RawResponse, String)> {
    proxy.is_ready()?;
    let kopia = proxy.kopia(&ground.program)?;
    kopia.run(kopia.connect())?;
    let (restored, before) = (proxy.path("restored"), proxy.metric("received_payload_bytes_total"));
    let mut run = kopia.restore(&ground.snapshot, &restored).arg("--parallel=1").start()?;
    let reads = || proxy.metric("received_payload_bytes_total") > before + (64 << 10);
    wait_until(SOON, "kopia reads", reads)?;
    broker.set_mood(mood);
    proxy.slowed(TRIES)?;
    ensure!(run.exited().is_none(), "kopia gave up: {}", run.story());
    let answer = proxy.answer()?;
    let text = answer.text();
    ensure!(answer.head.status == 503 && text.contains("<Code>SlowDown</Code>"), "{text}");
    broker.set_mood(Mood::Serving);
    let status = run.wait(LIMIT)?;
    ensure!(status.success(), "kopia ended with {status}: {}", run.story());
    compare(&ground.tree, &restored)?;
    Ok((
        answer,
        "in a restore: tries again, goes on when the broker is back, ends with 0".to_owned(),
    ))
}

fn in_short(answer: &RawResponse) -> String {
    let text = answer.text();
    let between = |open: &str, close: &str| {
        let rest = text.split_once(open).map_or("", |(_, rest)| rest);
        rest.split_once(close).map_or("", |(inner, _)| inner).replace("&apos;", "'")
    };
    let (code, message) = (between("<Code>", "</Code>"), between("<Message>", "</Message>"));
    format!("{} {code}: `{}`", answer.head.status, without_addresses(&message))
}

/// Ports differ from run to run.
fn without_addresses(text: &str) -> String {
    let mut shown = String::new();
    for (index, piece) in text.split("http://").enumerate() {
        let rest =
            if index == 0 { piece } else { piece.trim_start_matches(|c| c != '/' && c != ' ') };
        if index > 0 {
            shown.push_str("http://…");
        }
        shown.push_str(rest);
    }
    shown
}
