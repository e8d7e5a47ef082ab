//! A tree on disk that moves: every text file goes through the classes, symlinks become relative, the old path vanishes.

use crate::program;
use relocate::base::digest::Digest;
use relocate::base::path::{Prefix, RelPath};
use relocate::base::sums::Sums;
use relocate::text::class::{Around, Demand, Sort, Subject};
use relocate::text::ledger::Fate;
use relocate::text::occurrence::{Names, Reading};
use relocate::text::rewrite::{LEDGERS, Outcome, rewrite};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A tree under construction at its old prefix.
pub(crate) struct Tree {
    scratch: tempfile::TempDir,
    root: PathBuf,
}

/// A tree at its new path.
pub(crate) struct Moved {
    scratch: tempfile::TempDir,
    pub(crate) root: PathBuf,
    old: PathBuf,
    /// What became of each file that a class had an answer for.
    pub(crate) outcomes: BTreeMap<String, Outcome>,
}

/// What a program did.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) code: Option<i32>,
}

pub(crate) fn rel(path: &str) -> RelPath {
    RelPath::new(path.as_bytes()).unwrap()
}

impl Tree {
    pub(crate) fn new() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(scratch.path()).unwrap().join("build/prefix-of-old");
        fs::create_dir_all(&root).unwrap();
        Self { scratch, root }
    }

    pub(crate) fn old(&self) -> &Path {
        &self.root
    }

    /// Writes a file; `@OLD@` stands for the old prefix.
    pub(crate) fn file(&self, path: &str, text: &str, mode: u32) -> &Self {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        program::write(path, text.replace("@OLD@", self.root.to_str().unwrap()), mode);
        self
    }

    pub(crate) fn link(&self, path: &str, target: &str) -> &Self {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target.replace("@OLD@", self.root.to_str().unwrap()), path).unwrap();
        self
    }

    /// Puts a program of the host into the tree: `exec` keeps its name, and it finds its library where the host has it.
    pub(crate) fn program(&self, path: &str, host: &str) -> &Self {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        program::write(path, fs::read(host).unwrap(), 0o755);
        self
    }

    /// Moves it to a directory of this name; `name` is made for the worst.
    pub(crate) fn moved(self, name: &[u8]) -> Moved {
        let root = fs::canonicalize(self.scratch.path()).unwrap().join(OsStr::from_bytes(name));
        fs::create_dir_all(&root).unwrap();
        let around = OnDisk { root: self.root.clone() };
        let prefixes = [Prefix::new(self.root.as_os_str().as_bytes()).unwrap()];
        let names = Names::new(&prefixes);
        let mut files: Vec<RelPath> = Vec::new();
        self.copy(&RelPath::root(), &root, &mut files);
        let mut outcomes = BTreeMap::new();
        let mut fates = BTreeMap::new();
        for path in &files {
            let on_disk = path.under(&root);
            let bytes = fs::read(&on_disk).unwrap();
            let mode = fs::metadata(path.under(&self.root)).unwrap().mode() & 0o7777;
            let subject = Subject { path, mode, bytes: &bytes, prefixes: &prefixes, names: &names, around: &around };
            if bytes.contains(&0) || !names.any(&bytes, Reading::Text) {
                continue;
            }
            let outcome = rewrite(&subject, &[]);
            if let Outcome::New(new) = &outcome {
                let again = rewrite(&subject.with(&new.bytes), &[]);
                assert!(matches!(again, Outcome::Same | Outcome::Refused(..)), "{path}: {again:?}");
                program::write(on_disk, &new.bytes, mode);
                let sums = Sums { size: new.bytes.len() as u64, md5: [0; 16], sha256: Digest::of(&new.bytes) };
                fates.insert(path.clone(), Fate::Changed(sums));
            }
            outcomes.insert(path.to_string(), outcome);
        }
        for path in &files {
            let on_disk = path.under(&root);
            let bytes = fs::read(&on_disk).unwrap();
            let subject =
                Subject { path, mode: 0o644, bytes: &bytes, prefixes: &prefixes, names: &names, around: &around };
            for ledger in LEDGERS.iter().filter(|ledger| ledger.speaks_of(&subject).is_some()) {
                let answer = ledger.rewrite(&subject, &|path| fates.get(path).cloned().unwrap_or(Fate::Same));
                if let relocate::text::class::Answer::New(new) = answer {
                    fs::write(&on_disk, new.bytes).unwrap();
                }
            }
        }
        fs::remove_dir_all(&self.root).unwrap();
        Moved { scratch: self.scratch, root, old: self.root, outcomes }
    }

    fn copy(&self, dir: &RelPath, to: &Path, files: &mut Vec<RelPath>) {
        for entry in fs::read_dir(dir.under(&self.root)).unwrap() {
            let entry = entry.unwrap();
            let path = dir.join(entry.file_name().as_bytes());
            let kind = entry.file_type().unwrap();
            let new = path.under(to);
            if kind.is_dir() {
                fs::create_dir(&new).unwrap();
                self.copy(&path, to, files);
            } else if kind.is_symlink() {
                let target = fs::read_link(entry.path()).unwrap();
                let inside = target.strip_prefix(&self.root).ok().map(|path| rel(path.to_str().unwrap()));
                let target = inside.map_or(target, |inside| PathBuf::from(OsStr::from_bytes(&dir.way_to(&inside))));
                symlink(target, new).unwrap();
            } else {
                let mode = entry.metadata().unwrap().mode() & 0o7777;
                program::write(new, fs::read(entry.path()).unwrap(), mode);
                files.push(path);
            }
        }
    }
}

struct OnDisk {
    root: PathBuf,
}

impl Around for OnDisk {
    fn leads_to(&self, path: &RelPath) -> Option<(RelPath, Sort)> {
        let end = fs::canonicalize(path.under(&self.root)).ok()?;
        let inside = end.strip_prefix(&self.root).ok()?;
        let meta = fs::metadata(&end).ok()?;
        let sort = if meta.is_dir() { Sort::Dir } else { Sort::File { mode: meta.mode() & 0o7777 } };
        Some((RelPath::new(inside.as_os_str().as_bytes())?, sort))
    }

    fn names(&self, path: &RelPath) -> Vec<RelPath> {
        let inode = fs::symlink_metadata(path.under(&self.root)).unwrap().ino();
        let mut found = Vec::new();
        let mut dirs = vec![RelPath::root()];
        while let Some(dir) = dirs.pop() {
            for entry in fs::read_dir(dir.under(&self.root)).unwrap() {
                let entry = entry.unwrap();
                let path = dir.join(entry.file_name().as_bytes());
                if entry.file_type().unwrap().is_dir() {
                    dirs.push(path);
                } else if entry.metadata().unwrap().ino() == inode {
                    found.push(path);
                }
            }
        }
        found.sort();
        found
    }

    fn within(&self, directory: &RelPath) -> Vec<RelPath> {
        let entries = fs::read_dir(directory.under(&self.root)).into_iter().flatten();
        let mut found: Vec<_> = entries.map(|entry| directory.join(entry.unwrap().file_name().as_bytes())).collect();
        found.sort();
        found
    }
}

impl Moved {
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    pub(crate) fn text(&self, path: &str) -> String {
        String::from_utf8(fs::read(self.path(path)).unwrap()).unwrap()
    }

    /// The directory the tree lies in, for things beside it.
    pub(crate) fn beside(&self) -> &Path {
        self.scratch.path()
    }

    /// What became of a file.
    pub(crate) fn demands(&self, path: &str) -> Vec<Demand> {
        match &self.outcomes[path] {
            Outcome::New(new) => new.demands.clone(),
            other => panic!("{path}: {other:?}"),
        }
    }

    pub(crate) fn refusal(&self, path: &str) -> String {
        match &self.outcomes[path] {
            Outcome::Refused(_, why) => why.clone(),
            other => panic!("{path}: {other:?}"),
        }
    }

    pub(crate) fn run<S: AsRef<OsStr>>(&self, program: impl AsRef<OsStr>, arguments: &[S]) -> Done {
        self.run_with(program, arguments, "", |_| {})
    }

    /// Runs a program; what it prints may not name the old prefix.
    pub(crate) fn run_with<S: AsRef<OsStr>>(
        &self,
        program: impl AsRef<OsStr>,
        arguments: &[S],
        input: &str,
        change: impl FnOnce(&mut Command),
    ) -> Done {
        let file = self.beside().join("input");
        fs::write(&file, input).unwrap();
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::from(fs::File::open(file).unwrap()));
        change(&mut command);
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let done = Done { out: text(&output.stdout), err: text(&output.stderr), code: output.status.code() };
        let old = self.old.to_str().unwrap();
        assert!(!done.out.contains(old) && !done.err.contains(old), "it names {old}: {done:?}");
        done
    }
}
