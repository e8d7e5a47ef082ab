//! An archive becomes the full pack of a release: no byte of a file changes, and Python takes what it compiled for valid.

use crate::call::relocate;
use crate::place::{Place, chmod, says_moved, succeed, tool};
use relocate::base::event::Silent;
use relocate::base::path::RelPath;
use relocate::manifest::{Kind, Manifest};
use relocate::pack::{Limits, verify_archive};
use relocate::publish::{Making, RepackError, Repacked, repack};
use relocate::release::MTIME;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const MODULES: [&str; 3] = ["kept", "stale", "hashed"];

/// A prefix with a program, modes of all sorts and compiled Python files, packed; the prefix is gone.
fn packed(arguments: &[&str]) -> (Place, PathBuf) {
    let place = Place::small();
    chmod(place.write("share/text", "the prefix is not named here\n"), 0o660);
    chmod(place.write("share/private", "secret\n"), 0o600);
    fs::hard_link(place.inside("share/text"), place.inside("share/text too")).unwrap();
    std::os::unix::fs::symlink("text", place.inside("share/link")).unwrap();
    for module in MODULES {
        place.write(format!("lib/py/{module}.py"), format!("print('{module} runs')\n"));
    }
    let compile = "import py_compile as p, sys; at = sys.argv[1]\n\
                   for name in ('kept', 'stale'):\n    p.compile(f'{at}/{name}.py', doraise=True); p.compile(f'{at}/{name}.py', optimize=2, doraise=True)\n\
                   p.compile(f'{at}/hashed.py', doraise=True, invalidation_mode=p.PycInvalidationMode.CHECKED_HASH)";
    tool(&[&"python3", &"-c", &compile, &place.inside("lib/py")]);
    tool(&[&"touch", &"-d", &"2020-02-02 02:02:02", &place.inside("lib/py/stale.py")]);
    let root = place.root();
    let ran = relocate(place.dir(), [&[root.to_str().unwrap(), "-o", "app.tar.gz"], arguments].concat()).run();
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    place.hide();
    let archive = place.at("app.tar.gz");
    (place, archive)
}

fn repacked(archive: &Path) -> Result<Repacked, RepackError> {
    repack(archive, &Making { limits: &Limits::default(), level: 3, jobs: 2 }, &Silent)
}

/// Whether python3 takes the compiled file of a module for valid.
fn is_valid(tree: &Path, module: &str, options: &[&str]) -> bool {
    let mut python = Command::new("python3");
    python.args(options).args([
        "-B",
        "-v",
        "-c",
        "import sys; sys.path.insert(0, sys.argv[1]); __import__(sys.argv[2])",
    ]);
    let output = python.arg(tree.join("lib/py")).arg(module).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{module} runs\n"), "{told}");
    told.contains(&format!("matches {}", tree.join(format!("lib/py/{module}.py")).display()))
}

fn mtime(path: &Path) -> i64 {
    fs::symlink_metadata(path).unwrap().mtime()
}

#[test]
fn the_pack_of_a_release_is_read_by_tar_and_by_install_and_python_compiles_nothing_again() {
    let (place, archive) = packed(&[]);
    let made = repacked(&archive).unwrap();
    assert_eq!(verify_archive(&made.full.path, &Limits::default()).unwrap(), []);
    let tree = place.at("by tar");
    fs::create_dir(&tree).unwrap();
    tool(&[&"tar", &"--zstd", &"-xpf", &made.full.path, &"--strip-components=1", &"-C", &tree]);
    relocate(place.dir(), ["install".as_ref(), made.full.path.as_os_str(), "by-us".as_ref()]).expect(
        0,
        &["installed to"],
        &[],
    );
    for tree in [&tree, &place.at("by-us")] {
        says_moved(tree.join("bin/say"));
        assert!(is_valid(tree, "kept", &[]) && is_valid(tree, "kept", &["-OO"]) && is_valid(tree, "hashed", &[]));
        assert!(!is_valid(tree, "stale", &[]) && !is_valid(tree, "stale", &["-OO"]));
        for (name, mode) in [
            ("bin", 0o555),
            ("bin/say", 0o555),
            ("share/text", 0o440),
            ("share/text too", 0o440),
            ("share/private", 0o400),
        ] {
            assert_eq!(fs::symlink_metadata(tree.join(name)).unwrap().mode() & 0o7777, mode, "{name}");
        }
        for name in ["bin/say", "lib/py", "share/text", "lib/py/stale.py", "lib/py/__pycache__"] {
            assert_eq!(mtime(&tree.join(name)), MTIME, "{name}");
        }
        assert_ne!(mtime(&tree.join("lib/py/kept.py")), MTIME);
    }
    relocate(place.dir(), ["verify", "by-us"]).expect(0, &["every byte is as its manifest says"], &[]);
}

#[test]
fn no_byte_of_a_file_changes_and_the_record_says_what_did() {
    let (place, archive) = packed(&[]);
    let made = repacked(&archive).unwrap();
    let old = tool(&[&"tar", &"-xzOf", &archive, &"app/.relocate/manifest.json"]);
    let new = tool(&[&"tar", &"--zstd", &"-xOf", &made.full.path, &"app/.relocate/manifest.json"]);
    let (old, new) = (Manifest::parse(&old).unwrap(), Manifest::parse(&new).unwrap());
    assert_eq!(new, made.manifest);
    assert_eq!(zstd::decode_all(fs::File::open(&made.record.path).unwrap()).unwrap(), new.to_bytes());
    assert_eq!((&old.about, old.entries.len()), (&new.about, new.entries.len()));
    for (old, new) in old.entries.iter().zip(&new.entries) {
        assert_eq!((&old.path, &old.kind, &old.places, &old.sums), (&new.path, &new.kind, &new.places, &new.sums));
        assert!(new.mode & 0o222 == 0 || matches!(new.kind, Kind::Symlink { .. }), "{}", new.path);
    }
    let timed: Vec<_> = new.entries.iter().filter(|entry| entry.mtime.is_some()).map(|entry| &entry.path).collect();
    assert_eq!(timed, [&RelPath::new(b"lib/py/kept.py").unwrap()]);
    // The same archive gives the same pack, and so does one with its release's modes and times.
    let again = repacked(&archive).unwrap();
    assert_eq!((again.full.sha256, again.record.sha256), (made.full.sha256, made.record.sha256));
    fs::copy(&made.full.path, place.at("again.tar.zst")).unwrap();
    let twice = repacked(&place.at("again.tar.zst")).unwrap();
    assert_eq!(twice.full.sha256, made.full.sha256);
}

/// The one time of all files is what the compiled file says, and the source's own was not.
#[test]
fn what_was_stale_is_not_made_valid_by_chance() {
    let place = Place::small();
    let source = place.write("lib/py/chance.py", "print('chance runs')\n");
    tool(&[&"touch", &"-d", &format!("@{MTIME}"), &source]);
    tool(&[&"python3", &"-m", &"py_compile", &source]);
    fs::write(&source, "print('change runs')\n").unwrap();
    relocate(place.dir(), ["old/root", "-o", "app.tar.gz"]).expect(0, &["proven"], &[]);
    let made = repacked(&place.at("app.tar.gz")).unwrap();
    let tree = place.at("tree");
    fs::create_dir(&tree).unwrap();
    tool(&[&"tar", &"--zstd", &"-xpf", &made.full.path, &"--strip-components=1", &"-C", &tree]);
    let said =
        succeed(Command::new("python3").args(["-B", "-c", "import chance"]).env("PYTHONPATH", tree.join("lib/py")));
    assert_eq!(String::from_utf8_lossy(&said), "change runs\n");
}

#[test]
fn what_was_not_proven_or_is_not_what_its_record_says_is_refused() {
    let place = Place::small();
    place.say("bin/broken", &["-Wl,-rpath,@/lib", "-Wl,--no-as-needed"]);
    place.cc("bin/lacks", crate::place::SAY, &["@/lib/libword.so.1"]);
    fs::rename(place.inside("lib/libword.so.1"), place.inside("lib/libother.so.1")).unwrap();
    relocate(place.dir(), ["old/root", "-o", "app.tar.gz", "--unproven"]).run();
    let error = repacked(&place.at("app.unproven.tar.gz")).unwrap_err();
    assert!(matches!(error, RepackError::Unproven { .. }), "{error}");
    let (place, archive) = packed(&[]);
    let at = place.at("changed");
    fs::create_dir(&at).unwrap();
    tool(&[&"tar", &"-xzf", &archive, &"-C", &at]);
    fs::write(at.join("app/share/text"), "the prefix is not named HERE\n").unwrap();
    // In the same order, as its last entry is the record.
    fs::write(place.at("list"), tool(&[&"tar", &"-tzf", &archive])).unwrap();
    let changed = place.at("changed.tar.gz");
    tool(&[&"tar", &"-C", &at, &"--no-recursion", &"-czf", &changed, &"-T", &place.at("list")]);
    let error = repacked(&changed).unwrap_err();
    assert!(error.to_string().contains("is not what its manifest says: share/text: its sha256 is"), "{error}");
    let error = repacked(&place.at("changed.tar.gz.none")).unwrap_err();
    assert!(error.to_string().contains("No such file"), "{error}");
    assert!(matches!(repacked(&place.at("list")), Err(RepackError::Archive(_))));
}
