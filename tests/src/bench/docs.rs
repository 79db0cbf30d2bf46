// SPDX-License-Identifier: Apache-2.0
//! Puts the tables into the page that users read; what people wrote around them stays.

use std::path::Path;

use anyhow::Context;

const BEGIN: &str = "<!-- bench:begin -->\n";
const END: &str = "<!-- bench:end -->";

/// Replaces what stands between the marks.
pub(super) fn write(page: &Path, tables: &str) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(page).with_context(|| page.display().to_string())?;
    let text = replaced(&text, tables)
        .with_context(|| format!("{} has no line {} before {END}", page.display(), BEGIN.trim()))?;
    std::fs::write(page, text).with_context(|| page.display().to_string())
}

fn replaced(text: &str, tables: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{tables}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let page = "above\n<!-- bench:begin -->\nold\n<!-- bench:end -->\nbelow\n";
        let new = replaced(page, "| new |\n").unwrap();
        let wanted = "above\n<!-- bench:begin -->\n\n| new |\n\n<!-- bench:end -->\nbelow\n";
        assert_eq!(new, wanted);
        assert_eq!(replaced(&new, "| new |\n").unwrap(), wanted);
    }

    #[test]
    fn a_page_without_both_marks_is_left_alone() {
        assert_eq!(replaced("text", "tables"), None);
        assert_eq!(replaced("<!-- bench:begin -->\n", "tables"), None);
        assert_eq!(replaced("<!-- bench:end --> <!-- bench:begin -->\n", "tables"), None);
    }
}
