// SPDX-License-Identifier: Apache-2.0
//! What the proxy says of itself at `/metrics`.

use anyhow::{Context, ensure};

use super::proxy::Proxy;

/// The proxy's counters, summed over their labels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Metrics {
    /// Requests answered to callers.
    pub(super) answered: u64,
    /// Those of them with a status from 400 on.
    pub(super) errors: u64,
    /// 503 SlowDown by the proxy's own decision.
    pub(super) slowdowns: u64,
    /// Requests sent upstream once more.
    pub(super) replays: u64,
    /// Failed attempts to get a credential set.
    pub(super) credential_failures: u64,
}

impl Metrics {
    pub(super) fn of(proxy: &Proxy) -> anyhow::Result<Metrics> {
        let answer = proxy.ask("/metrics").context("the proxy's metrics")?;
        ensure!(answer.head.status == 200, "/metrics was answered with {}", answer.head.status);
        Ok(Metrics::parse(&answer.text()))
    }

    fn parse(text: &str) -> Metrics {
        let sum = |name: &str, labels: &[&str]| -> u64 {
            let samples = text.lines().filter_map(|line| line.rsplit_once(' '));
            let wanted = samples.filter(|(series, _)| {
                let (of, with) = series.split_once('{').unwrap_or((series, ""));
                of == format!("s3_resign_proxy_{name}_total")
                    && (labels.is_empty() || labels.iter().any(|label| with.contains(label)))
            });
            wanted.filter_map(|(_, value)| value.parse::<u64>().ok()).sum()
        };
        Metrics {
            answered: sum("requests", &[]),
            errors: sum("requests", &["class=\"4\"", "class=\"5\""]),
            slowdowns: sum("slowdowns", &[]),
            replays: sum("replays", &[]),
            credential_failures: sum("credential_failures", &[]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_the_answers_of_classes_4_and_5() {
        let text = "# TYPE s3_resign_proxy_requests counter\n\
            s3_resign_proxy_requests_total{method=\"GET\",class=\"2\"} 40\n\
            s3_resign_proxy_requests_total{method=\"GET\",class=\"4\"} 3\n\
            s3_resign_proxy_requests_total{method=\"PUT\",class=\"5\"} 2\n\
            s3_resign_proxy_replays_total{reason=\"expired\"} 1\n\
            s3_resign_proxy_replays_total{reason=\"skew\"} 1\n\
            s3_resign_proxy_slowdowns_total 7\n\
            s3_resign_proxy_connections 9\n# EOF\n";
        let wanted =
            Metrics { answered: 45, errors: 5, slowdowns: 7, replays: 2, credential_failures: 0 };
        assert_eq!(Metrics::parse(text), wanted);
    }
}
