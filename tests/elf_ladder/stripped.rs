//! `without_debug` on what compilers, linkers and other tools make: the same file as `strip -g` makes of it, to a few
//! bytes, and the one that was there before in everything a loader maps.

use super::builder::{Lab, PROGRAM, patched, runpath, way};
use goblin::elf::Elf;
use goblin::elf::program_header::PT_LOAD;
use relocate::elf::{Patch, Rung, Stripped, Unstripped, plan, without_debug};
use std::fs;

/// Old names in `.shstrtab`, which stay, and rounding; what `eu-strip` saves beyond us is no more.
const NAMES: usize = 160;

/// The file without its debug sections, as the edits say.
pub(crate) fn apply(bytes: &[u8], stripped: &Stripped) -> Vec<u8> {
    let mut new = bytes.to_vec();
    new.truncate(stripped.size as usize);
    for edit in &stripped.edits {
        new[edit.offset as usize..][..edit.bytes.len()].copy_from_slice(&edit.bytes);
    }
    assert_eq!(new.len() + stripped.saved as usize, bytes.len());
    new
}

/// Strips a file that has debug sections, and proves what holds for every such file.
pub(crate) fn stripped(bytes: &[u8]) -> Vec<u8> {
    let result = without_debug(&bytes.to_vec()).unwrap_or_else(|error| panic!("{error}"));
    let new = apply(bytes, &result.unwrap_or_else(|| panic!("{} debug sections stay", debug_sections(bytes))));
    assert_eq!(without_debug(&new).unwrap(), None, "twice is once");
    assert!(debug_sections(bytes) > 0 && debug_sections(&new) == 0);
    assert_loaded_alike(bytes, &new);
    new
}

/// Why a file is left.
pub(crate) fn reason(bytes: &[u8]) -> Unstripped {
    without_debug(&bytes.to_vec()).expect_err("it is left")
}

pub(crate) fn debug_sections(bytes: &[u8]) -> usize {
    let elf = Elf::parse(bytes).unwrap();
    // rustc has a loaded one for gdb.
    let headers = elf.section_headers.iter().filter(|section| !section.is_alloc());
    let names = headers.filter_map(|section| elf.shdr_strtab.get_at(section.sh_name));
    names.filter(|name| name.starts_with(".debug_") || name.starts_with(".zdebug_")).count()
}

/// Every byte that a loader maps is the same, but for fields of the file header and offsets in program headers.
fn assert_loaded_alike(old: &[u8], new: &[u8]) {
    let (before, after) = (Elf::parse(old).unwrap(), Elf::parse(new).unwrap());
    assert_eq!(before.header.e_phnum, after.header.e_phnum);
    let table = |elf: &Elf<'_>| {
        let start = elf.header.e_phoff as usize;
        start..start + usize::from(elf.header.e_phnum) * usize::from(elf.header.e_phentsize)
    };
    let image = |bytes: &[u8], elf: &Elf<'_>, offset: usize, len: usize| {
        let mut bytes = bytes.to_vec();
        bytes[..usize::from(elf.header.e_ehsize)].fill(0);
        bytes[table(elf)].fill(0);
        for section in elf.section_headers.iter().filter(|section| section.sh_type == 11) {
            bytes[section.file_range().unwrap()].fill(0);
        }
        bytes[offset..offset + len].to_vec()
    };
    for (was, is) in before.program_headers.iter().zip(&after.program_headers) {
        let same = |one: &goblin::elf::ProgramHeader| {
            (one.p_type, one.p_vaddr, one.p_paddr, one.p_filesz, one.p_memsz, one.p_flags, one.p_align)
        };
        assert_eq!(same(was), same(is));
        let len = was.p_filesz as usize;
        if was.p_type == PT_LOAD {
            assert_eq!(was.p_offset % was.p_align, is.p_offset % is.p_align);
        }
        let old = image(old, &before, was.p_offset as usize, len);
        assert!(old == image(new, &after, is.p_offset as usize, len), "loaded bytes of {was:?} changed");
    }
}

/// Every symbol that is not in a debug section, with the name of its section.
fn symbols_with_sections(bytes: &[u8]) -> Vec<String> {
    let elf = Elf::parse(bytes).unwrap();
    let section = |index: usize| elf.section_headers.get(index);
    let symbols = elf.syms.iter().map(|one| (one, elf.strtab.get_at(one.st_name)));
    let all = symbols.chain(elf.dynsyms.iter().map(|one| (one, elf.dynstrtab.get_at(one.st_name))));
    let stays = all.filter(|(one, _)| {
        let name = section(one.st_shndx).and_then(|section| elf.shdr_strtab.get_at(section.sh_name));
        section(one.st_shndx).is_none_or(goblin::elf::SectionHeader::is_alloc) || !name.unwrap().starts_with(".debug")
    });
    let shown = stays.map(|(one, name)| {
        let number = one.st_shndx;
        let within = section(number)
            .map_or(format!("{number}"), |section| elf.shdr_strtab.get_at(section.sh_name).unwrap().to_owned());
        format!("{name:?} {:x} {} {} {} {within}", one.st_value, one.st_size, one.st_info, one.st_other)
    });
    shown.collect()
}

/// Compares with the two strips there are, and with what tools say of the file before.
fn assert_as_others_do(lab: &Lab, bytes: &[u8]) -> Vec<u8> {
    let new = stripped(bytes);
    for name in ["before", "by-strip"] {
        lab.write(name, bytes);
    }
    lab.write("ours", &new);
    lab.tool("strip -g by-strip && eu-strip -g -o by-eu-strip before");
    let size = |name: &str| fs::metadata(lab.path(name)).unwrap().len() as usize;
    assert!(new.len() <= size("by-eu-strip") + NAMES, "{} and {}", new.len(), size("by-eu-strip"));
    let sections = |name: &str| {
        lab.tool(&format!("readelf -SW {name} | sed -n 's/^ *\\[ *[0-9]*\\] \\(\\.[^ ]*\\).*/\\1/p' | sort"))
    };
    assert_eq!(sections("ours"), sections("by-strip"));
    assert_eq!(lab.tool("readelf -aW ours 2>&1 >/dev/null"), lab.tool("readelf -aW by-strip 2>&1 >/dev/null"));
    let symbols = |name: &str| lab.tool(&format!("nm {name}; nm -D {name} 2>/dev/null || true"));
    assert_eq!(symbols("ours"), symbols("by-strip"));
    assert_eq!(symbols_with_sections(&new), symbols_with_sections(bytes));
    let code = |name: &str| lab.tool(&format!("objdump -d {name} | sed 1,3d"));
    assert_eq!(code("ours"), code("before"));
    lab.assert_lint_no_worse(bytes, &new);
    new
}

#[test]
fn programs_of_every_linker_are_as_others_strip_them() {
    for linker in ["bfd", "gold", "lld"] {
        for more in ["-g", "-g -no-pie", "-g -gz", "-g -m32", "-ggdb3 -gdwarf-4 -m32 -no-pie"] {
            let lab = Lab::new();
            let program = lab.program("/opt/app/lib", &format!("-fuse-ld={linker} {more}"));
            let new = assert_as_others_do(&lab, &program);
            let (_, new) = patched(&new, &runpath(way(60)));
            lab.assert_runs(&new);
        }
    }
}

#[test]
fn libraries_and_static_programs_are_as_others_strip_them() {
    let lab = Lab::new();
    let source = "static __thread int t = 3; int big[9000]; int f(int x) { return x + t + big[x]; }";
    for arguments in ["-shared -fPIC", "-shared -fPIC -fuse-ld=lld", "-shared -fPIC -m32 -fuse-ld=gold"] {
        let library = lab.cc("library.so", source, &format!("{arguments} -g"));
        assert_as_others_do(&lab, &library);
    }
    for arguments in ["-static", "-static-pie", "-static -fuse-ld=gold"] {
        let program = lab.cc(
            "program",
            "#include <stdio.h>\nint main(void) { puts(\"static\"); return 0; }",
            &format!("{arguments} -g"),
        );
        let new = assert_as_others_do(&lab, &program);
        lab.write("bytes", new);
        assert_eq!(lab.tool("cp bytes stripped && ./stripped"), "static\n");
    }
}

#[test]
fn a_debugger_still_finds_debug_information_that_was_split_off() {
    let lab = Lab::new();
    let program = lab.program("/opt/app/lib", "-g");
    lab.tool("objcopy --only-keep-debug bin/program bin/program.debug && cd bin && objcopy --add-gnu-debuglink=program.debug program linked");
    assert!(matches!(reason(&lab.bytes("bin/program.debug")), Unstripped::DebugFile));
    let new = stripped(&lab.bytes("bin/linked"));
    lab.write("bin/linked", &new);
    assert_eq!(lab.tool("readelf -p .gnu_debuglink bin/linked | grep -c program.debug"), "1\n");
    let ours = lab.tool("cd bin && gdb -nx -batch -ex 'info line main' linked");
    assert!(ours.contains("of \"bin/program.c\""), "{ours}");
    assert!(stripped(&program) != new);
}

#[test]
fn files_without_debug_sections_are_left_alone() {
    let lab = Lab::new();
    for arguments in ["", "-s", "-Wl,--strip-debug -g", "-fuse-ld=lld"] {
        let program = lab.cc("program", "int main(void) { return 0; }", &format!("-nostartfiles -e main {arguments}"));
        assert_eq!(without_debug(&program).unwrap(), None, "{arguments}");
    }
    let mut bare = lab.program("/opt", "-g");
    bare[40..48].fill(0);
    bare[60..64].fill(0);
    assert_eq!(without_debug(&bare).unwrap(), None, "without section headers");
    assert_eq!(without_debug(&b"#!/bin/sh\n".to_vec()).unwrap(), None);
}

#[test]
fn object_files_and_archives_are_not_touched() {
    let lab = Lab::new();
    lab.write("o.c", "int f(void) { return 1; }");
    lab.tool("cc -g -c o.c -o o.o && ar rc o.a o.o && ld -r o.o -o r.o");
    for name in ["o.o", "o.a", "r.o"] {
        assert_eq!(without_debug(&lab.bytes(name)).unwrap(), None, "{name}");
    }
}

#[test]
fn stripping_and_growing_go_together_in_any_order() {
    for (linker, rungs) in [("bfd", [Rung::Slack, Rung::NewSegment]), ("gold", [Rung::Slack, Rung::LongerTable])] {
        let lab = Lab::new();
        let program = lab.program("/x", &format!("-g -fuse-ld={linker}"));
        for (len, rung) in [(100, rungs[0]), (9000, rungs[1])] {
            let wanted = runpath(way(len));
            let (taken, first) = patched(&stripped(&program), &wanted);
            assert_eq!(taken, rung);
            let (_, grown) = patched(&program, &wanted);
            let second = stripped(&grown);
            let (_, longer) = patched(&second, &runpath(way(len + 6000)));
            for new in [&first, &second, &longer] {
                lab.assert_runs(new);
                lab.assert_runs_when_stripped(new);
                lab.assert_lint_no_worse(&program, new);
            }
        }
    }
}

#[test]
fn files_that_patchelf_has_grown_are_stripped() {
    let rows: [(&str, &[usize]); 5] = [
        ("", &[300, 3000, 9000]),
        ("-fuse-ld=gold", &[300, 3000, 9000]),
        ("-m32", &[300, 9000]),
        ("-fuse-ld=lld", &[300, 9000]),
        ("-no-pie", &[3000]),
    ];
    for (arguments, lengths) in rows {
        let lab = Lab::new();
        lab.program("/x", &format!("-ggdb3 {arguments}"));
        for len in lengths {
            lab.tool(&format!("patchelf --set-rpath '{}' bin/program", way(*len)));
            let grown = lab.bytes("bin/program");
            lab.assert_runs(&grown);
            let new = stripped(&grown);
            lab.assert_runs(&new);
            lab.assert_lint_no_worse(&grown, &new);
            // patchelf lets the tables of a fixed-address program span two LOADs: `strip` breaks them, we do not read them.
            if arguments != "-no-pie" {
                lab.assert_runs_when_stripped(&new);
                let (_, new) = patched(&new, &runpath(way(len + 5000)));
                lab.assert_runs(&new);
            }
        }
    }
}

/// The edits of both steps laid over the original give what the steps give one after the other.
#[test]
fn a_patch_for_the_stripped_file_is_added_to_its_edits() {
    let lab = Lab::new();
    for (arguments, len) in [("-g", 20), ("-g", 9000), ("-g -fuse-ld=gold", 9000), ("-ggdb3", 90_000)] {
        let program = lab.cc("bin/program", PROGRAM, &format!("{arguments} -shared -fPIC -Wl,-rpath,/x"));
        let first = without_debug(&program).unwrap().unwrap();
        let between = apply(&program, &first);
        let wanted = runpath(way(len));
        let Patch { size, rung, edits } = plan(&between, &wanted).unwrap();
        let (_, expected) = patched(&between, &wanted);
        let edits = first.followed_by(Patch { size, rung, edits }, &program);
        let view = relocate::base::bytes::Edited::new(&program, &edits, size);
        assert!(*relocate::base::bytes::ReadAt::range(&view, 0, size).unwrap() == *expected, "{arguments}");
    }
}

#[test]
fn a_rust_program_keeps_its_symbols_and_unwinds() {
    let lab = Lab::new();
    let own = fs::read(std::env::current_exe().unwrap()).unwrap();
    let new = assert_as_others_do(&lab, &own);
    lab.write("test", new);
    let listed = lab.tool("./test --list");
    assert!(listed.contains("a_panic_is_caught: test"));
    lab.tool("./test --exact stripped::a_panic_is_caught");
}

#[test]
fn a_panic_is_caught() {
    let caught = std::panic::catch_unwind(|| assert!(std::env::args().count() > 99));
    assert!(caught.is_err(), "what the test before this one runs when it is stripped");
}
