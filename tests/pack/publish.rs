//! How an archive gets its name, and what is left when it does not.

use crate::tree::{Handmade, awkward, awkward_and_large, expected, on_disk, options};
use relocate::base::event::Silent;
use relocate::base::write::NewDir;
use relocate::pack::{self, Body, Format, PackError, Tree};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn small() -> Handmade {
    Handmade::default().dir("").file("a", 0o644, "x")
}

#[test]
fn both_names_appear_and_sha256sum_agrees() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["plain.tar.gz", "new\nline \\ name.tar.gz"] {
        for _ in 0..2 {
            let out = dir.path().join(name);
            let archive = small().pack(&out, &options(Format::TarGz, 1)).unwrap().publish_unproven().unwrap();
            assert_eq!((archive.path.as_path(), archive.size), (out.as_path(), fs::metadata(&out).unwrap().len()));
            let check = Command::new("sha256sum").arg("-c").arg(&archive.sha256_path).current_dir(dir.path()).output();
            let check = check.unwrap();
            assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
        }
    }
    assert_eq!(names(dir.path()).len(), 4);
}

/// What happened to the names in a directory, in order: `+` for a new or renamed one, `-` for one that went.
fn watched(dir: &Path, work: impl FnOnce()) -> Vec<String> {
    use rustix::fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init};
    let watch = init(CreateFlags::NONBLOCK).unwrap();
    let flags = WatchFlags::CREATE | WatchFlags::DELETE | WatchFlags::MOVED_TO;
    add_watch(&watch, dir, flags).unwrap();
    work();
    let mut buffer = [std::mem::MaybeUninit::uninit(); 8192];
    let mut reader = Reader::new(watch, &mut buffer);
    let mut seen = Vec::new();
    while let Ok(event) = reader.next() {
        let name = event.file_name().unwrap().to_str().unwrap();
        let sign = if event.events().contains(ReadFlags::DELETE) { '-' } else { '+' };
        seen.push(format!("{sign}{name}"));
    }
    seen.retain(|event| !event.contains("relocate-partial"));
    seen
}

#[test]
fn no_moment_shows_a_digest_beside_another_archive() {
    let dir = tempfile::tempdir().unwrap();
    let publish = || {
        let packed = small().pack(&dir.path().join("a.tar"), &options(Format::Tar, 1)).unwrap();
        watched(dir.path(), || _ = packed.publish_unproven().unwrap())
    };
    assert_eq!(publish(), ["+a.tar", "+a.tar.sha256"]);
    assert_eq!(publish(), ["-a.tar.sha256", "+a.tar", "+a.tar.sha256"]);
}

#[test]
fn an_archive_that_is_dropped_leaves_nothing_and_the_old_one_stays() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("a.tar");
    fs::write(&out, "old").unwrap();
    fs::write(dir.path().join("a.tar.sha256"), "old digest").unwrap();
    drop(small().pack(&out, &options(Format::Tar, 1)).unwrap());
    assert_eq!(fs::read(&out).unwrap(), b"old");
    assert_eq!(names(dir.path()), ["a.tar", "a.tar.sha256"]);
}

#[test]
fn a_directory_in_the_place_of_the_digest_is_seen_before_anything_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("a.tar");
    fs::create_dir(dir.path().join("a.tar.sha256")).unwrap();
    let error = small().pack(&out, &options(Format::Tar, 1)).unwrap().publish_unproven().unwrap_err().to_string();
    assert!(error.contains("a.tar.sha256': it is a directory"), "{error}");
    assert!(!out.exists());
}

#[test]
fn a_pipe_gets_the_same_bytes_and_its_end_is_told_apart() {
    struct Gone;
    impl io::Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let packed = || awkward().pack(&dir.path().join("x"), &options(Format::TarZst, 2)).unwrap();
    let mut poured = Vec::new();
    packed().pour(&mut poured).unwrap();
    let archive = packed().publish_unproven().unwrap();
    assert_eq!(fs::read(archive.path).unwrap(), poured);
    let error: PackError = packed().pour(&mut Gone).unwrap_err();
    assert!(error.is_broken_pipe());
}

fn write_tree(tree: &Handmade, out: &Path) -> Result<pack::PackedTree, PackError> {
    let given = Tree { items: &tree.items, contents: tree, about: b"{}", tool: None };
    pack::write_tree(&given, |_| Ok(b"{}".to_vec()), NewDir::create(out).unwrap(), &Silent)
}

#[test]
fn the_same_items_can_be_written_as_a_tree() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let mut tree = awkward_and_large().add("locked", 0o555, Body::Dir).file("locked/f", 0o400, "x");
    if rustix::process::geteuid().is_root() {
        (tree.items[1].uid, tree.items[1].gid) = (1234, 4321);
    }
    let archive = tree.pack(&dir.path().join("x"), &options(Format::Tar, 1)).unwrap();
    let packed = write_tree(&tree, &out).unwrap();
    assert_eq!(packed.digests(), archive.digests());
    drop(archive);
    assert!(!out.exists() && packed.staging().exists());
    assert_eq!(packed.publish_unproven().unwrap(), out);
    assert_eq!(on_disk(&out), expected(&tree));
    assert_eq!(fs::read(out.join(".relocate/manifest.json")).unwrap(), b"{}");
    let owner = fs::symlink_metadata(tree.items[1].path.under(&out)).unwrap();
    let given = if rustix::process::geteuid().is_root() { 1234 } else { rustix::process::geteuid().as_raw() };
    assert_eq!(owner.uid(), given);
    assert_eq!(names(dir.path()), ["out"]);
}

#[test]
fn a_tree_that_is_dropped_or_fails_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    drop(write_tree(&awkward().add("locked", 0o555, Body::Dir).file("locked/f", 0o400, "x"), &out).unwrap());
    let mut changed = Handmade::default().file("a", 0o644, "x").file("b", 0o644, "y");
    changed.items[1].body = Body::File { size: 2 };
    assert!(write_tree(&changed, &out).unwrap_err().to_string().contains("'b'"));
    assert!(names(dir.path()).is_empty());
}
