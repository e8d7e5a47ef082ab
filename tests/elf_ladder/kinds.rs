//! What each kind of file is taken for, and what is read of a dynamic one.

use super::builder::{Lab, refusal, rpath};
use relocate::base::bytes::ReadAt;
use relocate::elf::{Facts, Kind, Read, Refusal, RunPaths, Rung, plan, read};
use relocate::loader::object::{Arch, Class, Endian, Tag};
use std::borrow::Cow;
use std::cell::Cell;
use std::io;

fn facts(bytes: &[u8]) -> Box<Facts> {
    match read(&bytes.to_vec()).unwrap() {
        Read::Dynamic(facts) => facts,
        other => panic!("{other:?}"),
    }
}

/// Whatever the kind: no wish, no edit; a wish is refused.
fn assert_other(bytes: &[u8], kind: Kind) {
    assert_eq!(read(&bytes.to_vec()).unwrap(), Read::Other(kind));
    assert_eq!(plan(&bytes.to_vec(), &RunPaths::default()).unwrap().rung, Rung::Unchanged);
    assert_eq!(refusal(bytes, &rpath("/x")), Refusal::NotDynamic);
}

#[test]
fn files_that_are_no_elf_are_told_apart() {
    let texts: [&[u8]; 7] = [
        b"",
        b"\x7fELF",
        b"#!/bin/sh\n",
        b"\x7fELF junk that goes on for a while and then some more",
        b"\x7fELF\x02\x03\x01 wrong byte order, and long enough to be a header of 64 bytes",
        b"\x7fELF\x02\x01\x02 wrong version, and long enough to be a header of 64 bytes...",
        b"!<arch>\nan archive of object files",
    ];
    for text in texts {
        assert_eq!(read(&text.to_vec()).unwrap(), Read::NotElf);
        assert_eq!(plan(&text.to_vec(), &RunPaths::default()).unwrap().rung, Rung::Unchanged);
    }
    assert_eq!(refusal(b"text", &rpath("/x")), Refusal::NotDynamic);
}

#[test]
fn object_files_archives_and_static_programs_have_no_run_time_path() {
    let lab = Lab::new();
    assert_other(&lab.cc("a.o", "int a;", "-c"), Kind::Relocatable);
    lab.tool("ar rc a.a a.o");
    assert_eq!(read(&lab.bytes("a.a")).unwrap(), Read::NotElf);
    assert_other(&lab.cc("a", "int main(void) { return 0; }", "-static -no-pie"), Kind::Static);
}

#[test]
fn a_static_pie_is_refused_an_edit_and_left_alone_without_one() {
    let lab = Lab::new();
    let program = lab.cc("a", "int main(void) { return 0; }", "-static-pie");
    assert_eq!(facts(&program).kind, Kind::StaticPie);
    assert_eq!(refusal(&program, &rpath("/x")), Refusal::StaticPie);
    assert_eq!(plan(&program, &RunPaths::default()).unwrap().rung, Rung::Unchanged);
}

#[test]
fn the_loader_is_refused_an_edit() {
    for loader in ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-musl-x86_64.so.1", "/lib/ld-linux.so.2"] {
        let bytes = std::fs::read(loader).unwrap();
        assert_eq!(facts(&bytes).kind, Kind::Loader, "{loader}");
        assert_eq!(refusal(&bytes, &rpath("/x")), Refusal::Loader);
    }
}

#[test]
fn split_debug_information_is_told_apart() {
    let lab = Lab::new();
    lab.cc("p", "int main(void) { return 0; }", "-g -Wl,-rpath,/x");
    lab.tool("objcopy --only-keep-debug p p.debug; cp p q; eu-strip -f q.debug q");
    for name in ["p.debug", "q.debug"] {
        assert_other(&lab.bytes(name), Kind::Debug);
    }
}

#[test]
fn a_program_tells_what_its_loader_sees() {
    let lab = Lab::new();
    let program = lab.program("/opt/lib", "-Wl,--disable-new-dtags -Wl,-z,nodefaultlib -Wl,-z,execstack");
    let facts = facts(&program);
    assert_eq!(facts.kind, Kind::Dynamic);
    assert_eq!(facts.run_paths.len(), 1);
    assert_eq!((facts.run_paths[0].tag, facts.run_paths[0].value.as_slice()), (Tag::Rpath, &b"/opt/lib"[..]));
    let object = facts.object;
    assert_eq!(object.arch, Arch::X86_64);
    assert_eq!(object.interp.as_deref(), Some(&b"/lib64/ld-linux-x86-64.so.2"[..]));
    assert_eq!(object.needed, [b"libgreet.so".to_vec(), b"libc.so.6".to_vec()]);
    assert_eq!((object.rpath.as_deref(), object.runpath), (Some(&b"/opt/lib"[..]), None));
    assert!(object.pie && !object.fixed_address && object.no_default_lib && object.executable_stack);
    assert!(!object.text_relocations);
    assert_eq!(object.kernel, Some((3, 2, 0)));
    let need = object.version_needs.iter().find(|need| need.version == b"GLIBC_2.34").unwrap();
    assert_eq!((need.file.as_slice(), need.symbol.as_deref()), (&b"libc.so.6"[..], Some(&b"__libc_start_main"[..])));
}

#[test]
fn a_library_tells_what_it_defines() {
    let lab = Lab::new();
    lab.write("map", "OUR_1 { global: f; local: *; }; OUR_2 { global: g; } OUR_1;");
    let source = "int f(void) { return 1; } int g(void) { return 2; }";
    let arguments = "-shared -fPIC -m32 -Wl,-soname,liba.so.1 -Wl,--version-script,map -Wl,-f,aux.so -Wl,-F,filter.so";
    let object = facts(&lab.cc("liba.so", source, arguments)).object;
    assert_eq!(object.arch, Arch { class: Class::Elf32, endian: Endian::Little, machine: 3 });
    assert_eq!(object.soname.as_deref(), Some(&b"liba.so.1"[..]));
    assert_eq!(object.version_definitions, [b"OUR_1".to_vec(), b"OUR_2".to_vec()]);
    assert_eq!(object.filters, [b"filter.so"]);
    assert_eq!(object.auxiliaries, [b"aux.so"]);
    assert_eq!(object.interp, None);
    assert!(!object.executable_stack);
}

#[test]
fn processor_level_and_text_relocations_are_read() {
    let lab = Lab::new();
    let arguments = "-shared -fPIC -Wl,-z,x86-64-v3";
    assert_eq!(facts(&lab.cc("liba.so", "int a;", arguments)).object.isa_level, Some(3));
    let text = "int a; int *f(void) { return &a; }";
    let library = lab.cc("libt.so", text, "-shared -m32 -fno-pic -Wl,-z,notext");
    assert!(facts(&library).object.text_relocations);
}

#[test]
fn a_symbol_count_comes_from_relocations_where_nothing_else_tells_it() {
    let lab = Lab::new();
    let mut program = lab.program("/opt/lib", "");
    let whole = facts(&program).object;
    program[0x28..0x30].fill(0);
    program[0x3c..0x40].fill(0);
    assert_eq!(facts(&program).object.version_needs, whole.version_needs);
}

/// Counts the bytes that are asked for.
struct Counted<'a> {
    bytes: &'a [u8],
    asked: Cell<u64>,
}

impl ReadAt for Counted<'_> {
    fn size(&self) -> u64 {
        self.bytes.size()
    }

    fn range(&self, offset: u64, len: u64) -> io::Result<Cow<'_, [u8]>> {
        self.asked.set(self.asked.get() + len);
        self.bytes.range(offset, len)
    }
}

#[test]
fn a_large_file_costs_little_to_read_and_to_plan() {
    let lab = Lab::new();
    let source = "__attribute__((used)) char large[50000000] = { 1 };\n\
                  const char *greet(void) { return \"hello from the library\"; }";
    let library = lab.cc("lib/libgreet.so", source, "-shared -fPIC -Wl,-rpath,/home/app/lib");
    let counted = Counted { bytes: &library, asked: Cell::new(0) };
    read(&counted).unwrap();
    assert!(counted.asked.get() < 100_000, "{} bytes to read", counted.asked.get());
    plan(&counted, &super::builder::runpath("/a/new/path/that/is/longer")).unwrap();
    assert!(counted.asked.get() < 400_000, "{} bytes to read and to plan", counted.asked.get());
}
