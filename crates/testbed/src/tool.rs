// SPDX-License-Identifier: Apache-2.0
//! Where the real programs are that `scripts/tools` makes.

use std::path::{Path, PathBuf};

use anyhow::Context;

/// The path that `scripts/tools --env NAME` gave in `PILOTFISH_<NAME>`, if there is such a file.
///
/// For tests that can do without: where it is missing, a line says that the test is left out; under
/// `REQUIRE_ALL=1`, as in CI, it is a panic instead.
pub fn tool(name: &str) -> Option<PathBuf> {
    let found = needed_tool(name);
    let required = std::env::var("REQUIRE_ALL").is_ok_and(|value| value == "1");
    if let (true, Err(error)) = (required, &found) {
        panic!("{error}");
    }
    told(found)
}

/// As [`tool`], for what `scripts/tools` makes only when it is asked for by name: never required.
pub fn rare_tool(name: &str) -> Option<PathBuf> {
    told(needed_tool(name))
}

#[expect(clippy::print_stdout, reason = "the runner of the tests must see what was left out")]
fn told(found: anyhow::Result<PathBuf>) -> Option<PathBuf> {
    found.inspect_err(|error| println!("LEFT OUT: {error}")).ok()
}

/// As [`tool`], for servers that cannot do without; the error names the variable and the script.
pub(crate) fn needed_tool(name: &str) -> anyhow::Result<PathBuf> {
    let variable = format!("PILOTFISH_{}", name.to_ascii_uppercase().replace(['-', '.'], "_"));
    std::env::var_os(&variable)
        .map(PathBuf::from)
        .filter(|path| Path::new(path).exists())
        .with_context(|| {
            format!("{name} is not there: {variable} must name it (scripts/tools --env {name})")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_that_is_missing_is_named_with_the_way_to_get_it() {
        let error = needed_tool("no-such.tool").unwrap_err().to_string();
        assert!(error.contains("PILOTFISH_NO_SUCH_TOOL"), "{error}");
        assert!(error.contains("scripts/tools --env no-such.tool"), "{error}");
    }
}
