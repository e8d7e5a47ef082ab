//! A directory, and what a run did to it: its calls are played again on a model, call by call, as changes and what made them durable.

#![expect(clippy::cast_sign_loss, reason = "calls that failed were left out")]

use super::log::{Arg, Call};
use super::state::{Body, Change, Entry, Node, State};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

#[derive(Debug, Clone)]
pub(super) enum Event {
    Change(Change),
    /// Of a file or a directory.
    Sync(Node),
    SyncAll,
}

/// A directory, and what happened to it.
#[derive(Clone)]
pub(super) struct Disk {
    root: PathBuf,
    pub(super) begin: State,
    now: State,
    pub(super) events: Vec<Event>,
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
            self.now.files.insert(node, Body::of(fs::read(path).unwrap()));
            return;
        }
        self.now.dirs.insert(node, Rc::default());
        for entry in fs::read_dir(path).unwrap() {
            let entry = entry.unwrap();
            let inode = fs::symlink_metadata(entry.path()).unwrap().ino();
            let fresh = !known.contains_key(&inode);
            let child = *known.entry(inode).or_insert(self.nodes);
            if fresh {
                self.nodes += 1;
                self.load(&entry.path(), child, known);
            }
            let names = Rc::make_mut(self.now.dirs.get_mut(&node).unwrap());
            names.insert(entry.file_name().into_encoded_bytes(), child);
        }
    }

    /// The tree at this moment by its paths, which does not depend on how nodes are numbered.
    pub(super) fn paths(&self) -> BTreeMap<PathBuf, String> {
        self.now.paths()
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
            state.files.insert(self.nodes, Rc::default());
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
        let at = if append { file.bytes.len() as u64 } else { offset };
        self.open.insert(fd, (node, at + bytes.len() as u64, append));
        self.push(Change::Write(node, at, bytes.to_vec()));
    }

    fn poured(&mut self, call: &Call) {
        let (from, to) = if call.name == "sendfile" { (1, 0) } else { (0, 2) };
        let ((source, path), (out, _)) = (call.args[from].fd(), call.args[to].fd());
        let known = self.open.get(&source).and_then(|(node, ..)| self.now.files.get(node)).cloned();
        let bytes = known.map_or_else(|| fs::read(path).unwrap(), |body| body.bytes.clone());
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
        self.now.find(path.strip_prefix(&self.root).ok()?)
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
                    Make::Dir => drop(state.dirs.insert(node, Rc::default())),
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
