//! One run of the program under test, and what is expected of it: exit code, standard output, standard error.

use crate::place::{USER, is_root};
use serde_json::Value;
use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_relocate");

/// A run in the making.
pub(crate) struct Call(pub(crate) Command);

/// `relocate`, with these arguments, in this directory, in an environment that says nothing.
pub(crate) fn relocate<S: AsRef<OsStr>>(dir: &Path, arguments: impl IntoIterator<Item = S>) -> Call {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).current_dir(dir).stdin(Stdio::null());
    for name in ["NO_COLOR", "SOURCE_DATE_EPOCH", "LD_LIBRARY_PATH", "TERM"] {
        command.env_remove(name);
    }
    Call(command)
}

impl Call {
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.0.env(name, value);
        self
    }

    /// As the ordinary user, where the tests run as root.
    pub(crate) fn by_user(mut self) -> Self {
        if is_root() {
            self.0.uid(USER).gid(USER);
        }
        self
    }

    pub(crate) fn run(mut self) -> Ran {
        let output = self.0.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let code = output.status.code();
        Ran { code, bytes: output.stdout.clone(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Runs it; it must exit with 0 and say nothing. Gives its standard output.
    pub(crate) fn expect_bytes(self) -> Vec<u8> {
        let ran = self.run();
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
        ran.bytes
    }

    /// Runs it; it must exit with `code`, with every text of `out` on standard output and every text of `err` on
    /// standard error. An empty list means that nothing at all stands there.
    pub(crate) fn expect(self, code: i32, out: &[&str], err: &[&str]) -> Ran {
        let shown = format!("{:?}", self.0);
        let ran = self.run();
        let all = format!("{shown}\nexit {:?}\nstdout: {}\nstderr: {}", ran.code, ran.out, ran.err);
        assert_eq!(ran.code, Some(code), "{all}");
        for (name, text, wanted) in [("stdout", &ran.out, out), ("stderr", &ran.err, err)] {
            assert!(!wanted.is_empty() || text.is_empty(), "{name} is not empty\n{all}");
            for part in wanted {
                assert!(text.contains(part), "{name} does not say '{part}'\n{all}");
            }
        }
        ran
    }
}

/// A run that is over.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// Standard output as the one JSON document it must be.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}

/// What every proven job says at its end.
pub(crate) const PROVEN: &str = "proven: it runs from any path";
