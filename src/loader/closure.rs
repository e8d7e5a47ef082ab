//! Loads every program and library of a tree, on paper: which needed library each one finds, and which it does not.
//!
//! Rules, in glibc's order (`ld.so(8)`, `_dl_map_object`): a name with a slash is opened as it is. Else DT_RPATH of the
//! object, of what loaded it, and so on up to the program, unless the object has a DT_RUNPATH; an object's DT_RPATH
//! does not count beside its own DT_RUNPATH. Then the object's DT_RUNPATH. Then the system. A library already loaded
//! under that name or soname is taken without a search. musl searches either tag along the whole chain.
//! glibc passes over a file of another class or machine, and musl does not; one that is no ELF file at all ends the
//! search. A circle of symlinks ends the search of that run-time path.
//! LD_LIBRARY_PATH is taken to be unset. `glibc-hwcaps` variants never make a library found, because not every
//! processor uses them; they are judged as libraries of their own.

use super::entry::{entries, expand, starts_at_origin, voids};
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
        let object = match node {
            Node::File(object) => *object,
            Node::Link(_) => match tree.resolve(&path.parent().unwrap_or_default(), path.name()) {
                Place::Inside(file) => match tree.node(&file) {
                    Some(Node::File(object)) => object.filter(|object| !is_program(*object)),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        };
        if let Some((object, directory)) = object.zip(path.parent()) {
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
    /// In whose loading it was met first.
    pub met: Root,
}

/// What is loaded as a process of its own, most certain first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Root {
    /// A program.
    Program,
    /// A library that nothing in the tree needs: a plugin.
    Plugin,
    /// A library that others need and none of them loads.
    Library,
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

/// Where a look-up ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// At what the process has loaded already under that name or soname; there is no search.
    Loaded,
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
            self.load(program, Root::Program, &mut met);
        }
        // What loads nobody's dependency is a plugin; loading one may load others, so go through once for those that
        // no plugin needs and once for what is left in cycles.
        let needed_by_others = self.needed_by_others();
        for root in [Root::Plugin, Root::Library] {
            for at in 0..self.members.len() {
                if !met.seen.contains(&at) && (root == Root::Library || !needed_by_others.contains(&at)) {
                    self.load(at, root, &mut met);
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
        let needs = self
            .members
            .iter()
            .enumerate()
            .flat_map(|(at, member)| member.object.requires(self.libc).map(move |n| (at, n)));
        needs
            .flat_map(|(at, name)| by_name.get(name.as_slice()).into_iter().flatten().map(move |other| (at, *other)))
            .filter_map(|(at, other)| (at != other).then_some(other))
            .collect()
    }

    /// Loads one root from each directory it can be opened in, breadth first, as the loader does.
    fn load(&self, object: usize, root: Root, met: &mut Met) {
        met.seen.insert(object);
        for origin in &self.members[object].opened_in {
            self.process(object, origin, &mut |needer, needed, lookup| met.note(root, needer, needed, lookup));
        }
    }

    /// Loads an object that is opened in the real directory `origin` as a process of its own. Tells every look-up, in the
    /// loader's order: the index of who needs, the DT_NEEDED string, where the look-up ends.
    pub fn process(&self, root: usize, origin: &RelPath, tell: &mut dyn FnMut(usize, &[u8], &Lookup)) {
        let mut process = vec![Loaded { object: root, origin: origin.clone(), loader: None }];
        let mut names: HashMap<&[u8], Lookup> = HashMap::new();
        names.extend(self.soname(root).map(|soname| (soname, Lookup::Loaded)));
        let mut at = 0;
        while at < process.len() {
            let object = process[at].object;
            for needed in self.members[object].object.requires(self.libc) {
                if let Some(lookup) = names.get(needed.as_slice()) {
                    tell(object, needed, lookup);
                    continue;
                }
                let lookup = self.lookup(&process, at, needed);
                tell(object, needed, &lookup);
                match lookup {
                    Lookup::Found(found, origin) => {
                        names.insert(needed, Lookup::Loaded);
                        names.extend(self.soname(found).map(|soname| (soname, Lookup::Loaded)));
                        if process.iter().all(|loaded| loaded.object != found) {
                            process.push(Loaded { object: found, origin, loader: Some(at) });
                        }
                    }
                    Lookup::Host => drop(names.insert(needed, Lookup::Host)),
                    Lookup::Loaded | Lookup::Miss(_) => {}
                }
            }
            at += 1;
        }
    }

    fn soname(&self, object: usize) -> Option<&[u8]> {
        self.members[object].object.soname.as_deref()
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
                    Try::WrongArch(file) if self.libc == Libc::Musl => return Lookup::Miss(Miss::WrongArch(file)),
                    Try::WrongArch(file) => wrong = wrong.or(Some(file)),
                    Try::NotElf(file) => return Lookup::Miss(Miss::NotElf(file)),
                    Try::Loop if self.libc == Libc::Musl => return Lookup::Miss(Miss::NotFound),
                    Try::Loop => break,
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
            let paths = chain.filter_map(|loaded| run_path(loaded).map(|(_, path)| (path, &loaded.origin)));
            return paths.filter(|(path, _)| !voids(path, self.libc)).collect();
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
        entries(path, self.libc).flat_map(|entry| self.directory(entry, origin)).collect()
    }

    /// The directories of the tree that one entry names; more than one only where it holds `$LIB` or `$PLATFORM`.
    pub fn directory(&self, entry: &[u8], origin: &RelPath) -> Vec<RelPath> {
        if !starts_at_origin(entry, self.libc) {
            return Vec::new();
        }
        let expanded = expand(entry, origin.as_bytes(), self.libc);
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

    /// The object that the loader takes for this name in one directory.
    pub fn accepts(&self, directory: &RelPath, name: &[u8], arch: Arch) -> Option<usize> {
        match self.try_directory(directory, name, arch) {
            Try::Accepted(found) => Some(found),
            _ => None,
        }
    }

    fn try_directory(&self, directory: &RelPath, name: &[u8], arch: Arch) -> Try {
        let file = match self.tree.resolve(directory, name) {
            Place::Inside(file) => file,
            Place::Loop => return Try::Loop,
            Place::Missing(_) | Place::Outside(_) => return Try::Nothing,
        };
        match self.tree.node(&file) {
            Some(Node::File(Some(index))) if self.members[*index].object.arch == arch => Try::Accepted(*index),
            Some(Node::File(Some(_))) => Try::WrongArch(file),
            // A directory opens, and reading it fails: to the loader that is a file it cannot use.
            Some(Node::File(None) | Node::Dir) => Try::NotElf(file),
            _ => Try::Nothing,
        }
    }
}

/// What one directory has to offer.
enum Try {
    Accepted(usize),
    WrongArch(RelPath),
    NotElf(RelPath),
    Loop,
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

impl Met {
    fn note(&mut self, met: Root, object: usize, needed: &[u8], lookup: &Lookup) {
        self.lookups += 1;
        match lookup {
            Lookup::Loaded => {}
            Lookup::Found(found, _) => {
                self.seen.insert(*found);
                self.found.insert(*found);
            }
            Lookup::Host => drop(self.from_host.entry(needed.to_vec()).or_default().insert(object)),
            Lookup::Miss(miss) => {
                let unresolved = Unresolved { object, needed: needed.to_vec(), miss: miss.clone(), met };
                self.unresolved.entry((object, needed.to_vec())).or_insert(unresolved);
            }
        }
    }
}
