//! Sums of files in a package's `+CONTENTS` and a wheel's `RECORD` are right wherever the tree is; md5sum, sha256sum and
//! Python's own reader of wheels say so.

use crate::call::relocate;
use crate::packed::{Made, settled};
use crate::place::tool;
use crate::state::exact;
use crate::step::{Went, kill_at};
use relocate::manifest::{MANIFEST, Manifest};
use std::fs;
use std::path::Path;
use std::process::Command;

const CLEAN: &str = "every byte is as its manifest says";
const SITE: &str = "lib/python3.11/site-packages";
const LIST: &str = "pkgdb/app-1.0/+CONTENTS";
const ABSOLUTE: &str = "pkgdb/conf-1.0/+CONTENTS";
const WHEEL: &str = "lib/python3.11/site-packages/w-1.dist-info/RECORD";

/// Reads every list and ledger below a directory; prints what each sum is of and whether it is right.
const CHECK: &str = r#"
import base64, hashlib, importlib.metadata, os, pathlib, sys
root = pathlib.Path(sys.argv[1])
right = 0
for path in sorted(root.glob("pkgdb/*/+CONTENTS")):
    cwd = name = None
    for line in path.read_text().splitlines():
        if line.startswith("@cwd "):
            cwd = line[5:]
            assert cwd in (".", str(root)), (path, cwd)
            cwd = path.parent if cwd == "." else root
        elif line.startswith("@comment MD5:"):
            digest = hashlib.md5((cwd / name).read_bytes()).hexdigest()
            assert digest == line[13:], (path, name)
            right += 1
        elif not line.startswith("@"):
            name = line
            assert os.path.lexists(cwd / name), (path, name)
for dist in importlib.metadata.distributions(path=[str(root / "lib/python3.11/site-packages")]):
    for file in dist.files:
        if file.hash is None:
            continue
        found = file.locate().read_bytes()
        digest = base64.urlsafe_b64encode(hashlib.sha256(found).digest()).rstrip(b"=").decode()
        assert (file.hash.mode, file.hash.value, file.size) == ("sha256", digest, len(found)), file
        right += 1
print(right)
"#;

/// How many sums there are.
const SUMS: usize = 11;

fn sum(with: &str, file: &Path) -> String {
    let out = tool(&[&with, &file]);
    String::from_utf8(out).unwrap().split(' ').next().unwrap().to_owned()
}

/// A prefix with two packages and a wheel in it.
fn made() -> Made {
    let made = Made::new();
    made.write("etc/plain", "the same everywhere\n");
    made.write(&format!("{SITE}/w/__init__.py"), format!("DATA = '{}/share/word'\n", made.prefix));
    let record = |path: &str| {
        let file = made.inside(SITE).join(path);
        let digest = tool(&[
            &"python3",
            &"-c",
            &"import base64,hashlib,sys;print(base64.urlsafe_b64encode(hashlib.sha256(open(sys.argv[1],'rb').read()).digest()).rstrip(b'=').decode())",
            &file,
        ]);
        let digest = String::from_utf8(digest).unwrap();
        format!("{path},sha256={},{}\n", digest.trim(), fs::metadata(&file).unwrap().len())
    };
    made.write(&format!("{SITE}/w-1.dist-info/METADATA"), "Metadata-Version: 2.1\nName: w\nVersion: 1\n");
    let lines = ["w/__init__.py", "../../../etc/plain", "../../../bin/reads", "../../../etc/app.conf"].map(record);
    made.write(WHEEL, format!("{}w-1.dist-info/METADATA,,\nw-1.dist-info/RECORD,,\n", lines.concat()));
    let md5 = |path: &str| format!("{path}\n@comment MD5:{}\n", sum("md5sum", &made.inside(path)));
    let lines = ["bin/reads", "bin/same", "etc/plain", WHEEL, "lib/data.bin"].map(md5).concat();
    made.write(LIST, format!("@name app-1.0\n@cwd {}\n{lines}bin/link\n@comment Symlink:reads\n", made.prefix));
    let lines = ["etc/app.conf", "share/doc/README"].map(md5).concat();
    // Its commands need the directory by its path, so that stays in it.
    let own = format!("@name conf-1.0\n@cwd {}\n{lines}@unexec rm -f %D/none\n", made.prefix);
    made.write(ABSOLUTE, own);
    made
}

/// Packs it with `more` options, as `app.tar.gz`, and takes it away.
fn packed(more: &[&str]) -> Made {
    let made = made();
    let root = made.root();
    let arguments = [&[root.to_str().unwrap(), "-o", "app.tar.gz"], more].concat();
    let ran = relocate(made.place.dir(), arguments).run();
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    fs::rename(made.place.at("built"), made.place.at("taken away")).unwrap();
    made
}

/// Every sum below `root` must be that of its file.
fn right(root: &Path) {
    let output = Command::new("python3").args(["-I", "-c", CHECK]).arg(root).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(said.trim(), SUMS.to_string(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn text(root: &Path, name: &str) -> String {
    fs::read_to_string(root.join(name)).unwrap()
}

#[test]
fn sums_are_right_after_an_install_and_after_each_of_twenty_moves() {
    let made = packed(&[]);
    let dir = made.place.dir();
    relocate(dir, ["install", "app.tar.gz", "first"]).expect(0, &["installed to"], &[]);
    right(&made.place.at("first"));
    relocate(dir, ["verify", "first"]).expect(0, &[CLEAN], &[]);
    let first = [LIST, ABSOLUTE, WHEEL].map(|name| text(&made.place.at("first"), name));
    let mut here = "first".to_owned();
    for number in 0..20 {
        let next = format!("place{}", "x".repeat(number));
        fs::rename(made.place.at(&here), made.place.at(&next)).unwrap();
        relocate(dir, ["fix", &next]).expect(0, &["it is at"], &[]);
        right(&made.place.at(&next));
        here = next;
    }
    relocate(dir, ["verify", &here]).expect(0, &[CLEAN], &[]);
    let moved = settled(&made.place.at(&here));
    fs::rename(made.place.at(&here), made.place.at("kept")).unwrap();
    relocate(dir, ["install", "app.tar.gz", &here]).expect(0, &["installed to"], &[]);
    assert_eq!(settled(&made.place.at(&here)), moved);
    fs::rename(made.place.at("kept"), made.place.at("first")).unwrap();
    relocate(dir, ["fix", "first"]).expect(0, &["it is at"], &[]);
    assert_eq!([LIST, ABSOLUTE, WHEEL].map(|name| text(&made.place.at("first"), name)), first);
}

#[test]
fn sums_are_right_in_an_archive_for_one_path_and_after_it_was_moved() {
    let dest = tempfile::tempdir().unwrap();
    let app = dest.path().join("app");
    let made = packed(&["--dest", app.to_str().unwrap(), "--top-dir", "app"]);
    tool(&[&"tar", &"xpf", &made.place.at("app.tar.gz"), &"-C", &dest.path()]);
    right(&app);
    let before = exact(&app);
    relocate(dest.path(), ["fix", "app"]).expect(0, &["already at"], &[]);
    relocate(dest.path(), ["verify", "app"]).expect(0, &[CLEAN], &[]);
    assert_eq!(exact(&app), before);
    for (from, to) in [(app.clone(), made.place.at("two")), (made.place.at("two"), made.place.at("three-three"))] {
        fs::rename(from, &to).unwrap();
        relocate(made.place.dir(), ["fix", to.to_str().unwrap()]).expect(0, &["it is at"], &[]);
        right(&to);
        relocate(made.place.dir(), ["verify", to.to_str().unwrap()]).expect(0, &[CLEAN], &[]);
    }
    relocate(made.place.dir(), ["install", "app.tar.gz", "four"]).expect(0, &["installed to"], &[]);
    right(&made.place.at("four"));
    relocate(made.place.dir(), ["verify", "four"]).expect(0, &[CLEAN], &[]);
}

#[test]
fn a_tree_without_a_record_gets_its_sums_too() {
    let made = made();
    let old = made.prefix.display().into_owned();
    fs::rename(made.root(), made.place.at("one")).unwrap();
    // Lists of other tools are not made relative here.
    relocate(made.place.dir(), ["fix", "one", "--old-prefix", &old]).expect(0, &["it is at"], &[]);
    right(&made.place.at("one"));
    fs::rename(made.place.at("one"), made.place.at("two-two")).unwrap();
    relocate(made.place.dir(), ["fix", "two-two"]).expect(0, &["it is at"], &[]);
    right(&made.place.at("two-two"));
    relocate(made.place.dir(), ["verify", "two-two"]).expect(0, &[CLEAN], &[]);
}

#[test]
fn a_wrong_sum_is_found_and_one_of_a_changed_file_stays_wrong() {
    let made = packed(&[]);
    let dir = made.place.dir();
    relocate(dir, ["install", "app.tar.gz", "one"]).expect(0, &["installed to"], &[]);
    let one = made.place.at("one");
    let list = text(&one, LIST);
    let digest = sum("md5sum", &one.join("lib/data.bin"));
    fs::write(one.join(LIST), list.replace(&digest, &"0".repeat(32))).unwrap();
    relocate(dir, ["verify", "one"]).expect(1, &[], &[LIST]);
    fs::write(one.join(LIST), &list).unwrap();
    relocate(dir, ["verify", "one"]).expect(0, &[CLEAN], &[]);
    // The same length, and the path where it was.
    let data = fs::read(one.join("lib/data.bin")).unwrap();
    fs::write(one.join("lib/data.bin"), [&data[..data.len() - 1], b"\xfe"].concat()).unwrap();
    let ran = relocate(dir, ["verify", "one"]).expect(1, &[], &["lib/data.bin"]);
    assert!(!ran.err.contains(LIST), "{}", ran.err);
    fs::rename(&one, made.place.at("two")).unwrap();
    relocate(dir, ["fix", "two"]).expect(0, &["it is at"], &[]);
    let two = made.place.at("two");
    assert!(!text(&two, LIST).contains(&sum("md5sum", &two.join("lib/data.bin"))));
    assert!(text(&two, LIST).contains(&sum("md5sum", &two.join("bin/reads"))));
    let ran = relocate(dir, ["verify", "two"]).expect(1, &[], &["lib/data.bin"]);
    assert!(!ran.err.contains(LIST), "{}", ran.err);
}

#[test]
fn a_record_without_sums_moves_the_tree_and_leaves_the_ledgers() {
    let made = packed(&[]);
    let dir = made.place.dir();
    let one = made.place.at("one");
    fs::create_dir(&one).unwrap();
    tool(&[&"tar", &"xpf", &made.place.at("app.tar.gz"), &"-C", &one, &"--strip-components=1"]);
    let record = made.place.at("one").join(MANIFEST);
    let mut manifest = Manifest::parse(&fs::read(&record).unwrap()).unwrap();
    assert!(manifest.entries.iter().any(|entry| !entry.sums.is_empty()));
    manifest.entries.iter_mut().for_each(|entry| entry.sums.clear());
    fs::write(&record, manifest.to_bytes()).unwrap();
    let before = text(&made.place.at("one"), LIST);
    relocate(dir, ["fix", "one"]).expect(0, &["it is at"], &[]);
    assert_eq!(text(&made.place.at("one"), LIST), before);
    relocate(dir, ["verify", "one"]).expect(0, &[CLEAN], &[]);
}

#[test]
fn a_kill_at_any_change_leaves_sums_that_the_next_run_makes_right() {
    let made = packed(&[]);
    let dir = made.place.dir();
    relocate(dir, ["install", "app.tar.gz", "two"]).expect(0, &["installed to"], &[]);
    let wanted = settled(&made.place.at("two"));
    tool(&[&"mv", &made.place.at("two"), &made.place.at("kept")]);
    relocate(dir, ["install", "app.tar.gz", "one"]).expect(0, &["installed to"], &[]);
    let mut points = 0;
    loop {
        tool(&[&"rm", &"-rf", &made.place.at("two")]);
        tool(&[&"cp", &"-a", &made.place.at("one"), &made.place.at("two")]);
        let went = kill_at(&relocate(dir, ["fix", "two"]), points);
        relocate(dir, ["fix", "two"]).run();
        assert_eq!(settled(&made.place.at("two")), wanted, "killed before change {points}");
        if went == Went::Ended(0) {
            break;
        }
        points += 5;
    }
    assert!(points > 60, "{points}");
    right(&made.place.at("two"));
}
