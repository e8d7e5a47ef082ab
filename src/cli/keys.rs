//! Keys and what opens them: passphrases from the terminal, which shows nothing of them, or from a file.

use super::args::{KeyArgs, NewKeyArgs};
use super::exit::Exit;
use super::failure::Failure;
use super::pack::Usage;
use super::report;
use crate::base::host;
use crate::tuf::{Passphrase, SecretKey, read_key, write_key};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// No passphrase is longer.
const LONGEST: u64 = 4096;
/// What Ctrl-C is while the terminal makes no signal of it.
const INTERRUPT: u8 = 3;

/// Where passphrases come from.
pub(super) enum Passphrases {
    /// Nowhere: keys are written open.
    None,
    /// One for all.
    Given(Option<Passphrase>),
    /// Whoever sits at the terminal.
    Asked,
}

impl Passphrases {
    /// For keys that are to be made.
    pub(super) fn for_new(args: &NewKeyArgs) -> Result<Self, Failure> {
        match &args.passphrase_file {
            _ if args.no_passphrase => Ok(Self::None),
            Some(file) => {
                let given = first_line(file)?;
                let empty = || Usage::new(format!("the first line of {} is empty", report::place(file)));
                Ok(Self::Given(Some(given.ok_or_else(empty)?)))
            }
            None => Ok(Self::Asked),
        }
    }

    /// For keys that are there.
    pub(super) fn for_old(file: Option<&Path>) -> Result<Self, Failure> {
        file.map_or(Ok(Self::Asked), |file| Ok(Self::Given(first_line(file)?)))
    }

    /// Writes a new key.
    pub(super) fn write(&self, path: &Path, key: &SecretKey) -> Result<(), Failure> {
        let asked = if let Self::Asked = self { Some(asked_twice(path)?) } else { None };
        let passphrase = match self {
            Self::None => None,
            Self::Given(given) => given.as_ref(),
            Self::Asked => asked.as_ref(),
        };
        write_key(path, key, passphrase).map_err(|error| Failure::new(Exit::Environment, error.to_string()))
    }

    /// Reads a key, and asks for its passphrase only where it has one.
    pub(super) fn read(&self, path: &Path) -> Result<SecretKey, Failure> {
        let given = if let Self::Given(given) = self { given.as_ref() } else { None };
        let error = match read_key(path, given) {
            Ok(key) => return Ok(key),
            Err(error) => error,
        };
        if !error.wants_passphrase() || !matches!(self, Self::Asked) {
            return Err(Failure::new(Exit::Environment, error.to_string()));
        }
        let asked = ask(&format!("passphrase of {}: ", report::place(path)))?;
        read_key(path, asked.as_ref()).map_err(|error| Failure::new(Exit::Environment, error.to_string()))
    }
}

/// The keys that sign, as far as they were named.
pub(super) struct Signers {
    /// What signs lists of releases.
    pub(super) release: Option<SecretKey>,
    /// What signs snapshots and timestamps.
    pub(super) online: Option<SecretKey>,
}

impl Signers {
    /// The same for who needs the release key only where it was named on the command line: cron has nobody who types.
    pub(super) fn online(args: &KeyArgs, directory: Option<&Path>) -> Result<Self, Failure> {
        Self::read(args, args.release_key.clone(), directory)
    }

    /// Reads what was named on the command line, else in the environment, else lies in the repository's directory.
    pub(super) fn of(args: &KeyArgs, directory: Option<&Path>) -> Result<Self, Failure> {
        Self::read(args, args.release_key.clone().or_else(|| variable("RELOCATE_RELEASE_KEY")), directory)
    }

    fn read(args: &KeyArgs, release: Option<PathBuf>, directory: Option<&Path>) -> Result<Self, Failure> {
        let passphrases = Passphrases::for_old(args.passphrase_file.as_deref())?;
        let beside = || directory.map(|directory| directory.join(ONLINE)).filter(|path| path.exists());
        let online = args.online_key.clone().or_else(|| variable("RELOCATE_ONLINE_KEY")).or_else(beside);
        let read = |path: Option<PathBuf>| path.map(|path| passphrases.read(&path)).transpose();
        Ok(Self { release: read(release)?, online: read(online)? })
    }
}

fn variable(name: &str) -> Option<PathBuf> {
    host::variable(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// Where the online key lies in the directory of a repository.
pub(super) const ONLINE: &str = "keys/online.pem";

/// The first line of a file; none where that is empty.
fn first_line(path: &Path) -> Result<Option<Passphrase>, Failure> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LONGEST).read_to_end(&mut bytes));
    read.map_err(|error| Usage::new(format!("cannot read {}: {error}", report::place(path))))?;
    Ok(Passphrase::new(line(&bytes).to_vec()))
}

fn line(bytes: &[u8]) -> &[u8] {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn asked_twice(path: &Path) -> Result<Passphrase, Failure> {
    let file = report::place(path);
    let first = typed(&format!("new passphrase of {file}: "))?;
    let again = Zeroizing::new(typed("the same again: ")?);
    if first != *again {
        return Err(Usage::new("the two passphrases are not the same; nothing was written").into());
    }
    Passphrase::new(first).ok_or_else(|| {
        let help = "--no-passphrase writes keys that whoever reads the file may sign with";
        Usage("no passphrase was typed".to_owned(), Some(help.to_owned())).into()
    })
}

fn ask(prompt: &str) -> Result<Option<Passphrase>, Failure> {
    typed(prompt).map(Passphrase::new)
}

/// A line typed on the terminal of this process, which does not show it.
fn typed(prompt: &str) -> Result<Vec<u8>, Failure> {
    let failed = |error: io::Error| {
        let help = "name a file that holds it with --passphrase-file".to_owned();
        Failure::new(Exit::Environment, format!("there is no terminal to ask for a passphrase: {error}"))
            .help(Some(help))
    };
    let terminal = File::options().read(true).write(true).open("/dev/tty").map_err(failed)?;
    let mut hushed = Hushed::begin(&terminal).map_err(failed)?;
    let mut bytes = hushed.line(prompt).map_err(failed)?;
    if bytes.contains(&INTERRUPT) {
        return Err(Usage::new("it was interrupted; nothing was written").into());
    }
    // Cut off in place: a copy would stay in memory.
    bytes.truncate(line(&bytes).len());
    Ok(bytes)
}

/// A terminal that shows nothing of what is typed, until this is dropped. It makes no signals meanwhile, so that it is never left
/// in that state.
struct Hushed<'a> {
    terminal: &'a File,
    before: Termios,
}

impl<'a> Hushed<'a> {
    fn begin(terminal: &'a File) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ISIG);
        // A line ends there, so that nobody has to press another key.
        quiet.special_codes[SpecialCodeIndex::VEOL] = INTERRUPT;
        tcsetattr(terminal, OptionalActions::Flush, &quiet)?;
        Ok(Self { terminal, before })
    }

    fn line(&mut self, prompt: &str) -> io::Result<Vec<u8>> {
        let mut terminal = self.terminal;
        terminal.write_all(prompt.as_bytes())?;
        let (mut bytes, mut byte) = (Vec::with_capacity(LONGEST as usize), [0]);
        while (bytes.len() as u64) < LONGEST && terminal.read(&mut byte)? == 1 {
            if matches!(byte, [b'\n' | INTERRUPT]) {
                bytes.extend(byte);
                break;
            }
            bytes.extend(byte);
        }
        terminal.write_all(b"\n")?;
        Ok(bytes)
    }
}

impl Drop for Hushed<'_> {
    fn drop(&mut self) {
        // A terminal that went away needs nothing any more.
        let _ = tcsetattr(self.terminal, OptionalActions::Flush, &self.before);
    }
}
