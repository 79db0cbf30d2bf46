// SPDX-License-Identifier: Apache-2.0
//! The flags that say for whom a broker is asked, the same in every program that asks one.

use std::path::PathBuf;

use flags::Problems;

use super::BrokerArgs;

/// For whom a broker is asked, and how it is trusted.
#[derive(Debug, Default, clap::Args)]
pub struct BrokerFlags {
    /// The group to ask the broker for [default: PGRO_GROUP]
    #[arg(long, value_name = "GROUP", help_heading = "Broker")]
    pub group: Option<String>,

    /// The type to ask the broker for [default: PGRO_TYPE]
    #[arg(long = "type", value_name = "TYPE", help_heading = "Broker")]
    pub type_: Option<String>,

    /// The run id to give the broker [default: PGRO_RUN_ID]
    #[arg(long, value_name = "ID", help_heading = "Broker")]
    pub run_id: Option<String>,

    /// File with the bearer token for the broker, read anew for each request
    #[arg(long, value_name = "FILE", help_heading = "Broker")]
    pub broker_token_file: Option<PathBuf>,

    /// PEM file of the broker's certificate authority
    #[arg(long, value_name = "FILE", help_heading = "Broker")]
    pub broker_ca: Option<PathBuf>,
}

impl BrokerFlags {
    /// Where a broker is asked because of the flag `because`: what is missing is a problem.
    pub fn needed(self, because: &str, problems: &mut Problems) -> Option<BrokerArgs> {
        let group = self.group.or_else(|| former("PGRO_GROUP"));
        let type_ = self.type_.or_else(|| former("PGRO_TYPE"));
        for (flag, value) in [("--group", &group), ("--type", &type_)] {
            if value.is_none() {
                problems.add(format!("{flag} is required with {because}"));
            }
        }
        Some(BrokerArgs {
            group: group?,
            type_: type_?,
            run_id: self.run_id.or_else(|| former("PGRO_RUN_ID")),
            token_file: self.broker_token_file,
            ca: self.broker_ca,
        })
    }

    /// Where none is asked for want of the flag `without`: what is given is a problem.
    pub fn idle(self, without: &str, problems: &mut Problems) {
        for (flag, given) in [
            ("--group", self.group.is_some()),
            ("--type", self.type_.is_some()),
            ("--run-id", self.run_id.is_some()),
            ("--broker-token-file", self.broker_token_file.is_some()),
            ("--broker-ca", self.broker_ca.is_some()),
        ] {
            if given {
                problems.add(format!("{flag} is for {without} alone"));
            }
        }
    }
}

/// A variable that pods set for the restore operator's own companion, which ours replace.
fn former(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_the_flag_that_needs_it() {
        let mut problems = Problems::new("test");
        let flags = BrokerFlags { group: Some("g".to_owned()), ..BrokerFlags::default() };
        assert_eq!(flags.needed("--broker", &mut problems), None);
        assert_eq!(problems.sentence(), "--type is required with --broker");
    }

    #[test]
    fn what_would_do_nothing_is_named() {
        let mut problems = Problems::new("test");
        let flags = BrokerFlags { run_id: Some("r".to_owned()), ..BrokerFlags::default() };
        flags.idle("--broker", &mut problems);
        assert_eq!(problems.sentence(), "--run-id is for --broker alone");
    }
}
