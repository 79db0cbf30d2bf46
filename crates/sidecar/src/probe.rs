// SPDX-License-Identifier: Apache-2.0
//! `BINARY probe`: an exec probe for images without a shell.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use clap::Parser;

use flags::twin;

use crate::program::Program;
use crate::{Exit, run::say};

const LIMIT: Duration = Duration::from_secs(2);

/// Asks the running process whether it is ready: exit 0 if so, 1 if not, and says what it waits for.
#[derive(Debug, clap::Parser)]
struct ProbeArgs {
    /// The admin address of the process [env: the process's own twin of --admin-listen]
    #[arg(long, value_name = "ADDRESS")]
    admin_listen: Option<String>,
}

/// Runs the probe on the arguments behind the word `probe`.
pub(crate) fn run<P: Program>(name: &'static str, args: impl Iterator<Item = OsString>) -> Exit {
    let shown = OsString::from(format!("{name} probe"));
    let args = match ProbeArgs::try_parse_from(std::iter::once(shown).chain(args)) {
        Ok(args) => args,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Done };
        }
    };
    let variable = std::env::var(twin(name, "admin-listen")).ok().filter(|text| !text.is_empty());
    let default = P::ADMIN_DEFAULT.map(str::to_owned);
    let Some(address) = args.admin_listen.or(variable).or(default) else {
        say(io::stderr(), &format!("{name} has no admin listener to probe"));
        return Exit::Usage;
    };
    let (exit, text) = match ask(&address) {
        Ok((200, _)) => (Exit::Done, "ready".to_owned()),
        Ok((_, body)) => (Exit::Failed, format!("not ready: {}", body.trim())),
        Err(error) => (Exit::Failed, format!("not ready: no answer on {address}: {error}")),
    };
    say(io::stdout(), &text);
    exit
}

/// Status and body of `/readyz`, from the first address that answers.
fn ask(address: &str) -> io::Result<(u16, String)> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in address.to_socket_addrs()? {
        match ask_one(address) {
            Err(error) => last = error,
            answer => return answer,
        }
    }
    Err(last)
}

fn ask_one(address: SocketAddr) -> io::Result<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&address, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.take(64 * 1024).read_to_string(&mut text)?;
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok((status.ok_or(io::ErrorKind::InvalidData)?, body.to_owned()))
}
