//! Two releases of a small application, as a publisher has them and as an installation does.

use crate::packed::Made;
use crate::place::tool;
use relocate::base::digest::Digest;
use relocate::base::event::Silent;
use relocate::base::finding::Severity;
use relocate::base::path::{Prefix, RelPath};
use relocate::base::sums::SumForm;
use relocate::base::write::remove_tree;
use relocate::install::{self, Install};
use relocate::manifest::{ABOUT, Entry, Kind, MANIFEST, Manifest, Sum};
use relocate::pack::{Limits, verify_dir};
use relocate::parcel::{Assemble, Assembled, Made as Parcel, ParcelError, Tree, assemble, make};
use relocate::release::MTIME;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, FileTimes, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The releases are published at `41` and `42`, and 41 is installed at `R/r/41`.
pub(crate) struct Lab {
    pub(crate) made: Made,
}

/// A module whose source has a time of its own.
const DATED: &str = "lib/python/dated.py";
pub(crate) const DATE: i64 = 1_700_000_000;

impl Lab {
    /// Both, with a delta from one to the other at `delta`.
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// The same, where the second one is changed further.
    pub(crate) fn with(change: impl FnOnce(&Made)) -> Self {
        Self::between(|_| {}, change)
    }

    /// The same, where both have more in them.
    pub(crate) fn between(begin: impl FnOnce(&Made), change: impl FnOnce(&Made)) -> Self {
        let made = Made::new();
        let noise: Vec<u8> = (0..300_000u32).flat_map(|at| at.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        made.write("lib/libnoise.so.1.2", &noise);
        made.write("lib/python/a-1.25.dist-info/RECORD", "a/one.py,sha256=1\n".repeat(200));
        made.write("lib/python/same.py", "print('the same')\n");
        made.write("lib/python/twice.py", "print('the same')\n");
        made.write(DATED, "print('dated')\n");
        made.write("share/gone", "gone in the next release\n");
        made.write("share/empty", "");
        made.write("share/ledger", "lib/data.bin 0\n");
        begin(&made);
        let lab = Self { made };
        lab.publish("41");
        lab.change(noise);
        change(&lab.made);
        lab.publish("42");
        lab.install("41", "R/r/41");
        lab.make("41", "42", "delta").unwrap();
        lab
    }

    /// From the first release to the second.
    fn change(&self, mut noise: Vec<u8>) {
        let made = &self.made;
        noise.splice(500_000..500_100, b"a few bytes more".repeat(30));
        fs::remove_file(made.inside("lib/libnoise.so.1.2")).unwrap();
        made.write("lib/libnoise.so.1.3", noise);
        fs::remove_dir_all(made.inside("lib/python/a-1.25.dist-info")).unwrap();
        made.write(
            "lib/python/a-1.26.dist-info/RECORD",
            ["a/one.py,sha256=1\n".repeat(150), "b,sha256=2\n".to_owned()].concat(),
        );
        made.write("share/word", "moved\nand more\n");
        // Nobody may write it.
        fs::remove_file(made.inside("share/doc/README")).unwrap();
        made.write("share/doc/README", format!("Built in {0}, again.\n", made.prefix));
        made.write("lib/data.bin", [b"\0\x01\x02".as_slice(), made.prefix.as_bytes(), b"/share\0\xff"].concat());
        made.write("share/new/one.txt", "new\n".repeat(40));
        made.write("share/new/two.bin", (0..9_000u32).flat_map(|at| (at * at).to_le_bytes()).collect::<Vec<_>>());
        fs::remove_file(made.inside("share/gone")).unwrap();
        fs::rename(made.inside("lib/python/same.py"), made.inside("lib/python/renamed.py")).unwrap();
    }

    pub(crate) fn at(&self, name: impl AsRef<Path>) -> PathBuf {
        self.made.place.at(name)
    }

    /// Publishes the prefix as it is: a tree with its record, nobody may write, all times the same.
    fn publish(&self, name: &str) {
        let archive = self.made.pack_as(&format!("{name}.packed.tar"), "", Self::seal);
        let tree = self.at(name);
        fs::create_dir(&tree).unwrap();
        tool(&[&"tar", &"xpf", &archive, &"-C", &tree]);
        let manifest = Manifest::parse(&fs::read(tree.join(MANIFEST)).unwrap()).unwrap();
        for entry in manifest.entries.iter().rev() {
            looks(&entry.path.under(&tree), entry);
        }
    }

    /// What publishing makes of a record.
    fn seal(manifest: &mut Manifest) {
        for entry in &mut manifest.entries {
            entry.mode &= if matches!(entry.kind, Kind::Symlink { .. }) { 0o7777 } else { 0o7555 };
            entry.mtime = (entry.path.as_bytes() == DATED.as_bytes()).then_some(DATE);
            if entry.path.as_bytes() == b"share/ledger" {
                let of = RelPath::new(b"lib/data.bin").unwrap();
                let (at, form, text) = (13, SumForm::Size, b"0".to_vec());
                entry.sums.push(Sum { at, form, of, text });
            }
        }
    }

    /// Makes a full pack of a published tree, which is there after that, and installs it.
    pub(crate) fn install(&self, name: &str, to: impl AsRef<Path>) -> Prefix {
        let (tree, archive) = (self.at(name), self.at(format!("{name}.full.tar")));
        let manifest = Manifest::parse(&fs::read(tree.join(MANIFEST)).unwrap()).unwrap();
        let paths = manifest.entries.iter().map(|entry| entry.path.to_string());
        let names: Vec<String> =
            [ABOUT.to_owned(), ".relocate".to_owned()].into_iter().chain(paths).chain([MANIFEST.to_owned()]).collect();
        let list = self.at("names");
        fs::write(&list, names.join("\n")).unwrap();
        tool(&[&"tar", &"cf", &archive, &"--no-recursion", &"-C", &tree, &"-T", &list]);
        let (dest, leave, limits) = (prefix(&self.at(to)), BTreeSet::new(), Limits::default());
        let install = Install { archive: &archive, dest: &dest, leave: &leave, limits: &limits, dry_run: false };
        install::archive(&install, &Silent).unwrap();
        dest
    }

    pub(crate) fn make(&self, from: &str, to: &str, name: &str) -> Result<Parcel, ParcelError> {
        let (base, new) = (self.at(from), self.at(to));
        let mut out = File::create(self.at(name)).unwrap();
        let from = Tree { path: &base, serial: from.parse().unwrap() };
        let to = Tree { path: &new, serial: to.parse().unwrap() };
        make(&from, &to, &mut out, &Silent)
    }

    /// Assembles release 42 at `R/r/42` by `delta`.
    pub(crate) fn assemble(&self) -> Result<Assembled, ParcelError> {
        assemble_with(&self.at("delta"), &self.at("R/r/41"), &self.at("R/r/42"))
    }

    /// What release 42 is when its full pack is installed at `R/r/42`, which is then free again.
    pub(crate) fn wanted(&self) -> BTreeMap<PathBuf, String> {
        self.install("42", "R/r/42");
        let state = seen(&self.at("R/r/42"));
        remove_tree(&self.at("R/r/42")).unwrap();
        state
    }

    /// Nothing but these names is in `R/r`.
    pub(crate) fn only(&self, names: &[&str]) {
        assert_eq!(crate::place::names(&self.at("R/r")), names);
    }
}

/// Assembles release 42 from an installed release 41.
pub(crate) fn assemble_with(delta: &Path, base: &Path, dest: &Path) -> Result<Assembled, ParcelError> {
    let (dest, limits) = (prefix(dest), Limits::default());
    assemble(&Assemble { delta, base: (base, 41), dest: (&dest, 42), limits: &limits }, &Silent)
}

impl Drop for Lab {
    /// Directories that nobody may write in cannot be removed by an ordinary user.
    fn drop(&mut self) {
        let _ = std::process::Command::new("chmod").args(["-R", "u+w"]).arg(self.made.place.dir()).status();
    }
}

/// Gives a file of a published tree its looks.
pub(crate) fn looks(place: &Path, entry: &Entry) {
    if matches!(entry.kind, Kind::Symlink { .. }) {
        return;
    }
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(entry.mtime.unwrap_or(MTIME).unsigned_abs());
    File::open(place).unwrap().set_times(FileTimes::new().set_modified(time)).unwrap();
    fs::set_permissions(place, Permissions::from_mode(entry.mode)).unwrap();
}

pub(crate) fn prefix(path: &Path) -> Prefix {
    Prefix::new(path.as_os_str().as_bytes()).unwrap()
}

/// All of a tree that two ways of making it must have in common; the record of where it is, but for its time.
pub(crate) fn seen(root: &Path) -> BTreeMap<PathBuf, String> {
    let mut seen = BTreeMap::new();
    for entry in walkdir::WalkDir::new(root) {
        let entry = entry.unwrap();
        let looks = fs::symlink_metadata(entry.path()).unwrap();
        let rest = entry.path().strip_prefix(root).unwrap().to_owned();
        let what = if looks.is_symlink() {
            format!("-> {}", fs::read_link(entry.path()).unwrap().display())
        } else if looks.is_file() {
            let time = if rest.ends_with("place.json") { 0 } else { looks.mtime() };
            format!("{} time {time}", Digest::of(&fs::read(entry.path()).unwrap()))
        } else if rest.starts_with(".relocate") || rest.as_os_str().is_empty() {
            "a directory".to_owned()
        } else {
            format!("a directory of {}", looks.mtime())
        };
        seen.insert(rest, format!("{:o} {what}", looks.mode()));
    }
    seen
}

/// Every byte is as its manifest says.
pub(crate) fn verified(root: &Path) {
    let mut findings = verify_dir(root).unwrap();
    findings.retain(|finding| finding.severity == Severity::Error);
    assert!(findings.is_empty(), "{findings:?}");
}
