// SPDX-License-Identifier: Apache-2.0
//! The report, for people and for programs.

use std::fmt::Write as _;

use crate::finding::{Cluster, Finding, Level, Report};

impl Report {
    /// One JSON document.
    pub(crate) fn json(&self) -> serde_json::Result<String> {
        let mut value = serde_json::to_value(self)?;
        value["verdict"] = serde_json::to_value(self.level())?;
        Ok(format!("{value}\n"))
    }

    /// A line a cluster, and below it what was found.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let width = self.clusters.iter().map(|it| it.place.to_string().len()).max().unwrap_or(0);
        for cluster in &self.clusters {
            let _ = writeln!(text, "{}", line(cluster, width));
            cluster.findings.iter().for_each(|finding| below(&mut text, finding));
        }
        if self.foreign > 0 {
            let _ = writeln!(
                text,
                "{} objects of other tools outside of any cluster's folder",
                self.foreign
            );
        }
        self.findings.iter().for_each(|finding| below(&mut text, finding));
        text
    }
}

fn line(cluster: &Cluster, width: usize) -> String {
    let place = cluster.place.to_string();
    let mut line =
        format!("{:<7} {place:<width$}  {} snapshots", name(cluster.level()), cluster.snapshots);
    if let Some(newest) = &cluster.newest {
        let minutes = newest.age_seconds / 60;
        let _ = write!(line, ", newest {} ({}h {:02}m old)", newest.id, minutes / 60, minutes % 60);
    }
    for (count, what) in [(cluster.orphans, "orphans"), (cluster.foreign, "of other tools")] {
        if count > 0 {
            let _ = write!(line, ", {count} {what}");
        }
    }
    line
}

fn below(text: &mut String, finding: &Finding) {
    let about = finding.about.as_deref().map(|about| format!("{about}: ")).unwrap_or_default();
    let _ = writeln!(text, "  {:<7} {about}{}", name(finding.level), finding.what);
}

fn name(level: Level) -> &'static str {
    match level {
        Level::Good => "good",
        Level::Odd => "odd",
        Level::Unknown => "unknown",
        Level::Bad => "BAD",
    }
}
