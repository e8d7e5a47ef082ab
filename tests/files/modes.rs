//! Files and directories that may not be written, or not be read.

use crate::call::{PROVEN, relocate};
use crate::place::{Place, chmod, is_root, run_path, says_moved};
use crate::state::{content, exact};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn mode(path: impl AsRef<Path>) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// A prefix of the ordinary user in which nothing may be written, not even by its owner.
fn read_only() -> Place {
    let place = Place::small();
    chmod(place.inside("lib/libword.so.1"), 0o444);
    chmod(place.inside("bin/say"), 0o555);
    for dir in ["bin", "lib", ""] {
        chmod(place.inside(dir), 0o555);
    }
    place.give_to_user();
    place
}

#[test]
fn files_and_directories_without_w_are_rewritten_in_the_archive_and_keep_their_modes() {
    let place = read_only();
    let before = exact(&place.root());
    relocate(place.dir(), ["old/root", "-o", "x.tar.gz"]).by_user().expect(0, &[PROVEN, "1 rewritten"], &[]);
    assert_eq!(exact(&place.root()), before);
    let new = place.unpack(place.at("x.tar.gz"));
    place.hide();
    assert_eq!((mode(new.join("bin/say")), mode(new.join("lib/libword.so.1"))), (0o555, 0o444));
    assert_eq!((mode(new.join("bin")), mode(new.join("lib"))), (0o555, 0o555));
    assert_eq!(run_path(new.join("bin/say")), "$ORIGIN/../lib");
    says_moved(new.join("bin/say"));
}

#[test]
fn files_and_directories_without_w_are_laid_out_as_a_tree() {
    let place = read_only();
    relocate(place.dir(), ["old/root", "-o", "out/"]).by_user().expect(0, &[PROVEN], &[]);
    place.hide();
    assert_eq!((mode(place.at("out/bin")), mode(place.at("out/bin/say"))), (0o555, 0o555));
    assert_eq!(mode(place.at("out/lib/libword.so.1")), 0o444);
    says_moved(place.at("out/bin/say"));
    assert_eq!(place.beside(), ["hidden", "out", "source.c"]);
}

#[test]
fn files_without_w_are_rewritten_in_place_and_keep_their_modes() {
    let place = Place::small();
    place.library("lib/libother.so.1", &["-Wl,-rpath,@/lib"]);
    chmod(place.inside("lib/libother.so.1"), 0o444);
    chmod(place.inside("bin/say"), 0o555);
    place.give_to_user();
    relocate(place.dir(), ["--in-place", "old/root"]).by_user().expect(0, &[PROVEN, "2 rewritten"], &[]);
    place.hide();
    let root = place.at("hidden/root");
    assert_eq!((mode(root.join("lib/libother.so.1")), mode(root.join("bin/say"))), (0o444, 0o555));
    assert_eq!(run_path(root.join("lib/libother.so.1")), "$ORIGIN");
    says_moved(root.join("bin/say"));
}

#[test]
fn a_directory_that_may_not_be_written_stops_in_place_and_nothing_is_changed() {
    let place = read_only();
    let before = exact(&place.root());
    let told = ["cannot write", "old/root/bin/say': Permission denied", "help: run as a user who may write in"];
    relocate(place.dir(), ["--in-place", "old/root"]).by_user().expect(4, &[], &told);
    assert_eq!(exact(&place.root()), before);
    if is_root() {
        relocate(place.dir(), ["--in-place", "old/root"]).expect(0, &[PROVEN], &[]);
        assert_eq!((mode(place.inside("bin")), mode(place.inside("bin/say"))), (0o555, 0o555));
        place.hide();
        says_moved(place.at("hidden/root/bin/say"));
    }
}

#[test]
fn every_file_and_directory_that_cannot_be_read_is_named_in_one_run() {
    let place = Place::small();
    chmod(place.write("share/secret", "x"), 0o000);
    chmod(place.write("share/other", "x"), 0o200);
    fs::create_dir(place.inside("closed")).unwrap();
    chmod(place.inside("closed"), 0o000);
    place.give_to_user();
    let before = content(&place.at("old/root/lib"));
    let told = ["cannot read old/root/closed: Perm", "old/root/share/secret: Perm", "old/root/share/other: Perm"];
    relocate(place.dir(), ["old/root", "-o", "x.tar.gz"]).by_user().expect(4, &[], &told);
    chmod(place.inside("closed"), 0o755);
    assert_eq!(place.beside(), ["old", "source.c"]);
    assert_eq!(content(&place.at("old/root/lib")), before);
    relocate(place.dir(), ["old/root", "-o", "x.tar.gz", "--exclude", "share"]).by_user().expect(0, &[PROVEN], &[]);
    if is_root() {
        let told = ["cannot be read by other users"];
        relocate(place.dir(), ["old/root", "-o", "y.tar.gz"]).expect(0, &[PROVEN], &told);
        let new = place.unpack(place.at("y.tar.gz"));
        assert_eq!((mode(new.join("share/secret")), mode(new.join("share/other"))), (0o000, 0o200));
    }
}
