//! Loads every program and library of a tree, on paper: which needed library each one finds, and which it does not.
//!
//! Rules, in glibc's order (`ld.so(8)`, `_dl_map_object`): a name with a slash is opened as it is. Else DT_RPATH of the
//! object, of what loaded it, and so on up to the program, unless the object has a DT_RUNPATH; an object's DT_RPATH
//! does not count beside its own DT_RUNPATH. Then the object's DT_RUNPATH. Then the system. A library already loaded
//! under that name or soname is taken without a search. musl searches either tag along the whole chain.
//! A file of another class or machine is passed over; one that is no ELF file at all ends the search.
//! LD_LIBRARY_PATH is taken to be unset. `glibc-hwcaps` variants never make a library found, because not every
//! processor uses them; they are judged as libraries of their own.

use super::entry::{entries, expand};
use super::libc::Libc;
use super::object::{Arch, Object, Tag};
use super::tree::{Node, Place, Tree};
use crate::base::path::RelPath;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// One dynamic ELF file of the tree.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its real path: no component is a symlink. Of a hard-link set, the first name in path order.
    pub path: RelPath,
    /// What the loader sees of it.
    pub object: Object,
    /// The real directories it can be opened in, which are its values of `$ORIGIN`: sorted, at least one. See
    /// [`opened_in`].
    pub opened_in: Vec<RelPath>,
}

/// The real directories each object of a tree can be opened in: those of its hard-link names and, for what is no
/// program, those of the symlinks that lead to it. The kernel gives a program the directory of its real path, but a
/// library's `$ORIGIN` is the directory of the name it was opened by.
pub fn opened_in(tree: &Tree, is_program: &dyn Fn(usize) -> bool) -> HashMap<usize, Vec<RelPath>> {
    let mut directories: HashMap<usize, Vec<RelPath>> = HashMap::new();
    for (path, node) in tree.nodes() {
        let Some(directory) = path.parent() else { continue };
        let object = match node {
            Node::File(object) => *object,
            Node::Link(_) => match tree.resolve(&directory, path.name()) {
                Place::Inside(file) => match tree.node(&file) {
                    Some(Node::File(object)) => object.filter(|object| !is_program(*object)),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        };
        if let Some(object) = object {
            directories.entry(object).or_default().push(directory);
        }
    }
    for directories in directories.values_mut() {
        directories.sort();
        directories.dedup();
    }
    directories
}

/// Why a needed library is not found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Miss {
    /// Nowhere on the search path, and not a system library.
    NotFound,
    /// Found, but of another class or machine only.
    WrongArch(RelPath),
    /// The first file of that name is no ELF file, which ends the search.
    NotElf(RelPath),
    /// The name holds a slash and leads to no file of the tree.
    Path,
}

/// A needed library that is not found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unresolved {
    /// Index of the object that needs it.
    pub object: usize,
    /// The DT_NEEDED string.
    pub needed: Vec<u8>,
    /// Why.
    pub miss: Miss,
    /// Index of the program or library whose loading met it first.
    pub root: usize,
}

/// The result of loading everything.
#[derive(Debug, Clone, Default)]
pub struct Closure {
    /// Sorted by object, then needed; one of each pair.
    pub unresolved: Vec<Unresolved>,
    /// System libraries taken from the host, each with the indices of those who need it.
    pub from_host: BTreeMap<Vec<u8>, BTreeSet<usize>>,
    /// Indices of the objects that some object finds as a needed library.
    pub found: BTreeSet<usize>,
    /// How many (object, needed) look-ups were made.
    pub lookups: u64,
}

/// Everything a closure is computed over.
pub struct World<'a> {
    /// The tree; its file nodes carry indices into `members`.
    pub tree: &'a Tree,
    /// The objects, sorted by path.
    pub members: &'a [Member],
    /// Which rules hold.
    pub libc: Libc,
    /// Tells whether the host supplies a library of that name to an object of that architecture.
    pub is_system: &'a (dyn Fn(&[u8], Arch) -> bool + Sync),
}

/// Where a search ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// At this object, opened in this (real) directory.
    Found(usize, RelPath),
    /// At the host's system directories.
    Host,
    /// Nowhere.
    Miss(Miss),
}

/// One object as loaded in one process.
struct Loaded {
    object: usize,
    origin: RelPath,
    loader: Option<usize>,
}

impl World<'_> {
    /// Loads every program, and every library that nothing in the tree loads, as a process of its own.
    pub fn closure(&self) -> Closure {
        let mut met = Met::default();
        let programs = (0..self.members.len()).filter(|at| self.members[*at].object.is_program());
        for program in programs {
            self.load(program, &mut met);
        }
        // What loads nobody's dependency is a plugin; loading one may load others, so go through once for those that
        // no plugin needs and once for what is left in cycles.
        let needed_by_others = self.needed_by_others();
        for pass in 0..2 {
            for at in 0..self.members.len() {
                if !met.seen.contains(&at) && (pass == 1 || !needed_by_others.contains(&at)) {
                    self.load(at, &mut met);
                }
            }
        }
        Closure {
            unresolved: met.unresolved.into_values().collect(),
            from_host: met.from_host,
            found: met.found,
            lookups: met.lookups,
        }
    }

    /// Objects whose file name or soname some other object needs.
    fn needed_by_others(&self) -> BTreeSet<usize> {
        let mut by_name: HashMap<&[u8], Vec<usize>> = HashMap::new();
        for (at, member) in self.members.iter().enumerate() {
            by_name.entry(member.path.name()).or_default().push(at);
            by_name.entry(member.object.soname.as_deref().unwrap_or_default()).or_default().push(at);
        }
        let needs =
            self.members.iter().enumerate().flat_map(|(at, member)| member.object.needed.iter().map(move |n| (at, n)));
        needs
            .flat_map(|(at, name)| by_name.get(name.as_slice()).into_iter().flatten().map(move |other| (at, *other)))
            .filter_map(|(at, other)| (at != other).then_some(other))
            .collect()
    }

    /// Loads one root from each directory it can be opened in, breadth first, as the loader does.
    fn load(&self, root: usize, met: &mut Met) {
        for origin in &self.members[root].opened_in {
            self.load_in(root, origin, met);
        }
    }

    fn load_in(&self, root: usize, origin: &RelPath, met: &mut Met) {
        let mut process = vec![Loaded { object: root, origin: origin.clone(), loader: None }];
        let mut by_name: HashMap<Vec<u8>, usize> = HashMap::new();
        met.seen.insert(root);
        let mut at = 0;
        while at < process.len() {
            let object = process[at].object;
            for needed in &self.members[object].object.needed {
                met.lookups += 1;
                if by_name.contains_key(needed) {
                    continue;
                }
                match self.lookup(&process, at, needed) {
                    Lookup::Found(found, origin) => {
                        let soname = self.members[found].object.soname.clone();
                        let place = process.iter().position(|loaded| loaded.object == found).unwrap_or(process.len());
                        by_name.insert(needed.clone(), place);
                        by_name.extend(soname.map(|soname| (soname, place)));
                        met.seen.insert(found);
                        met.found.insert(found);
                        if place == process.len() {
                            process.push(Loaded { object: found, origin, loader: Some(at) });
                        }
                    }
                    Lookup::Host => {
                        met.from_host.entry(needed.clone()).or_default().insert(object);
                    }
                    Lookup::Miss(miss) => {
                        let unresolved = Unresolved { object, needed: needed.clone(), miss, root };
                        met.unresolved.entry((object, needed.clone())).or_insert(unresolved);
                    }
                }
            }
            at += 1;
        }
    }

    fn lookup(&self, process: &[Loaded], at: usize, needed: &[u8]) -> Lookup {
        let loaded = &process[at];
        let object = &self.members[loaded.object].object;
        if needed.contains(&b'/') {
            let opened = self.open_path(needed, &loaded.origin, object.arch);
            return opened.map_or(Lookup::Miss(Miss::Path), |(found, origin)| Lookup::Found(found, origin));
        }
        let mut wrong = None;
        for (path, origin) in self.search_path(process, at) {
            for directory in self.directories(path, origin) {
                match self.try_directory(&directory, needed, object.arch) {
                    Try::Accepted(found) => return Lookup::Found(found, directory),
                    Try::WrongArch(file) => wrong = wrong.or(Some(file)),
                    Try::NotElf(file) => return Lookup::Miss(Miss::NotElf(file)),
                    Try::Nothing => {}
                }
            }
        }
        if !object.no_default_lib && (self.is_system)(needed, object.arch) {
            return Lookup::Host;
        }
        Lookup::Miss(wrong.map_or(Miss::NotFound, Miss::WrongArch))
    }

    /// The run-time paths searched for what `process[at]` needs, in order, each with the `$ORIGIN` it is read with.
    fn search_path<'p>(&'p self, process: &'p [Loaded], at: usize) -> Vec<(&'p [u8], &'p RelPath)> {
        let run_path = |loaded: &Loaded| self.members[loaded.object].object.run_path();
        let chain = std::iter::successors(Some(&process[at]), |loaded| loaded.loader.map(|loader| &process[loader]));
        if self.libc == Libc::Musl {
            return chain.filter_map(|loaded| run_path(loaded).map(|(_, path)| (path, &loaded.origin))).collect();
        }
        match run_path(&process[at]) {
            Some((Tag::Runpath, path)) => vec![(path, &process[at].origin)],
            _ => chain
                .filter_map(|loaded| match run_path(loaded) {
                    Some((Tag::Rpath, path)) => Some((path, &loaded.origin)),
                    _ => None,
                })
                .collect(),
        }
    }

    /// The directories of the tree that a run-time path names, as real paths.
    pub fn directories(&self, path: &[u8], origin: &RelPath) -> Vec<RelPath> {
        entries(path).flat_map(|entry| self.directory(entry, origin)).collect()
    }

    /// The directories of the tree that one entry names; more than one only where it holds `$LIB` or `$PLATFORM`.
    pub fn directory(&self, entry: &[u8], origin: &RelPath) -> Vec<RelPath> {
        if !super::entry::starts_at_origin(entry) {
            return Vec::new();
        }
        let expanded = expand(entry, origin.as_bytes());
        let places = expanded.iter().map(|text| {
            let text = text.strip_prefix(b"/").filter(|_| origin.is_root()).unwrap_or(text);
            self.tree.resolve(&RelPath::root(), text)
        });
        places
            .filter_map(|place| match place {
                Place::Inside(path) => (self.tree.node(&path) == Some(&Node::Dir)).then_some(path),
                _ => None,
            })
            .collect()
    }

    fn open_path(&self, name: &[u8], origin: &RelPath, arch: Arch) -> Option<(usize, RelPath)> {
        let (directory, file) = name.split_at(name.iter().rposition(|byte| *byte == b'/')?);
        let directory = self.directory(directory, origin).into_iter().next()?;
        match self.try_directory(&directory, &file[1..], arch) {
            Try::Accepted(found) => Some((found, directory)),
            _ => None,
        }
    }

    fn try_directory(&self, directory: &RelPath, name: &[u8], arch: Arch) -> Try {
        let Place::Inside(file) = self.tree.resolve(directory, name) else { return Try::Nothing };
        match self.tree.node(&file) {
            Some(Node::File(Some(index))) if self.members[*index].object.arch == arch => Try::Accepted(*index),
            Some(Node::File(Some(_))) => Try::WrongArch(file),
            Some(Node::File(None)) => Try::NotElf(file),
            _ => Try::Nothing,
        }
    }
}

/// What one directory has to offer.
enum Try {
    Accepted(usize),
    WrongArch(RelPath),
    NotElf(RelPath),
    Nothing,
}

/// What all processes together met.
#[derive(Default)]
struct Met {
    seen: BTreeSet<usize>,
    unresolved: BTreeMap<(usize, Vec<u8>), Unresolved>,
    from_host: BTreeMap<Vec<u8>, BTreeSet<usize>>,
    found: BTreeSet<usize>,
    lookups: u64,
}
