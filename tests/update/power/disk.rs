//! A directory as a disk may have it after a power cut: what was made durable is there, of all else any part.
//!
//! Taken as legal: fsync(2) of a file keeps its bytes and mode, of a directory the changes of its names; syncfs(2) keeps all before it. A
//! rename is done whole or not at all, and may be there though the making of its file's first name, or that file's bytes, are not.

#![expect(clippy::cast_sign_loss, reason = "calls that failed were left out")]

use super::log::{Arg, Call};
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{Hash, Hasher};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

type Node = usize;
type Entry = (Node, Vec<u8>);

/// What there is at a moment.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    dirs: BTreeMap<Node, BTreeMap<Vec<u8>, Node>>,
    files: BTreeMap<Node, Vec<u8>>,
    links: BTreeMap<Node, Vec<u8>>,
    modes: BTreeMap<Node, u32>,
}

#[derive(Debug, Clone)]
enum Change {
    Add(Entry, Node),
    Take(Entry),
    Move(Entry, Entry, Node),
    Write(Node, u64, Vec<u8>),
    Cut(Node, u64),
    Mode(Node, u32),
}

#[derive(Debug, Clone)]
enum Event {
    Change(Change),
    /// Of a file or a directory.
    Sync(Node),
    SyncAll,
}

/// A power cut.
pub(super) struct Cut {
    /// How many events were over.
    pub(super) over: usize,
    /// The changes that were lost.
    lost: BTreeSet<usize>,
}

/// A directory, and what happened to it.
pub(super) struct Disk {
    root: PathBuf,
    begin: State,
    now: State,
    events: Vec<Event>,
    nodes: Node,
    /// Node, offset, and whether writing appends, by descriptor.
    open: BTreeMap<i64, (Node, u64, bool)>,
}

impl Disk {
    /// As it is.
    pub(super) fn of(root: &Path) -> Self {
        let mut new = Self {
            root: root.to_owned(),
            begin: State::default(),
            now: State::default(),
            events: Vec::new(),
            nodes: 1,
            open: BTreeMap::new(),
        };
        let mut known = BTreeMap::new();
        new.load(root, 0, &mut known);
        new.begin = new.now.clone();
        new
    }

    fn load(&mut self, path: &Path, node: Node, known: &mut BTreeMap<u64, Node>) {
        let found = fs::symlink_metadata(path).unwrap();
        if found.is_symlink() {
            let target = fs::read_link(path).unwrap().into_os_string().into_encoded_bytes();
            self.now.links.insert(node, target);
            return;
        }
        self.now.modes.insert(node, found.mode() & 0o7777);
        if found.is_file() {
            self.now.files.insert(node, fs::read(path).unwrap());
            return;
        }
        self.now.dirs.insert(node, BTreeMap::new());
        for entry in fs::read_dir(path).unwrap() {
            let entry = entry.unwrap();
            let inode = fs::symlink_metadata(entry.path()).unwrap().ino();
            let fresh = !known.contains_key(&inode);
            let child = *known.entry(inode).or_insert(self.nodes);
            if fresh {
                self.nodes += 1;
                self.load(&entry.path(), child, known);
            }
            self.now.dirs.get_mut(&node).unwrap().insert(entry.file_name().into_encoded_bytes(), child);
        }
    }

    /// The tree at this moment by its paths, which does not depend on how nodes are numbered.
    pub(super) fn paths(&self) -> BTreeMap<PathBuf, String> {
        self.now.paths()
    }

    /// How many events there were.
    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    /// Takes note of what a run did.
    pub(super) fn replay(&mut self, calls: &[Call]) {
        for call in calls {
            self.call(call);
        }
    }

    fn push(&mut self, change: Change) {
        self.now.apply(&change);
        self.events.push(Event::Change(change));
    }

    fn call(&mut self, call: &Call) {
        let args = &call.args;
        match call.name.as_str() {
            "open" => self.opened(call, &absolute(None, &args[0]), 1),
            "openat" => self.opened(call, &absolute(Some(&args[0]), &args[1]), 2),
            "lseek" => drop(self.open.get_mut(&args[0].fd().0).map(|open| open.1 = call.result as u64)),
            "dup" | "dup2" | "dup3" => self.copied(args[0].fd().0, call.result),
            "fcntl" if args[1].word().starts_with("F_DUPFD") => self.copied(args[0].fd().0, call.result),
            "fcntl" => {}
            "write" => self.wrote(args[0].fd().0, &args[1].text()[..call.result as usize]),
            "pwrite64" => {
                let (node, at) = (self.of_fd(&args[0]), args[3].number());
                if let Some(node) = node.filter(|node| self.now.files.contains_key(node)) {
                    self.push(Change::Write(node, at, args[1].text()[..call.result as usize].to_vec()));
                }
            }
            "copy_file_range" | "sendfile" => self.poured(call),
            "ftruncate" => {
                if let Some(node) = self.of_fd(&args[0]) {
                    self.push(Change::Cut(node, args[1].number()));
                }
            }
            "mkdir" => self.make(&absolute(None, &args[0]), args[1].number() as u32, &Make::Dir),
            "mkdirat" => self.make(&absolute(Some(&args[0]), &args[1]), args[2].number() as u32, &Make::Dir),
            "symlink" => self.make(&absolute(None, &args[1]), 0, &Make::Link(args[0].text().to_vec())),
            "symlinkat" => self.make(&absolute(Some(&args[1]), &args[2]), 0, &Make::Link(args[0].text().to_vec())),
            "link" => self.link(&absolute(None, &args[0]), &absolute(None, &args[1])),
            "linkat" => self.link(&absolute(Some(&args[0]), &args[1]), &absolute(Some(&args[2]), &args[3])),
            "rename" => self.rename(&absolute(None, &args[0]), &absolute(None, &args[1])),
            "renameat" | "renameat2" => {
                self.rename(&absolute(Some(&args[0]), &args[1]), &absolute(Some(&args[2]), &args[3]));
            }
            "unlink" | "rmdir" => self.take(&absolute(None, &args[0])),
            "unlinkat" => self.take(&absolute(Some(&args[0]), &args[1])),
            "chmod" => self.mode(self.find(&absolute(None, &args[0])), &args[1]),
            "fchmodat" => self.mode(self.find(&absolute(Some(&args[0]), &args[1])), &args[2]),
            "fchmod" => self.mode(self.of_fd(&args[0]), &args[1]),
            "fsync" | "fdatasync" => {
                let node = self.of_fd(&args[0]);
                self.events.extend(node.map(Event::Sync));
            }
            "syncfs" => self.events.push(Event::SyncAll),
            other => panic!("{other} is not understood: {call:?}"),
        }
    }

    fn opened(&mut self, call: &Call, path: &Path, flags: usize) {
        let words = call.args[flags].word();
        let mode = call.args.get(flags + 1).map_or(0, |mode| mode.number() as u32 & !0o022);
        let node = if words.contains("O_TMPFILE") {
            // Its number is that of a file without a name; it lies nowhere yet.
            call.opened.starts_with(&self.root).then(|| self.fresh(mode))
        } else {
            if words.contains("O_CREAT") && self.find(path).is_none() {
                self.make(path, mode, &Make::File);
            }
            self.find(path)
        };
        match node {
            Some(node) => {
                if words.contains("O_TRUNC") {
                    self.push(Change::Cut(node, 0));
                }
                self.open.insert(call.result, (node, 0, words.contains("O_APPEND")));
            }
            None => drop(self.open.remove(&call.result)),
        }
    }

    fn fresh(&mut self, mode: u32) -> Node {
        self.nodes += 1;
        for state in [&mut self.begin, &mut self.now] {
            state.files.insert(self.nodes, Vec::new());
            state.modes.insert(self.nodes, mode);
        }
        self.nodes
    }

    fn copied(&mut self, from: i64, to: i64) {
        match self.open.get(&from).copied() {
            Some(open) => drop(self.open.insert(to, open)),
            None => drop(self.open.remove(&to)),
        }
    }

    fn wrote(&mut self, fd: i64, bytes: &[u8]) {
        let Some((node, offset, append)) = self.open.get(&fd).copied() else { return };
        let Some(file) = self.now.files.get(&node) else { return };
        let at = if append { file.len() as u64 } else { offset };
        self.open.insert(fd, (node, at + bytes.len() as u64, append));
        self.push(Change::Write(node, at, bytes.to_vec()));
    }

    fn poured(&mut self, call: &Call) {
        let (from, to) = if call.name == "sendfile" { (1, 0) } else { (0, 2) };
        let ((source, path), (out, _)) = (call.args[from].fd(), call.args[to].fd());
        let known = self.open.get(&source).and_then(|(node, ..)| self.now.files.get(node)).cloned();
        let bytes = known.unwrap_or_else(|| fs::read(path).unwrap());
        // Files are poured from their beginning, one call after the other.
        let done = self.open.get(&out).map_or(0, |(_, offset, _)| *offset as usize);
        self.wrote(out, &bytes[done..done + call.result as usize]);
    }

    fn of_fd(&self, fd: &Arg) -> Option<Node> {
        let (number, path) = fd.fd();
        self.open.get(&number).map(|(node, ..)| *node).or_else(|| self.find(path))
    }

    /// Where a path leads, if it is in this directory.
    fn find(&self, path: &Path) -> Option<Node> {
        let rest = path.strip_prefix(&self.root).ok()?;
        rest.iter().try_fold(0, |node, name| self.now.dirs.get(&node)?.get(name.as_encoded_bytes()).copied())
    }

    fn entry(&self, path: &Path) -> Option<Entry> {
        Some((self.find(path.parent()?)?, path.file_name()?.as_encoded_bytes().to_vec()))
    }

    fn make(&mut self, path: &Path, mode: u32, what: &Make) {
        let Some(entry) = self.entry(path) else { return };
        let node = self.fresh(mode & !0o022);
        if !matches!(what, Make::File) {
            for state in [&mut self.begin, &mut self.now] {
                state.files.remove(&node);
                match what {
                    Make::Dir => drop(state.dirs.insert(node, BTreeMap::new())),
                    Make::Link(target) => drop((state.links.insert(node, target.clone()), state.modes.remove(&node))),
                    Make::File => {}
                }
            }
        }
        self.push(Change::Add(entry, node));
    }

    fn link(&mut self, from: &Path, to: &Path) {
        let number = from.strip_prefix("/proc/self/fd").ok().map(|fd| fd.to_str().unwrap().parse::<i64>().unwrap());
        let node = match number {
            Some(fd) => self.open.get(&fd).map(|(node, ..)| *node),
            None => self.find(from),
        };
        if let Some((node, entry)) = node.zip(self.entry(to)) {
            self.push(Change::Add(entry, node));
        }
    }

    fn rename(&mut self, from: &Path, to: &Path) {
        if let (Some(node), Some(old), Some(new)) = (self.find(from), self.entry(from), self.entry(to)) {
            self.push(Change::Move(old, new, node));
        }
    }

    fn take(&mut self, path: &Path) {
        if let Some(entry) = self.entry(path) {
            self.push(Change::Take(entry));
        }
    }

    fn mode(&mut self, node: Option<Node>, mode: &Arg) {
        if let Some(node) = node {
            self.push(Change::Mode(node, mode.number() as u32));
        }
    }

    /// What there may be after a power cut when so many events were over: all of it, only what was made durable, and parts of the
    /// rest, which `dice` picks. Before each event that makes something durable also: all but one change, and one change alone.
    pub(super) fn after(&self, over: usize, dice: &mut impl FnMut() -> bool) -> Vec<Cut> {
        let loose = self.loose(over);
        let mut parts: Vec<BTreeSet<usize>> = vec![loose.clone(), BTreeSet::new()];
        for _ in 0..4 {
            parts.push(loose.iter().copied().filter(|_| dice()).collect());
        }
        if !matches!(self.events.get(over), Some(Event::Change(_))) {
            for one in &loose {
                parts.push(BTreeSet::from([*one]));
                parts.push(loose.iter().copied().filter(|other| other != one).collect());
            }
        }
        parts.into_iter().map(|kept| Cut { over, lost: loose.difference(&kept).copied().collect() }).collect()
    }

    /// What is there after a power cut.
    pub(super) fn state(&self, cut: &Cut) -> State {
        let mut state = self.begin.clone();
        for (at, event) in self.events[..cut.over].iter().enumerate() {
            if let Event::Change(change) = event
                && !cut.lost.contains(&at)
            {
                state.apply(change);
            }
        }
        state
    }

    /// The changes that nothing has made durable, when so many events are over.
    fn loose(&self, over: usize) -> BTreeSet<usize> {
        let events = &self.events[..over];
        let is_loose = |at: usize, change: &Change| {
            let of = match change {
                Change::Add((dir, _), _) | Change::Take((dir, _)) => [*dir, *dir],
                Change::Move((from, _), (to, _), _) => [*from, *to],
                Change::Write(node, ..) | Change::Cut(node, _) | Change::Mode(node, _) => [*node, *node],
            };
            let keeps = |event: &Event| match event {
                Event::Sync(node) => of[1] == *node,
                Event::SyncAll => true,
                Event::Change(_) => false,
            };
            !events[at..].iter().any(keeps)
        };
        let changes = events.iter().enumerate().filter_map(|(at, event)| match event {
            Event::Change(change) => Some((at, change)),
            _ => None,
        });
        changes.filter(|(at, change)| is_loose(*at, change)).map(|(at, _)| at).collect()
    }
}

enum Make {
    File,
    Dir,
    Link(Vec<u8>),
}

fn absolute(dir: Option<&Arg>, path: &Arg) -> PathBuf {
    let path = PathBuf::from(std::ffi::OsString::from(String::from_utf8(path.text().to_vec()).unwrap()));
    dir.map_or(path.clone(), |dir| dir.fd().1.join(path))
}

impl State {
    fn apply(&mut self, change: &Change) {
        match change {
            Change::Add((dir, name), node) => drop(self.dirs.get_mut(dir).unwrap().insert(name.clone(), *node)),
            Change::Take((dir, name)) => drop(self.dirs.get_mut(dir).unwrap().remove(name)),
            Change::Move((from, old), (to, new), node) => {
                let names = self.dirs.get_mut(from).unwrap();
                if names.get(old) == Some(node) {
                    names.remove(old);
                }
                self.dirs.get_mut(to).unwrap().insert(new.clone(), *node);
            }
            Change::Write(node, at, bytes) => {
                let (file, at) = (self.files.get_mut(node).unwrap(), *at as usize);
                file.resize(file.len().max(at + bytes.len()), 0);
                file[at..at + bytes.len()].copy_from_slice(bytes);
            }
            Change::Cut(node, size) => self.files.get_mut(node).unwrap().resize(*size as usize, 0),
            Change::Mode(node, mode) => drop(self.modes.insert(*node, *mode)),
        }
    }

    pub(super) fn paths(&self) -> BTreeMap<PathBuf, String> {
        let mut all = BTreeMap::new();
        self.walk(0, Path::new(""), &mut |path, node| {
            let mode = self.modes.get(&node).map_or_else(String::new, |mode| format!("{mode:o} "));
            let body = match (self.files.get(&node), self.links.get(&node)) {
                (Some(bytes), _) => relocate::base::digest::Digest::of(bytes).to_string(),
                (_, Some(target)) => String::from_utf8_lossy(target).into_owned(),
                _ => "directory".to_owned(),
            };
            all.insert(path.to_owned(), mode + &body);
        });
        all
    }

    /// The same for two that look the same.
    pub(super) fn sum(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.walk(0, Path::new(""), &mut |path, node| {
            (path, self.modes.get(&node), self.files.get(&node), self.links.get(&node)).hash(&mut hasher);
        });
        hasher.finish()
    }

    fn walk(&self, node: Node, path: &Path, see: &mut dyn FnMut(&Path, Node)) {
        see(path, node);
        for (name, child) in self.dirs.get(&node).into_iter().flatten() {
            self.walk(*child, &path.join(std::str::from_utf8(name).unwrap()), see);
        }
    }

    /// Lays it out at a path where nothing is.
    pub(super) fn write(&self, root: &Path) {
        let (mut first, mut modes) = (BTreeMap::<Node, PathBuf>::new(), Vec::new());
        self.walk(0, Path::new(""), &mut |path, node| {
            let place = root.join(path);
            if let Some(target) = self.links.get(&node) {
                symlink(std::str::from_utf8(target).unwrap(), &place).unwrap();
                return;
            }
            if let Some(known) = first.get(&node) {
                fs::hard_link(known, &place).unwrap();
                return;
            }
            match self.files.get(&node) {
                Some(bytes) => fs::write(&place, bytes).unwrap(),
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
