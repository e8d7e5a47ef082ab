//! The trees that benchmarks are run on: the same seed gives the same bytes, sizes and shares are as asked, and relocate
//! proves them; their programs run and their compiled files load.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../benches/tree/mod.rs"]
mod tree;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tree::{Made, Wanted};

const PROGRAM: &str = env!("CARGO_BIN_EXE_relocate");

/// A directory of its own, with the tree that `wanted` gives for the prefix `dir/prefix` in `dir/NAME`.
struct Lab(tempfile::TempDir);

impl Lab {
    fn new() -> Lab {
        Lab(tempfile::tempdir().unwrap())
    }

    fn wanted(&self, files: u64) -> Wanted {
        Wanted { percent: 10, ..Wanted::of(files, &self.0.path().join("prefix")) }
    }

    fn make(&self, name: &str, wanted: &Wanted) -> (PathBuf, Made) {
        let scratch = tempfile::tempdir().unwrap();
        let at = self.0.path().join(name);
        let made = tree::make(&at, scratch.path(), wanted).unwrap();
        (at, made)
    }
}

/// Every file and symlink with its mode and what it holds.
fn contents(root: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let entries = walkdir::WalkDir::new(root).into_iter().map(Result::unwrap);
    entries
        .filter(|entry| !entry.file_type().is_dir())
        .map(|entry| {
            let path = entry.path().strip_prefix(root).unwrap().to_owned();
            let mode = entry.metadata().unwrap().permissions().mode();
            let held = match fs::read_link(entry.path()) {
                Ok(target) => target.into_os_string().into_encoded_bytes(),
                Err(_) => fs::read(entry.path()).unwrap(),
            };
            (path, (mode, held))
        })
        .collect()
}

fn regular(root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    contents(root)
        .into_iter()
        .filter(|(_, (mode, _))| mode & 0o170_000 == 0o100_000)
        .map(|(path, (_, held))| (path, held))
        .collect()
}

fn run(command: &mut Command) -> String {
    let said = command.output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
    assert!(said.status.success(), "{command:?}: {}\n{text}", said.status);
    text
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let lab = Lab::new();
    let wanted = lab.wanted(300);
    let (first, made) = lab.make("first", &wanted);
    let (second, again) = lab.make("second", &wanted);
    assert_eq!(made, again);
    assert!(contents(&first) == contents(&second));
    let (other, _) = lab.make("other", &Wanted { seed: 2, ..wanted });
    assert!(contents(&first) != contents(&other));
}

#[test]
fn counts_and_shares_are_as_asked() {
    let lab = Lab::new();
    let (at, made) = lab.make("prefix", &Wanted { elf: 50, naming: 300, depth: 4, ..lab.wanted(2000) });
    let files = regular(&at);
    let prefix = at.as_os_str().as_encoded_bytes();
    let elf: Vec<_> = files.iter().filter(|(_, held)| held.starts_with(b"\x7fELF")).collect();
    assert_eq!((files.len(), elf.len()), (2000, 100));
    let names = |held: &[u8]| memchr::memmem::find(held, prefix).is_some();
    let naming = files.iter().filter(|(_, held)| !held.starts_with(b"\x7fELF") && names(held)).count() as u64;
    let bytes: usize = files.iter().map(|(_, held)| held.len()).sum();
    assert_eq!(made, Made { files: 2000, bytes: bytes as u64, elf: 100, naming });
    let compiled =
        files.iter().filter(|(path, _)| path.extension().is_some_and(|ending| ending == "pyc")).count() as u64;
    assert!((700..1000).contains(&compiled), "{compiled}");
    let texts = naming - compiled;
    assert!((50..170).contains(&texts), "about 300 of a thousand other texts: {texts}");
    let deepest = files.iter().map(|(path, _)| path.components().count() - 1).max().unwrap();
    assert!((4..=5).contains(&deepest), "__pycache__ is one more: {deepest}");
}

#[test]
fn sizes_are_those_of_the_real_prefix() {
    let lab = Lab::new();
    let (at, _) = lab.make("prefix", &Wanted { elf: 0, percent: 10, ..lab.wanted(6000) });
    let sorted = |wanted: fn(&str) -> bool| {
        let files =
            regular(&at).into_iter().filter(|(path, _)| wanted(path.extension().unwrap_or_default().to_str().unwrap()));
        let mut sizes: Vec<_> = files.map(|(_, held)| held.len()).collect();
        sizes.sort_unstable();
        sizes
    };
    let texts = sorted(|ending| ending == "py" || ending == "txt");
    let data = sorted(|ending| ending == "dat");
    // a tenth of what was measured: half of the texts up to 3,484 bytes, nine of ten up to 34,682; data 4,432 and 52,709
    for (sizes, half, most) in [(texts, 348, 3468), (data, 443, 5270)] {
        let at = |share: usize| sizes[sizes.len() * share / 100];
        assert!((half * 8 / 10..half * 12 / 10).contains(&at(50)), "{}", at(50));
        assert!((most * 7 / 10..most * 13 / 10).contains(&at(90)), "{}", at(90));
    }
}

#[test]
fn relocate_proves_it_and_its_programs_run_where_it_was_moved() {
    let lab = Lab::new();
    let (at, made) = lab.make("prefix", &Wanted { elf: 100, naming: 200, ..lab.wanted(400) });
    let moved = lab.0.path().join("moved");
    let report = run(Command::new(PROGRAM).arg(&at).args(["--json", "-o"]).arg(format!("{}/", moved.display())));
    let report: serde_json::Value = serde_json::from_str(&report[..=report.rfind('}').unwrap()]).unwrap();
    assert_eq!(report["verdict"]["holds"], true, "{report}");
    assert_eq!(report["verdict"]["objects"], made.elf);
    let rewritten = report["plan"]["rewrites"].as_array().unwrap().len() as u64;
    assert_eq!(rewritten, made.elf * 4 / 5, "all but the leaves");
    fs::rename(&at, lab.0.path().join("gone")).unwrap();
    for program in fs::read_dir(moved.join("bin")).unwrap().map(|entry| entry.unwrap().path()) {
        if fs::read(&program).unwrap().starts_with(b"\x7fELF") {
            assert_eq!(Command::new(&program).status().unwrap().code(), Some(1), "what value() gives");
        }
    }
}

#[test]
fn compiled_python_files_load_and_belong_to_their_sources() {
    let lab = Lab::new();
    let (at, _) = lab.make("prefix", &lab.wanted(200));
    let script = "import marshal, os, sys
count = 0
for directory, _, names in os.walk(sys.argv[1]):
    for name in names:
        path = os.path.join(directory, name)
        if name.endswith('.py'):
            compile(open(path).read(), path, 'exec')
        if name.endswith('.pyc'):
            data = open(path, 'rb').read()
            number = lambda at: int.from_bytes(data[at:at + 4], 'little')
            source = os.path.join(os.path.dirname(directory), name.split('.')[0] + '.py')
            found = os.stat(source)
            assert (number(8), number(12)) == (int(found.st_mtime), found.st_size), path
            if sys.version_info[:2] == (3, 11):
                code = marshal.loads(data[16:])
                exec(code, {})
                assert code.co_filename == source
            count += 1
print(count)";
    let count: u32 = run(Command::new("python3").args(["-c", script]).arg(&at)).trim().parse().unwrap();
    assert!(count > 60, "{count}");
}

#[test]
fn a_large_file_is_real_to_its_last_byte() {
    let lab = Lab::new();
    let (at, made) = lab.make("prefix", &Wanted { large: Some(9_000_001), ..lab.wanted(10) });
    let held = fs::read(at.join("share/large.dat")).unwrap();
    assert_eq!((held.len(), made.files), (9_000_001, 11));
    let longest = held.chunk_by(|one, other| one == other).map(<[u8]>::len).max().unwrap();
    assert!(longest < 4096, "a hole would be longer: {longest}");
}
