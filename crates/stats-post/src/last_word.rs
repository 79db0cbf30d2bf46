// SPDX-License-Identifier: Apache-2.0
//! How the process ends: done, or with the report that nobody heard in its termination message.

use std::path::Path;

use serde_json::{Value, json};
use sidecar::{Exit, Outcome};

use crate::deliver::Heard;
use crate::report::{Final, Report};

/// The message has 1,024 bytes for the sentence, the facts, and some 60 of its own.
const SENTENCE_BYTES: usize = 330;
const FACTS_BYTES: usize = 600;
/// Of the server's name, or there would be no room for the rest.
const TO_BYTES: usize = 100;

/// The report was heard in this life.
pub(crate) fn heard(which: Heard, to: &str, all: &Final, samples: u64) -> Outcome {
    let how = match which {
        Heard::Now => "",
        Heard::Before => ", by an earlier try",
    };
    let to = cut(to, TO_BYTES);
    let bytes = |count: Option<u64>| {
        count.map_or("an unknown number of".to_owned(), |count| count.to_string())
    };
    let tallies = all.report.tallies;
    let (sent, received) =
        (bytes(tallies.sent_payload_bytes), bytes(tallies.received_payload_bytes));
    done(
        format!(
            "reported to {to}{how}: sent {sent} and received {received} bytes; {samples} samples of progress"
        ),
        all,
    )
}

/// The report was heard before this life, or at its beginning.
pub(crate) fn heard_earlier(to: &str, all: &Final) -> Outcome {
    let to = cut(to, TO_BYTES);
    done(format!("the report was delivered by an earlier start of this sidecar to {to}"), all)
}

fn done(sentence: String, all: &Final) -> Outcome {
    Outcome::done(sentence)
        .with(json!({"delivered": true, "report": brief(&all.report, FACTS_BYTES)}))
}

/// The same end, unless something moved after the report that it is about. A report that nobody heard
/// matters more than what came after it.
pub(crate) fn since(outcome: Outcome, reported: &Final, now: &Final) -> Outcome {
    if outcome.exit != Exit::Done || reported.report.says_the_same(&now.report) {
        return outcome;
    }
    let why = format!("{}; what the neighbours did after it is not reported", outcome.sentence);
    let reported = json!(reported.report.tallies);
    let room = FACTS_BYTES.saturating_sub(reported.to_string().len());
    let now = brief(&now.report, room);
    let facts = json!({"delivered": "in part", "reported": reported, "now": now});
    Outcome { exit: Exit::Partial, sentence: cut(&why, SENTENCE_BYTES).to_owned(), facts }
}

/// It was not: that is no failure of the run, and not silent either.
pub(crate) fn unheard(why: &str, report: &Report, spool: Option<&Path>) -> Outcome {
    let kept = spool.map(|path| format!("; it is kept in {}", path.display()));
    let room = SENTENCE_BYTES.saturating_sub(kept.as_ref().map_or(0, String::len));
    let mut sentence = cut(why, room).to_owned();
    sentence.push_str(&kept.unwrap_or_default());
    let facts = json!({"delivered": false, "report": brief(report, FACTS_BYTES)});
    Outcome { exit: Exit::Partial, sentence, facts }
}

/// The report in so many bytes: nobody else may have it. Outcomes go first, then the times.
fn brief(report: &Report, room: usize) -> Value {
    let names = |it: &crate::ended::Ended| json!({"name": cut(&it.name, 40), "exit": it.exit});
    let outcomes: Vec<Value> = report.outcomes.iter().map(names).collect();
    let (run_id, type_) = (&report.about.run_id, &report.about.type_);
    let fits = |value: &Value| value.to_string().len() <= room;
    let whole = json!({
        "run_id": run_id, "type": type_, "tallies": report.tallies, "outcomes": outcomes,
        "started": report.started, "ended": report.ended,
    });
    let less = json!({"run_id": run_id, "type": type_, "tallies": report.tallies});
    [whole, less].into_iter().find(fits).unwrap_or_else(|| json!({"tallies": report.tallies}))
}

fn cut(text: &str, bytes: usize) -> &str {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::about::About;
    use crate::ended::Ended;
    use crate::neighbours::Seen;
    use crate::tallies::Tallies;
    use jiff::Timestamp;

    /// Of the message, beside sentence and facts: `\n{"name":"stats-post","exit":2,"facts":}`.
    const FRAME: usize = 45;

    fn report(words: usize, outcomes: usize) -> Report {
        let word = "\u{20ac}".repeat(words / 3);
        let about = About {
            run_id: word.clone(),
            type_: Some(word.clone()),
            group: Some(word.clone()),
            namespace: Some(word.clone()),
            job: Some(word.clone()),
        };
        let most = Some(u64::MAX);
        let tallies = Tallies {
            sent_raw_bytes: most,
            sent_payload_bytes: most,
            received_raw_bytes: most,
            received_payload_bytes: most,
        };
        let ended = Ended { name: word, exit: -1, sentence: "x".repeat(999), facts: Value::Null };
        let seen = Seen { tallies, outcomes: vec![ended; outcomes], executor: None };
        Report::running(&about, &seen, Timestamp::MAX)
    }

    #[test]
    fn the_last_word_holds_the_tallies_however_long_the_rest_is() {
        for (words, outcomes, sentence, path) in
            [(3, 0, 10, 5), (36, 2, 100, 50), (128, 0, 4000, 60), (128, 32, 4000, 250)]
        {
            let report = report(words, outcomes);
            let path = "p".repeat(path);
            let outcome = unheard(&"\u{20ac}".repeat(sentence), &report, Some(Path::new(&path)));
            let length = outcome.sentence.len() + outcome.facts.to_string().len() + FRAME;
            assert!(length <= 1024, "{length}");
            let tallies = &outcome.facts["report"]["tallies"];
            assert_eq!(tallies["received_payload_bytes"], u64::MAX, "{}", outcome.facts);
            assert!(outcome.sentence.ends_with(&path), "{}", outcome.sentence);
        }
    }

    #[test]
    fn what_was_reported_and_what_is_now_fit_into_the_last_word() {
        let last = |report| Final::new(report, None, Timestamp::MAX);
        let now = last(report(128, 32));
        let mut reported = now.clone();
        reported.report.tallies.sent_raw_bytes = Some(u64::MAX - 1);
        let outcome = heard(Heard::Before, &"x".repeat(999), &reported, u64::MAX);
        let outcome = since(outcome, &reported, &now);
        let length = outcome.sentence.len() + outcome.facts.to_string().len() + FRAME;
        assert!(length <= 1024, "{length}");
        assert!(outcome.sentence.ends_with("is not reported"), "{}", outcome.sentence);
        assert_eq!(outcome.facts["delivered"], "in part");
        assert_eq!(outcome.facts["reported"]["sent_raw_bytes"], u64::MAX - 1);
        assert_eq!(outcome.facts["now"]["tallies"]["sent_raw_bytes"], u64::MAX);
    }

    #[test]
    fn a_report_of_usual_size_is_told_whole() {
        let outcome = unheard("no", &report(36, 2), None);
        assert_eq!(outcome.facts["report"]["outcomes"].as_array().unwrap().len(), 2);
        assert!(outcome.facts["report"]["started"].is_string());
    }
}
