//! Trees made by hand, the archives of them, and what a program unpacked.

use relocate::base::digest::Digest;
use relocate::base::event::Silent;
use relocate::base::path::RelPath;
use relocate::base::write::NewFile;
use relocate::pack::{self, Body, ContentError, Contents, Format, Item, Options, PackError, Packed, Tree};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The time of everything here unless told otherwise.
pub(crate) const TIME: i64 = 1_600_000_000;

pub(crate) fn rel(path: impl AsRef<[u8]>) -> RelPath {
    RelPath::new(path.as_ref()).unwrap()
}

/// Items with their bytes in memory.
#[derive(Debug, Clone, Default)]
pub(crate) struct Handmade {
    pub(crate) items: Vec<Item>,
    pub(crate) bytes: BTreeMap<RelPath, Vec<u8>>,
}

impl Handmade {
    pub(crate) fn add(mut self, path: impl AsRef<[u8]>, mode: u32, body: Body) -> Self {
        self.items.push(Item { path: rel(path), mode, uid: 0, gid: 0, mtime: TIME, body });
        self.items.sort_by(|a, b| a.path.cmp(&b.path));
        self
    }

    pub(crate) fn dir(self, path: impl AsRef<[u8]>) -> Self {
        self.add(path, 0o755, Body::Dir)
    }

    pub(crate) fn file(mut self, path: impl AsRef<[u8]>, mode: u32, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref().to_vec();
        let size = bytes.len() as u64;
        self.bytes.insert(rel(path.as_ref()), bytes);
        self.add(path, mode, Body::File { size })
    }

    pub(crate) fn symlink(self, path: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Self {
        self.add(path, 0o777, Body::Symlink(target.as_ref().to_vec()))
    }

    pub(crate) fn hard_link(self, path: impl AsRef<[u8]>, first: impl AsRef<[u8]>) -> Self {
        let mode = self.items.iter().find(|item| item.path == rel(first.as_ref())).unwrap().mode;
        self.add(path, mode, Body::HardLink(rel(first)))
    }

    /// Packs for `out`; the manifest is the list of digests.
    pub(crate) fn pack(&self, out: &Path, options: &Options) -> Result<Packed, PackError> {
        let tree = Tree { items: &self.items, contents: self, about: b"{\"about\": true}\n", tool: None };
        let record = |digests: &pack::Digests| -> Result<Vec<u8>, ContentError> {
            Ok(digests.iter().flatten().flat_map(|digest| format!("{digest}\n").into_bytes()).collect())
        };
        pack::write(&tree, record, NewFile::create(out)?, options, &Silent)
    }
}

impl Contents for Handmade {
    fn stream(&self, index: usize, out: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> Result<Digest, ContentError> {
        let bytes = &self.bytes[&self.items[index].path];
        for piece in bytes.chunks(100_000) {
            out(piece)?;
        }
        Ok(Digest::of(bytes))
    }
}

pub(crate) fn options(format: Format, jobs: usize) -> Options {
    Options { format, level: None, jobs, top_dir: rel("ourapp-1.0") }
}

/// Bytes that compress about as well as a program: runs of words out of a small set, and noise between.
pub(crate) fn plausible(len: usize, mut seed: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(len + 32);
    while bytes.len() < len {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let noise = seed.to_be_bytes();
        let word = format!("symbol_{:03x}_{}", noise[0], noise[1] & 7);
        bytes.extend_from_slice(if noise[2] > 90 { word.as_bytes() } else { &noise[..4] });
    }
    bytes.truncate(len);
    bytes
}

/// Everything that has ever been a trouble in a tar, in one tree.
pub(crate) fn awkward() -> Handmade {
    let deep = "d".repeat(60);
    let longest = "n".repeat(255);
    Handmade::default()
        .dir("")
        .dir("bin")
        .file("bin/tool", 0o755, "#!/bin/sh\n")
        .file("bin/secret", 0o600, "s")
        .file("empty", 0o644, "")
        .file("block", 0o644, vec![7; 512])
        .file("block-and-one", 0o444, vec![8; 513])
        .file("hole", 0o644, vec![0; 100_000])
        .file("not-utf8-\u{e4}", 0o644, "utf8")
        .file(b"not-utf8-\xe4\xff", 0o644, "bytes")
        .file("new\nline", 0o644, "n")
        .file("-rf", 0o644, "dash")
        .file("a b\\c\"d'", 0o644, "quotes")
        .file("x".repeat(99), 0o644, "99")
        .file("y".repeat(100), 0o644, "100")
        .file("z".repeat(101), 0o644, "101")
        .file(&longest, 0o644, "255")
        .dir(&deep)
        .dir(format!("{deep}/{deep}"))
        .dir(format!("{deep}/{deep}/{longest}"))
        .file(format!("{deep}/{deep}/{longest}/{longest}"), 0o755, "deep")
        .hard_link(format!("{deep}/link-to-tool"), "bin/tool")
        .hard_link("zz-link-to-long", format!("{deep}/{deep}/{longest}/{longest}"))
        .symlink("current", "bin")
        .symlink("long", "../".repeat(80))
        .symlink("raw", b"\xff\xfe")
        .symlink("longer", "t".repeat(1000))
        .add("private", 0o700, Body::Dir)
        .add("shared", 0o2775, Body::Dir)
}

/// The same with files that are streamed, and more bytes than one zstd frame takes.
pub(crate) fn awkward_and_large() -> Handmade {
    awkward().file("large", 0o644, plausible(5_000_000, 1)).file("larger", 0o644, plausible(9_500_000, 2))
}

fn symlink(target: &[u8]) -> String {
    format!("symlink {}", target.escape_ascii())
}

/// What lies in a directory: for each path its type, mode, time (of what is no symlink) and bytes.
pub(crate) fn on_disk(root: &Path) -> BTreeMap<RelPath, String> {
    let mut found = BTreeMap::new();
    let mut dirs = vec![RelPath::root()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir.under(root)).unwrap() {
            let path = dir.join(entry.unwrap().file_name().as_bytes());
            if path.parts().next() == Some(b".relocate") {
                continue;
            }
            let at = path.under(root);
            let about = fs::symlink_metadata(&at).unwrap();
            let (mode, mtime) = (about.mode() & 0o7777, about.mtime());
            let what = if about.is_dir() {
                dirs.push(path.clone());
                format!("dir {mode:o} {mtime}")
            } else if about.is_symlink() {
                symlink(fs::read_link(&at).unwrap().as_os_str().as_bytes())
            } else {
                format!("file {mode:o} {mtime} {} names, {}", about.nlink(), Digest::of(&fs::read(&at).unwrap()))
            };
            found.insert(path, what);
        }
    }
    found
}

/// The same for what should lie there.
pub(crate) fn expected(tree: &Handmade) -> BTreeMap<RelPath, String> {
    let names = |first: &RelPath| {
        1 + tree.items.iter().filter(|item| matches!(&item.body, Body::HardLink(to) if to == first)).count()
    };
    let file = |item: &Item, first: &RelPath| {
        let digest = Digest::of(&tree.bytes[first]);
        format!("file {:o} {} {} names, {digest}", item.mode, item.mtime, names(first))
    };
    let what = |item: &Item| match &item.body {
        Body::Dir => format!("dir {:o} {}", item.mode, item.mtime),
        Body::File { .. } => file(item, &item.path),
        Body::Symlink(target) => symlink(target),
        Body::HardLink(first) => file(item, first),
    };
    tree.items.iter().filter(|item| !item.path.is_root()).map(|item| (item.path.clone(), what(item))).collect()
}
