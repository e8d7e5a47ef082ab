//! A small prefix, compiled here for the path it lies at; then relocated, moved away, and run where it never was.
//!
//! Sources say what their program prints, in lines that begin with `// prints: `. In arguments and symlink targets `@`
//! stands for the prefix and `%` for the directory it lies in.

use crate::program;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// System V gABI, figure 5-10.
pub(crate) const DT_RPATH: u64 = 15;
/// Likewise.
pub(crate) const DT_RUNPATH: u64 = 29;
/// What `ld --audit` makes: a tag with a string of our choice, to be turned into the tag a test wants.
pub(crate) const DT_AUDIT: u64 = 0x6fff_fefc;

/// How a program ended and what it said.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) exit: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { exit: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

/// Runs a command in a clean environment.
pub(crate) fn run(command: &mut Command) -> Ran {
    clean(command.env_clear())
}

/// Runs a program in a clean environment that has one variable more.
pub(crate) fn run_with(program: &Path, variable: &str, value: &str) -> Ran {
    clean(Command::new(program).env_clear().env(variable, value))
}

fn clean(command: &mut Command) -> Ran {
    let program = command.get_program().to_owned();
    let clean = command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C");
    clean.output().unwrap_or_else(|error| panic!("{} does not start: {error}", program.display())).into()
}

fn mode(file: &Path) -> u32 {
    fs::metadata(file).unwrap().mode() & 0o7777
}

/// A prefix under construction.
pub(crate) struct Prefix {
    dir: TempDir,
    /// Where it lies, and what it is built for.
    pub(crate) root: PathBuf,
    /// What compiles it.
    pub(crate) compiler: &'static str,
    prints: RefCell<BTreeMap<String, String>>,
}

impl Prefix {
    pub(crate) fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("cases").tempdir().unwrap();
        let root = fs::canonicalize(dir.path()).unwrap().join("p/root");
        fs::create_dir_all(&root).unwrap();
        fs::create_dir(dir.path().join("sources")).unwrap();
        Self { dir, root, compiler: "cc", prints: RefCell::default() }
    }

    /// The path of a file of the prefix.
    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// The directory the prefix lies in.
    pub(crate) fn around(&self) -> &Path {
        self.root.parent().unwrap()
    }

    /// Puts paths in for `@` and `%`.
    pub(crate) fn expand(&self, text: &str) -> OsString {
        let mut bytes = Vec::new();
        for byte in text.bytes() {
            match byte {
                b'@' => bytes.extend_from_slice(self.root.as_os_str().as_bytes()),
                b'%' => bytes.extend_from_slice(self.around().as_os_str().as_bytes()),
                byte => bytes.push(byte),
            }
        }
        OsString::from_vec(bytes)
    }

    /// A path of the prefix, or one that begins with `%` and lies beside it; its directory is made.
    fn place(&self, path: &str) -> PathBuf {
        let place = self.root.join(self.expand(path));
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        place
    }

    fn compile(&self, path: &str, source: &str, args: &[&str]) {
        let place = self.place(path);
        let file = self.dir.path().join("sources").join(path.replace(['/', '%'], "_")).with_extension("c");
        fs::write(&file, source).unwrap();
        let always = ["-Wl,--no-as-needed", "-Wl,--allow-shlib-undefined", "-Wl,--enable-new-dtags"];
        let args = always.iter().chain(args).map(|arg| self.expand(arg));
        let ran = run(Command::new(self.compiler).arg(&file).arg("-o").arg(place).args(args).current_dir("/"));
        assert_eq!(ran.exit, Some(0), "{path}: {}", ran.stderr);
    }

    /// Compiles a library whose soname is its file name, unless `args` say otherwise.
    pub(crate) fn library(&self, path: &str, source: &str, args: &[&str]) -> &Self {
        let name = path.rsplit('/').next().unwrap();
        let soname = format!("-Wl,-soname,{name}");
        self.compile(path, source, &[&["-shared", "-fPIC", &soname], args].concat());
        self
    }

    /// Compiles a program and remembers what its source says it prints.
    pub(crate) fn program(&self, path: &str, source: &str, args: &[&str]) -> &Self {
        self.compile(path, source, args);
        let lines = source.lines().filter_map(|line| line.trim().strip_prefix("// prints: "));
        let prints = lines.flat_map(|line| [line, "\n"]).collect();
        self.prints.borrow_mut().insert(path.to_owned(), prints);
        self
    }

    /// A library whose `say` gives `word`.
    pub(crate) fn says(&self, path: &str, word: &str) -> &Self {
        self.library(path, &format!("const char *say(void) {{ return \"{word}\"; }}\n"), &[])
    }

    /// A program that prints what `say` gives, linked with the library at `library`.
    pub(crate) fn asks(&self, path: &str, word: &str, library: &str, args: &[&str]) -> &Self {
        let source = format!(
            "// prints: {word}\n#include <stdio.h>\nconst char *say(void);\nint main(void) {{ puts(say()); return 0; }}\n"
        );
        let library = self.root.join(self.expand(library));
        self.program(path, &source, &[args, &[library.to_str().unwrap()]].concat())
    }

    pub(crate) fn file(&self, path: &str, text: &str) -> &Self {
        fs::write(self.place(path), text).unwrap();
        self
    }

    pub(crate) fn dir(&self, path: &str) -> &Self {
        fs::create_dir_all(self.root.join(self.expand(path))).unwrap();
        self
    }

    pub(crate) fn symlink(&self, path: &str, target: &str) -> &Self {
        std::os::unix::fs::symlink(self.expand(target), self.place(path)).unwrap();
        self
    }

    pub(crate) fn hard_link(&self, path: &str, first: &str) -> &Self {
        fs::hard_link(self.at(first), self.place(path)).unwrap();
        self
    }

    pub(crate) fn copy(&self, path: &str, from: &str) -> &Self {
        let (from, place) = (self.at(from), self.place(path));
        program::write(place, fs::read(&from).unwrap(), mode(&from));
        self
    }

    /// Writes other bytes of the same length over each occurrence of some bytes of a file.
    pub(crate) fn overwrite(&self, path: &str, old: &[u8], new: &[u8]) -> &Self {
        assert_eq!(old.len(), new.len(), "only bytes of the same length fit");
        let mut bytes = fs::read(self.at(path)).unwrap();
        let found: Vec<_> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(old)).collect();
        assert!(!found.is_empty(), "{path} does not hold the bytes to overwrite");
        for at in found {
            bytes[at..at + new.len()].copy_from_slice(new);
        }
        program::write(self.at(path), bytes, mode(&self.at(path)));
        self
    }

    /// Turns the tag of one entry of a 64-bit file's dynamic section, whose entries are 16 bytes, into another.
    pub(crate) fn retag(&self, path: &str, from: u64, to: u64) -> &Self {
        let mut bytes = fs::read(self.at(path)).unwrap();
        let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
        let headers = usize::from(u16::from_le_bytes(bytes[56..58].try_into().unwrap()));
        let mut headers = (0..headers).map(|number| word(32) as usize + number * 56);
        let table = headers.find(|at| bytes[*at..*at + 4] == 2u32.to_le_bytes()).unwrap();
        let (start, size) = (word(table + 8) as usize, word(table + 32) as usize);
        let at = (start..start + size).step_by(16).find(|at| word(*at) == from).unwrap();
        bytes[at..at + 8].copy_from_slice(&to.to_le_bytes());
        program::write(self.at(path), bytes, mode(&self.at(path)));
        self
    }

    /// `relocate ROOT` and these arguments.
    pub(crate) fn relocate(&self, args: &[&str]) -> Ran {
        run(relocate().arg(&self.root).args(args.iter().map(|arg| self.expand(arg))).current_dir(self.around()))
    }

    /// Runs the main job with `--json` and an archive as its result.
    pub(crate) fn job(&self, args: &[&str]) -> Report<'_> {
        let archive = self.around().join("out.tar");
        let out = ["--json", "--top-dir", "", "-o", archive.to_str().unwrap()];
        let ran = self.relocate(&[&out, args].concat());
        let json = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
        Report { prefix: self, ran, json, archive }
    }

    /// Relocates, unpacks at another path, hides the prefix; everything on the way must succeed and leave nothing of
    /// the old path in any ELF file.
    pub(crate) fn moved(&self, args: &[&str]) -> Moved<'_> {
        let moved = self.job(args).unpacked();
        assert_eq!(moved.leftovers(), Vec::<PathBuf>::new(), "these still name {}", self.root.display());
        moved.check();
        moved
    }

    /// What the program prints, by its own source.
    pub(crate) fn prints(&self, path: &str) -> String {
        self.prints.borrow().get(path).unwrap_or_else(|| panic!("no source says what {path} prints")).clone()
    }

    /// Takes the prefix away from its path, and with it everything beside it.
    pub(crate) fn hide(&self) {
        fs::rename(self.around(), self.dir.path().join("hidden")).unwrap();
    }
}

/// The program under test.
pub(crate) fn relocate() -> Command {
    Command::new(env!("CARGO_BIN_EXE_relocate"))
}

/// What the main job said.
pub(crate) struct Report<'a> {
    prefix: &'a Prefix,
    pub(crate) ran: Ran,
    pub(crate) json: Value,
    archive: PathBuf,
}

impl<'a> Report<'a> {
    /// Findings as `path kind severity`, in order.
    pub(crate) fn findings(&self) -> Vec<String> {
        let text = |value: &Value, key: &str| value[key].as_str().unwrap_or(".").to_owned();
        let findings = self.json["findings"].as_array().unwrap();
        findings.iter().map(|finding| ["path", "kind", "severity"].map(|key| text(finding, key)).join(" ")).collect()
    }

    /// Asserts that the job was not done, for this reason, and left nothing behind.
    pub(crate) fn ends(&self, exit: i32) -> &Self {
        assert_eq!(self.ran.exit, Some(exit), "{:#?}", self.ran);
        assert_eq!(self.json["exit"], exit);
        assert!(!self.archive.exists(), "there is an archive");
        self
    }

    /// Missing libraries as `soname needed-by`, in order.
    pub(crate) fn missing(&self) -> Vec<String> {
        let missing = self.json["verdict"]["missing"].as_array().unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let needers = |missing: &Value| missing["needed_by"].as_array().unwrap().iter().map(text).collect::<Vec<_>>();
        missing.iter().map(|missing| [vec![text(&missing["soname"])], needers(missing)].concat().join(" ")).collect()
    }

    /// Unpacks what was written at a path it never had, and hides the prefix.
    pub(crate) fn unpacked(self) -> Moved<'a> {
        assert_eq!(self.ran.exit, Some(0), "{:#?}", self.ran);
        assert_eq!(self.ran.stderr, "");
        let root = self.prefix.dir.path().join("moved to a longer path/than/before");
        fs::create_dir_all(&root).unwrap();
        let tar = run(Command::new("tar").arg("-xpf").arg(&self.archive).arg("-C").arg(&root));
        assert_eq!((tar.exit, tar.stderr.as_str()), (Some(0), ""));
        self.prefix.hide();
        Moved { report: self, root }
    }
}

/// The result at its new path, the prefix hidden.
pub(crate) struct Moved<'a> {
    pub(crate) report: Report<'a>,
    pub(crate) root: PathBuf,
}

impl Moved<'_> {
    pub(crate) fn at(&self, path: impl AsRef<OsStr>) -> PathBuf {
        self.root.join(path.as_ref())
    }

    /// Runs a program from `/`; it must say what its source says, and nothing else.
    pub(crate) fn runs(&self, program: &str) -> &Self {
        self.runs_as(program, program)
    }

    /// Runs a program by another of its names.
    pub(crate) fn runs_as(&self, name: &str, program: &str) -> &Self {
        let expected = Ran { exit: Some(0), stdout: self.report.prefix.prints(program), stderr: String::new() };
        assert_eq!(self.run_in("/", name), expected, "{name}");
        self
    }

    /// Runs a program in a directory.
    pub(crate) fn run_in(&self, directory: impl AsRef<Path>, program: &str) -> Ran {
        run(Command::new(self.at(program)).current_dir(directory))
    }

    /// Asserts the run-time paths of a file as readelf(1) prints them: `RPATH path` or `RUNPATH path`, in file order.
    pub(crate) fn has(&self, path: &str, run_paths: &[&str]) -> &Self {
        assert_eq!(dynamic(&self.at(path), &["RPATH", "RUNPATH"]), run_paths, "{path}");
        self
    }

    /// Asserts all findings of the job, as `path kind severity`.
    pub(crate) fn found(&self, findings: &[&str]) -> &Self {
        assert_eq!(self.report.findings(), findings, "{:#}", self.report.json["findings"]);
        self
    }

    /// Files that still hold the old path.
    pub(crate) fn leftovers(&self) -> Vec<PathBuf> {
        let old = self.report.prefix.root.as_os_str().as_bytes();
        let mut found = Vec::new();
        for path in files(&self.root) {
            let bytes = fs::read(&path).unwrap();
            if bytes.starts_with(b"\x7fELF") && bytes.windows(old.len()).any(|window| window == old) {
                found.push(path);
            }
        }
        found
    }

    /// Has `relocate check` and `relocate verify` judge the result where it lies now.
    pub(crate) fn check(&self) {
        let verified = run(relocate().args(["verify", "--quiet"]).arg(&self.root));
        assert_eq!(verified, Ran { exit: Some(0), stdout: String::new(), stderr: String::new() });
        let checked = run(relocate().args(["check", "--json"]).arg(&self.root));
        assert_eq!(checked.exit, Some(0), "{checked:#?}");
    }
}

/// Every regular file below a directory.
pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            found.extend(files(&entry.path()));
        } else if kind.is_file() {
            found.push(entry.path());
        }
    }
    found.sort();
    found
}

/// Entries of a file's dynamic section whose tag is one of these, as readelf(1) prints them: `TAG text`.
pub(crate) fn dynamic(path: &Path, tags: &[&str]) -> Vec<String> {
    let ran = run(Command::new("readelf").arg("-dW").arg(path));
    assert_eq!((ran.exit, ran.stderr.as_str()), (Some(0), ""), "{}", path.display());
    let entry = |line: &str| {
        let (_, rest) = line.split_once('(')?;
        let (tag, rest) = rest.split_once(')')?;
        let text = rest.split_once('[')?.1.strip_suffix(']')?;
        tags.contains(&tag).then(|| format!("{tag} {text}"))
    };
    ran.stdout.lines().filter_map(entry).collect()
}
