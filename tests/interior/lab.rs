//! Compiles programs with a prefix in them, overwrites it, and runs what comes out.

use relocate::base::path::Prefix;
use relocate::elf::{Interior, Reference, Verdict, overwritable};
use relocate::text::padded::padded;
use std::fs;
use std::mem::discriminant;
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

/// The prefix that fixtures were built for, unless they have their own.
pub(crate) const OLD: &str = "/opt/vendor/stack/root";
/// Where they go; shorter, so that every byte of the old text changes its place.
pub(crate) const NEW: &str = "/mnt/y";

/// A directory with a prefix that the programs built there have in them.
pub(crate) struct Lab {
    dir: TempDir,
    old: String,
}

impl Lab {
    pub(crate) fn new() -> Self {
        Self::with(OLD)
    }

    pub(crate) fn with(old: &str) -> Self {
        Self { dir: TempDir::new().unwrap(), old: old.to_owned() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a source; `OLD` in it stands for the prefix.
    pub(crate) fn source(&self, name: &str, text: &str) -> &Self {
        fs::write(self.path(name), text.replace("OLD", &self.old)).unwrap();
        self
    }

    /// Runs a line of shell in the directory, which must succeed; `OLD` in it stands for the prefix.
    pub(crate) fn tool(&self, line: &str) -> String {
        let line = line.replace("OLD", &self.old);
        let output = Command::new("sh").args(["-c", &line]).current_dir(self.dir.path()).output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs a line that makes `program`, and gives its bytes.
    pub(crate) fn program(&self, line: &str) -> Vec<u8> {
        self.tool(line);
        fs::read(self.path("program")).unwrap()
    }

    /// Runs a program by its bytes; gives what it prints, or how it ended if not well.
    pub(crate) fn run(&self, bytes: &[u8]) -> String {
        let made = self.path("bytes");
        fs::write(&made, bytes).unwrap();
        fs::set_permissions(&made, fs::Permissions::from_mode(0o755)).unwrap();
        // Another process makes the file: one that was open here might be "busy" through another test's fork.
        self.tool("cp -p bytes moved");
        let output = Command::new(self.path("moved")).current_dir(self.dir.path()).output().unwrap();
        if output.status.success() {
            String::from_utf8_lossy(&output.stdout).into_owned()
        } else {
            output.status.to_string()
        }
    }

    /// Every occurrence of the prefix that ends where a component ends.
    pub(crate) fn texts(&self, bytes: &[u8]) -> Vec<Range<u64>> {
        let old = self.old.as_bytes();
        let ends = |at: &usize| !bytes.get(at + old.len()).is_some_and(u8::is_ascii_alphanumeric);
        let starts = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(old)).filter(ends);
        starts.map(|at| at as u64..(at + old.len()) as u64).collect()
    }

    /// The verdicts over those that the program itself uses.
    pub(crate) fn verdicts(&self, bytes: &[u8]) -> Vec<(Range<u64>, Verdict)> {
        let texts = self.texts(bytes);
        let verdicts = overwritable(&bytes, &texts).unwrap();
        assert_eq!(verdicts.len(), texts.len());
        let all = texts.into_iter().zip(verdicts);
        all.filter(|(_, verdict)| !matches!(verdict, Verdict::Table(_) | Verdict::NotLoaded { .. })).collect()
    }

    /// What stands where the prefix stood.
    pub(crate) fn new_text(&self) -> Vec<u8> {
        padded(&Prefix::new(NEW.as_bytes()).unwrap(), self.old.len()).unwrap()
    }

    /// A program with texts overwritten.
    pub(crate) fn overwritten(&self, bytes: &[u8], texts: &[Range<u64>]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for text in texts {
            bytes[text.start as usize..text.end as usize].copy_from_slice(&self.new_text());
        }
        bytes
    }

    /// What the program should print once it is moved.
    pub(crate) fn moved(&self, printed: &str) -> String {
        printed.replace(&self.old, &String::from_utf8(self.new_text()).unwrap())
    }

    /// All texts of the program may be overwritten, and it then prints the same with the new prefix.
    pub(crate) fn assert_moves(&self, bytes: &[u8], texts: usize) {
        let printed = self.run(bytes);
        let verdicts = self.verdicts(bytes);
        assert_eq!(verdicts.len(), texts, "{verdicts:?}");
        for (text, verdict) in &verdicts {
            assert_eq!(*verdict, Verdict::Free, "{text:?}");
        }
        let ranges: Vec<_> = verdicts.into_iter().map(|(text, _)| text).collect();
        assert!(printed.contains(&self.old), "the program prints its prefix: {printed}");
        assert_eq!(self.run(&self.overwritten(bytes, &ranges)), self.moved(&printed));
    }

    /// The one text that something leads into, with what leads there; it must begin with `word`.
    pub(crate) fn inside(&self, bytes: &[u8], by: Reference, word: &str) -> (Range<u64>, Interior) {
        let verdicts = self.verdicts(bytes);
        let inside = |(text, verdict): &(Range<u64>, Verdict)| match verdict {
            Verdict::Inside(interior) => Some((text.clone(), *interior)),
            Verdict::Free => None,
            other => panic!("{other:?}"),
        };
        let found: Vec<_> = verdicts.iter().filter_map(inside).collect();
        let [(text, interior)] = found.as_slice() else { panic!("not one reference: {verdicts:?}") };
        assert!(text.contains(&interior.offset));
        assert!(bytes[interior.offset as usize..].starts_with(word.as_bytes()), "{interior}");
        assert_eq!(discriminant(&interior.by), discriminant(&by), "{interior}");
        (text.clone(), *interior)
    }

    /// Something leads into one text of the program, and who overwrites that text changes more than the prefix.
    pub(crate) fn assert_refused(&self, bytes: &[u8], by: Reference, word: &str) {
        let (text, _) = self.inside(bytes, by, word);
        let printed = self.run(bytes);
        assert!(printed.contains(word), "{printed}");
        let blindly = self.run(&self.overwritten(bytes, &[text]));
        assert_ne!(blindly, self.moved(&printed), "the reference was real");
    }
}
