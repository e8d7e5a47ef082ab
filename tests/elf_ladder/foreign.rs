//! Machines this one cannot run: big-endian and 32-bit files of other architectures, linked by lld from nothing but
//! data, because that needs no foreign compiler.

use super::builder::{Lab, patched, program_headers, refusal, runpath, way};
use relocate::elf::{Read, Refusal, Rung, read};
use relocate::loader::object::{Class, Endian};

fn library(lab: &Lab, emulation: &str, more: &str) -> Vec<u8> {
    lab.write("data", "some bytes");
    lab.tool(&format!(
        "ld.lld -m {emulation} -shared -b binary data -rpath /opt/app/lib -soname libq.so -o {emulation}.so {more}"
    ));
    lab.bytes(&format!("{emulation}.so"))
}

#[test]
fn files_of_other_machines_grow() {
    let lab = Lab::new();
    for (emulation, page) in [
        ("aarch64linux", 0x10000),
        ("aarch64linuxb", 0x10000),
        ("elf32ppclinux", 0x10000),
        ("elf64ppc", 0x10000),
        ("elf64lppc", 0x10000),
        ("elf32lriscv", 0x1000),
        ("elf64lriscv", 0x1000),
        ("armelf_linux_eabi", 0x1000),
    ] {
        let old = library(&lab, emulation, "--hash-style=both");
        assert_eq!(patched(&old, &runpath("/opt")).0, Rung::InPlace, "{emulation}");
        let mut bytes = old.clone();
        for len in [40, 5000, 100_000] {
            let (rung, new) = patched(&bytes, &runpath(way(len)));
            assert!(rung >= Rung::Slack, "{emulation}");
            assert!(program_headers(&new) <= program_headers(&old) + 1);
            lab.assert_lint_no_worse(&old, &new);
            let elf = goblin::elf::Elf::parse(&new).unwrap();
            let last = elf.program_headers.iter().rfind(|one| one.p_type == 1).unwrap();
            assert_eq!((last.p_vaddr % page, last.p_offset % page), (0, 0), "{emulation}");
            bytes = new;
        }
    }
}

#[test]
fn big_endian_files_are_read() {
    let lab = Lab::new();
    for (emulation, class) in
        [("aarch64linuxb", Class::Elf64), ("elf32ppclinux", Class::Elf32), ("elf64ppc", Class::Elf64)]
    {
        let Read::Dynamic(facts) = read(&library(&lab, emulation, "")).unwrap() else { panic!("{emulation}") };
        assert_eq!((facts.object.arch.class, facts.object.arch.endian), (class, Endian::Big));
        assert_eq!(facts.object.soname.as_deref(), Some(&b"libq.so"[..]));
        assert_eq!(facts.object.runpath.as_deref(), Some(&b"/opt/app/lib"[..]));
    }
}

#[test]
fn mips_files_are_edited_where_nothing_has_to_move() {
    let lab = Lab::new();
    for emulation in ["elf32btsmip", "elf64btsmip", "elf32ltsmip"] {
        let old = library(&lab, emulation, "--hash-style=sysv");
        assert_eq!(patched(&old, &runpath("/opt")).0, Rung::InPlace, "{emulation}");
        assert!(matches!(refusal(&old, &runpath(way(5000))), Refusal::SegmentLayout(_)), "{emulation}");
    }
}
