//! Linkers merge string tails: bytes of a run-time path may be a symbol's name, and the other way round.

use super::builder::{Lab, entry_at, holds, patched, paths, rpath, runpath, set_entry, value, way};
use relocate::elf::{RunPaths, Rung};

const DT_NULL: u64 = 0;
const DT_RPATH: u64 = 15;
const DT_RUNPATH: u64 = 29;

#[test]
fn a_symbol_that_is_the_tail_of_the_path_keeps_its_name() {
    let lab = Lab::new();
    let source = "int lib(void) { return 1; }";
    let library = lab.cc("lib/liba.so", source, "-shared -fPIC -Wl,-rpath,/home/ourapp/root/lib");
    let at = value(&library, 5) as usize + value(&library, DT_RUNPATH) as usize;
    assert_eq!(&library[at..at + 22], b"/home/ourapp/root/lib\0");
    for (wanted, rung) in [("$ORIGIN/../x", Rung::InPlace), ("lib", Rung::InPlace), ("", Rung::InPlace)] {
        let (taken, new) = patched(&library, &runpath(wanted));
        assert_eq!(taken, rung, "{wanted}");
        assert!(!holds(&new, "ourapp"));
        assert_eq!(&new[at + 18..at + 22], b"lib\0");
    }
    // One byte less than the old path would leave no NUL before the symbol's name.
    for wanted in ["$ORIGIN/45678901234567", "$ORIGIN/4567890123456", "$ORIGIN/456789012", "$ORIGIN/4567890123"] {
        let (_, new) = patched(&library, &runpath(wanted));
        assert!(!holds(&new, "ourapp"));
    }
    assert_eq!(patched(&library, &runpath("$ORIGIN/456789012")).0, Rung::InPlace);
    assert_eq!(patched(&library, &runpath("$ORIGIN/4567890123")).0, Rung::Slack);
}

#[test]
fn a_path_that_is_the_tail_of_another_string_leaves_it_whole() {
    let lab = Lab::new();
    let arguments = "-shared -fPIC -Wl,-soname,lib/home/app/lib -Wl,-rpath,/home/app/lib";
    let library = lab.cc("lib/liba.so", "int l;", arguments);
    assert_eq!(value(&library, DT_RUNPATH), value(&library, 14) + 3, "the linker merged them");
    let (rung, new) = patched(&library, &runpath("/y"));
    assert_eq!(rung, Rung::Slack, "nothing may be written over it");
    assert!(holds(&new, "lib/home/app/lib"));
    patched(&new, &RunPaths::default());
}

#[test]
fn a_version_name_that_is_the_tail_of_the_path_keeps_its_bytes() {
    let lab = Lab::new();
    lab.write("map", "ROOT_1 { global: f; local: *; };");
    let arguments = "-shared -fPIC -Wl,--version-script,map -Wl,-rpath,/home/app/ROOT_1";
    let library = lab.cc("lib/liba.so", "int f(void) { return 1; }", arguments);
    let (_, new) = patched(&library, &runpath("$ORIGIN"));
    assert!(holds(&new, "ROOT_1") && !holds(&new, "/home"));
}

#[test]
fn both_tags_with_one_string_are_set_apart() {
    let lab = Lab::new();
    let mut program = lab.program("/home/somebody/lib", "");
    let spare = entry_at(&program, DT_NULL);
    let string = value(&program, DT_RUNPATH);
    set_entry(&mut program, spare, DT_RPATH, string);
    let same = RunPaths { rpath: Some(way(16).into()), runpath: Some(way(16).into()) };
    let (rung, new) = patched(&program, &same);
    assert_eq!(rung, Rung::InPlace);
    assert_eq!(value(&new, DT_RPATH), value(&new, DT_RUNPATH));
    lab.assert_runs(&new);

    let other = RunPaths { rpath: Some(b"/home/somebody/lib".to_vec()), runpath: Some(way(15).into()) };
    let (_, new) = patched(&program, &other);
    lab.assert_runs(&new);
    assert_eq!(patched(&program, &RunPaths::default()).0, Rung::InPlace);
}

#[test]
fn both_tags_with_different_strings_are_each_set() {
    let lab = Lab::new();
    let mut program = lab.program("/home/somebody/elses/quite/long/lib", "");
    let spare = entry_at(&program, DT_NULL);
    // The tail of the other path, as a linker would merge it.
    let tail = value(&program, DT_RUNPATH) + 15;
    set_entry(&mut program, spare, DT_RPATH, tail);
    assert_eq!(paths(&program).rpath.unwrap(), b"elses/quite/long/lib".strip_prefix(b"").unwrap());
    for (first, second) in [(way(16), "/q".to_owned()), ("/q".to_owned(), way(17)), (way(40), way(50))] {
        let wanted = RunPaths { rpath: Some(first.into()), runpath: Some(second.into()) };
        let (_, new) = patched(&program, &wanted);
        assert!(!holds(&new, "somebody") && !holds(&new, "elses"));
    }
    let (_, new) = patched(&program, &rpath(way(16)));
    lab.assert_runs(&new);
    assert!(!holds(&new, "somebody"));
}

#[test]
fn a_new_path_that_is_the_tail_of_the_other_new_path_is_stored_once() {
    let lab = Lab::new();
    let program = lab.program("/x", "");
    let wanted = RunPaths { rpath: Some(b"/opt/app/lib".to_vec()), runpath: Some(b"/home/opt/app/lib".to_vec()) };
    let (_, new) = patched(&program, &wanted);
    assert_eq!(value(&new, DT_RPATH), value(&new, DT_RUNPATH) + 5);
}
