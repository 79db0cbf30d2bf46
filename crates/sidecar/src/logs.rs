// SPDX-License-Identifier: Apache-2.0
//! Log lines: JSON for collectors, text for people.

use std::io::{self, IsTerminal};

use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use crate::program::{LogFormat, Logs};

/// Starts logging. `RUST_LOG` decides what is shown.
pub(crate) fn start(format: Option<LogFormat>, logs: Logs) {
    let (level, writer, is_terminal) = match logs {
        Logs::Stdout => ("info", BoxMakeWriter::new(io::stdout), io::stdout().is_terminal()),
        Logs::QuietStderr => ("warn", BoxMakeWriter::new(io::stderr), io::stderr().is_terminal()),
    };
    // An empty filter would silence everything below ERROR; an empty variable counts as unset.
    let given = std::env::var(EnvFilter::DEFAULT_ENV).ok().filter(|filter| !filter.is_empty());
    let filter = given
        .and_then(|filter| EnvFilter::try_new(filter).ok())
        .unwrap_or_else(|| EnvFilter::new(level));
    let filter = with_audit(filter);
    let default = if is_terminal { LogFormat::Text } else { LogFormat::Json };
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    // A program that runs inside a test finds logging started already.
    let _ = match format.unwrap_or(default) {
        LogFormat::Json => builder
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .try_init(),
        LogFormat::Text => builder.with_ansi(is_terminal).with_target(false).try_init(),
    };
}

/// What must be on record is heard, unless the filter names it.
fn with_audit(filter: EnvFilter) -> EnvFilter {
    match "audit=info".parse() {
        Ok(directive) if !filter.to_string().contains("audit") => filter.add_directive(directive),
        _ => filter,
    }
}
