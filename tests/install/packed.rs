//! A prefix with a program, scripts and configuration that name it, and its archive with a record of where they do.

use crate::place::{Place, tool};
use crate::state::{State, content};
use relocate::base::digest::Digest;
use relocate::base::event::Silent;
use relocate::base::path::{Prefix, RelPath};
use relocate::base::write::NewFile;
use relocate::manifest::{About, Entry, FORMAT, How, Kind, Manifest, PLACE, Places};
use relocate::pack::{self, Body, ContentError, Contents, Digests, Format, Item, Options, Tree};
use relocate::text::kind;
use relocate::text::occurrence::{Names, Reading};
use relocate::text::rewrite::is_text;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Prints its compiled-in prefix by a counted string, then the word it reads below it.
const READS: &str = r#"
#include <stdio.h>
#include <unistd.h>
static const char prefix[] = PREFIX;
int main(void) {
    char word[64];
    FILE *file = fopen(PREFIX "/share/word", "r");
    if (!file || !fgets(word, sizeof word, file)) return 3;
    fputs(word, stdout);
    fflush(stdout);
    write(1, prefix, sizeof prefix - 1);
    write(1, "\n", 1);
    return 0;
}
"#;

/// A place with such a prefix, whose name has room for a path of many bytes.
pub(crate) struct Made {
    pub(crate) place: Place,
    pub(crate) prefix: Prefix,
}

const BUILT: &str = "built";
const HIDDEN: &str = "taken away";
const LONG: &str = "a-prefix-with-a-long-name-so-that-there-is-room-for-other-paths/ourapp";

impl Made {
    /// One of everything that depends on its path.
    pub(crate) fn new() -> Self {
        let place = Place::new();
        let root = place.at(BUILT).join(LONG);
        fs::create_dir_all(&root).unwrap();
        let made = Self { prefix: Prefix::new(root.as_os_str().as_bytes()).unwrap(), place };
        made.write("share/word", "moved\n");
        made.write("bin/calls", format!("#!/bin/sh\nexec \"{}/bin/reads\" \"$@\"\n", made.prefix));
        made.mode("bin/calls", 0o755);
        made.write("etc/app.conf", format!("root {0};\nalso {0}/etc\nand {0}/share:{0}/lib\n", made.prefix));
        made.write("etc/none.conf", "nothing here\n");
        made.write("lib/data.bin", [b"\0\x01".as_slice(), made.prefix.as_bytes(), b"/share\0\xff"].concat());
        made.write("share/doc/README", format!("Built in {0}.\n", made.prefix));
        let source = made.place.at("source.c");
        fs::write(&source, READS).unwrap();
        let define = format!("-DPREFIX=\"{}\"", made.prefix);
        tool(&[&"cc", &"-O2", &define, &"-o", &made.inside("bin/reads"), &source]);
        fs::remove_file(source).unwrap();
        fs::hard_link(made.inside("bin/reads"), made.inside("bin/same")).unwrap();
        std::os::unix::fs::symlink("reads", made.inside("bin/link")).unwrap();
        made.mode("etc", 0o750);
        made.mode("share/doc/README", 0o444);
        let dated = ["bin/reads", "etc/app.conf", "bin"].map(|name| made.inside(name));
        for file in dated {
            tool(&[&"touch", &"-d", &"2020-02-03 04:05:06 UTC", &file]);
        }
        made
    }

    /// Where the prefix is: at its path until it is packed.
    pub(crate) fn root(&self) -> PathBuf {
        let built = self.place.at(BUILT).join(LONG);
        if built.exists() { built } else { self.place.at(HIDDEN).join(LONG) }
    }

    pub(crate) fn inside(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.inside(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub(crate) fn mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.inside(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Packs it as `app.tar.gz`, with the top directory `app`, and takes the prefix away from its path.
    pub(crate) fn pack(&self) -> PathBuf {
        self.pack_as("app.tar.gz", "app", |_| {})
    }

    /// The same with another name and top directory, and a change of the record.
    pub(crate) fn pack_as(&self, name: &str, top: &str, change: impl FnOnce(&mut Manifest)) -> PathBuf {
        self.pack_with(name, top, None, change)
    }

    /// The same, with a tool in it.
    pub(crate) fn pack_with(
        &self,
        name: &str,
        top: &str,
        tool: Option<&[u8]>,
        change: impl FnOnce(&mut Manifest),
    ) -> PathBuf {
        let archive = pack((&self.root(), &self.prefix), &self.place.at(name), top, tool, change);
        if self.place.at(BUILT).exists() {
            fs::rename(self.place.at(BUILT), self.place.at(HIDDEN)).unwrap();
        }
        archive
    }
}

struct OnDisk<'a> {
    root: &'a Path,
    items: &'a [Item],
}

impl Contents for OnDisk<'_> {
    fn stream(&self, index: usize, out: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> Result<Digest, ContentError> {
        let bytes = fs::read(self.items[index].path.under(self.root))?;
        out(&bytes)?;
        Ok(Digest::of(&bytes))
    }
}

/// Packs the tree at `root`, built for `prefix`.
fn pack(
    (root, prefix): (&Path, &Prefix),
    out: &Path,
    top: &str,
    tool: Option<&[u8]>,
    change: impl FnOnce(&mut Manifest),
) -> PathBuf {
    let items = items(root);
    let depends = |item: &Item| matches!(item.body, Body::File { .. }) && !places(root, &item.path, prefix).is_empty();
    let padded = items.iter().any(|item| depends(item) && places(root, &item.path, prefix)[0].how == How::Padded);
    let about = About {
        format: FORMAT,
        tool: "0.1.0".to_owned(),
        old_prefixes: vec![prefix.clone()],
        floor: serde_json::Value::Null,
        capacity: padded.then(|| prefix.as_bytes().len() as u64),
        at: None,
        proven: true,
    };
    let entry = |item: &Item, digest: &Option<Digest>| Entry {
        path: item.path.clone(),
        kind: match &item.body {
            Body::Dir => Kind::Dir,
            Body::File { size } => Kind::File { size: *size, sha256: digest.unwrap(), sha256_before: None },
            Body::Symlink(target) => Kind::Symlink { target: target.clone() },
            Body::HardLink(first) => Kind::HardLink { first: first.clone() },
        },
        mode: item.mode,
        mtime: None,
        changes: Vec::new(),
        places: if digest.is_some() { places(root, &item.path, prefix) } else { Vec::new() },
        sums: Vec::new(),
    };
    let record = |digests: &Digests| -> Result<Vec<u8>, ContentError> {
        let entries = items.iter().zip(digests).map(|(item, digest)| entry(item, digest)).collect();
        let mut manifest = Manifest { about: about.clone(), entries };
        change(&mut manifest);
        Ok(manifest.to_bytes())
    };
    let about_bytes = about.to_bytes();
    let tree = Tree { items: &items, contents: &OnDisk { root, items: &items }, about: &about_bytes, tool };
    let (format, _) = Format::from_name(out.file_name().unwrap()).unwrap();
    let options = Options { format, level: None, jobs: 1, top_dir: RelPath::new(top.as_bytes()).unwrap() };
    let packed = pack::write(&tree, record, NewFile::create(out).unwrap(), &options, &Silent).unwrap();
    packed.publish_unproven().unwrap().path
}

fn items(root: &Path) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    let mut firsts = std::collections::HashMap::new();
    let mut paths: Vec<RelPath> = walkdir::WalkDir::new(root)
        .into_iter()
        .map(|entry| RelPath::new(entry.unwrap().path().strip_prefix(root).unwrap().as_os_str().as_bytes()).unwrap())
        .collect();
    paths.sort();
    // A directory has no entry for itself where there is no top directory.
    for path in paths.into_iter().filter(|path| !path.is_root()) {
        let place = path.under(root);
        let found = fs::symlink_metadata(&place).unwrap();
        let body = if found.is_dir() {
            Body::Dir
        } else if found.is_symlink() {
            Body::Symlink(fs::read_link(&place).unwrap().into_os_string().as_bytes().to_vec())
        } else if let Some(first) = firsts.get(&found.ino()).filter(|_| found.nlink() > 1) {
            Body::HardLink(RelPath::clone(first))
        } else {
            firsts.insert(found.ino(), path.clone());
            Body::File { size: found.len() }
        };
        let mode = if found.is_symlink() { 0o777 } else { found.mode() & 0o7777 };
        items.push(Item { path, mode, uid: 0, gid: 0, mtime: found.mtime(), body });
    }
    items
}

/// Where a file names the prefix; all of it by one class.
fn places(root: &Path, path: &RelPath, prefix: &Prefix) -> Vec<Places> {
    let bytes = fs::read(path.under(root)).unwrap();
    let (how, class, reading) = if is_text(&bytes) {
        (How::Text, kind::Kind::of(path, &bytes).name(), Reading::Text)
    } else {
        (How::Padded, if bytes.starts_with(b"\x7fELF") { "elf" } else { "data" }, Reading::Binary)
    };
    let found = Names::new(std::slice::from_ref(prefix)).find(&bytes, reading);
    let at: Vec<u64> = found.iter().map(|found| found.offset as u64).collect();
    if at.is_empty() { Vec::new() } else { vec![Places { how, class: class.to_owned(), prefix: 0, at }] }
}

/// What the content of a tree is, but for the time of its own record of where it is.
pub(crate) fn settled(root: &Path) -> State {
    let mut state = content(root);
    if let Some(record) = state.get_mut(Path::new(PLACE)) {
        record.truncate(record.find(" time").unwrap());
    }
    state
}

/// Every program of the tree at `root` must say that it reads its own word there, and every file must name `path`.
pub(crate) fn runs_at(root: &Path, path: &Path) {
    let name = path.as_os_str().as_bytes();
    for program in ["bin/reads", "bin/same", "bin/link", "bin/calls"] {
        let output = Command::new(root.join(program)).env_clear().output().unwrap();
        let said = output.stdout;
        assert_eq!(
            (output.status.code(), &said[..6]),
            (Some(0), &b"moved\n"[..]),
            "{program}: {}",
            said.escape_ascii()
        );
        let named = said[6..].strip_suffix(b"\n").unwrap();
        let slashes = named.iter().take_while(|byte| **byte == b'/').count();
        assert_eq!(named[slashes - 1..], *name, "{program}: {}", named.escape_ascii());
    }
    let text = fs::read(root.join("etc/app.conf")).unwrap();
    let wanted: Vec<u8> =
        [&b"root "[..], name, b";\nalso ", name, b"/etc\nand ", name, b"/share:", name, b"/lib\n"].concat();
    assert_eq!(text, wanted);
}
