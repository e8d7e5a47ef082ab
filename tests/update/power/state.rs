//! What a disk has at a moment: directories, files, links and modes by node, what each change does to them, and what of it who reads
//! the current release can see.

use relocate::base::digest::Digest;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::rc::Rc;

pub(super) type Node = usize;
pub(super) type Entry = (Node, Vec<u8>);

/// In what a disk writes in one piece.
const BLOCK: usize = 4096;

/// What there is at a moment.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    pub(super) dirs: BTreeMap<Node, Rc<BTreeMap<Vec<u8>, Node>>>,
    pub(super) files: BTreeMap<Node, Rc<Body>>,
    pub(super) links: BTreeMap<Node, Vec<u8>>,
    pub(super) modes: BTreeMap<Node, u32>,
}

/// The bytes of a file, and their digest once it was asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Body {
    pub(super) bytes: Vec<u8>,
    digest: OnceCell<Digest>,
}

impl Body {
    pub(super) fn of(bytes: Vec<u8>) -> Rc<Self> {
        Rc::new(Self { bytes, digest: OnceCell::new() })
    }

    fn digest(&self) -> &Digest {
        self.digest.get_or_init(|| Digest::of(&self.bytes))
    }
}

#[derive(Debug, Clone)]
pub(super) enum Change {
    Add(Entry, Node),
    Take(Entry),
    Move(Entry, Entry, Node),
    Write(Node, u64, Vec<u8>),
    Cut(Node, u64),
    Mode(Node, u32),
}

/// What of a change is there after a power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kept {
    All,
    None,
    /// Of bytes those up to the last block that is whole.
    Blocks,
    /// Of bytes those of the first block.
    First,
    /// Of bytes their number: zeros stand in their place, or what was there before.
    Length,
}

impl Change {
    /// What may be kept of it.
    pub(super) fn ways(&self) -> &'static [Kept] {
        match self {
            Self::Write(_, at, bytes) => match whole_blocks(*at as usize, bytes.len()) {
                0 => &[Kept::All, Kept::None, Kept::Length],
                1..=BLOCK => &[Kept::All, Kept::None, Kept::Length, Kept::Blocks],
                _ => &[Kept::All, Kept::None, Kept::Length, Kept::Blocks, Kept::First],
            },
            _ => &[Kept::All, Kept::None],
        }
    }
}

/// How many of so many bytes at an offset lie in front of the last boundary of blocks, not all of them.
fn whole_blocks(at: usize, length: usize) -> usize {
    ((at + length - 1) / BLOCK * BLOCK).saturating_sub(at)
}

impl State {
    /// What is there of a change that is whole.
    pub(super) fn apply(&mut self, change: &Change) {
        self.keep(change, Kept::All);
    }

    /// What is there of a change of which so much was kept.
    pub(super) fn keep(&mut self, change: &Change, kept: Kept) {
        if kept == Kept::None {
            return;
        }
        match change {
            Change::Add((dir, name), node) => drop(self.names(*dir).insert(name.clone(), *node)),
            Change::Take((dir, name)) => drop(self.names(*dir).remove(name)),
            Change::Move((from, old), (to, new), node) => {
                let names = self.names(*from);
                if names.get(old) == Some(node) {
                    names.remove(old);
                }
                self.names(*to).insert(new.clone(), *node);
            }
            Change::Write(node, at, bytes) => {
                let at = *at as usize;
                let there = match kept {
                    Kept::Blocks => &bytes[..whole_blocks(at, bytes.len())],
                    Kept::First => &bytes[..BLOCK - at % BLOCK],
                    _ => &bytes[..],
                };
                let file = self.bytes(*node);
                file.resize(file.len().max(at + there.len()), 0);
                if kept != Kept::Length {
                    file[at..at + there.len()].copy_from_slice(there);
                }
            }
            Change::Cut(node, size) => self.bytes(*node).resize(*size as usize, 0),
            Change::Mode(node, mode) => drop(self.modes.insert(*node, *mode)),
        }
    }

    fn names(&mut self, dir: Node) -> &mut BTreeMap<Vec<u8>, Node> {
        Rc::make_mut(self.dirs.get_mut(&dir).unwrap())
    }

    fn bytes(&mut self, file: Node) -> &mut Vec<u8> {
        let body = Rc::make_mut(self.files.get_mut(&file).unwrap());
        body.digest.take();
        &mut body.bytes
    }

    /// Where a path leads.
    pub(super) fn find(&self, path: &Path) -> Option<Node> {
        path.iter().try_fold(0, |node, name| self.dirs.get(&node)?.get(name.as_encoded_bytes()).copied())
    }

    pub(super) fn paths(&self) -> BTreeMap<PathBuf, String> {
        let mut all = BTreeMap::new();
        self.walk(0, Path::new(""), &mut |path, node| {
            let mode = self.modes.get(&node).map_or_else(String::new, |mode| format!("{mode:o} "));
            let body = match (self.files.get(&node), self.links.get(&node)) {
                (Some(body), _) => body.digest().to_string(),
                (_, Some(target)) => String::from_utf8_lossy(target).into_owned(),
                _ => "directory".to_owned(),
            };
            all.insert(path.to_owned(), mode + &body);
        });
        all
    }

    /// The same for two that look the same.
    pub(super) fn sum(&self) -> u64 {
        self.sum_of([(PathBuf::new(), 0)])
    }

    /// The same for two that look the same to who reads the current release, and what is remembered of releases and trusted.
    pub(super) fn seen(&self) -> u64 {
        let mut places: Vec<_> = [LINKS[0], LINKS[1], STATE].map(PathBuf::from).into();
        for link in LINKS {
            let node = self.find(Path::new(link));
            let target = node.and_then(|node| self.links.get(&node)).map(|target| led(link, target));
            places.extend(target);
        }
        self.sum_of(places.into_iter().filter_map(|place| Some((place.clone(), self.find(&place)?))))
    }

    fn sum_of(&self, places: impl IntoIterator<Item = (PathBuf, Node)>) -> u64 {
        let mut hasher = DefaultHasher::new();
        for (path, node) in places {
            self.walk(node, &path, &mut |path, node| {
                let digest = self.files.get(&node).map(|body| body.digest().to_string());
                (path, self.modes.get(&node), digest, self.links.get(&node)).hash(&mut hasher);
            });
        }
        hasher.finish()
    }

    pub(super) fn walk(&self, node: Node, path: &Path, see: &mut dyn FnMut(&Path, Node)) {
        see(path, node);
        if let Some(names) = self.dirs.get(&node) {
            for (name, child) in names.iter() {
                self.walk(*child, &path.join(text(name)), see);
            }
        }
    }

    /// Lays it out at a path where nothing is.
    pub(super) fn write(&self, root: &Path) {
        let (mut first, mut modes) = (BTreeMap::<Node, PathBuf>::new(), Vec::new());
        self.walk(0, Path::new(""), &mut |path, node| {
            let place = root.join(path);
            if let Some(target) = self.links.get(&node) {
                symlink(text(target), &place).unwrap();
                return;
            }
            if let Some(known) = first.get(&node) {
                fs::hard_link(known, &place).unwrap();
                return;
            }
            match self.files.get(&node) {
                Some(body) => fs::write(&place, &body.bytes).unwrap(),
                None => fs::create_dir(&place).unwrap(),
            }
            modes.push((place.clone(), self.modes[&node]));
            first.insert(node, place);
        });
        for (place, mode) in modes.into_iter().rev() {
            fs::set_permissions(place, fs::Permissions::from_mode(mode)).unwrap();
        }
    }
}

/// What is read: where these lead, and a file.
pub(super) const LINKS: [&str; 2] = ["current", ".relocate/trust/now"];
pub(super) const STATE: &str = ".relocate/state.json";

/// Where one of the links leads.
pub(super) fn led(link: &str, target: &[u8]) -> PathBuf {
    Path::new(link).parent().unwrap().join(text(target))
}

pub(super) fn text(name: &[u8]) -> &str {
    std::str::from_utf8(name).unwrap()
}
