//! A project with the script in it, a home, and a `PATH` with what a machine has at the least.

use crate::place::Place;
use crate::program;
use relocate::base::digest::Digest;
use relocate::wrapper::SCRIPT;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// What runs the script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shell {
    Dash,
    Busybox,
    Bash,
}

pub(crate) const SHELLS: [Shell; 3] = [Shell::Dash, Shell::Busybox, Shell::Bash];

/// What fetches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Getter {
    Curl,
    Wget,
    BusyboxWget,
    Nothing,
}

pub(crate) const GETTERS: [Getter; 3] = [Getter::Curl, Getter::Wget, Getter::BusyboxWget];

/// The applets of busybox that are on every machine.
const APPLETS: [&str; 12] =
    ["cat", "chmod", "id", "ls", "mkdir", "mktemp", "mv", "readlink", "rm", "sed", "tail", "tr"];

/// A tool that says which it is, as which process, and what it was given.
pub(crate) fn tool(version: &str) -> Vec<u8> {
    let text = r#"#!/bin/sh
# A stand-in.
printf 'tool VERSION, process %s\n' "$$"
for argument; do printf '<%s>' "$argument"; done
[ "${1:-}" != read ] || cat
[ "${1:-}" != say ] || eval "printf %s \"\${$2-unset}\""
[ "${1:-}" != end ] || exit "$2"
"#;
    text.replace("VERSION", version).into_bytes()
}

/// Where a program of this machine is.
pub(crate) fn found(program: &str) -> PathBuf {
    let dirs = std::env::var_os("PATH").unwrap();
    let all = std::env::split_paths(&dirs).chain(["/usr/bin".into(), "/bin".into()]);
    all.map(|dir| dir.join(program)).find(|path| path.exists()).unwrap_or_else(|| panic!("there is no {program}"))
}

pub(crate) struct Lab {
    pub(crate) place: Place,
    pub(crate) project: PathBuf,
}

impl Lab {
    /// A project whose path has what paths have that nobody thought of.
    pub(crate) fn new() -> Self {
        Self::called("our pro'ject\n$(id)\n")
    }

    pub(crate) fn called(name: &str) -> Self {
        let place = Place::new();
        let project = place.at(name);
        fs::create_dir(&project).unwrap();
        program::write(project.join("relocatew"), SCRIPT, 0o755);
        Self { place, project }
    }

    /// Pins a tool.
    pub(crate) fn pin(&self, tool: &[u8], urls: &[&str]) {
        let (sha256, size, urls) = (Digest::of(tool), tool.len(), urls.join(" "));
        self.properties(&format!("# ours\nversion=1.0\nsha256={sha256}\nsize={size}\nurls={urls}\n"));
    }

    pub(crate) fn properties(&self, text: &str) {
        fs::write(self.project.join("relocatew.properties"), text).unwrap();
    }

    /// A file of the place as a URL.
    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.place.at(name);
        fs::write(&path, bytes).unwrap();
        format!("file://{}", path.to_str().unwrap().replace(' ', "%20"))
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.place.at("ho me")
    }

    /// Where the cached copy of a tool is.
    pub(crate) fn copy(&self, tool: &[u8]) -> PathBuf {
        self.home().join("wrapper").join(Digest::of(tool).to_string()).join("relocate")
    }

    /// All files below the home.
    pub(crate) fn kept(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut dirs = vec![self.home()];
        while let Some(dir) = dirs.pop() {
            for entry in fs::read_dir(&dir).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() { dirs.push(path) } else { found.push(path) }
            }
        }
        found
    }

    /// A directory for `PATH` with the applets, these programs, and what fetches; made once.
    pub(crate) fn path(&self, getter: Getter, more: &[&str]) -> PathBuf {
        let dir = self.place.at(format!("bin-{getter:?}-{}", more.join("-")));
        if dir.exists() {
            return dir;
        }
        fs::create_dir(&dir).unwrap();
        let busybox = found("busybox");
        for applet in APPLETS {
            symlink(&busybox, dir.join(applet)).unwrap();
        }
        for program in more {
            let from = if *program == "sha256sum" { busybox.clone() } else { found(program) };
            symlink(from, dir.join(program)).unwrap();
        }
        match getter {
            Getter::Curl => symlink(found("curl"), dir.join("curl")).unwrap(),
            Getter::Wget => symlink(found("wget"), dir.join("wget")).unwrap(),
            Getter::BusyboxWget => symlink(&busybox, dir.join("wget")).unwrap(),
            Getter::Nothing => {}
        }
        dir
    }

    /// The script in an environment of `PATH` and a home alone.
    pub(crate) fn command(&self, shell: Shell, getter: Getter) -> Command {
        self.started(shell, getter, self.project.join("relocatew"))
    }

    /// The same, by this name.
    pub(crate) fn started(&self, shell: Shell, getter: Getter, script: impl AsRef<OsStr>) -> Command {
        let mut command = match shell {
            Shell::Dash => Command::new(found("dash")),
            Shell::Bash => Command::new(found("bash")),
            Shell::Busybox => {
                let mut command = Command::new(found("busybox"));
                command.arg("sh");
                command
            }
        };
        command.arg(script).env_clear().env("PATH", self.path(getter, &["sha256sum"]));
        command.env("RELOCATE_HOME", self.home()).stdin(Stdio::null()).current_dir(self.place.dir());
        command
    }

    pub(crate) fn run(&self, shell: Shell, getter: Getter, arguments: &[&str]) -> Ran {
        ran(self.command(shell, getter).args(arguments))
    }
}

/// A run that is over.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// It ended with this code, and said each of these on standard error, or nothing where there is none.
    pub(crate) fn expect(self, code: i32, err: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(!err.is_empty() || self.err.is_empty(), "{self:?}");
        for part in err {
            assert!(self.err.contains(part), "it does not say '{part}': {self:?}");
        }
        self
    }

    /// The stand-in ran, and said so and nothing else.
    pub(crate) fn is_tool(&self, version: &str) -> bool {
        self.code == Some(0)
            && self.out.starts_with(&format!("tool {version}, process "))
            && self.out.lines().count() == 1
    }

    /// How many URLs were warned of.
    pub(crate) fn warnings(&self) -> usize {
        self.err.lines().filter(|line| line.starts_with("relocatew: warning: ")).count()
    }
}

pub(crate) fn ran(command: &mut Command) -> Ran {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ran { code: status.code(), out: text(stdout), err: text(stderr) }
}

/// Whether nothing is kept below a directory but this file.
pub(crate) fn only(lab: &Lab, file: &Path) -> bool {
    lab.kept() == [file]
}
