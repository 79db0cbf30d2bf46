// SPDX-License-Identifier: Apache-2.0
//! Faults as data: which request is hit, how often, and by what.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::rate::Rate;
use crate::wire::Head;

/// What goes wrong with a request or with its response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The response's head leaves in a segment of its own, before its body.
    SplitHeaderBody,
    /// The response waits.
    Delay(Duration),
    /// The connection ends after this many bytes of the response's body (its wire bytes).
    CutResponseAt(u64),
    /// Both connections end after this many bytes of the request's body went upstream.
    CutRequestAt(u64),
    /// As [`Fault::CutResponseAt`], with a reset.
    ResetResponseAt(u64),
    /// As [`Fault::CutRequestAt`], with a reset on both sides.
    ResetRequestAt(u64),
    /// An S3 error right after the request's head, before its body was read; nothing goes upstream.
    EarlyAnswer {
        /// The status.
        status: u16,
        /// The S3 error code.
        code: String,
        /// What becomes of the connection.
        then: Then,
    },
    /// An S3 error after the whole request was read; nothing goes upstream.
    Answer {
        /// The status.
        status: u16,
        /// The S3 error code.
        code: String,
    },
    /// S3's 301 that names the right region; nothing goes upstream.
    Redirect301 {
        /// The region in `x-amz-bucket-region` and in the body.
        region: String,
    },
    /// S3's answer to an expired set; nothing goes upstream.
    ExpiredToken,
    /// Any answer, for stores that do not speak S3, after the whole request was read; nothing goes
    /// upstream. The length is added.
    Reply {
        /// The status.
        status: u16,
        /// Names and values.
        headers: Vec<(String, String)>,
        /// The body.
        body: Vec<u8>,
    },
    /// The request goes upstream and is answered there in full, but the caller never hears of it.
    LoseAnswer(Lost),
    /// The store takes no notice of create-only: the caller's `If-None-Match`, or `ifGenerationMatch`
    /// in the query, goes no further.
    IgnoreCreateOnly(SignAgain),
    /// The request is taken and never answered.
    Hang,
    /// The response's body leaves in small pieces with pauses between them.
    SlowBody {
        /// Bytes at a time.
        piece: usize,
        /// The pause before each piece.
        pause: Duration,
    },
}

/// What follows an early answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// The body is read away and the connection stays.
    KeepOpen,
    /// The connection ends at once, unread bytes or not (often seen as a reset by the sender).
    Close,
}

/// What the caller gets in the place of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// The end of the connection, in order.
    Close,
    /// A reset.
    Reset,
    /// Nothing: the connection stays.
    Silence,
}

/// How a request that was changed on its way is signed, so that a strict store takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignAgain {
    /// It has no signature over what is changed.
    No,
    /// By Signature Version 4, under the key and scope that the request names.
    S3 {
        /// The secret of that key.
        secret: String,
    },
    /// By Azure's Shared Key.
    Azure {
        /// The account.
        account: String,
        /// Its key, in base64.
        key: String,
    },
}

impl Fault {
    /// S3's request to slow down.
    pub fn slow_down() -> Fault {
        Fault::Answer { status: 503, code: "SlowDown".to_owned() }
    }

    /// What S3 answers where a long work failed after its 200 had left: a status of success over an
    /// error (CompleteMultipartUpload and copies).
    pub fn error_under_200() -> Fault {
        Fault::Answer { status: 200, code: "InternalError".to_owned() }
    }

    /// A refusal that comes while the body is still on its way.
    pub fn early_403() -> Fault {
        let code = "AccessDenied".to_owned();
        Fault::EarlyAnswer { status: 403, code, then: Then::Close }
    }
}

/// Which requests a rule is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Match {
    /// Only this method.
    pub method: Option<String>,
    /// Only targets that contain this.
    pub target: Option<String>,
    /// Only targets that do not contain this.
    pub without: Option<String>,
    /// Only requests that have a header of this name.
    pub header: Option<String>,
    /// This many matching requests go through first.
    pub skip: u64,
    /// At most this many are hit; `None` is without end.
    pub times: Option<u64>,
}

impl Match {
    /// Every request.
    pub fn any() -> Match {
        Match::default()
    }

    /// Every request of a method.
    pub fn method(method: &str) -> Match {
        Match { method: Some(method.to_owned()), ..Match::default() }
    }

    /// Of these, only targets that contain `text`.
    pub fn target(self, text: &str) -> Match {
        Match { target: Some(text.to_owned()), ..self }
    }

    /// Of these, only targets that do not contain `text`.
    pub fn without(self, text: &str) -> Match {
        Match { without: Some(text.to_owned()), ..self }
    }

    /// Of these, only requests that have a header of this name.
    pub fn header(self, name: &str) -> Match {
        Match { header: Some(name.to_owned()), ..self }
    }

    /// Of these, only the first `times`.
    pub fn times(self, times: u64) -> Match {
        Match { times: Some(times), ..self }
    }

    /// Of these, not the first `skip`.
    pub fn skip(self, skip: u64) -> Match {
        Match { skip, ..self }
    }

    fn covers(&self, head: &Head) -> bool {
        self.method.as_ref().is_none_or(|method| *method == head.method)
            && self.target.as_ref().is_none_or(|text| head.target.contains(text))
            && self.without.as_ref().is_none_or(|text| !head.target.contains(text))
            && self.header.as_ref().is_none_or(|name| !head.values(name).is_empty())
    }
}

/// One fault and the requests that it hits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The requests.
    pub when: Match,
    /// The fault.
    pub fault: Fault,
}

/// All faults of a front; the first rule that is due hits, so a request has one fault at most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultPlan {
    /// The rules, in order.
    pub rules: Vec<Rule>,
    /// How fast all bodies together go, either way, whatever their requests' faults; no limit if
    /// `None`.
    pub bytes_per_second: Option<u64>,
}

impl FaultPlan {
    /// No faults at all.
    pub fn none() -> FaultPlan {
        FaultPlan::default()
    }

    /// One fault for some requests.
    pub fn one(when: Match, fault: Fault) -> FaultPlan {
        FaultPlan::none().and(when, fault)
    }

    /// The same faults behind a narrow line.
    pub fn throttled(self, bytes_per_second: u64) -> FaultPlan {
        FaultPlan { bytes_per_second: Some(bytes_per_second), ..self }
    }

    /// One more rule, behind the others.
    pub fn and(mut self, when: Match, fault: Fault) -> FaultPlan {
        self.rules.push(Rule { when, fault });
        self
    }
}

/// One fault that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Which rule of the plan, from 0.
    pub rule: usize,
    /// The request's method.
    pub method: String,
    /// The request's target.
    pub target: String,
}

/// A plan at work: what came by and what was hit.
#[derive(Debug, Default)]
pub(crate) struct Course {
    plan: FaultPlan,
    /// Shared by all connections under this plan.
    pub(crate) rate: Option<Arc<Rate>>,
    matched: BTreeMap<usize, u64>,
    pub(crate) hits: Vec<Hit>,
    pub(crate) requests: u64,
}

impl Course {
    /// A new plan counts from the start.
    pub(crate) fn set(&mut self, plan: FaultPlan) {
        self.rate = plan.bytes_per_second.map(|rate| Arc::new(Rate::new(rate)));
        self.plan = plan;
        self.matched.clear();
    }

    pub(crate) fn next(&mut self, head: &Head) -> Option<Fault> {
        self.requests += 1;
        for (rule, Rule { when, fault }) in self.plan.rules.iter().enumerate() {
            if !when.covers(head) {
                continue;
            }
            let count = self.matched.entry(rule).or_default();
            *count += 1;
            let due =
                *count > when.skip && when.times.is_none_or(|times| *count - when.skip <= times);
            if due {
                let (method, target) = (head.method.clone(), head.target.clone());
                self.hits.push(Hit { rule, method, target });
                return Some(fault.clone());
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_hits_the_requests_that_it_counts_and_no_others() {
        let mut course = Course::default();
        let put = Match::method("PUT").target("/k").skip(1).times(2);
        course.set(FaultPlan::one(put, Fault::Hang).and(Match::any(), Fault::ExpiredToken));
        let mut next = |method: &str, target: &str| {
            let (method, target) = (method.to_owned(), target.to_owned());
            course.next(&Head { method, target, ..Head::default() })
        };
        assert_eq!(next("GET", "/b/k"), Some(Fault::ExpiredToken));
        assert_eq!(next("PUT", "/b/k"), Some(Fault::ExpiredToken));
        assert_eq!(next("PUT", "/b/x"), Some(Fault::ExpiredToken));
        assert_eq!(next("PUT", "/b/k"), Some(Fault::Hang));
        assert_eq!(next("PUT", "/b/k"), Some(Fault::Hang));
        assert_eq!(next("PUT", "/b/k"), Some(Fault::ExpiredToken));
        assert_eq!((course.requests, course.hits.len()), (6, 6));
    }

    #[test]
    fn a_rule_can_be_about_a_header_and_leave_targets_out() {
        let rule = Match::method("PUT").without(".json").header("if-none-match");
        let head = |target: &str, name: &str| {
            let mut head = Head::request("PUT", target);
            head.set(name, "*");
            head
        };
        assert!(rule.covers(&head("/b/k.snap", "If-None-Match")));
        assert!(!rule.covers(&head("/b/k.json", "If-None-Match")));
        assert!(!rule.covers(&head("/b/k.snap", "If-Match")));
    }
}
