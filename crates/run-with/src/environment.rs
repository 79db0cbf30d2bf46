// SPDX-License-Identifier: Apache-2.0
//! Variables out of files. Complaints name the file, never what it holds.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use sidecar::{Exit, Failure, Stop};

use crate::env_file;

/// More than the kernel passes to a program in one variable (128 KiB) and less than harms.
const LIMIT: usize = 1024 * 1024;

/// Where variables come from.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A file of `KEY=VALUE` lines.
    Lines(PathBuf),
    /// One variable, a file's whole text.
    Text {
        /// The variable's.
        name: String,
        /// Its value is here.
        file: PathBuf,
    },
}

type Variables = Vec<(String, OsString)>;

/// Something wrong with a source, and the exit code it deserves.
struct Problem {
    exit: Exit,
    text: String,
}

/// Reads all sources in their order.
///
/// # Errors
/// One failure that names all that is wrong, or [`Exit::Stopped`].
pub(crate) async fn gather(sources: Vec<Source>, stop: &Stop) -> anyhow::Result<Variables> {
    // Off this thread, so that a file system that hangs cannot keep a stop from being heard.
    let reading = tokio::task::spawn_blocking(move || read_all(&sources));
    let gathered = tokio::select! {
        gathered = reading => gathered??,
        () = stop.requested() => return Err(stopped()),
    };
    if stop.is_requested() { Err(stopped()) } else { Ok(gathered) }
}

fn stopped() -> anyhow::Error {
    Failure::new(Exit::Stopped, anyhow::anyhow!("stopped before the command began"))
}

fn read_all(sources: &[Source]) -> anyhow::Result<Variables> {
    let (mut variables, mut problems) = (Vec::new(), Vec::new());
    for source in sources {
        match read_one(source) {
            Ok(more) => variables.extend(more),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        tracing::debug!(variables = variables.len(), "environment filled");
        return Ok(variables);
    }
    // What no second try can mend decides the code.
    let has = |exit: &Exit| problems.iter().any(|problem| problem.exit == *exit);
    let exit = [Exit::Usage, Exit::Denied].into_iter().find(has).unwrap_or(Exit::Unavailable);
    let texts: Vec<String> = problems.into_iter().map(|problem| problem.text).collect();
    Err(Failure::new(exit, anyhow::anyhow!(texts.join("; "))))
}

fn read_one(source: &Source) -> Result<Variables, Problem> {
    let (flag, path) = match source {
        Source::Lines(file) => ("--env-file".to_owned(), file),
        Source::Text { name, file } => (format!("--env {name}"), file),
    };
    let at = format!("{flag}: {}", path.display());
    let bytes = read(path).map_err(|error| unreadable(&at, &error))?;
    let unusable = |why: &str| Problem { exit: Exit::Usage, text: format!("{at}: {why}") };
    match source {
        Source::Lines(_) => env_file::parse(&bytes).map_err(|bad| {
            let bad: Vec<String> = bad.iter().map(ToString::to_string).collect();
            unusable(&bad.join(", "))
        }),
        Source::Text { .. } if bytes.contains(&0) => {
            Err(unusable("a NUL byte, which no variable can hold"))
        }
        Source::Text { name, .. } => Ok(vec![(name.clone(), one_newline_less(bytes))]),
    }
}

/// Editors and `echo` end a file with a newline that no password has.
fn one_newline_less(mut bytes: Vec<u8>) -> OsString {
    if bytes.ends_with(b"\n") {
        bytes.pop();
        if bytes.ends_with(b"\r") {
            bytes.pop();
        }
    }
    OsString::from_vec(bytes)
}

/// A whole small regular file: opening a pipe could block for ever.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidData, "not a regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(LIMIT as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > LIMIT {
        return Err(io::Error::new(
            ErrorKind::InvalidData,
            "larger than 1 MiB: not the right file",
        ));
    }
    Ok(bytes)
}

fn unreadable(at: &str, error: &io::Error) -> Problem {
    let (exit, hint) = match error.kind() {
        ErrorKind::NotFound => {
            (Exit::Unavailable, "; if it is written late, name it with --wait-for too")
        }
        ErrorKind::PermissionDenied => (Exit::Denied, "; may this user or group read it?"),
        ErrorKind::InvalidData => (Exit::Usage, ""),
        _ => (Exit::Unavailable, ""),
    };
    Problem { exit, text: format!("{at}: cannot be read: {error}{hint}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_newline_is_taken_from_the_end() {
        for (text, value) in
            [("a", "a"), ("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), ("\n", "")]
        {
            assert_eq!(one_newline_less(text.into()), value, "{text:?}");
        }
    }

    #[test]
    fn a_denied_file_is_told_from_an_absent_one() {
        let exit = |kind: ErrorKind| unreadable("--env-file: x", &kind.into()).exit;
        assert_eq!(exit(ErrorKind::PermissionDenied), Exit::Denied);
        assert_eq!(exit(ErrorKind::NotFound), Exit::Unavailable);
    }

    #[test]
    fn an_endless_file_and_a_device_are_not_read() {
        assert_eq!(read(Path::new("/dev/zero")).unwrap_err().kind(), ErrorKind::InvalidData);
    }
}
