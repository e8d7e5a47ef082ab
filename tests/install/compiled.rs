//! Compiled Python files of sources that name the path: python3 takes them for fresh after every move, and they say what
//! their sources say.

use crate::call::relocate;
use crate::packed::{Made, settled};
use crate::place::tool;
use std::fs;
use std::path::Path;
use std::process::Command;

const CLEAN: &str = "every byte is as its manifest says";
const MODULE: &str = "lib/app/place.py";
const SOURCE: &str = "WORD = '@/share/word'\nALONE = '@'\nFLAG = ('-L@/lib', '--prefix=@/x', b'@')\n\n\ndef word():\n    return open('@/share/word').read()\n";

/// A prefix with a Python module that names it, compiled.
fn made() -> Made {
    let made = Made::new();
    made.write(MODULE, SOURCE.replace('@', &made.prefix.display()));
    made.write("lib/app/hashed.py", "AT = '@'\n".replace('@', &made.prefix.display()));
    let compile = "import py_compile, sys; py_compile.compile(sys.argv[1], optimize=0, doraise=True); \
                   py_compile.compile(sys.argv[1], optimize=2, doraise=True); \
                   py_compile.compile(sys.argv[2], doraise=True, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)";
    tool(&[&"python3", &"-c", &compile, &made.inside(MODULE), &made.inside("lib/app/hashed.py")]);
    made
}

fn packed(more: &[&str]) -> Made {
    let made = made();
    let root = made.root();
    let arguments = [&[root.to_str().unwrap(), "-o", "app.tar.gz"], more].concat();
    let ran = relocate(made.place.dir(), arguments).run();
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    fs::rename(made.place.at("built"), made.place.at("taken away")).unwrap();
    made
}

/// Whether python3 took the compiled module of the tree at `root` for fresh; what it says must be that path.
fn is_fresh(root: &Path, write: bool) -> bool {
    matches(&["-v"], root, write)
}

/// The same with options for python3.
fn matches(options: &[&str], root: &Path, write: bool) -> bool {
    // With -OO python3 asserts nothing, and there it is only asked whether the file is fresh.
    let script = "import sys; sys.path.insert(0, sys.argv[1]); sys.dont_write_bytecode = sys.argv[2] == '0'; import place; \
                  strip = lambda path: '/' + path.lstrip('/'); at = sys.argv[1][:-len('/lib/app')]; \
                  assert strip(place.ALONE) == at, place.ALONE; assert strip(place.WORD) == at + '/share/word', place.WORD; \
                  assert place.word() == 'moved\\n'; assert strip(place.FLAG[0][2:]) == at + '/lib', place.FLAG; \
                  assert strip(place.FLAG[1][9:]) == at + '/x' and strip(place.FLAG[2].decode()) == at, place.FLAG; \
                  assert place.word.__code__.co_filename == at + '/lib/app/place.py'";
    let mut python = Command::new("python3");
    python.args(options).args(["-c", script]).arg(root.join("lib/app")).arg(if write { "1" } else { "0" });
    let output = python.env_remove("PYTHONDONTWRITEBYTECODE").output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{told}");
    let line = format!("matches {}", root.join(MODULE).display());
    told.contains(&line)
}

#[test]
fn python_takes_the_compiled_files_for_fresh_wherever_the_tree_is() {
    let made = packed(&[]);
    let dir = made.place.dir();
    relocate(dir, ["install", "app.tar.gz", "one"]).expect(0, &["installed to"], &[]);
    assert!(is_fresh(&made.place.at("one"), false));
    assert!(
        !made
            .place
            .at("one/lib/app/__pycache__")
            .read_dir()
            .unwrap()
            .any(|entry| { entry.unwrap().file_name().to_string_lossy().starts_with("hashed") })
    );
    let before = settled(&made.place.at("one"));
    for (from, to) in [("one", "two"), ("two", "three-three"), ("three-three", "one")] {
        fs::rename(made.place.at(from), made.place.at(to)).unwrap();
        relocate(dir, ["fix", to]).expect(0, &["it is at"], &[]);
        assert!(is_fresh(&made.place.at(to), false), "{to}");
        assert!(matches(&["-OO", "-v"], &made.place.at(to), false), "{to}");
        relocate(dir, ["verify", to]).expect(0, &[CLEAN], &[]);
    }
    assert_eq!(settled(&made.place.at("one")), before);
}

#[test]
fn an_archive_for_one_path_has_fresh_compiled_files() {
    let dest = tempfile::tempdir().unwrap();
    let app = dest.path().join("app");
    let made = packed(&["--dest", app.to_str().unwrap(), "--top-dir", "app"]);
    tool(&[&"tar", &"xpf", &made.place.at("app.tar.gz"), &"-C", &dest.path()]);
    assert!(is_fresh(&app, false));
    relocate(dest.path(), ["verify", "app"]).expect(0, &[CLEAN], &[]);
    fs::rename(&app, made.place.at("two")).unwrap();
    relocate(made.place.dir(), ["fix", "two"]).expect(0, &["it is at"], &[]);
    assert!(is_fresh(&made.place.at("two"), false));
    relocate(made.place.dir(), ["verify", "two"]).expect(0, &[CLEAN], &[]);
}

/// Nothing else in the tree needs the room.
#[test]
fn a_path_that_is_too_long_for_them_makes_them_stale_and_no_refusal() {
    let made = made();
    for name in ["bin/reads", "bin/same", "bin/link", "lib/data.bin"] {
        fs::remove_file(made.inside(name)).unwrap();
    }
    let root = made.root();
    relocate(made.place.dir(), [root.to_str().unwrap(), "-o", "app.tar.gz"]).run();
    fs::rename(made.place.at("built"), made.place.at("taken away")).unwrap();
    let long = "long".repeat(40);
    let dir = made.place.dir();
    relocate(dir, ["install", "app.tar.gz", &long]).expect(0, &["installed to"], &[]);
    assert!(!is_fresh(&made.place.at(&long), false));
    relocate(dir, ["verify", &long]).expect(0, &[CLEAN], &[]);
    // Python writes them anew, and they must not be taken for those of another path.
    is_fresh(&made.place.at(&long), true);
    assert!(is_fresh(&made.place.at(&long), true));
    for next in ["gnol".repeat(40), "one".to_owned()] {
        let from = made.place.dir().read_dir().unwrap().map(|entry| entry.unwrap().path());
        let from = from.into_iter().find(|path| path.join(MODULE).exists()).unwrap();
        fs::rename(from, made.place.at(&next)).unwrap();
        relocate(dir, ["fix", &next]).expect(0, &["it is at"], &["pyc: Python compiled it again"]);
        assert!(!is_fresh(&made.place.at(&next), false), "{next}");
        is_fresh(&made.place.at(&next), true);
    }
}

#[test]
fn files_that_python_compiled_after_the_install_go_with_the_old_path() {
    let made = packed(&["--prune", "pyc"]);
    let dir = made.place.dir();
    relocate(dir, ["install", "app.tar.gz", "one"]).expect(0, &["installed to"], &[]);
    is_fresh(&made.place.at("one"), true);
    assert!(is_fresh(&made.place.at("one"), true));
    fs::rename(made.place.at("one"), made.place.at("two")).unwrap();
    relocate(dir, ["fix", "two"]).expect(0, &["it is at"], &[]);
    assert!(!is_fresh(&made.place.at("two"), false));
}

/// Python compares nothing there, so they must say the same as their sources.
#[test]
fn a_file_with_an_unchecked_hash_gets_the_path() {
    let made = made();
    let compile = "import py_compile, sys; py_compile.compile(sys.argv[1], doraise=True, \
                   invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)";
    tool(&[&"python3", &"-c", &compile, &made.inside(MODULE)]);
    let root = made.root();
    relocate(made.place.dir(), [root.to_str().unwrap(), "-o", "app.tar.gz"]).run();
    fs::rename(made.place.at("built"), made.place.at("taken away")).unwrap();
    relocate(made.place.dir(), ["install", "app.tar.gz", "one"]).expect(0, &["installed to"], &[]);
    assert!(is_fresh(&made.place.at("one"), false));
}
