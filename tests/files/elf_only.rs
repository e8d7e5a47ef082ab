//! `--in-place --elf-only`: run-time paths and symlinks become what the whole job makes of them, nothing else is touched,
//! and the whole job can be done later.

use crate::call::{Call, PROVEN, relocate};
use crate::in_place::{copy, everything};
use crate::place::{Place, chmod, says_moved, succeed, tool};
use crate::state::{State, content, exact};
use crate::step::{Went, kill_at};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

const PROVEN_ONLY: &str = "proven: its libraries are found from any path; texts were not looked at";
const PRIVILEGE: &str = "lost its setuid";

/// One of everything, and texts of three classes that name the prefix.
fn with_texts() -> Place {
    let place = everything();
    let prefix = place.root();
    let prefix = prefix.to_str().unwrap();
    chmod(place.write("bin/script", format!("#!{prefix}/bin/say\n")), 0o755);
    place.write("lib/pkgconfig/word.pc", format!("prefix={prefix}\nlibdir=${{prefix}}/lib\nName: word\n"));
    place.write("lib/libword.la", format!("# libword.la - a libtool library file\nlibdir='{prefix}/lib'\n"));
    place.write("etc/word.conf", format!("path = {prefix}/share\n"));
    place
}

fn only(place: &Place, root: &str, options: &[&str]) -> Call {
    let arguments = [&[root, "--in-place", "--elf-only", "--drop-setuid"], options].concat();
    relocate(place.dir(), arguments)
}

/// Lets the clock of files move on, so that their times tell.
fn settle() {
    sleep(Duration::from_millis(120));
}

/// The regular files of a tree that are, or are not, ELF files.
fn files(root: &Path, elf: bool) -> Vec<PathBuf> {
    let files = walkdir::WalkDir::new(root).into_iter().map(Result::unwrap).filter(|entry| entry.file_type().is_file());
    let wanted = files.filter(|entry| fs::read(entry.path()).unwrap().starts_with(b"\x7fELF") == elf);
    wanted.map(|entry| entry.path().strip_prefix(root).unwrap().to_owned()).collect()
}

fn part(state: &State, paths: &[PathBuf]) -> State {
    paths.iter().map(|path| (path.clone(), state[path].clone())).collect()
}

#[test]
fn run_paths_are_those_of_the_whole_job_and_texts_stay() {
    let place = with_texts();
    let prefix = place.root();
    for settled in [false, true] {
        for tree in ["only", "whole"] {
            copy(&prefix, &place.at(tree));
        }
        if settled {
            settle();
        }
        let (tree, whole) = (place.at("only"), place.at("whole"));
        let texts = files(&tree, false);
        assert_eq!(texts.len(), 5, "{texts:?}");
        let before = part(&exact(&tree), &texts);
        let named = format!("what else names {} is told by", prefix.display());
        let check = format!("relocate check only --old-prefix {}", prefix.display());
        only(&place, "only", &[]).expect(
            0,
            &[PROVEN_ONLY, "4 rewritten", "2 made relative", &named, &check],
            &[PRIVILEGE],
        );
        assert_eq!(part(&exact(&tree), &texts), before);
        relocate(place.dir(), ["whole", "--in-place", "--drop-setuid"]).expect(0, &[PROVEN], &[PRIVILEGE]);
        let programs = files(&tree, true);
        assert_eq!(programs.len(), 7, "{programs:?}");
        for program in &programs {
            let print = |root: &Path| tool(&[&"patchelf", &"--print-rpath", &root.join(program)]);
            assert_eq!(print(&tree), print(&whole), "{}", program.display());
        }
        assert_eq!(part(&content(&tree), &programs), part(&content(&whole), &programs));
        for link in ["lib/libword.so", "dangling"] {
            assert_eq!(fs::read_link(tree.join(link)).unwrap(), fs::read_link(whole.join(link)).unwrap());
        }
        for tree in [tree, whole] {
            fs::remove_dir_all(tree).unwrap();
        }
    }
}

#[test]
fn a_second_run_writes_nothing_and_the_whole_job_does_the_rest() {
    let place = with_texts();
    let prefix = place.root();
    for tree in ["tree", "whole"] {
        copy(&prefix, &place.at(tree));
    }
    only(&place, "tree", &[]).expect(0, &[PROVEN_ONLY], &[PRIVILEGE]);
    let before = exact(&place.at("tree"));
    only(&place, "tree", &[]).expect(
        0,
        &["none to change", "0 made relative", "names an old path"],
        &["leads nowhere"],
    );
    assert_eq!(exact(&place.at("tree")), before);
    // The shebang tells which prefix the texts name.
    relocate(place.dir(), ["tree", "--in-place"]).expect(
        0,
        &[PROVEN, "none to change", "rewritten ("],
        &["lib/libword.la: libtool"],
    );
    relocate(place.dir(), ["whole", "--in-place", "--drop-setuid"]).expect(0, &[PROVEN], &[PRIVILEGE]);
    assert_eq!(content(&place.at("tree")), content(&place.at("whole")));
    assert!(!place.at("tree/lib/libword.la").exists());
    place.hide();
    for program in ["bin/say", "bin/same", "sbin/tools/say", "bin/privileged"] {
        says_moved(place.at("tree").join(program));
    }
}

/// Run-time paths and symlinks do not name it any more, and a text that is no script is no voice.
#[test]
fn where_nothing_but_texts_names_the_prefix_the_rest_has_to_be_told_it() {
    let place = with_texts();
    fs::remove_file(place.inside("bin/script")).unwrap();
    let prefix = place.root();
    copy(&prefix, &place.at("tree"));
    let ran = only(&place, "tree", &[]).expect(0, &[PROVEN_ONLY], &[PRIVILEGE]);
    let pc = || fs::read_to_string(place.at("tree/lib/pkgconfig/word.pc")).unwrap();
    let before = pc();
    relocate(place.dir(), ["tree", "--in-place"]).expect(0, &["nothing in the tree names one"], &["leads nowhere"]);
    assert_eq!(pc(), before);
    // The command that the first run gave.
    let line = ran.out.lines().find(|line| line.contains("relocate pack tree --in-place --old-prefix")).unwrap();
    let line = line.trim().replacen("relocate", crate::call::PROGRAM, 1);
    succeed(Command::new("sh").args(["-c", &line]).current_dir(place.dir()));
    assert!(pc().contains("prefix=${pcfiledir}/../.."), "{}", pc());
}

#[test]
fn a_run_that_is_killed_before_any_of_its_changes_is_finished_by_the_next() {
    let place = with_texts();
    let prefix = place.root();
    copy(&prefix, &place.at("wanted"));
    only(&place, "wanted", &[]).expect(0, &[PROVEN_ONLY], &[PRIVILEGE]);
    let wanted = content(&place.at("wanted"));
    let mut points = 0;
    loop {
        copy(&prefix, &place.at("tree"));
        // In turns: files whose times tell, and files that have to be read.
        if points % 2 == 0 {
            settle();
        }
        let went = kill_at(&only(&place, "tree", &[]), points);
        let ran = only(&place, "tree", &[]).run();
        assert_eq!(ran.code, Some(0), "killed before change {points}: {}{}", ran.out, ran.err);
        assert_eq!(content(&place.at("tree")), wanted, "killed before change {points}");
        fs::remove_dir_all(place.at("tree")).unwrap();
        if went == Went::Ended(0) {
            break;
        }
        points += 1;
    }
    assert!(points > 30, "{points}");
}

/// A file of a terabyte, all of it a hole, is read nowhere.
#[test]
fn of_what_is_no_program_no_more_than_the_start_is_read() {
    let place = with_texts();
    let huge = fs::File::create(place.inside("share-of-holes")).unwrap();
    huge.set_len(1 << 40).unwrap();
    only(&place, "old/root", &["--old-prefix", "/nowhere"]).expect(0, &[PROVEN_ONLY, "4 rewritten"], &[PRIVILEGE]);
}

#[test]
fn a_library_that_is_not_found_fails_the_proof_and_nothing_is_written() {
    let place = with_texts();
    fs::remove_file(place.inside("lib/libword.so.1")).unwrap();
    let before = exact(&place.root());
    only(&place, "old/root", &[]).expect(1, &["nothing written"], &["missing:", "libword.so.1"]);
    assert_eq!(exact(&place.root()), before);
}

#[test]
fn json_says_that_it_was_elf_only_and_a_dry_run_writes_nothing() {
    let place = with_texts();
    let before = exact(&place.root());
    let ran = only(&place, "old/root", &["--dry-run", "--json"]).expect(0, &["{"], &[]);
    let json = ran.json();
    assert_eq!((&json["elf_only"], &json["result"]), (&true.into(), &"done".into()));
    assert_eq!(json["plan"]["rewrites"].as_array().unwrap().len(), 4);
    assert_eq!(json["plan"]["texts"].as_array().unwrap().len(), 0);
    let whole = relocate(place.dir(), ["old/root", "--in-place", "--drop-setuid", "--dry-run", "--json"]);
    let whole = whole.expect(0, &["{"], &[]).json();
    assert_eq!((&whole["elf_only"], &whole["plan"]["rewrites"]), (&false.into(), &json["plan"]["rewrites"]));
    assert_eq!(exact(&place.root()), before);
}

#[test]
fn what_makes_no_sense_with_it_is_a_usage_error() {
    let place = Place::small();
    let before = exact(&place.root());
    let wrong: [&[&str]; 9] = [
        &["--elf-only"],
        &["--elf-only", "-o", "x.tar.gz"],
        &["--elf-only", "--in-place", "--strip"],
        &["--elf-only", "--in-place", "--bundle", "libz.so.1"],
        &["--elf-only", "--in-place", "--copy-link", "x"],
        &["--elf-only", "--in-place", "--keep-la"],
        &["--elf-only", "--in-place", "--build-dir", "/x"],
        &["--elf-only", "--in-place", "--allow-old-path", "x"],
        &["--elf-only", "--in-place", "--dest", "/x"],
    ];
    for options in wrong {
        relocate(place.dir(), [&["old/root"], options].concat()).expect(2, &[], &["--"]);
    }
    assert_eq!(exact(&place.root()), before);
    // What relocate.toml says of the whole job is passed over.
    fs::write(place.at("old/relocate.toml"), "strip = true\nkeep-la = true\nbundle = [\"libz.so.*\"]\n").unwrap();
    only(&place, "old/root", &[]).expect(0, &[PROVEN_ONLY, "1 rewritten"], &[]);
    symlink(place.inside("lib"), place.inside("lib64")).unwrap();
    only(&place, "old/root", &[]).expect(0, &["none to change", "1 made relative"], &[]);
}
