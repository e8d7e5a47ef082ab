//! Each rung of the ladder is taken where it should be, and not a higher one.

use super::builder::{
    Lab, apply, entry_at, holds, patched, paths, program_headers, refusal, rpath, runpath, set_entry, value, way,
};
use relocate::elf::{Refusal, RunPaths, Rung, plan};

const DT_NULL: u64 = 0;
const DT_RPATH: u64 = 15;
const DT_RUNPATH: u64 = 29;

#[test]
fn a_file_that_is_as_wanted_is_left_alone() {
    let lab = Lab::new();
    let program = lab.program("/opt/app/lib", "");
    let (rung, new) = patched(&program, &runpath("/opt/app/lib"));
    assert_eq!((rung, new), (Rung::Unchanged, program));
}

#[test]
fn a_shorter_path_goes_over_the_old_one_and_leaves_no_trace_of_it() {
    let lab = Lab::new();
    let program = lab.program("/home/somebody/a/very/long/prefix/lib", "");
    let (rung, new) = patched(&program, &runpath(way(14)));
    assert_eq!((rung, new.len()), (Rung::InPlace, program.len()));
    assert!(!holds(&new, "somebody") && !holds(&new, "prefix"));
    lab.assert_runs(&new);
}

#[test]
fn a_path_of_the_same_length_goes_over_the_old_one() {
    let lab = Lab::new();
    let program = lab.program("/opt/app23/lib", "");
    let (rung, new) = patched(&program, &runpath(way(14)));
    assert_eq!(rung, Rung::InPlace);
    lab.assert_runs(&new);
}

#[test]
fn a_path_grows_back_into_the_zeros_it_left() {
    let lab = Lab::new();
    let program = lab.program("/home/somebody/lib", "");
    let (_, short) = patched(&program, &runpath("/x"));
    let (rung, back) = patched(&short, &runpath("/home/somebody/lib"));
    assert_eq!((rung, back), (Rung::InPlace, program));
}

#[test]
fn a_string_that_is_there_already_is_pointed_at() {
    let lab = Lab::new();
    let program = lab.program("/x", "");
    let (rung, new) = patched(&program, &runpath("libgreet.so"));
    assert_eq!((rung, new.len()), (Rung::Reuse, program.len()));
    assert_eq!(value(&new, DT_RUNPATH), value(&new, 1), "the DT_NEEDED string is the same");
}

#[test]
fn the_tail_of_another_string_is_pointed_at() {
    let lab = Lab::new();
    let program = lab.program("/x", "");
    assert_eq!(patched(&program, &runpath("greet.so")).0, Rung::Reuse);
}

#[test]
fn an_unused_run_of_zeros_is_reused() {
    let lab = Lab::new();
    let library = lab.cc("lib/libl.so", "int l;", "-shared -Wl,-soname,/a/very/long/name/of/a/library -Wl,-rpath,/x");
    let mut bytes = library.clone();
    let strings = value(&library, 5) as usize;
    let soname = strings + value(&library, 14) as usize;
    bytes[soname..soname + 20].fill(0);
    let at = entry_at(&bytes, 14);
    set_entry(&mut bytes, at, 14, value(&library, 14) + 20);
    let (rung, new) = patched(&bytes, &runpath("/opt/a/lib"));
    assert_eq!((rung, new.len()), (Rung::Reuse, bytes.len()));
}

#[test]
fn growth_uses_the_padding_of_a_read_only_segment() {
    let lab = Lab::new();
    let program = lab.program("/x", "");
    for len in [14, 74, 500] {
        let (rung, new) = patched(&program, &runpath(way(len)));
        assert_eq!((rung, new.len()), (Rung::Slack, program.len()), "{len} bytes");
        assert_eq!(program_headers(&new), program_headers(&program));
        lab.assert_runs(&new);
        lab.assert_runs_when_stripped(&new);
        lab.assert_lint_no_worse(&program, &new);
    }
}

#[test]
fn the_old_path_is_gone_from_the_old_string_table_too() {
    let lab = Lab::new();
    let program = lab.program("/home/somebody/lib", "");
    for len in [100, 5000] {
        let (_, new) = patched(&program, &runpath(way(len)));
        assert!(!holds(&new, "somebody"));
    }
}

#[test]
fn growth_beyond_the_padding_takes_over_a_redundant_note() {
    let lab = Lab::new();
    let program = lab.program("/x", "");
    let (rung, new) = patched(&program, &runpath(way(9000)));
    assert_eq!(rung, Rung::NewSegment);
    assert_eq!(program_headers(&new), program_headers(&program));
    lab.assert_runs(&new);
    lab.assert_runs_when_stripped(&new);
    lab.assert_lint_no_worse(&program, &new);
}

#[test]
fn growth_beyond_the_padding_lengthens_the_table_of_program_headers() {
    let lab = Lab::new();
    let program = lab.program("/x", "-fuse-ld=gold");
    let (rung, new) = patched(&program, &runpath(way(9000)));
    assert_eq!(rung, Rung::LongerTable);
    assert_eq!(program_headers(&new), program_headers(&program) + 1);
    lab.assert_runs(&new);
    lab.assert_runs_when_stripped(&new);
    lab.assert_lint_no_worse(&program, &new);
}

#[test]
fn growing_again_adds_no_second_segment() {
    let lab = Lab::new();
    let program = lab.program("/x", "");
    let (_, first) = patched(&program, &runpath(way(9000)));
    let mut bytes = first.clone();
    for len in [9001, 9100, 14000, 30, 9000, 20000] {
        let (rung, new) = patched(&bytes, &runpath(way(len)));
        assert!(rung <= Rung::NewSegment);
        assert_eq!(program_headers(&new), program_headers(&first));
        lab.assert_runs(&new);
        bytes = new;
    }
    assert!(bytes.len() < first.len() + 12000, "the old path's room is used again");
    lab.assert_lint_no_worse(&program, &bytes);
}

#[test]
fn growing_again_after_strip_adds_no_second_segment() {
    let lab = Lab::new();
    let program = lab.program("/x", "");
    let (_, first) = patched(&program, &runpath(way(9000)));
    for strip in ["strip -s", "strip -g", "eu-strip"] {
        lab.write("bin/stripped", &first);
        lab.tool(&format!("{strip} bin/stripped"));
        let stripped = lab.bytes("bin/stripped");
        let (_, new) = patched(&stripped, &runpath(way(14000)));
        assert_eq!(program_headers(&new), program_headers(&stripped));
        lab.assert_runs(&new);
        lab.assert_runs_when_stripped(&new);
        lab.assert_lint_no_worse(&stripped, &new);
    }
}

#[test]
fn a_file_that_patchelf_grew_can_grow_again() {
    let lab = Lab::new();
    let program = lab.program("/x", "");
    for (by_patchelf, len) in [(300, 400), (300, 9000), (9000, 14000)] {
        lab.write("bin/by-patchelf", &program);
        lab.tool(&format!("patchelf --set-rpath '{}' bin/by-patchelf", way(by_patchelf)));
        let bytes = lab.bytes("bin/by-patchelf");
        let (_, new) = patched(&bytes, &runpath(way(len)));
        lab.assert_runs(&new);
        lab.assert_lint_no_worse(&bytes, &new);
    }
}

#[test]
fn a_tag_is_removed_with_its_string() {
    let lab = Lab::new();
    let program = lab.program("/home/somebody/lib", "");
    let (rung, new) = patched(&program, &RunPaths::default());
    assert_eq!((rung, new.len()), (Rung::InPlace, program.len()));
    assert!(!holds(&new, "somebody"));
    assert_eq!(lab.tool("env -i LD_LIBRARY_PATH=lib bin/program"), "hello from the library\n");
    lab.write("bin/bytes", &new);
    assert_eq!(lab.tool("cp bin/bytes bin/new && env -i LD_LIBRARY_PATH=lib bin/new"), "hello from the library\n");
    lab.assert_lint_no_worse(&program, &new);
}

#[test]
fn a_tag_changes_into_the_other_one_in_place() {
    let lab = Lab::new();
    let program = lab.program("/home/somebody/lib", "");
    let (rung, new) = patched(&program, &rpath(way(14)));
    assert_eq!(rung, Rung::InPlace);
    assert_eq!(entry_at(&new, DT_RPATH), entry_at(&program, DT_RUNPATH));
    lab.assert_runs(&new);
    assert_eq!(patched(&new, &runpath(way(14))).0, Rung::InPlace);
}

#[test]
fn every_one_of_several_equal_tags_is_set() {
    let lab = Lab::new();
    let mut program = lab.program("/home/somebody/lib", "-Wl,--disable-new-dtags");
    let spare = entry_at(&program, DT_NULL);
    let tail = value(&program, DT_RPATH) + 5;
    set_entry(&mut program, spare, DT_RPATH, tail);
    let (rung, new) = patched(&program, &rpath(way(16)));
    assert_eq!(rung, Rung::InPlace);
    assert!(!holds(&new, "somebody"));
    let relocate::elf::Read::Dynamic(facts) = relocate::elf::read(&new).unwrap() else { panic!() };
    let values: Vec<_> = facts.run_paths.iter().map(|path| path.value.clone()).collect();
    assert_eq!(values, [way(16).into_bytes(), way(16).into_bytes()]);
    lab.assert_runs(&new);
    assert_eq!(paths(&patched(&new, &RunPaths::default()).1), RunPaths::default());
}

#[test]
fn a_path_with_a_nul_byte_is_refused() {
    let lab = Lab::new();
    let program = lab.program("/opt/app/lib", "");
    assert!(matches!(refusal(&program, &runpath("a\0b")), Refusal::NulInPath(_)));
}

#[test]
fn paths_are_bytes_not_text() {
    let lab = Lab::new();
    let program = lab.program("/opt/app/lib", "");
    let wanted = runpath(b"/\xff\xfe\n/lib");
    let new = apply(&program, &plan(&program, &wanted).unwrap());
    assert_eq!(paths(&new), wanted);
    let (_, new) = patched(&apply(&new, &plan(&new, &runpath("/x")).unwrap()), &runpath(""));
    assert_eq!(paths(&new).runpath.unwrap(), b"");
}
