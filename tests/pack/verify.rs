//! `verify`: a tree or archive that is what its manifest says passes; every kind of change is found by name.

use crate::tree::{Handmade, options};
use relocate::base::digest::Digest;
use relocate::base::event::Silent;
use relocate::base::finding::{Finding, Severity};
use relocate::base::write::NewFile;
use relocate::manifest::{About, Entry, FORMAT, Kind, Manifest};
use relocate::pack::{self, Body, CompareError, Digests, Format, Item, Limits, Tree, verify_archive, verify_dir};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

fn about() -> About {
    let floor = serde_json::Value::Null;
    About {
        format: FORMAT,
        tool: "0.1.0".into(),
        old_prefixes: Vec::new(),
        floor,
        capacity: None,
        at: None,
        proven: true,
    }
}

fn manifest(items: &[Item], digests: &Digests) -> Manifest {
    let entry = |(item, digest): (&Item, &Option<Digest>)| Entry {
        path: item.path.clone(),
        kind: match (&item.body, digest) {
            (Body::File { size }, Some(sha256)) => Kind::File { size: *size, sha256: *sha256, sha256_before: None },
            (Body::Symlink(target), _) => Kind::Symlink { target: target.clone() },
            (Body::HardLink(first), _) => Kind::HardLink { first: first.clone() },
            _ => Kind::Dir,
        },
        mode: item.mode,
        mtime: None,
        changes: Vec::new(),
        places: Vec::new(),
        sums: Vec::new(),
    };
    Manifest { about: about(), entries: items.iter().zip(digests).map(entry).collect() }
}

fn tree() -> Handmade {
    Handmade::default()
        .dir("")
        .dir("bin")
        .file("bin/tool", 0o755, "#!/bin/sh\n")
        .file("bin/shared", 0o664, "x")
        .hard_link("bin/zz", "bin/tool")
        .symlink("current", "bin")
        .file(b"name\xff\n", 0o600, "raw")
        .add("open", 0o2775, Body::Dir)
}

/// Packs with `record` as the manifest's bytes.
fn pack_with(tree: &Handmade, record: impl FnOnce(&Digests) -> Vec<u8>, dir: &Path) -> PathBuf {
    let path = dir.join("a.tar");
    let about = about().to_bytes();
    let given = Tree { items: &tree.items, contents: tree, about: &about, tool: None };
    let out = NewFile::create(&path).unwrap();
    let packed = pack::write(&given, |digests| Ok(record(digests)), out, &options(Format::Tar, 1), &Silent).unwrap();
    packed.publish_unproven().unwrap().path
}

fn pack_tree(tree: &Handmade, dir: &Path) -> PathBuf {
    pack_with(tree, |digests| manifest(&tree.items, digests).to_bytes(), dir)
}

fn kinds(findings: &[Finding]) -> Vec<String> {
    let path = |finding: &Finding| finding.path.as_ref().map_or(String::new(), ToString::to_string);
    findings.iter().map(|finding| format!("{} {}", finding.kind, path(finding))).collect()
}

fn archive_kinds(path: &Path) -> Vec<String> {
    kinds(&verify_archive(path, &Limits::default()).unwrap())
}

#[test]
fn an_archive_that_was_not_touched_passes() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(verify_archive(&pack_tree(&tree(), dir.path()), &Limits::default()).unwrap(), []);
}

#[test]
fn a_tree_unpacked_by_an_ordinary_user_with_any_umask_passes() {
    for umask in ["000", "022", "077"] {
        for line in ["tar -xf ../a.tar", "bsdtar -xf ../a.tar", "busybox tar -xf ../a.tar"] {
            let dir = tempfile::tempdir().unwrap();
            pack_tree(&tree(), dir.path());
            let place = dir.path().join("place");
            fs::create_dir(&place).unwrap();
            fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
            fs::set_permissions(&place, Permissions::from_mode(0o2777)).unwrap();
            let mut shell = Command::new("sh");
            shell.args(["-c", &format!("umask {umask}; {line}")]).current_dir(&place);
            if rustix::process::geteuid().is_root() {
                shell.uid(65534).gid(65534);
            }
            assert!(shell.status().unwrap().success());
            assert_eq!(verify_dir(&place.join("ourapp-1.0")).unwrap(), [], "{umask} {line}");
        }
    }
}

#[test]
fn a_tree_without_its_top_directory_passes() {
    let dir = tempfile::tempdir().unwrap();
    let archive = pack_tree(&tree(), dir.path());
    let place = dir.path().join("place");
    fs::create_dir(&place).unwrap();
    fs::set_permissions(&place, Permissions::from_mode(0o700)).unwrap();
    let status = Command::new("tar").arg("--strip-components=1").arg("-xpf").arg(archive).current_dir(&place).status();
    assert!(status.unwrap().success());
    assert_eq!(verify_dir(&place).unwrap(), []);
    symlink(&place, dir.path().join("by-symlink")).unwrap();
    assert_eq!(verify_dir(&dir.path().join("by-symlink")).unwrap(), []);
}

#[test]
fn every_change_to_a_tree_is_found_by_name() {
    type Change = fn(&Path);
    let rows: [(Change, &[&str]); 16] = [
        (|at| fs::remove_file(at.join("bin/shared")).unwrap(), &["missing bin/shared"]),
        (|at| fs::remove_file(at.join("current")).unwrap(), &["missing current"]),
        (|at| fs::write(at.join("bin/new"), "").unwrap(), &["extra bin/new"]),
        (|at| fs::write(at.join(".relocate/new"), "").unwrap(), &["extra .relocate/new"]),
        (|at| fs::write(at.join("bin/shared"), "y").unwrap(), &["bytes-changed bin/shared"]),
        (|at| fs::write(at.join("bin/shared"), "xx").unwrap(), &["size-changed bin/shared"]),
        (|at| fs::write(at.join("bin/zz"), "yy").unwrap(), &["size-changed bin/tool", "size-changed bin/zz"]),
        (|at| mode(&at.join("bin/shared"), 0o666), &["mode-changed bin/shared"]),
        (|at| mode(&at.join("bin/shared"), 0o764), &["mode-changed bin/shared"]),
        (|at| mode(&at.join("bin/tool"), 0o4755), &["mode-changed bin/tool", "mode-changed bin/zz"]),
        (|at| mode(&at.join("bin/shared"), 0o600), &[]),
        (|at| mode(&at.join("bin"), 0o2755), &[]),
        (|at| relinked(&at.join("current"), "open"), &["target-changed current"]),
        (|at| relinked(&at.join("bin/shared"), "tool"), &["type-changed bin/shared"]),
        (|at| fs::remove_dir(at.join("open")).unwrap(), &["missing open"]),
        (|at| about_says(&at.join(".relocate/about.json")), &["about-changed "]),
    ];
    for (change, expected) in rows {
        let dir = tempfile::tempdir().unwrap();
        let archive = pack_tree(&tree(), dir.path());
        assert!(Command::new("tar").arg("-xpf").arg(archive).current_dir(dir.path()).status().unwrap().success());
        let at = dir.path().join("ourapp-1.0");
        change(&at);
        let findings = verify_dir(&at).unwrap();
        assert_eq!(kinds(&findings), expected);
        assert!(findings.iter().all(|finding| finding.severity == Severity::Error));
    }
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn relinked(path: &Path, target: &str) {
    fs::remove_file(path).unwrap();
    symlink(target, path).unwrap();
}

fn about_says(path: &Path) {
    fs::write(path, About { proven: false, ..about() }.to_bytes()).unwrap();
}

#[test]
fn a_file_that_cannot_be_read_or_is_a_pipe_is_a_finding_and_no_hang() {
    let dir = tempfile::tempdir().unwrap();
    let archive = pack_tree(&tree(), dir.path());
    assert!(Command::new("tar").arg("-xpf").arg(archive).current_dir(dir.path()).status().unwrap().success());
    let pipe = dir.path().join("ourapp-1.0/bin/shared");
    fs::remove_file(&pipe).unwrap();
    assert!(Command::new("mkfifo").args(["-m", "664"]).arg(&pipe).status().unwrap().success());
    assert_eq!(kinds(&verify_dir(&dir.path().join("ourapp-1.0")).unwrap()), ["type-changed bin/shared"]);
}

#[test]
fn an_archive_packed_anew_by_another_hand_is_found_out() {
    let dir = tempfile::tempdir().unwrap();
    let good = tree();
    let record = |digests: &Digests| manifest(&good.items, digests).to_bytes();
    // The record is of `good`, the bytes are of another tree with as many items.
    let mut other = tree();
    other.bytes.insert(crate::tree::rel("bin/shared"), b"y".to_vec());
    let good_digests: Vec<_> =
        good.items.iter().map(|item| good.bytes.get(&item.path).map(|bytes| Digest::of(bytes))).collect();
    let archive = pack_with(&other, |_| record(&good_digests), dir.path());
    assert_eq!(archive_kinds(&archive), ["bytes-changed bin/shared"]);
    other.items[1].mode = 0o775;
    other = other.file("bin/extra", 0o644, "e");
    let archive = pack_with(&other, |_| record(&good_digests), dir.path());
    assert_eq!(archive_kinds(&archive), ["mode-changed bin", "extra bin/extra", "bytes-changed bin/shared"]);
}

#[test]
fn an_archive_with_files_outside_its_top_directory_is_found_out() {
    let dir = tempfile::tempdir().unwrap();
    let archive = pack_tree(&tree(), dir.path());
    fs::create_dir(dir.path().join("bin")).unwrap();
    fs::write(dir.path().join("bin/tool"), "harm").unwrap();
    let status = Command::new("tar").arg("-rf").arg(&archive).arg("bin/tool").current_dir(dir.path()).status();
    assert!(status.unwrap().success());
    assert_eq!(archive_kinds(&archive), ["extra bin/tool"]);
    fs::create_dir(dir.path().join("ourapp-1.0")).unwrap();
    fs::write(dir.path().join("ourapp-1.0/late"), "harm").unwrap();
    let append = Command::new("tar").arg("-rf").arg(&archive).arg("ourapp-1.0/late").current_dir(dir.path()).status();
    assert!(append.unwrap().success());
    assert_eq!(archive_kinds(&archive), ["record-misplaced ", "extra bin/tool", "extra late"]);
}

#[test]
fn what_has_no_record_is_told_apart_from_what_is_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let error = verify_dir(dir.path()).unwrap_err();
    assert!(error.to_string().contains("it has no .relocate/about.json, so relocate did not make it"), "{error}");
    fs::write(dir.path().join("f"), "x").unwrap();
    let line = "tar -cf plain.tar f";
    assert!(Command::new("sh").args(["-c", line]).current_dir(dir.path()).status().unwrap().success());
    let plain = verify_archive(&dir.path().join("plain.tar"), &Limits::default());
    assert!(matches!(plain, Err(CompareError::NoRecord { .. })));
    let broken = pack_with(&tree(), |_| b"{}".to_vec(), dir.path());
    assert!(matches!(verify_archive(&broken, &Limits::default()), Err(CompareError::Record(_))));
    assert!(matches!(verify_dir(&dir.path().join("none")), Err(CompareError::Read { .. })));
}

/// A tree that carries another packed tree's records inside it is judged by its own.
#[test]
fn records_deeper_in_the_tree_are_plain_files() {
    let dir = tempfile::tempdir().unwrap();
    let nested = tree().dir("share").dir("share/.relocate").file("share/.relocate/about.json", 0o644, "not ours").file(
        "share/.relocate/manifest.json",
        0o644,
        "not ours",
    );
    assert_eq!(archive_kinds(&pack_tree(&nested, dir.path())), [""; 0]);
}
