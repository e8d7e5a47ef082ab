//! What must hold for every file that gets a name. Kills, full disks and other users are in `tests/write.rs`.

use super::*;
use crate::base::bytes::{Edit, Edited, FileBytes, ReadAt};
use crate::base::digest::Mark;
use crate::base::write::{
    CopyError, NewDir, OtherName, commit_all, commit_each, finish_interrupted, is_partial, partial_name, prepare,
    replace, replace_symlink,
};
use std::os::unix::fs::{MetadataExt, PermissionsExt};

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

type Create = fn(&Path) -> Result<NewFile, WriteError>;
const BOTH: [Create; 2] = [NewFile::create, NewFile::create_partial];

#[test]
fn a_file_appears_whole_and_replaces_an_older_one() {
    for create in BOTH {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out.tar");
        for bytes in [b"first".as_slice(), b"second"] {
            let mut file = create(&out).unwrap();
            file.write_all(bytes).unwrap();
            assert_ne!(fs::read(&out).ok().as_deref(), Some(bytes));
            file.commit().unwrap();
            assert_eq!(fs::read(&out).unwrap(), bytes);
            assert_eq!(names(dir.path()), ["out.tar"]);
        }
        assert_eq!(fs::metadata(&out).unwrap().permissions().mode() & 0o444, 0o444);
    }
}

#[test]
fn a_dropped_file_leaves_nothing() {
    for create in BOTH {
        let dir = tempfile::tempdir().unwrap();
        let mut file = create(&dir.path().join("out.tar")).unwrap();
        file.write_all(b"half").unwrap();
        drop(file);
        assert!(names(dir.path()).is_empty());
    }
}

#[test]
fn what_a_killed_run_left_is_removed_by_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    fs::write(&out, b"old").unwrap();
    fs::write(dir.path().join(".out.relocate-partial"), b"half").unwrap();
    replace(&out, |file| file.write_all(b"new")).unwrap();
    assert_eq!(names(dir.path()), ["out"]);
    fs::create_dir_all(dir.path().join(".tree.relocate-partial/a/b")).unwrap();
    NewDir::create(&dir.path().join("tree")).unwrap().commit().unwrap();
    assert_eq!(names(dir.path()), ["out", "tree"]);
    assert!(is_partial(b".out.relocate-partial") && !is_partial(b"out.relocate-partial"));
}

#[test]
fn two_writers_of_one_name_do_not_mix() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let first = NewFile::create_partial(&out).unwrap();
    let error = NewFile::create_partial(&out).unwrap_err().to_string();
    assert!(error.contains("another process is writing it"), "{error}");
    first.commit().unwrap();
}

#[test]
fn of_many_writers_of_a_new_name_at_once_one_gives_it() {
    for create in BOTH {
        for _ in 0..5 {
            let dir = tempfile::tempdir().unwrap();
            let write = &|at: u8| match create(&dir.path().join("out")) {
                Ok(mut file) => {
                    file.write_all(&[at; 100]).unwrap();
                    file.commit_new().unwrap()
                }
                // A slow disk: who waits for another one longer than a second is told.
                Err(error) => {
                    assert!(error.to_string().contains("another process is writing it"), "{error}");
                    false
                }
            };
            let done = std::thread::scope(|scope| {
                let all: Vec<_> = (0..12).map(|at| scope.spawn(move || write(at))).collect();
                all.into_iter().map(|one| one.join().unwrap()).filter(|done| *done).count()
            });
            assert_eq!((done, names(dir.path())), (1, vec!["out".to_owned()]));
            let bytes = fs::read(dir.path().join("out")).unwrap();
            assert!(bytes.len() == 100 && bytes.iter().all(|byte| *byte == bytes[0]));
        }
    }
}

#[test]
fn a_name_of_255_bytes_can_be_written() {
    for create in BOTH {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("n".repeat(255));
        fs::write(&out, b"old").unwrap();
        create(&out).unwrap().commit().unwrap();
        assert_eq!(fs::read(&out).unwrap(), b"");
    }
}

#[test]
fn a_device_or_directory_is_never_written_over() {
    let dir = tempfile::tempdir().unwrap();
    for (path, found) in [(dir.path(), "a directory"), (Path::new("/dev/null"), "a device")] {
        let error = NewFile::create(path).unwrap_err();
        assert!(error.to_string().contains(found), "{error}");
    }
    assert!(replace(dir.path(), |_| Ok(())).is_err());
    fs::write(dir.path().join("file"), b"").unwrap();
    assert!(NewDir::create(&dir.path().join("file")).is_err());
    assert!(NewDir::create(dir.path()).is_err());
}

#[test]
fn a_symlink_stays_and_its_target_is_written() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("real"), b"old").unwrap();
    std::os::unix::fs::symlink("real", dir.path().join("link")).unwrap();
    let mut file = NewFile::create(&dir.path().join("link")).unwrap();
    file.write_all(b"new").unwrap();
    file.commit().unwrap();
    assert_eq!(fs::read_link(dir.path().join("link")).unwrap(), Path::new("real"));
    assert_eq!(fs::read(dir.path().join("real")).unwrap(), b"new");
    assert!(replace(&dir.path().join("link"), |_| Ok(())).is_err());
}

#[test]
fn a_replaced_file_keeps_mode_attributes_and_nanoseconds() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lib.so");
    for mode in [0o444, 0o555, 0o4755, 0o640] {
        fs::write(&path, b"old").unwrap();
        rustix::fs::setxattr(&path, "user.note", b"kept", rustix::fs::XattrFlags::empty()).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let time = std::time::UNIX_EPOCH + std::time::Duration::new(1_000_000_000, 123_456_789);
        File::open(&path).unwrap().set_modified(time).unwrap();
        replace(&path, |file| file.write_all(b"new bytes")).unwrap();
        let now = fs::metadata(&path).unwrap();
        assert_eq!(now.mode() & 0o7777, mode);
        assert_eq!((now.mtime(), now.mtime_nsec()), (1_000_000_000, 123_456_789));
        let mut note = [0; 4];
        rustix::fs::getxattr(&path, "user.note", &mut note).unwrap();
        assert_eq!((&note, fs::read(&path).unwrap().as_slice()), (b"kept", b"new bytes".as_slice()));
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn a_failing_writer_leaves_the_old_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f");
    fs::write(&path, b"old").unwrap();
    let error = replace(&path, |file| {
        file.write_all(b"half")?;
        Err(io::Error::other("changed meanwhile"))
    });
    assert!(error.unwrap_err().to_string().ends_with("f': changed meanwhile"));
    assert_eq!((fs::read(&path).unwrap().as_slice(), names(dir.path())), (b"old".as_slice(), vec!["f".to_owned()]));
}

/// A file `a` and its other name `b`, and new bytes made ready for both.
fn hard_linked(dir: &Path, create: Create) -> (NewFile, OtherName) {
    fs::write(dir.join("a"), b"old").unwrap();
    fs::hard_link(dir.join("a"), dir.join("b")).unwrap();
    let mut new = create(&dir.join("a")).unwrap();
    new.write_all(b"new").unwrap();
    let other = OtherName::ready(&new, &dir.join("b")).unwrap();
    (new, other)
}

#[test]
fn all_names_of_a_file_change_together_or_not_at_all() {
    for create in BOTH {
        for commit in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let (new, other) = hard_linked(dir.path(), create);
            if commit {
                new.commit().unwrap();
                OtherName::commit_all([other]).unwrap();
            } else {
                drop((new, other));
            }
            let bytes: &[u8] = if commit { b"new" } else { b"old" };
            assert_eq!(fs::read(dir.path().join("b")).unwrap(), bytes);
            assert_eq!(fs::metadata(dir.path().join("a")).unwrap().nlink(), 2);
            assert_eq!(names(dir.path()), ["a", "b"]);
        }
    }
}

#[test]
fn a_name_that_a_kill_left_ready_is_given_and_no_other() {
    for create in BOTH {
        let dir = tempfile::tempdir().unwrap();
        let (new, other) = hard_linked(dir.path(), create);
        let busy = finish_interrupted(dir.path()).unwrap_err().to_string();
        assert!(busy.contains("another process is writing it"), "{busy}");
        assert_eq!(fs::read(dir.path().join("b")).unwrap(), b"old");
        new.commit().unwrap();
        std::mem::forget(other);
        assert_eq!(names(dir.path()), [".b.relocate-partial", "a", "b"]);
        fs::create_dir_all(dir.path().join(".c.relocate-partial/half")).unwrap();
        std::os::unix::fs::symlink("/etc", dir.path().join(".d.relocate-partial")).unwrap();
        for _ in 0..2 {
            finish_interrupted(dir.path()).unwrap();
            assert_eq!(names(dir.path()), ["a", "b"]);
            assert_eq!(fs::metadata(dir.path().join("b")).unwrap().nlink(), 2);
        }
    }
}

#[test]
fn a_symlink_that_a_kill_left_is_cleared_away() {
    let dir = tempfile::tempdir().unwrap();
    let name = dir.path().join("link");
    std::os::unix::fs::symlink("old", &name).unwrap();
    std::os::unix::fs::symlink("half", partial_name(&name)).unwrap();
    replace_symlink(&name, Path::new("new")).unwrap();
    assert_eq!(fs::read_link(&name).unwrap(), Path::new("new"));
    assert_eq!(names(dir.path()), ["link"]);
}

#[test]
fn a_tree_or_a_file_takes_the_place_of_a_symlink_in_one_step() {
    let dir = tempfile::tempdir().unwrap();
    let name = dir.path().join("link");
    std::os::unix::fs::symlink("/etc", &name).unwrap();
    let mut file = NewFile::instead_of_symlink(&name).unwrap();
    file.write_all(b"x").unwrap();
    file.commit().unwrap();
    assert!(fs::symlink_metadata(&name).unwrap().is_file());
    fs::remove_file(&name).unwrap();
    std::os::unix::fs::symlink("/etc", &name).unwrap();
    drop(NewDir::instead_of_symlink(&name).unwrap());
    assert_eq!(fs::read_link(&name).unwrap(), Path::new("/etc"));
    let tree = NewDir::instead_of_symlink(&name).unwrap();
    fs::write(tree.staging().join("f"), b"x").unwrap();
    tree.commit().unwrap();
    assert_eq!((names(dir.path()), names(&name)), (vec!["link".to_owned()], vec!["f".to_owned()]));
}

/// As on kernels before 3.15, where two names cannot be exchanged.
#[test]
fn a_symlink_put_aside_for_a_tree_comes_back_where_the_tree_did_not() {
    use crate::base::write::new_dir::by_way_of_aside;
    let dir = tempfile::tempdir().unwrap();
    let (name, staging) = (dir.path().join("link"), dir.path().join(".link.relocate-partial"));
    let aside = dir.path().join("..link.relocate-partial.relocate-partial");
    std::os::unix::fs::symlink("/etc", &name).unwrap();
    // No tree: the symlink is back at once.
    by_way_of_aside(&staging, &name).unwrap_err();
    assert_eq!(
        (names(dir.path()), fs::read_link(&name).unwrap().as_path()),
        (vec!["link".to_owned()], Path::new("/etc"))
    );
    // Killed after the first step.
    fs::create_dir_all(staging.join("half")).unwrap();
    fs::rename(&name, &aside).unwrap();
    finish_interrupted(dir.path()).unwrap();
    assert_eq!(
        (names(dir.path()), fs::read_link(&name).unwrap().as_path()),
        (vec!["link".to_owned()], Path::new("/etc"))
    );
    // And before the last one.
    fs::create_dir(&staging).unwrap();
    by_way_of_aside(&staging, &name).unwrap();
    std::os::unix::fs::symlink("/etc", &aside).unwrap();
    finish_interrupted(dir.path()).unwrap();
    assert_eq!(names(dir.path()), ["link"]);
    assert!(fs::symlink_metadata(&name).unwrap().is_dir());
    // From a name that is this long none can be read back, so nothing is done.
    let long = dir.path().join("n".repeat(190));
    std::os::unix::fs::symlink("/etc", &long).unwrap();
    fs::create_dir(&staging).unwrap();
    by_way_of_aside(&staging, &long).unwrap_err();
    assert!(fs::read_link(&long).is_ok() && staging.is_dir());
}

#[test]
fn many_files_are_named_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let paths: Vec<_> = (0..20).map(|n| dir.path().join(format!("{n:02}"))).collect();
    let mut prepared = Vec::new();
    for path in &paths {
        fs::write(path, b"old").unwrap();
        prepared.push(prepare(path, |file| file.write_all(b"new")).unwrap());
    }
    assert!(paths.iter().all(|path| fs::read(path).unwrap() == b"old"));
    commit_all(prepared).unwrap();
    assert!(paths.iter().all(|path| fs::read(path).unwrap() == b"new"));
    assert_eq!(names(dir.path()).len(), 20);
}

#[test]
fn of_many_files_each_is_told_what_became_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let paths = ["a", "gone/b", "c", "d"].map(|name| dir.path().join(name));
    fs::create_dir(dir.path().join("gone")).unwrap();
    let new = |path: &PathBuf| {
        fs::write(path, b"old").unwrap();
        prepare(path, |file| file.write_all(b"new")).unwrap()
    };
    let files = paths.iter().map(new).collect();
    fs::remove_dir_all(dir.path().join("gone")).unwrap();
    let refusal = || WriteError::Taken { path: "c".into(), found: "not what it was" };
    let told = commit_each(files, |at| if at == 2 { Err(refusal()) } else { Ok(()) });
    assert_eq!(told.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, false, true]);
    assert!(matches!(told[2], Err(WriteError::Taken { .. })));
    let bytes = [&paths[0], &paths[2], &paths[3]].map(|path| fs::read(path).unwrap());
    assert_eq!(bytes, [b"new", b"old", b"new"]);
    assert_eq!(names(dir.path()), ["a", "c", "d"]);
}

/// Bytes that no two places share.
fn bytes(len: u64) -> Vec<u8> {
    (0..=len / 8).flat_map(u64::to_le_bytes).take(len as usize).collect()
}

#[test]
fn a_copy_has_the_edits_and_the_size_it_shall_have() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("from"), dir.path().join("to"));
    for create in BOTH {
        for (len, size) in [(0, 0), (10, 10), (10, 12), (3_000_000, 3_000_000), (3_000_000, 5), (5, 70_000)] {
            fs::write(&from, bytes(len)).unwrap();
            let source = FileBytes::new(File::open(&from).unwrap()).unwrap();
            let last = u64::saturating_sub(size, 2);
            let edits = [Edit { offset: 0, bytes: b"new".to_vec() }, Edit { offset: last, bytes: b"er".to_vec() }];
            let edits = if size < 3 { &[][..] } else { &edits };
            let new = create(&to).unwrap();
            let mark = Mark::read(&source).unwrap();
            new.copy_with_edits(&source, Some(mark), edits, size).unwrap();
            new.commit().unwrap();
            let wanted = Edited::new(&source, edits, size);
            assert!(fs::read(&to).unwrap() == *wanted.range(0, size).unwrap(), "{len} to {size}");
        }
    }
}

/// More attributes than most files have.
#[test]
fn an_attribute_of_many_bytes_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, b"old").unwrap();
    let value = bytes(2_000);
    rustix::fs::setxattr(&path, "user.note", &value, rustix::fs::XattrFlags::empty()).unwrap();
    replace(&path, |file| file.write_all(b"new")).unwrap();
    let mut kept = [0; 4096];
    let len = rustix::fs::getxattr(&path, "user.note", &mut kept).unwrap();
    assert!(kept[..len] == value);
}

#[test]
fn a_copy_of_what_changed_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let from = dir.path().join("from");
    fs::write(&from, bytes(100_000)).unwrap();
    let source = FileBytes::new(File::open(&from).unwrap()).unwrap();
    let mark = Mark::read(&source).unwrap();
    let copied = |mark| {
        let new = NewFile::create(&dir.path().join("to")).unwrap();
        new.copy_with_edits(&source, mark, &[Edit { offset: 70_000, bytes: b"new".to_vec() }], 100_000)
    };
    copied(Some(mark)).unwrap();
    File::options().write(true).open(&from).unwrap().write_all(b"x").unwrap();
    assert!(matches!(copied(Some(mark)), Err(CopyError::Changed)));
    copied(None).unwrap();
    File::options().write(true).open(&from).unwrap().set_len(99_999).unwrap();
    assert!(matches!(copied(None), Err(CopyError::Changed)));
}

#[test]
fn a_tree_appears_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("tree");
    for commit in [false, true] {
        let new = NewDir::create(&dir.path().join("tree/")).unwrap();
        let locked = new.staging().join("bin/locked");
        fs::create_dir_all(&locked).unwrap();
        fs::write(locked.join("f"), b"x").unwrap();
        fs::set_permissions(&locked, fs::Permissions::from_mode(0o500)).unwrap();
        assert!(!out.exists());
        if commit {
            new.commit().unwrap();
            assert_eq!(fs::read(out.join("bin/locked/f")).unwrap(), b"x");
        }
    }
    assert_eq!(names(dir.path()), ["tree"]);
}
