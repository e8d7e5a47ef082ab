//! A tree that is there and the path it is to be at -> what becomes of each file that depends on it. Reads, never writes.
//!
//! Where a file stands is told from its bytes: at the path that `place.json` says, at one that an earlier move was on the way
//! to when it was cut short, or where the archive had it. A text that somebody edited since stands nowhere any more; in it
//! the old path is looked for. Programs and data that somebody changed are left and named.

use super::fits::{self, Misfit};
use crate::base::bytes::{FileBytes, ReadAt};
use crate::base::path::{Prefix, RelPath, printable};
use crate::base::write::{WriteError, may_make, may_replace};
use crate::fill::{Fill, FillError, Standing};
use crate::ledger::{self, Ledger};
use crate::manifest::{self, Entry, How, Kind, Manifest, ManifestError, Whereabouts};
use crate::text::occurrence::{Names, Occurrence, Reading};
use crate::text::pyc;
use crate::text::rewrite::is_text;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The longest file that is searched for a path, in bytes: it is in memory meanwhile.
const LONGEST: u64 = 256 << 20;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// Where the tree is on the disk.
    pub root: &'a Path,
    /// The path that its files are to name.
    pub to: &'a Prefix,
    /// Classes whose files stay as they are.
    pub leave: &'a BTreeSet<String>,
}

/// What becomes of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It names the path already.
    Here,
    /// It names another one, which is known: none is what the tree was built for.
    Elsewhere(Option<Prefix>),
    /// It was edited, and names another one in this many places.
    Edited(usize),
    /// It was changed and names none of them any more.
    Freed,
    /// It is to be left as it is, by its class.
    Left,
    /// It was removed.
    Gone,
    /// It cannot be changed: why.
    Stuck(String),
}

/// One file that depends on the path, with all its names in the record that are still the same file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its first name.
    pub path: RelPath,
    /// The others, sorted.
    pub other_names: Vec<RelPath>,
    /// How many more names it has that the record does not know; they will keep the old bytes.
    pub unknown_names: u64,
    /// What becomes of it.
    pub state: State,
    /// The entry of the record that knows its places.
    pub(super) entry: usize,
}

/// Everything decided.
#[derive(Debug, Clone)]
pub struct Decided {
    /// Where the tree is on the disk.
    pub root: PathBuf,
    /// The path that its files are to name.
    pub to: Prefix,
    /// What its record says about itself.
    pub manifest: Manifest,
    /// Where it was.
    pub was: Whereabouts,
    /// Every file that depends on the path, sorted.
    pub files: Vec<File>,
    /// Every file that names no path, but has sums of some that do, sorted.
    pub ledgers: Vec<File>,
}

/// Why a tree is not moved.
#[derive(Debug)]
pub enum MoveError {
    /// It has no record.
    NoRecord {
        /// The tree.
        root: PathBuf,
    },
    /// A record cannot be used.
    Record(ManifestError),
    /// What the record says of a file contradicts itself.
    Places {
        /// The file.
        path: RelPath,
        /// Why.
        source: FillError,
    },
    /// The path does not fit.
    Misfit(Misfit),
    /// Something could not be read.
    Read {
        /// What.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something could not be written.
    Write(WriteError),
}

impl fmt::Display for MoveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |path: &Path| printable(path.as_os_str().as_bytes()).into_owned();
        match self {
            Self::NoRecord { root } => {
                write!(f, "'{}' has no {}, so nothing says which files name its path", shown(root), manifest::MANIFEST)
            }
            Self::Record(source) => source.fmt(f),
            Self::Places { path, source } => write!(f, "the record does not fit '{path}': it {source}"),
            Self::Misfit(source) => source.fmt(f),
            Self::Read { path, source } => write!(f, "cannot read '{}': {source}", shown(path)),
            Self::Write(source) => source.fmt(f),
        }
    }
}

impl std::error::Error for MoveError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NoRecord { .. } => None,
            Self::Record(source) => Some(source),
            Self::Places { source, .. } => Some(source),
            Self::Misfit(source) => Some(source),
            Self::Read { source, .. } => Some(source),
            Self::Write(source) => Some(source),
        }
    }
}

impl From<WriteError> for MoveError {
    fn from(error: WriteError) -> Self {
        Self::Write(error)
    }
}

impl Decided {
    /// The files that will get other bytes.
    pub fn changing(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| matches!(file.state, State::Elsewhere(_) | State::Edited(_)))
    }

    /// Whether every file that names a path names the right one in the end.
    pub fn is_whole(&self) -> bool {
        !self.files.iter().any(|file| matches!(file.state, State::Left | State::Stuck(_)))
    }

    /// Whether nothing is to be written, be it only that an earlier move is over.
    pub fn is_settled(&self) -> bool {
        let known = self.was.moving_to.is_empty() && self.was.at.as_ref().is_none_or(|at| *at == self.to);
        (known || self.files.is_empty()) && self.changing().next().is_none()
    }

    /// The classes of a file, sorted.
    pub fn classes(&self, file: &File) -> BTreeSet<&str> {
        self.entry(file).places.iter().map(|group| group.class.as_str()).collect()
    }

    /// The entry of the record that a file belongs to.
    pub(super) fn entry(&self, file: &File) -> &Entry {
        &self.manifest.entries[file.entry]
    }
}

/// Looks at a tree with a record and decides. Fails where the path does not fit a file that is to have it, and where a file
/// that is to be changed may not be, before anything is changed.
pub fn decide(request: &Request<'_>) -> Result<Decided, MoveError> {
    let root = request.root;
    let Some(bytes) = read_record(root, manifest::MANIFEST)? else {
        return Err(MoveError::NoRecord { root: root.to_owned() });
    };
    decide_by(Manifest::parse(&bytes).map_err(MoveError::Record)?, request)
}

/// The same by a record that is not in the tree yet.
pub fn decide_by(manifest: Manifest, request: &Request<'_>) -> Result<Decided, MoveError> {
    let root = request.root;
    let was = match read_record(root, manifest::PLACE)? {
        Some(bytes) => Whereabouts::parse(&bytes).map_err(MoveError::Record)?,
        None => Whereabouts::at(None),
    };
    let (ledgers, files) = Looking { request, manifest: &manifest, was: &was }.files()?;
    let decided = Decided { root: root.to_owned(), to: request.to.clone(), manifest, was, files, ledgers };
    let changing = decided.changing().map(|file| decided.entry(file));
    fits::check(changing, &decided.manifest.about, request.to).map_err(MoveError::Misfit)?;
    Ok(decided)
}

/// What the prefixes are that the record of a tree says it was built for; none where it has no record.
pub fn built_for(root: &Path) -> Result<Option<Vec<Prefix>>, MoveError> {
    let bytes = read_record(root, manifest::MANIFEST)?;
    let manifest = bytes.map(|bytes| Manifest::parse(&bytes)).transpose().map_err(MoveError::Record)?;
    Ok(manifest.map(|manifest| manifest.about.old_prefixes))
}

/// Whether everything decided can be written, as far as permissions tell.
pub fn may_write(decided: &Decided) -> Result<(), WriteError> {
    if decided.is_settled() {
        return Ok(());
    }
    let own = decided.root.join(manifest::DIRECTORY);
    may_make(&if own.exists() { decided.root.join(manifest::PLACE) } else { own })?;
    let summing = decided.ledgers.iter().filter(|file| file.state == State::Here);
    decided
        .changing()
        .chain(summing)
        .flat_map(|file| std::iter::once(&file.path).chain(&file.other_names))
        .try_for_each(|name| may_replace(&name.under(&decided.root)))
}

/// The bytes of a record; none where it is not there. A symlink is not followed.
fn read_record(root: &Path, record: &str) -> Result<Option<Vec<u8>>, MoveError> {
    let path = root.join(record);
    let failed = |source| MoveError::Read { path: path.clone(), source };
    for place in [&root.join(manifest::DIRECTORY), &path] {
        match fs::symlink_metadata(place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
            Ok(found) if found.is_symlink() => return Err(failed(io::Error::other("it is a symlink"))),
            Ok(_) => {}
        }
    }
    fs::read(&path).map(Some).map_err(failed)
}

struct Looking<'a> {
    request: &'a Request<'a>,
    manifest: &'a Manifest,
    was: &'a Whereabouts,
}

impl<'a> Looking<'a> {
    /// The files that name no path themselves, and those that do.
    fn files(&self) -> Result<(Vec<File>, Vec<File>), MoveError> {
        let mut further: BTreeMap<&RelPath, Vec<&RelPath>> = BTreeMap::new();
        for entry in &self.manifest.entries {
            if let Kind::HardLink { first } = &entry.kind {
                further.entry(first).or_default().push(&entry.path);
            }
        }
        let mut files = Vec::new();
        for (at, entry) in self.manifest.entries.iter().enumerate() {
            let Kind::File { size, .. } = entry.kind else { continue };
            if !ledger::depends(entry) {
                continue;
            }
            let names = further.remove(&entry.path).unwrap_or_default();
            self.set(at, size, std::iter::once(&entry.path).chain(names), &mut files)?;
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(files.into_iter().partition(|file| self.manifest.entries[file.entry].places.is_empty()))
    }

    /// All names of one file of the record, which may be several files by now, or none.
    fn set(
        &self,
        at: usize,
        size: u64,
        names: impl Iterator<Item = &'a RelPath>,
        files: &mut Vec<File>,
    ) -> Result<(), MoveError> {
        let mut same: BTreeMap<(u64, u64), Vec<&RelPath>> = BTreeMap::new();
        let mut links = BTreeMap::new();
        let whole = |path: &RelPath, state| File {
            path: path.clone(),
            other_names: Vec::new(),
            unknown_names: 0,
            state,
            entry: at,
        };
        for name in names {
            match self.find(name)? {
                Found::Nothing => files.push(whole(name, State::Gone)),
                Found::Other(what) => files.push(whole(name, State::Stuck(what))),
                Found::File(found) => {
                    same.entry((found.dev(), found.ino())).or_default().push(name);
                    links.insert((found.dev(), found.ino()), found.nlink());
                }
            }
        }
        for (inode, names) in same {
            let Some((first, others)) = names.split_first() else { continue };
            let state = self.state(at, size, first)?;
            let other_names = others.iter().map(|name| (*name).clone()).collect();
            let unknown_names = links.get(&inode).map_or(0, |links| links.saturating_sub(names.len() as u64));
            files.push(File { other_names, unknown_names, ..whole(first, state) });
        }
        Ok(())
    }

    /// What is there under a name; no symlink is followed on the way, because it may lead out of the tree.
    fn find(&self, name: &RelPath) -> Result<Found, MoveError> {
        let mut way = RelPath::root();
        let mut parts = name.parts().peekable();
        while let Some(part) = parts.next() {
            way = way.join(part);
            let place = way.under(self.request.root);
            let found = match fs::symlink_metadata(&place) {
                Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                    return Ok(Found::Nothing);
                }
                other => other.map_err(|source| MoveError::Read { path: place, source })?,
            };
            match parts.peek() {
                Some(_) if found.is_symlink() => {
                    return Ok(Found::Other(format!("the way to it leads through the symlink '{way}'")));
                }
                None if found.is_file() => return Ok(Found::File(found)),
                None => return Ok(Found::Other("it is no regular file any more".to_owned())),
                Some(_) => {}
            }
        }
        Ok(Found::Nothing)
    }

    fn state(&self, at: usize, size: u64, name: &RelPath) -> Result<State, MoveError> {
        let entry = &self.manifest.entries[at];
        let place = name.under(self.request.root);
        let failed = |source| MoveError::Read { path: place.clone(), source };
        let wrong = |source| MoveError::Places { path: entry.path.clone(), source };
        let source = fs::File::open(&place).and_then(FileBytes::new).map_err(failed)?;
        let to = Some(self.request.to);
        let standing = if entry.sums.is_empty() {
            let fill = Fill::new(&entry.places, &self.manifest.about).map_err(wrong)?;
            fill.standing(&source, size, &self.candidates())
        } else {
            let ledger = Ledger::new(entry, &self.manifest.about).map_err(wrong)?;
            self.ledger_standing(&ledger, &source)
        };
        let state = match standing.map_err(failed)? {
            Some(standing) if standing == to => State::Here,
            Some(_) if fits::is_left(entry, self.request.leave, &self.manifest.about, self.request.to) => State::Left,
            Some(standing) => State::Elsewhere(standing.cloned()),
            None => self.edited(entry, &source).map_err(failed)?,
        };
        Ok(state)
    }

    fn ledger_standing(&self, ledger: &Ledger<'_>, source: &FileBytes) -> io::Result<Option<Standing<'a>>> {
        if source.size() > ledger::LONGEST {
            return Ok(None);
        }
        let bytes = source.range(0, source.size())?;
        Ok(ledger.find(&bytes, &self.candidates()).map(|found| found.at))
    }

    /// Where a file may stand: where it is to be, where the tree was last, what it was on the way to, and where the archive
    /// had it, which is also where files are that were left out of a move.
    fn candidates(&self) -> Vec<Standing<'a>> {
        candidates(self.request.to, self.was, self.manifest)
    }

    /// What becomes of a file that was changed since.
    fn edited(&self, entry: &Entry, source: &FileBytes) -> io::Result<State> {
        let changed = "it was changed since it was packed";
        // Python compiles again what is not of its source, and writes it where it may.
        if is_compiled(entry) {
            return Ok(State::Freed);
        }
        if source.size() > LONGEST {
            return Ok(State::Stuck(format!("{changed}, and is too large to be searched")));
        }
        let bytes = source.range(0, source.size())?;
        let text = is_text(&bytes) && entry.places.iter().all(|group| group.how == How::Text);
        let reading = if text { Reading::Text } else { Reading::Binary };
        let count = old_names(self.manifest, self.was, self.request.to, &bytes, reading).len();
        Ok(match count {
            0 => State::Freed,
            _ if fits::is_left(entry, self.request.leave, &self.manifest.about, self.request.to) => State::Left,
            count if text => State::Edited(count),
            count => State::Stuck(format!("{changed}, and still names another path in {count} places")),
        })
    }
}

/// The paths that may stand in the files of a tree, the likeliest first.
pub(super) fn candidates<'a>(to: &'a Prefix, was: &'a Whereabouts, manifest: &'a Manifest) -> Vec<Standing<'a>> {
    let known = std::iter::once(to).chain(was.paths().rev());
    known.map(Some).chain([manifest.about.at.as_ref(), None]).collect()
}

/// Where bytes name a path that the tree was at, and not the one it is to be at. Sorted. What it was built for counts only
/// where nothing else is named: a tree that was moved once may still say where it was built.
pub(super) fn old_names(
    manifest: &Manifest,
    was: &Whereabouts,
    to: &Prefix,
    bytes: &[u8],
    reading: Reading,
) -> Vec<Occurrence> {
    let about = &manifest.about;
    let last: Vec<&Prefix> = was.paths().collect();
    let first: Vec<&Prefix> = about.at.iter().chain(&about.old_prefixes).collect();
    let mut found = Vec::new();
    for paths in [last, first] {
        // The path itself is looked for too: where it begins with an old one, it is no occurrence of that.
        let others = paths.into_iter().filter(|path| *path != to).cloned();
        let names = Names::new(&std::iter::once(to.clone()).chain(others).collect::<Vec<_>>());
        found = names.find(bytes, reading);
        if !found.is_empty() {
            break;
        }
    }
    found.retain(|occurrence| occurrence.prefix != 0);
    found
}

/// Whether a file is one that Python compiled.
pub(super) fn is_compiled(entry: &Entry) -> bool {
    entry.places.iter().any(|group| group.class == pyc::CLASS)
}

enum Found {
    Nothing,
    File(fs::Metadata),
    Other(String),
}
