//! What a tree may hold besides files and directories that are what they seem: fifos, sockets, devices, symlinks that lead
//! nowhere, and names that are no text.

use crate::call::{PROVEN, relocate};
use crate::place::{Place, is_root, names, says_moved, tool};
use crate::state::holds;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;

#[test]
fn fifos_sockets_and_devices_are_left_out_with_a_warning_each() {
    let place = Place::small();
    place.write("var/run/README", "x");
    tool(&[&"mkfifo", &place.inside("var/run/fifo")]);
    let _socket = UnixListener::bind(place.inside("var/run/socket")).unwrap();
    let mut told = vec!["var/run/fifo: is a fifo", "var/run/socket: is a socket", "left out"];
    // Only root makes devices; an ordinary user has none in a tree.
    if is_root() {
        tool(&[&"mknod", &place.inside("var/run/null"), &"c", &"1", &"3"]);
        tool(&[&"mknod", &place.inside("var/run/disk"), &"b", &"7", &"0"]);
        told.extend(["var/run/null: is a character device", "var/run/disk: is a block device"]);
    }
    relocate(place.dir(), ["old/root", "-o", "x.tar.gz"]).expect(0, &[PROVEN], &told);
    relocate(place.dir(), ["old/root", "-o", "out/"]).expect(0, &[PROVEN], &told);
    let new = place.unpack(place.at("x.tar.gz"));
    relocate(place.dir(), ["--in-place", "old/root"]).expect(0, &[PROVEN], &told);
    assert_eq!(names(&new.join("var/run")), ["README"]);
    assert_eq!(names(&place.at("out/var/run")), ["README"]);
    assert_eq!(names(&place.inside("var/run")).len(), if is_root() { 5 } else { 3 });
    place.hide();
    says_moved(new.join("bin/say"));
}

#[test]
fn symlinks_that_loop_dangle_or_leave_are_kept_and_reported() {
    let place = Place::small();
    place.write("share/README", "x");
    for (name, target) in [
        ("share/self", "self"),
        ("share/one", "two"),
        ("share/two", "one"),
        ("share/dangling", "../nothing/here"),
        ("share/leaves", "../../../elsewhere"),
        ("share/up", ".."),
        ("share/absolute", &format!("{}/lib", place.root().display())),
        ("share/gone", &format!("{}/gone", place.root().display())),
    ] {
        symlink(target, place.inside(name)).unwrap();
    }
    let told =
        ["share/leaves: symlink to ../../../elsewhere leaves the tree", "goes round in a circle", "leads nowhere"];
    relocate(place.dir(), ["old/root", "-o", "x.tar.gz"]).expect(0, &[PROVEN, "8 symlinks, 2 made relative"], &told);
    let new = place.unpack(place.at("x.tar.gz"));
    let target = |name: &str| fs::read_link(new.join("share").join(name)).unwrap();
    assert_eq!(
        (target("self"), target("one"), target("dangling")),
        ("self".into(), "two".into(), "../nothing/here".into())
    );
    assert_eq!((target("absolute"), target("gone"), target("up")), ("../lib".into(), "../gone".into(), "..".into()));
    place.hide();
    says_moved(new.join("share/absolute/../bin/say"));
}

#[test]
fn an_absolute_symlink_that_leaves_is_an_error_until_something_is_said_about_it() {
    let place = Place::small();
    symlink("/etc/hostname", place.inside("lib/away")).unwrap();
    let told = ["error: lib/away: absolute symlink to /etc/hostname, outside the tree", "--copy-link"];
    relocate(place.dir(), ["old/root", "-o", "x.tar.gz"]).expect(1, &["nothing written"], &told);
    assert_eq!(place.beside(), ["old", "source.c"]);
    let allow = ["old/root", "-o", "x.tar.gz", "--allow-link", "lib/away"];
    relocate(place.dir(), allow).expect(0, &[PROVEN], &["note: lib/away"]);
    let copy = ["old/root", "-o", "y.tar.gz", "--copy-link", "lib/away"];
    relocate(place.dir(), copy).expect(0, &[PROVEN, "copied in"], &["note: lib/away: copied from /etc/hostname"]);
    let new = place.unpack(place.at("y.tar.gz"));
    assert_eq!(fs::read(new.join("lib/away")).unwrap(), fs::read("/etc/hostname").unwrap());
}

/// Names that are not UTF-8, with newlines, blanks, quotes and escapes, for files, directories, targets and ROOT itself.
#[test]
fn names_that_are_no_text_are_kept_byte_for_byte() {
    let place = Place::new();
    let odd = OsStr::from_bytes(b"lib/\xff\xfe\ndir \"'\\\x1b[31m");
    let root = place.root();
    place.library("lib/libword.so.1", &[]);
    fs::create_dir_all(root.join(odd)).unwrap();
    fs::rename(root.join("lib/libword.so.1"), root.join(odd).join("libword.so.1")).unwrap();
    let rpath = [b"-Wl,-rpath,".as_slice(), root.as_os_str().as_bytes(), b"/", odd.as_bytes()].concat();
    fs::create_dir(root.join("bin")).unwrap();
    fs::write(place.at("source.c"), crate::place::SAY).unwrap();
    let name = root.join(OsStr::from_bytes(b"bin/say\xe9"));
    let library = root.join(odd).join("libword.so.1");
    tool(&[&"cc", &"-o", &name, &place.at("source.c"), &library, &OsStr::from_bytes(&rpath)]);
    symlink(OsStr::from_bytes(b"say\xe9"), root.join(OsStr::from_bytes(b"bin/\x80"))).unwrap();
    let strange = place.at(OsStr::from_bytes(b"ro\xc3ot"));
    fs::rename(&root, &strange).unwrap();
    fs::create_dir_all(&root).unwrap();
    let out = OsStr::from_bytes(b"o\xb5ut.tar.gz");
    let prefix = root.as_os_str();
    let arguments = [strange.as_os_str(), OsStr::new("-o"), out, OsStr::new("--old-prefix"), prefix];
    relocate(place.dir(), arguments).expect(0, &[PROVEN, "1 rewritten"], &[]);
    let json = [&arguments[..], &[OsStr::new("--json")]].concat();
    let report = relocate(place.dir(), json).expect(0, &["done"], &[]).json();
    assert_eq!(report["exit"], 0);
    relocate(place.dir(), [OsStr::new("verify"), out]).expect(0, &["every byte"], &[]);
    relocate(place.dir(), [OsStr::new("check"), out]).expect(0, &["it holds"], &[]);
    fs::create_dir(place.at("new")).unwrap();
    tool(&[&"tar", &"xf", &place.at(out), &"-C", &place.at("new")]);
    let top = place.at("new").join(OsStr::from_bytes(b"o\xb5ut"));
    assert_eq!(fs::read_link(top.join(OsStr::from_bytes(b"bin/\x80"))).unwrap().as_os_str().as_bytes(), b"say\xe9");
    fs::remove_dir_all(place.at("old")).unwrap();
    fs::remove_dir_all(&strange).unwrap();
    let program = top.join(OsStr::from_bytes(b"bin/\x80"));
    let path = [b"$ORIGIN/../".as_slice(), odd.as_bytes()].concat();
    assert!(holds(&program, OsStr::from_bytes(&path)) && !holds(&program, prefix));
    says_moved(&program);
    // The digest file names the archive as sha256sum(1) wants it.
    let mut digest = out.to_owned();
    digest.push(".sha256");
    let mut command = std::process::Command::new("sha256sum");
    crate::place::succeed(command.arg("-c").arg(Path::new(&digest)).current_dir(place.dir()));
}
