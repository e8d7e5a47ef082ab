//! The other end: a request goes out to a machine, what it says of it comes back line by line, and how it ended.
//!
//! Takes a place (a host as ssh(1) knows it, or the path of a socket on this machine) and a request; gives the event that ends it.
//! A connection that ends before that event says nothing of what became of the request, and that is what the error says.

use super::request::Request;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What the client asks sshd to run, where no forced command stands in its place.
const REMOTE: &str = "relocate serve-deploy";
/// The longest line that is read, in bytes.
const LONGEST: u64 = 1 << 20;

/// One line of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Event {
    /// What is being done.
    Log {
        /// A line without its end.
        text: String,
    },
    /// It is over.
    End(End),
}

/// How it ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// The exit code (`docs/exit-codes.md`).
    pub exit: u8,
    /// What a person reads.
    pub message: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<u32>,
    /// The one that was current before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u32>,
}

impl Event {
    /// The line, without its end.
    pub fn line(&self) -> String {
        serde_json::json!(self).to_string()
    }
}

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// A socket of this machine.
    Socket(PathBuf),
    /// What ssh is to be given, such as `deploy@www`.
    Ssh(String),
}

/// Why it is not known how a request ended.
#[derive(Debug)]
pub enum AskError {
    /// What was typed is no host.
    Host(String),
    /// The other end could not be reached.
    Reach {
        /// It.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// The connection ended too early.
    Cut {
        /// The other end.
        host: String,
        /// How ssh ended, where it was ssh.
        how: String,
    },
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(host) => write!(f, "'{host}' is no host"),
            Self::Reach { host, source } => write!(f, "cannot ask {host}: {source}"),
            Self::Cut { host, how } => write!(f, "{host} did not say how it ended{how}"),
        }
    }
}

impl std::error::Error for AskError {}

impl AskError {
    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Host(_) => "name it as for ssh, such as deploy@www, or give the path of a socket",
            Self::Reach { .. } => "see that it runs and that you may reach it",
            Self::Cut { .. } => "it may go on there: 'relocate releases ROOT' on the machine says what is current",
        }
    }
}

impl Host {
    /// Understands what was typed. What ssh would take for an option is none.
    pub fn read(typed: &str) -> Result<Self, AskError> {
        if typed.starts_with('/') {
            return Ok(Self::Socket(PathBuf::from(typed)));
        }
        let is_bad = |one: char| one.is_control() || one.is_whitespace();
        if typed.is_empty() || typed.starts_with('-') || typed.contains(is_bad) {
            return Err(AskError::Host(typed.to_owned()));
        }
        Ok(Self::Ssh(typed.to_owned()))
    }

    /// Sends a request and tells the lines of the answer; `ssh` are the words that ssh is called by.
    pub fn ask(&self, request: &Request, ssh: &[OsString], tell: &mut dyn FnMut(&str)) -> Result<End, AskError> {
        let line = format!("{}\n", request.line());
        match self {
            Self::Socket(path) => by_socket(path, &line, tell),
            Self::Ssh(host) => by_ssh(host, &line, ssh, tell),
        }
    }
}

fn by_socket(path: &Path, line: &str, tell: &mut dyn FnMut(&str)) -> Result<End, AskError> {
    let host = path.display().to_string();
    let reach = |source| AskError::Reach { host: host.clone(), source };
    let mut socket = UnixStream::connect(path).map_err(reach)?;
    socket.write_all(line.as_bytes()).and_then(|()| socket.shutdown(Shutdown::Write)).map_err(reach)?;
    read(socket, tell).ok_or_else(|| AskError::Cut { host, how: String::new() })
}

fn by_ssh(host: &str, line: &str, ssh: &[OsString], tell: &mut dyn FnMut(&str)) -> Result<End, AskError> {
    let reach = |source| AskError::Reach { host: host.to_owned(), source };
    let (program, words) = ssh.split_first().ok_or_else(|| reach(io::ErrorKind::InvalidInput.into()))?;
    let mut command = Command::new(program);
    command.args(words).args(["-T", "--", host, REMOTE]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().map_err(reach)?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that went away says why by how it ends.
        let _ = stdin.write_all(line.as_bytes());
    }
    let end = child.stdout.take().and_then(|stdout| read(stdout, tell));
    let status = child.wait().map_err(reach)?;
    end.ok_or_else(|| AskError::Cut { host: host.to_owned(), how: format!("; ssh ended with {status}") })
}

/// Reads events to the one that ends it; what is none is told as it is, such as a greeting.
fn read(from: impl Read, tell: &mut dyn FnMut(&str)) -> Option<End> {
    let mut from = BufReader::new(from);
    let mut end = None;
    loop {
        let mut line = Vec::new();
        match from.by_ref().take(LONGEST).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return end,
            Ok(_) => {}
        }
        match serde_json::from_slice::<Event>(&line) {
            Ok(Event::Log { text }) => tell(&clean(&text)),
            Ok(Event::End(said)) => {
                let (message, help) = (clean(&said.message), said.help.as_deref().map(clean));
                end = Some(End { message, help, ..said });
            }
            Err(_) => tell(&clean(String::from_utf8_lossy(&line).trim_end())),
        }
    }
}

/// A line that does nothing to a terminal.
pub fn clean(line: &str) -> String {
    line.chars().map(|one| if one.is_control() && one != '\t' { '\u{fffd}' } else { one }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ssh_would_take_for_an_option_is_no_host() {
        for typed in ["-oProxyCommand=x", "", "a b", "a\nb"] {
            assert!(Host::read(typed).is_err(), "{typed:?}");
        }
        assert_eq!(Host::read("deploy@www").unwrap(), Host::Ssh("deploy@www".to_owned()));
        assert_eq!(Host::read("/run/x").unwrap(), Host::Socket(PathBuf::from("/run/x")));
    }

    #[test]
    fn an_answer_without_an_end_is_none_and_what_is_no_event_is_told_without_its_control_characters() {
        let mut told = Vec::new();
        let end = Event::End(End { exit: 6, message: "x".to_owned(), ..End::default() });
        let log = Event::Log { text: "a\u{1b}[2J".to_owned() };
        let text = format!("welcome\u{7}\n{}\n{}\n", log.line(), end.line());
        assert_eq!(read(text.as_bytes(), &mut |line| told.push(line.to_owned())).unwrap().exit, 6);
        assert_eq!(told, ["welcome\u{fffd}", "a\u{fffd}[2J"]);
        assert_eq!(read(&b"{\"event\":\"log\",\"text\":\"x\"}\n"[..], &mut |_| {}), None);
    }
}
