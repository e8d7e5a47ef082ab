//! An installed release that is not what it was.

use crate::lab::{DATE, Lab, assemble_with, seen, verified};
use crate::place::{USER, is_root, tool};
use relocate::parcel::ParcelError;
use std::fs::{self, File, FileTimes, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Does something to a release in which nobody may write.
fn tamper(path: &Path, change: impl FnOnce(&Path)) {
    let above = path.parent().unwrap();
    let mode = fs::metadata(above).unwrap().permissions();
    fs::set_permissions(above, Permissions::from_mode(0o755)).unwrap();
    change(path);
    fs::set_permissions(above, mode).unwrap();
}

/// Changes bytes of a file, and nothing else of it.
fn edit(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let looks = fs::metadata(path).unwrap();
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
    fs::write(path, bytes).unwrap();
    File::open(path).unwrap().set_times(FileTimes::new().set_modified(looks.modified().unwrap())).unwrap();
    fs::set_permissions(path, looks.permissions()).unwrap();
}

fn is_base(error: &ParcelError, wanted: &str) {
    assert!(matches!(error, ParcelError::Base { .. }) && error.whole_may_help(), "{wanted}: {error}");
    assert!(error.to_string().contains(wanted), "{wanted}: {error}");
}

#[test]
fn one_bit_that_was_changed_goes_no_further() {
    let lab = Lab::new();
    // Linked; patched; filled, of which one byte of its path, and one elsewhere; a ledger; the tool's own.
    for (name, at) in [
        ("etc/none.conf", 3),
        ("lib/libnoise.so.1.2", 700_000),
        ("bin/reads", 5_000),
        ("etc/app.conf", 7),
        ("etc/app.conf", 2),
        ("share/ledger", 1),
        (".relocate/about.json", 20),
    ] {
        let path = lab.at("R/r/41").join(name);
        edit(&path, |bytes| bytes[at] ^= 1);
        is_base(&lab.assemble().unwrap_err(), name);
        lab.only(&["41"]);
        edit(&path, |bytes| bytes[at] ^= 1);
    }
    edit(&lab.at("R/r/41/.relocate/manifest.json"), |bytes| bytes.push(b'\n'));
    is_base(&lab.assemble().unwrap_err(), "its manifest is not the one");
    edit(&lab.at("R/r/41/.relocate/manifest.json"), |bytes| bytes.truncate(bytes.len() - 1));
    lab.assemble().unwrap();
}

#[test]
fn what_was_removed_or_became_something_else_is_missed() {
    type Change = fn(&Path);
    let changes: [(&str, Change); 7] = [
        ("removed", |path| fs::remove_file(path).unwrap()),
        ("another file", |path| fs::write(path, "another").unwrap()),
        ("longer", |path| edit(path, |bytes| bytes.push(0))),
        ("shorter", |path| edit(path, |bytes| bytes.truncate(1))),
        ("a directory", |path| {
            fs::remove_file(path).unwrap();
            fs::create_dir(path).unwrap();
        }),
        ("a pipe", |path| {
            fs::remove_file(path).unwrap();
            tool(&[&"mkfifo", &path]);
        }),
        // What it leads to is the very file; it is not followed all the same.
        ("a symlink", |path| {
            fs::rename(path, path.with_extension("kept")).unwrap();
            symlink(path.with_extension("kept"), path).unwrap();
        }),
    ];
    for (what, change) in changes {
        for name in ["lib/python/twice.py", "lib/libnoise.so.1.2"] {
            let lab = Lab::new();
            let path = lab.at("R/r/41").join(name);
            tamper(&path, |path| {
                fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
                change(path);
            });
            let error = lab.assemble().unwrap_err();
            assert!(matches!(&error, ParcelError::Base { .. }), "{what}: {error}");
            is_base(&error, name);
            lab.only(&["41"]);
        }
    }
}

#[test]
fn a_directory_that_became_a_symlink_is_not_followed() {
    let lab = Lab::new();
    tamper(&lab.at("R/r/41/etc"), |path| {
        tool(&[&"cp", &"-a", &path, &lab.at("elsewhere")]);
        tool(&[&"chmod", &"u+w", &path]);
        fs::remove_dir_all(path).unwrap();
        symlink(lab.at("elsewhere"), path).unwrap();
    });
    is_base(&lab.assemble().unwrap_err(), "etc/");
    lab.only(&["41"]);
}

#[test]
fn what_the_next_release_does_not_need_may_be_gone_and_what_is_there_besides_stays_behind() {
    let lab = Lab::new();
    let wanted = lab.wanted();
    tamper(&lab.at("R/r/41/share/gone"), |path| fs::remove_file(path).unwrap());
    tamper(&lab.at("R/r/41/share/besides"), |path| fs::write(path, "mine").unwrap());
    lab.assemble().unwrap();
    assert_eq!(seen(&lab.at("R/r/42")), wanted);
}

/// The bytes are right, so the release is; but mode, time and owner belong to the file and not to its name.
#[test]
fn a_file_with_another_mode_time_or_owner_is_copied() {
    let lab = Lab::new();
    let wanted = lab.wanted();
    let at = |name: &str| lab.at("R/r/41").join(name);
    fs::set_permissions(at("etc/none.conf"), Permissions::from_mode(0o644)).unwrap();
    let later = SystemTime::UNIX_EPOCH + Duration::new(DATE.unsigned_abs(), 1);
    File::open(at("lib/python/dated.py")).unwrap().set_times(FileTimes::new().set_modified(later)).unwrap();
    let mut changed = vec!["etc/none.conf", "lib/python/dated.py"];
    if is_root() {
        chown(at("share/empty"), Some(USER), None).unwrap();
        changed.push("share/empty");
    }
    let before: Vec<_> = changed.iter().map(|name| fs::metadata(at(name)).unwrap()).collect();
    lab.assemble().unwrap();
    let dest = lab.at("R/r/42");
    assert_eq!(seen(&dest), wanted);
    verified(&dest);
    for (name, before) in changed.iter().zip(before) {
        let (old, new) = (fs::metadata(at(name)).unwrap(), fs::metadata(dest.join(name)).unwrap());
        assert_eq!((old.mode(), old.mtime_nsec(), old.nlink()), (before.mode(), before.mtime_nsec(), 1), "{name}");
        assert_ne!(old.ino(), new.ino(), "{name}");
    }
}

#[test]
fn a_base_on_another_file_system_is_copied() {
    let lab = Lab::new();
    let wanted = lab.wanted();
    let memory = tempfile::tempdir_in("/dev/shm").unwrap();
    let device = |path: &Path| fs::metadata(path).unwrap().dev();
    assert_ne!(device(memory.path()), device(lab.made.place.dir()), "/dev/shm is where this test needs another one");
    let base: PathBuf = memory.path().join("41");
    tool(&[&"cp", &"-a", &lab.at("R/r/41"), &base]);
    let assembled = assemble_with(&lab.at("delta"), &base, &lab.at("R/r/42"));
    tool(&[&"chmod", &"-R", &"u+w", &base]);
    let ways = assembled.unwrap().ways;
    assert_eq!((ways.linked, ways.cloned), (0, 0), "{ways:?}");
    assert_eq!(seen(&lab.at("R/r/42")), wanted);
}

/// ext4 has 65,000 names for a file. Where the file system has no such limit, this shows that many names do no harm.
#[test]
fn a_file_that_has_all_the_names_it_may_have_is_copied() {
    let lab = Lab::new();
    let wanted = lab.wanted();
    let (first, names) = (lab.at("R/r/41/etc/none.conf"), lab.at("names of it"));
    fs::create_dir(&names).unwrap();
    let full = (0..66_000).any(|at| fs::hard_link(&first, names.join(at.to_string())).is_err());
    let assembled = lab.assemble();
    fs::remove_dir_all(&names).unwrap();
    assembled.unwrap();
    assert_eq!(seen(&lab.at("R/r/42")), wanted);
    let number = |name: &str| fs::metadata(lab.at("R/r").join(name).join("etc/none.conf")).unwrap().ino();
    assert_eq!(full, number("41") != number("42"));
}

/// A release that was moved by hand is where its record says that it was.
#[test]
fn a_base_may_lie_where_it_was_not_installed() {
    let lab = Lab::new();
    let wanted = lab.wanted();
    fs::rename(lab.at("R/r/41"), lab.at("R/r/moved")).unwrap();
    assemble_with(&lab.at("delta"), &lab.at("R/r/moved"), &lab.at("R/r/42")).unwrap();
    assert_eq!(seen(&lab.at("R/r/42")), wanted);
    lab.only(&["42", "moved"]);
}
