//! The facts of one file as readelf(1) tells them, in the judge's own type, so that the two can be compared whole.

use relocate::loader::object::{Arch, Class, Endian, Object, Tag, VersionNeed};
use std::path::Path;
use std::process::Command;

/// What readelf says of a file with a dynamic table.
pub(crate) struct Told {
    pub(crate) object: Object,
    pub(crate) run_paths: Vec<(Tag, Vec<u8>)>,
}

/// Asks readelf; `None` where it sees no dynamic table.
pub(crate) fn ask(path: &Path) -> Option<Told> {
    let output = Command::new("readelf")
        .env("LC_ALL", "C")
        .args(["--wide", "-h", "-l", "-d", "-V", "-n", "--dyn-syms"])
        .arg(path)
        .output()
        .expect("readelf runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !text.contains("Dynamic section at offset") {
        return None;
    }
    let run_paths = run_paths(&text);
    let last = |wanted| run_paths.iter().rfind(|(tag, _)| *tag == wanted).map(|(_, path)| path.clone());
    let object = Object {
        arch: arch(&text),
        fixed_address: field(&text, "  Type:").starts_with("EXEC"),
        pie: dynamic(&text, "(FLAGS_1)").iter().any(|flags| flags.contains("PIE")),
        no_default_lib: dynamic(&text, "(FLAGS_1)").iter().any(|flags| flags.contains("NODEFLIB")),
        interp: between(&text, "[Requesting program interpreter: ", "]").map(|path| path.as_bytes().to_vec()),
        soname: bracketed(&text, "(SONAME)").pop(),
        needed: bracketed(&text, "(NEEDED)"),
        filters: bracketed(&text, "(FILTER)"),
        auxiliaries: bracketed(&text, "(AUXILIARY)"),
        rpath: last(Tag::Rpath),
        runpath: last(Tag::Runpath),
        version_needs: version_needs(&text),
        version_definitions: version_definitions(&text),
        kernel: kernel(&text),
        isa_level: isa_level(&text),
        text_relocations: !dynamic(&text, "(TEXTREL)").is_empty()
            || dynamic(&text, "(FLAGS)").iter().any(|flags| flags.contains("TEXTREL")),
        executable_stack: executable_stack(&text),
    };
    Some(Told { object, run_paths })
}

fn field<'a>(text: &'a str, name: &str) -> &'a str {
    text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim()
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    text.split_once(start)?.1.split_once(end).map(|(inside, _)| inside)
}

/// The values of all dynamic entries with a tag.
fn dynamic<'a>(text: &'a str, tag: &str) -> Vec<&'a str> {
    text.lines()
        .filter(|line| line.starts_with(" 0x"))
        .filter_map(|line| Some(line.split_once(tag)?.1.trim()))
        .collect()
}

fn bracketed(text: &str, tag: &str) -> Vec<Vec<u8>> {
    let inside = |value: &str| Some(value.split_once('[')?.1.rsplit_once(']')?.0.as_bytes().to_vec());
    dynamic(text, tag).into_iter().filter_map(inside).collect()
}

fn run_paths(text: &str) -> Vec<(Tag, Vec<u8>)> {
    let lines = text.lines().filter_map(|line| {
        let tag = if line.contains("(RPATH)") {
            Tag::Rpath
        } else if line.contains("(RUNPATH)") {
            Tag::Runpath
        } else {
            return None;
        };
        Some((tag, line.split_once('[')?.1.rsplit_once(']')?.0.as_bytes().to_vec()))
    });
    lines.collect()
}

fn arch(text: &str) -> Arch {
    let class = if field(text, "  Class:") == "ELF64" { Class::Elf64 } else { Class::Elf32 };
    let endian = if field(text, "  Data:").contains("little") { Endian::Little } else { Endian::Big };
    let machine = match field(text, "  Machine:") {
        "Intel 80386" => 3,
        "MIPS R3000" => 8,
        "PowerPC" => 20,
        "PowerPC64" => 21,
        "ARM" => 40,
        "Advanced Micro Devices X86-64" => 62,
        "AArch64" => 183,
        other => panic!("the test knows no machine '{other}'"),
    };
    Arch { class, endian, machine }
}

/// `  0x0010:   Name: GLIBC_2.2.5  Flags: none  Version: 3` below `  000000: Version: 1  File: libc.so.6  Cnt: 3`.
fn version_needs(text: &str) -> Vec<VersionNeed> {
    let mut file = "";
    let mut needs = Vec::new();
    for line in text.lines().skip_while(|line| !line.starts_with("Version needs section")) {
        if let Some(found) = between(line, "  File: ", "  Cnt: ") {
            file = found;
        } else if let Some(version) = between(line, ":   Name: ", "  Flags: ") {
            let (flags, index) = line.split_once("  Flags: ").unwrap().1.split_once("  Version: ").unwrap();
            needs.push(VersionNeed {
                file: file.as_bytes().to_vec(),
                version: version.as_bytes().to_vec(),
                weak: flags.contains("WEAK"),
                symbol: first_symbol(text, version, index.trim()),
            });
        }
    }
    needs.sort();
    needs
}

/// `     1: 0000000000000000     0 FUNC    GLOBAL DEFAULT  UND puts@GLIBC_2.2.5 (3)`.
fn first_symbol(text: &str, version: &str, index: &str) -> Option<Vec<u8>> {
    let end = format!("@{version} ({index})");
    let line = text.lines().find(|line| line.ends_with(&end))?;
    let name = line.strip_suffix(&end)?.rsplit(' ').next()?.trim_end_matches('@');
    Some(name.as_bytes().to_vec())
}

/// `  0x001c: Rev: 1  Flags: none  Index: 2  Cnt: 1  Name: V1`.
fn version_definitions(text: &str) -> Vec<Vec<u8>> {
    let lines = text.lines().filter(|line| line.contains(": Rev: ") && !line.contains("Flags: BASE"));
    lines.filter_map(|line| Some(line.split_once("  Name: ")?.1.as_bytes().to_vec())).collect()
}

fn kernel(text: &str) -> Option<(u32, u32, u32)> {
    let lines = text.lines().filter_map(|line| line.split_once("OS: Linux, ABI: "));
    lines
        .map(|(_, version)| {
            let parts: Vec<u32> = version.trim().split('.').map(|part| part.parse().unwrap()).collect();
            (parts[0], parts[1], parts[2])
        })
        .max()
}

fn isa_level(text: &str) -> Option<u8> {
    let needed = text.split_once("x86 ISA needed: ")?.1.lines().next()?;
    let levels = [(4, "x86-64-v4"), (3, "x86-64-v3"), (2, "x86-64-v2"), (1, "x86-64-baseline")];
    levels.into_iter().find(|(_, name)| needed.contains(name)).map(|(level, _)| level)
}

fn executable_stack(text: &str) -> bool {
    match text.lines().find(|line| line.trim_start().starts_with("GNU_STACK")) {
        Some(line) => line.contains("RWE") || line.contains("R E"),
        None => matches!(arch(text).machine, 3 | 62),
    }
}
