//! The archive and the tree that are written: what is in them and in what order, whose it is, and that both are the same.

use crate::call::{PROVEN, relocate};
use crate::place::{Place, USER, chmod, give, is_root, names, says_moved, succeed, tool};
use crate::state::{bytes, content, exact};
use crate::step::{Went, kill_at};
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// A prefix with modes, hard links, symlinks, an empty directory and an empty file.
fn varied() -> Place {
    let place = Place::small();
    place.write("share/data", "data");
    fs::hard_link(place.inside("share/data"), place.inside("share/again")).unwrap();
    fs::hard_link(place.inside("bin/say"), place.inside("bin/zsay")).unwrap();
    place.write("share/empty", "");
    fs::create_dir_all(place.inside("var/nothing")).unwrap();
    chmod(place.write("libexec/tool", "#!/bin/sh\necho tool\n"), 0o555);
    chmod(place.inside("var/nothing"), 0o1777);
    symlink(place.inside("lib/libword.so.1"), place.inside("lib/libword.so")).unwrap();
    place
}

/// The lines of `tar tv` on an archive.
fn listing(archive: &Path) -> Vec<String> {
    let text = tool(&[&"tar", &"--numeric-owner", &"--full-time", &"--utc", &"-tvf", &archive]);
    String::from_utf8(text).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn the_tree_that_is_written_is_the_archive_unpacked() {
    let place = varied();
    relocate(place.dir(), ["old/root", "-o", "out.tar.gz"]).expect(0, &[PROVEN], &[]);
    relocate(place.dir(), ["old/root", "-o", "out/"]).expect(0, &[PROVEN], &[]);
    let new = place.unpack(place.at("out.tar.gz"));
    tool(&[&"diff", &"-r", &"--no-dereference", &new, &place.at("out")]);
    assert_eq!(content(&new), content(&place.at("out")));
    for tree in ["out", "out.tar.gz"] {
        relocate(place.dir(), ["verify", tree]).expect(0, &["every byte is as its manifest says"], &[]);
        relocate(place.dir(), ["check", tree]).expect(0, &["it holds"], &[]);
    }
    for (first, second) in [("share/again", "share/data"), ("bin/say", "bin/zsay")] {
        for root in [&new, &place.at("out")] {
            let inode = |name| fs::metadata(root.join(name)).unwrap().ino();
            assert_eq!(inode(first), inode(second));
        }
    }
    place.hide();
    says_moved(new.join("bin/zsay"));
    says_moved(place.at("out/bin/say"));
}

/// What was relocated once needs nothing the second time, wherever it lies and whatever it is packed as.
#[test]
fn a_tree_that_is_relocated_already_is_packed_as_it_is() {
    let place = varied();
    relocate(place.dir(), ["old/root", "-o", "out/", "-q"]).expect(0, &[], &[]);
    place.hide();
    for _ in 0..2 {
        let told = [PROVEN, "none to change", "0 made relative"];
        relocate(place.dir(), ["out", "-o", "again/"]).expect(0, &told, &[]);
        let (mut first, mut second) = (content(&place.at("out")), content(&place.at("again")));
        first.retain(|path, _| !path.starts_with(".relocate"));
        second.retain(|path, _| !path.starts_with(".relocate"));
        assert_eq!(first, second);
        says_moved(place.at("again/bin/say"));
        fs::remove_dir_all(place.at("out")).unwrap();
        fs::rename(place.at("again"), place.at("out")).unwrap();
    }
}

#[test]
fn one_changed_byte_is_found_by_verify() {
    let place = varied();
    relocate(place.dir(), ["old/root", "-o", "out/", "-q"]).expect(0, &[], &[]);
    fs::write(place.at("out/share/data"), "date").unwrap();
    relocate(place.dir(), ["verify", "out"]).expect(1, &[], &["share/again", "sha256"]);
}

#[test]
fn about_comes_first_the_manifest_last_and_the_rest_is_sorted_between() {
    let place = varied();
    for out in ["x.tar", "x.tar.gz", "x.tgz", "x.tar.zst"] {
        relocate(place.dir(), ["old/root", "-o", out, "-q"]).expect(0, &[], &[]);
        let text = tool(&[&"tar", &"tf", &place.at(out)]);
        let text = String::from_utf8(text).unwrap();
        let lines: Vec<_> = text.lines().filter(|line| !line.ends_with('/')).collect();
        assert_eq!(lines.first(), Some(&"x/.relocate/about.json"), "{out}");
        assert_eq!(lines.last(), Some(&"x/.relocate/manifest.json"), "{out}");
        let middle: Vec<_> = lines[1..lines.len() - 1].to_vec();
        let mut sorted = middle.clone();
        sorted.sort_unstable();
        assert_eq!(middle, sorted, "{out}");
        let digest = place.at(format!("{out}.sha256"));
        succeed(Command::new("sha256sum").arg("-c").arg(&digest).current_dir(place.dir()));
    }
    relocate(place.dir(), ["old/root"]).expect(0, &["written         root.tar.gz"], &[]);
    assert!(listing(&place.at("root.tar.gz"))[0].contains(" root/"));
}

#[test]
fn owner_is_root_unless_something_else_is_asked_for() {
    let place = varied();
    let (mut uid, mut gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    if is_root() {
        (uid, gid) = (1234, 4321);
        tool(&[&"chown", &"-Rh", &"1234:4321", &place.root()]);
    }
    let rows = [
        (&[][..], "0/0".to_owned()),
        (&["--owner", "7:8"], "7/8".to_owned()),
        (&["--owner", "keep"], format!("{uid}/{gid}")),
    ];
    for (arguments, owner) in rows {
        relocate(place.dir(), [&["old/root", "-o", "x.tar", "-q"], arguments].concat()).expect(0, &[], &[]);
        let lines = listing(&place.at("x.tar"));
        let others: Vec<_> = lines.iter().filter(|line| !line.contains(&format!(" {owner} "))).collect();
        // The record is the archive's own, whoever owns the rest.
        assert!(others.iter().all(|line| line.contains(".relocate") || line.ends_with(" x/")), "{others:?}");
    }
    if is_root() {
        relocate(place.dir(), ["old/root", "-o", "out/", "-q", "--owner", "keep"]).expect(0, &[], &[]);
        let found = fs::symlink_metadata(place.at("out/lib/libword.so")).unwrap();
        assert_eq!((found.uid(), found.gid()), (1234, 4321));
    }
}

#[test]
fn chmod_changes_modes_as_chmod_does() {
    let place = varied();
    let mode = |root: &Path, name: &str| fs::metadata(root.join(name)).unwrap().mode() & 0o7777;
    relocate(place.dir(), ["old/root", "-o", "x.tar", "-q", "--chmod", "u=rwX,go=rX"]).expect(0, &[], &[]);
    let new = place.unpack(place.at("x.tar"));
    assert_eq!(mode(&new, "libexec/tool"), 0o755);
    assert_eq!((mode(&new, "share/data"), mode(&new, "bin/say"), mode(&new, "bin")), (0o644, 0o755, 0o755));
    relocate(place.dir(), ["old/root", "-o", "y.tar", "-q", "--chmod", "go-rwx"]).expect(0, &[], &[]);
    let new = place.unpack(place.at("y.tar"));
    assert_eq!((mode(&new, "libexec/tool"), mode(&new, "share/data"), mode(&new, "bin")), (0o500, 0o600, 0o700));
    relocate(place.dir(), ["verify", "y.tar"]).expect(0, &["every byte"], &[]);
}

#[test]
fn what_is_excluded_is_not_there_and_not_judged() {
    let place = varied();
    place.library("lib/libneeds.so", &["-Wl,--no-as-needed", "-lz"]);
    relocate(place.dir(), ["old/root", "-o", "x.tar"]).expect(1, &["nothing written"], &["missing: libz.so.1"]);
    let globs = ["--exclude", "libneeds.so", "--exclude", "share", "--exclude", "/var/noth*"];
    relocate(place.dir(), [&["old/root", "-o", "x.tar", "-q"][..], &globs].concat()).expect(0, &[], &[]);
    let new = place.unpack(place.at("x.tar"));
    assert_eq!(names(&new), [".relocate", "bin", "lib", "libexec", "var"]);
    assert_eq!(names(&new.join("var")), Vec::<String>::new());
    // A hard link whose first name is left out is a file of its own.
    let arguments = ["old/root", "-o", "y.tar", "-q", "--exclude", "share/again", "--exclude", "libneeds.so"];
    relocate(place.dir(), arguments).expect(0, &[], &[]);
    let new = place.unpack(place.at("y.tar"));
    assert_eq!(fs::read(new.join("share/data")).unwrap(), b"data");
}

#[test]
fn the_top_directory_has_the_name_that_is_asked_for_or_none() {
    let place = varied();
    for (top, first) in [("ourapp-1.0", "ourapp-1.0/.relocate/about.json"), ("a/b", "a/b/.relocate/about.json")] {
        relocate(place.dir(), ["old/root", "-o", "x.tar", "-q", "--top-dir", top]).expect(0, &[], &[]);
        assert!(listing(&place.at("x.tar")).iter().any(|line| line.ends_with(first)), "{top}");
    }
    relocate(place.dir(), ["old/root", "-o", "x.tar", "-q", "--top-dir", ""]).expect(0, &[], &[]);
    fs::create_dir(place.at("flat")).unwrap();
    tool(&[&"tar", &"xf", &place.at("x.tar"), &"-C", &place.at("flat")]);
    assert_eq!(names(&place.at("flat")), [".relocate", "bin", "lib", "libexec", "share", "var"]);
    relocate(place.dir(), ["verify", "x.tar"]).expect(0, &["every byte"], &[]);
    relocate(place.dir(), ["check", "x.tar", "--run", "bin/say"]).expect(0, &["exit 0", "it holds"], &[]);
}

#[test]
fn a_higher_level_makes_the_archive_no_larger() {
    let place = varied();
    let lines: Vec<_> = (0..100_000u64).map(|n| format!("line {} of many\n", n * n % 977)).collect();
    place.write("share/text", lines.concat());
    for (out, low, high) in [("x.tar.gz", "1", "9"), ("x.tar.zst", "1", "19")] {
        let size = |level| {
            relocate(place.dir(), ["old/root", "-o", out, "-q", "--level", level]).expect(0, &[], &[]);
            relocate(place.dir(), ["verify", out, "-q"]).expect(0, &[], &[]);
            fs::metadata(place.at(out)).unwrap().len()
        };
        assert!(size(high) < size(low), "{out}");
    }
}

#[test]
fn an_ordinary_user_unpacks_it_and_owns_what_is_in_it() {
    let place = varied();
    relocate(place.dir(), ["old/root", "-o", "x.tar.gz", "-q"]).expect(0, &[], &[]);
    fs::create_dir(place.at("mine")).unwrap();
    let mut command = Command::new("tar");
    command.args(["xzf", "../x.tar.gz"]).current_dir(place.at("mine"));
    if is_root() {
        give(place.at("mine"), USER, USER);
        command.uid(USER).gid(USER);
    }
    succeed(&mut command);
    let owner = fs::metadata(place.at("mine/x/bin/say")).unwrap().uid();
    assert_eq!(owner, if is_root() { USER } else { rustix::process::geteuid().as_raw() });
    relocate(place.dir(), ["verify", "mine/x"]).by_user().expect(0, &["every byte"], &[]);
    relocate(place.dir(), ["check", "mine/x", "--run", "bin/say"]).by_user().expect(0, &["it holds"], &[]);
    place.hide();
    says_moved(place.at("mine/x/bin/say"));
}

/// Whatever is there when the run is killed, it is the old archive whole or the new one whole, and the next run succeeds.
#[test]
fn a_run_that_is_killed_leaves_no_half_archive_and_no_half_tree() {
    let place = varied();
    let prefix = place.root();
    relocate(place.dir(), ["old/root", "-o", "wanted.tar.gz", "-q", "--top-dir", "x"]).expect(0, &[], &[]);
    let wanted = fs::read(place.at("wanted.tar.gz")).unwrap();
    relocate(place.dir(), ["old/root", "-o", "wanted/", "-q"]).expect(0, &[], &[]);
    let tree = bytes(&place.at("wanted"));
    let before = exact(&prefix);
    let mut points = 0;
    for (out, old) in [("to/x.tar.gz", Some("old")), ("to/x.tar.gz", None), ("to/x/", None)] {
        for point in 0.. {
            fs::create_dir(place.at("to")).unwrap();
            if let Some(old) = old {
                fs::write(place.at("to/x.tar.gz"), old).unwrap();
            }
            let call = || relocate(place.dir(), ["old/root", "-o", out, "-q"]);
            let went = kill_at(&call(), point);
            if let Ok(found) = fs::read(place.at("to/x.tar.gz")) {
                assert!(found == wanted || Some(found.as_slice()) == old.map(str::as_bytes), "killed before {point}");
            }
            let half = place.at("to/x").exists() && bytes(&place.at("to/x")) != tree;
            assert!(!half, "killed before {point}");
            if !(out == "to/x/" && place.at("to/x").exists()) {
                call().expect(0, &[], &[]);
            }
            let left = names(&place.at("to"));
            if out == "to/x/" {
                assert_eq!((left, bytes(&place.at("to/x"))), (vec!["x".to_owned()], tree.clone()));
            } else {
                assert_eq!(left, ["x.tar.gz", "x.tar.gz.sha256"]);
                assert_eq!(fs::read(place.at("to/x.tar.gz")).unwrap(), wanted);
            }
            fs::remove_dir_all(place.at("to")).unwrap();
            points += 1;
            if went == Went::Ended(0) {
                break;
            }
        }
    }
    assert!(points > 30, "{points}");
    assert_eq!(exact(&prefix), before);
}
