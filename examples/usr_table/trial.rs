//! One file and its edited copies: are they as good as the original?
//!
//! Takes a path; gives what the original did under each check and what each edited copy did. Every copy, that of the
//! unedited original too, lies at the same place and sees the same environment, so that whatever differs is the edit.

use crate::process::{self, Ended, PATIENT};
use crate::wish::{By, Edited, Editor, edit};
use relocate::elf::{Facts, Read, read};
use relocate::loader::object::{Arch, Class, Endian, Object};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The columns of the table.
pub(crate) const EDITS: [(By, Editor); 4] = [
    (By::Sixty, Editor::Relocate),
    (By::Sixty, Editor::Patchelf),
    (By::One, Editor::Relocate),
    (By::One, Editor::Patchelf),
];

/// What is asked of every copy; the numbers are those of [`Outcome::answers`].
pub(crate) const CHECKS: [&str; 4] = ["load", "`--version`", "load after `strip -s`", "load after `eu-strip`"];

/// What a copy did.
pub(crate) struct Outcome {
    /// By check: what came of it, without addresses; `None` where it does not apply.
    pub(crate) answers: [Option<String>; 4],
    /// What `eu-elflint --gnu-ld` finds, sorted, without numbers and addresses.
    pub(crate) findings: Vec<String>,
}

/// All that was tried with one file.
pub(crate) struct Trial {
    /// Where the file is.
    pub(crate) path: PathBuf,
    /// What the unedited copy did.
    pub(crate) before: Outcome,
    /// What each of [`EDITS`] gave; no outcome where it was refused.
    pub(crate) after: Vec<(Edited, Option<Outcome>)>,
}

/// Programs that are not asked for their version, in case one of them does not look at its arguments.
const DANGEROUS: [&str; 12] = [
    "halt", "init", "kexec", "killall5", "mkfs", "mkswap", "poweroff", "reboot", "runlevel", "shutdown", "swapoff",
    "telinit",
];

/// Glibc's loaders for programs that this processor runs.
const LOADERS: [(Arch, &str); 2] = [
    (Arch::X86_64, "/lib64/ld-linux-x86-64.so.2"),
    (Arch { class: Class::Elf32, endian: Endian::Little, machine: 3 }, "/lib/ld-linux.so.2"),
];
const MUSL: &str = "/lib/ld-musl-x86_64.so.1";

/// Names the system and the tools with their versions; fails where one is missing.
pub(crate) fn tools() -> io::Result<Vec<String>> {
    let release = fs::read_to_string("/etc/os-release")?;
    let system =
        release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")).unwrap_or("a system without a name");
    let mut found = vec![system.trim_matches('"').to_owned()];
    for tool in ["ldd", "patchelf", "strip", "eu-strip", "eu-elflint"] {
        let ended = process::run(Command::new(tool).arg("--version"), PATIENT)?;
        if !ended.success {
            return Err(io::Error::other(format!("{tool}: {}", ended.status)));
        }
        found.push(String::from_utf8_lossy(&ended.stdout).lines().next().unwrap_or_default().to_owned());
    }
    Ok(found)
}

/// Tries one file.
pub(crate) fn trial(path: &Path) -> io::Result<Trial> {
    let original = fs::read(path)?;
    let Read::Dynamic(facts) = read(&original).map_err(io::Error::other)? else {
        return Err(io::Error::other(format!("{} changed meanwhile", path.display())));
    };
    let scratch = tempfile::tempdir()?;
    fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755))?;
    let mut lab = Lab {
        copy: scratch.path().join(path.file_name().unwrap_or_default()),
        path,
        facts: *facts,
        asked: true,
        patience: Duration::from_secs(5),
    };
    lab.renew(&original)?;
    let before = lab.examine(&original)?;
    // A copy that is late because the machine is busy is not broken.
    (lab.asked, lab.patience) = (before.answers[1].is_some(), PATIENT);
    let mut after = Vec::new();
    for (by, editor) in EDITS {
        lab.renew(&original)?;
        let edited = edit(&original, &lab.facts, by, editor, &lab.copy)?;
        let outcome = match &edited {
            Edited::Done { .. } => Some(lab.examine(&fs::read(&lab.copy)?)?),
            Edited::Refused(_) => None,
        };
        after.push((edited, outcome));
    }
    Ok(Trial { path: path.to_owned(), before, after })
}

/// One file's place for copies.
struct Lab<'a> {
    copy: PathBuf,
    path: &'a Path,
    facts: Facts,
    /// Whether the program is asked for its version.
    asked: bool,
    /// How long it may take to answer.
    patience: Duration,
}

impl Lab<'_> {
    /// Puts these bytes at the copy's place, as a new file.
    fn renew(&self, bytes: &[u8]) -> io::Result<()> {
        if self.copy.exists() {
            fs::remove_file(&self.copy)?;
        }
        fs::write(&self.copy, bytes)?;
        fs::set_permissions(&self.copy, fs::Permissions::from_mode(0o755))
    }

    /// Asks everything of the copy, which holds `bytes`.
    fn examine(&self, bytes: &[u8]) -> io::Result<Outcome> {
        let findings = self.lint()?;
        let answers = [
            self.load()?,
            self.version()?,
            self.stripped(&["strip", "-s"])?,
            self.renew(bytes).and_then(|()| self.stripped(&["eu-strip"]))?,
        ];
        Ok(Outcome { answers, findings })
    }

    fn lint(&self) -> io::Result<Vec<String>> {
        let lint = process::run(Command::new("eu-elflint").arg("--gnu-ld").arg(&self.copy), PATIENT)?;
        let said = [lint.stdout, lint.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        let lines = said.lines().filter(|line| !line.is_empty() && *line != "No errors");
        let mut findings: Vec<String> = lines.map(without_numbers).collect();
        findings.sort();
        Ok(findings)
    }

    /// Has the loader map the file and all it needs and bind every symbol, but run nothing of it.
    ///
    /// A program is started by the kernel, so that its view of the segments counts too.
    fn load(&self) -> io::Result<Option<String>> {
        let Some(loader) = loader(&self.facts.object) else { return Ok(None) };
        let mut command = match &self.facts.object.interp {
            Some(interp) if interp == loader.as_bytes() && loader != MUSL => Command::new(&self.copy),
            _ => Command::new(loader),
        };
        if loader == MUSL {
            command.arg("--list").arg(&self.copy);
        } else {
            command.envs([("LD_TRACE_LOADED_OBJECTS", "1"), ("LD_WARN", "yes"), ("LD_BIND_NOW", "yes")]);
            if command.get_program() == loader {
                command.arg(&self.copy);
            }
        }
        let ended = process::run(command.env("LD_LIBRARY_PATH", self.library_path()), PATIENT)?;
        Ok(Some(transcript(&ended)))
    }

    /// `--version`, where the original answers it with 0 and twice the same.
    fn version(&self) -> io::Result<Option<String>> {
        let object = &self.facts.object;
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let dangerous = DANGEROUS.iter().any(|one| name.starts_with(one));
        let runs = loader(object).is_some() && object.is_program() && !dangerous;
        if !self.asked || !runs || fs::metadata(self.path)?.permissions().mode() & 0o111 == 0 {
            return Ok(None);
        }
        let ask = || {
            let mut command = Command::new(&self.copy);
            command.arg("--version").env("LD_LIBRARY_PATH", self.library_path());
            process::run(&mut command, self.patience)
        };
        let (first, second) = (ask()?, ask()?);
        let answer = sorted_lines(&first);
        let same = first.success && second.success && answer == sorted_lines(&second);
        Ok(same.then_some(answer))
    }

    fn stripped(&self, tool: &[&str]) -> io::Result<Option<String>> {
        let mut command = Command::new(tool[0]);
        let ended = process::run(command.args(&tool[1..]).arg(&self.copy), PATIENT)?;
        let loaded = self.load()?.unwrap_or_default();
        Ok(Some(format!("{}\n{loaded}", ended.status)))
    }

    /// Where the original would look: its own directory and its run-time path as seen from there.
    fn library_path(&self) -> OsString {
        let dir = self.path.parent().unwrap_or(Path::new("/"));
        let dir = fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
        let own = self.facts.object.run_path().map_or(&b""[..], |(_, path)| path);
        let own =
            String::from_utf8_lossy(own).replace("${ORIGIN}", "$ORIGIN").replace("$ORIGIN", &dir.to_string_lossy());
        let mut path = dir.into_os_string();
        if !own.is_empty() {
            path.push(":");
            path.push(own);
        }
        path
    }
}

fn loader(object: &Object) -> Option<&'static str> {
    let for_musl = object.interp.as_deref().is_some_and(|interp| interp.starts_with(b"/lib/ld-musl-"))
        || object.needed.iter().any(|needed| needed.as_slice() == b"libc.so");
    if for_musl && object.arch == Arch::X86_64 {
        return Some(MUSL);
    }
    LOADERS.iter().find(|(arch, _)| *arch == object.arch).map(|(_, loader)| *loader)
}

/// Numbers of sections and addresses differ where nothing else does.
fn without_numbers(line: &str) -> String {
    let numbered = |word: &str| word.contains(|c: char| c.is_ascii_digit());
    line.split_whitespace().map(|word| if numbered(word) { "#" } else { word }).collect::<Vec<_>>().join(" ")
}

/// What a program printed, in an order that does not depend on which of its children was first.
fn sorted_lines(ended: &Ended) -> String {
    let said = String::from_utf8_lossy(&ended.stdout);
    let mut lines: Vec<&str> = said.lines().collect();
    lines.sort_unstable();
    format!("{}\n{}", ended.status, lines.join("\n"))
}

/// What a loader said, without the addresses, which are others every time.
fn transcript(ended: &Ended) -> String {
    let said = [ended.stdout.as_slice(), &ended.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let lines = said.lines().map(|line| line.split(" (0x").next().unwrap_or_default());
    [ended.status.as_str()].into_iter().chain(lines).collect::<Vec<_>>().join("\n")
}
