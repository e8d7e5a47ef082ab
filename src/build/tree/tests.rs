use super::*;
use crate::base::child::run;
use crate::base::event::Silent;
use std::fs;

/// A small tree of our own: two packages, an executable file, a symlink.
fn small(dir: &Path) -> PathBuf {
    let root = dir.join("pkgsrc");
    let files = [
        ("bootstrap/bootstrap", "#!/bin/sh\n"),
        ("mk/bsd.pkg.mk", "X= ${WRKOBJDIR} ${SITES.${f}}\n"),
        ("doc/CHANGES-2014", "\tUpdated www/a to 2 [x 2014-09-30]\n"),
        ("www/a/Makefile", "PKGNAME= a-1\n.include \"options.mk\"\n.include \"../../mk/bsd.pkg.mk\"\n"),
        ("www/a/options.mk", "PKG_OPTIONS_VAR= PKG_OPTIONS.a\nPKG_SUPPORTED_OPTIONS= ssl \\\n\tinet6\nY= ${A_DIR}\n"),
        ("www/a/patches/patch-aa", "old\n"),
        ("misc/b/Makefile", "PKGNAME= b-1\n"),
    ];
    for (name, text) in files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    run(&["chmod", "755", root.join("bootstrap/bootstrap").to_str().unwrap()]).unwrap();
    std::os::unix::fs::symlink("Makefile", root.join("misc/b/GNUmakefile")).unwrap();
    root
}

fn source(base: Base, overlays: &[PathBuf]) -> Source {
    Source { base, overlays: overlays.to_vec() }
}

fn open(source: &Source, work: &Path) -> Tree {
    Tree::open(source, work, &Silent).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn a_directory_is_used_where_it_lies_and_nothing_is_written_to_it() {
    let dir = tempfile::tempdir().unwrap();
    let root = small(dir.path());
    let before = digest::digest_of(&root, None).unwrap();
    let tree = open(&source(Base::Directory(root.clone()), &[]), &dir.path().join("work"));
    assert_eq!(tree.path(), fs::canonicalize(&root).unwrap());
    assert_eq!(tree.digest(), before);
    assert_eq!(tree.era().unwrap().to_string(), "2014-09");
    assert_eq!(tree.pkgpaths().unwrap(), ["misc/b", "www/a"]);
    assert!(tree.has("www/a") && !tree.has("www/../www/a") && !tree.has("mk/bsd.pkg.mk") && !tree.has("www"));
}

#[test]
fn every_compressor_gives_the_same_tree_without_its_top_directory() {
    let dir = tempfile::tempdir().unwrap();
    let root = small(dir.path());
    let wanted = digest::digest_of(&root, None).unwrap();
    for (ending, flag) in [("tar", ""), ("tar.gz", "z"), ("tar.bz2", "j"), ("tar.xz", "J"), ("tar.zst", "--zstd")] {
        let archive = dir.path().join(format!("pkgsrc.{ending}"));
        let (at, from) = (archive.to_str().unwrap(), dir.path().to_str().unwrap());
        let made = if flag.starts_with('-') {
            run(&["tar", flag, "-cf", at, "-C", from, "pkgsrc"])
        } else {
            run(&["tar", &format!("c{flag}f"), at, "-C", from, "pkgsrc"])
        };
        assert!(made.unwrap().success);
        let tree = open(&source(Base::Archive(archive.clone()), &[]), &dir.path().join(ending));
        assert_eq!(tree.digest(), digest::digest_of_file(&archive).unwrap());
        assert_eq!(digest::digest_of(tree.path(), None).unwrap(), wanted, "{ending}");
    }
}

#[test]
fn a_tree_left_half_by_a_kill_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    small(dir.path());
    let archive = dir.path().join("t.tar");
    run(&["tar", "cf", archive.to_str().unwrap(), "-C", dir.path().to_str().unwrap(), "pkgsrc"]).unwrap();
    let work = dir.path().join("work");
    let wanted = source(Base::Archive(archive), &[]);
    let tree = open(&wanted, &work);
    let makefile = tree.path().join("www/a/Makefile");
    let first = fs::metadata(&makefile).unwrap().modified().unwrap();
    fs::write(&makefile, "changed").unwrap();
    open(&wanted, &work);
    assert_eq!(fs::read(&makefile).unwrap(), b"changed", "a finished tree is found again, not made again");
    fs::remove_file(work.join("tree.json")).unwrap();
    fs::create_dir(work.join(".tree.relocate-partial")).unwrap();
    open(&wanted, &work);
    assert_eq!(fs::metadata(&makefile).unwrap().modified().unwrap(), first);
    assert!(!work.join(".tree.relocate-partial").exists());
}

#[test]
fn an_overlay_replaces_packages_whole_and_other_files_one_by_one() {
    let dir = tempfile::tempdir().unwrap();
    let root = small(dir.path());
    let before = digest::digest_of(&root, None).unwrap();
    let overlay = dir.path().join("overlay");
    for (name, text) in [("www/a/Makefile", "PKGNAME= a-2\n"), ("mk/extra.mk", ""), ("new/c/Makefile", "")] {
        fs::create_dir_all(overlay.join(name).parent().unwrap()).unwrap();
        fs::write(overlay.join(name), text).unwrap();
    }
    let work = dir.path().join("work");
    let tree = open(&source(Base::Directory(root.clone()), std::slice::from_ref(&overlay)), &work);
    assert_eq!(tree.path(), work.join("tree"));
    assert_eq!(fs::read(tree.path().join("www/a/Makefile")).unwrap(), b"PKGNAME= a-2\n");
    assert!(!tree.path().join("www/a/patches").exists(), "a patch for another version must not stay");
    assert!(tree.path().join("mk/bsd.pkg.mk").exists() && tree.path().join("mk/extra.mk").exists());
    assert_eq!(tree.pkgpaths().unwrap(), ["misc/b", "new/c", "www/a"]);
    assert_eq!(digest::digest_of(&root, None).unwrap(), before, "the source is not touched");
    fs::write(overlay.join("mk/extra.mk"), "Z=1\n").unwrap();
    let again = open(&source(Base::Directory(root), &[overlay]), &work);
    assert_ne!(again.digest(), tree.digest());
    assert_eq!(fs::read(again.path().join("mk/extra.mk")).unwrap(), b"Z=1\n");
}

#[test]
fn an_overlay_cannot_reach_out_through_a_symlink_of_the_tree() {
    let dir = tempfile::tempdir().unwrap();
    let root = small(dir.path());
    let outside = dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    std::os::unix::fs::symlink(&outside, root.join("linked")).unwrap();
    let overlay = dir.path().join("overlay/linked");
    fs::create_dir_all(&overlay).unwrap();
    fs::write(overlay.join("x"), "").unwrap();
    let wanted = source(Base::Directory(root), &[dir.path().join("overlay")]);
    assert!(matches!(Tree::open(&wanted, &dir.path().join("work"), &Silent), Err(TreeError::Write(_))));
    assert_eq!(fs::read_dir(outside).unwrap().count(), 0);
}

#[test]
fn the_digest_follows_contents_and_names_but_no_builds_and_no_umask() {
    let dir = tempfile::tempdir().unwrap();
    let root = small(dir.path());
    let index = dir.path().join("index");
    let of = || digest::digest_of(&root, Some(&index)).unwrap();
    let first = of();
    for ignored in ["CVS/Root", "www/a/work/x", "www/a/work.host/x", "distfiles/x", "packages/x", ".git/x"] {
        fs::create_dir_all(root.join(ignored).parent().unwrap()).unwrap();
        fs::write(root.join(ignored), "x").unwrap();
    }
    run(&["chmod", "664", root.join("mk/bsd.pkg.mk").to_str().unwrap()]).unwrap();
    assert_eq!(of(), first);
    // The same length, at once: only the index could be deceived.
    fs::write(root.join("misc/b/Makefile"), "PKGNAME= b-2\n").unwrap();
    let second = of();
    assert_ne!(second, first);
    run(&["chmod", "755", root.join("misc/b/Makefile").to_str().unwrap()]).unwrap();
    assert_ne!(of(), second);
    fs::write(&index, "damaged").unwrap();
    assert_eq!(of(), digest::digest_of(&root, None).unwrap());
}

#[test]
fn what_is_no_tree_is_refused_by_what_it_lacks() {
    let dir = tempfile::tempdir().unwrap();
    let wanted = source(Base::Directory(dir.path().to_owned()), &[]);
    let error = Tree::open(&wanted, &dir.path().join("work"), &Silent).unwrap_err();
    assert!(error.to_string().ends_with("it has no bootstrap/bootstrap"), "{error}");
    let missing = source(Base::Directory(dir.path().join("no")), &[]);
    assert!(matches!(Tree::open(&missing, dir.path(), &Silent), Err(TreeError::Read { .. })));
}

#[test]
fn options_are_read_from_plain_makefiles() {
    let dir = tempfile::tempdir().unwrap();
    let tree = open(&source(Base::Directory(small(dir.path())), &[]), &dir.path().join("work"));
    let options = tree.options_written("www/a");
    assert_eq!(options.variable.as_deref(), Some("PKG_OPTIONS.a"));
    assert_eq!(options.supported.iter().map(String::as_str).collect::<Vec<_>>(), ["inet6", "ssl"]);
    assert!(options.complete && options.effective.is_none());
    assert_eq!(tree.options_written("misc/b").variable, None);
}

#[test]
fn a_variable_nobody_reads_is_told_with_the_nearest() {
    let dir = tempfile::tempdir().unwrap();
    let tree = open(&source(Base::Directory(small(dir.path())), &[]), &dir.path().join("work"));
    let names = ["WRKOBJDIR", "SITES.x", "PKG_OPTIONS.a", "A_DIR", "WRKOBJDRI", "QQQQ"].map(str::to_owned);
    let unread = tree.unread(&names).unwrap();
    let found: Vec<_> = unread.iter().map(|one| (one.name.as_str(), one.nearest.as_deref())).collect();
    assert_eq!(found, [("WRKOBJDRI", Some("WRKOBJDIR")), ("QQQQ", None)]);
}
