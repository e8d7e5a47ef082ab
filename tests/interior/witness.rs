//! Real programs: whatever a disassembler and `readelf` see leading to data, the search must have found too.

use goblin::elf::Elf;
use goblin::elf::program_header::{PF_X, PT_LOAD};
use relocate::elf::{Verdict, overwritable};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where a program of that name lies, symlinks followed.
fn program(name: &str) -> PathBuf {
    let output = Command::new("sh").args(["-c", &format!("readlink -f \"$(command -v {name})\"")]).output().unwrap();
    let path = PathBuf::from(String::from_utf8(output.stdout).unwrap().trim());
    assert!(path.is_file(), "{name} is not installed");
    path
}

fn says(tool: &str, options: &[&str], path: &Path) -> String {
    let output = Command::new(tool).args(options).arg(path).output().unwrap();
    assert!(output.status.success(), "{tool}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The numbers in hexadecimal digits behind each occurrence of a mark.
fn behind(text: &str, mark: &str) -> BTreeSet<u64> {
    let digits = |rest: &str| rest.chars().take_while(char::is_ascii_hexdigit).collect::<String>();
    text.split(mark).skip(1).filter_map(|rest| u64::from_str_radix(&digits(rest), 16).ok()).collect()
}

/// The file offset of each address that lies in data that comes from the file.
fn in_data(bytes: &[u8], addresses: &BTreeSet<u64>) -> Vec<u64> {
    let elf = Elf::parse(bytes).unwrap();
    let loads: Vec<_> =
        elf.program_headers.iter().filter(|one| one.p_type == PT_LOAD && one.p_flags & PF_X == 0).collect();
    let offset = |address: &u64| {
        let load = loads.iter().find(|load| load.p_vaddr < *address && *address < load.p_vaddr + load.p_filesz)?;
        Some(load.p_offset + (address - load.p_vaddr))
    };
    addresses.iter().filter_map(offset).collect()
}

/// Asks for texts of two bytes, the second of which is led to.
fn assert_all_found(name: &str, bytes: &[u8], addresses: &BTreeSet<u64>, at_least: usize) {
    let offsets = in_data(bytes, addresses);
    assert!(offsets.len() >= at_least, "{name}: only {} to look for", offsets.len());
    let texts: Vec<_> = offsets.iter().map(|offset| offset - 1..offset + 1).collect();
    for (text, verdict) in texts.iter().zip(overwritable(&bytes, &texts).unwrap()) {
        let known = matches!(verdict, Verdict::Inside(_) | Verdict::Table(_) | Verdict::NotCovered(_));
        assert!(known, "{name}: what leads to offset {:#x} was missed: {verdict:?}", text.start + 1);
    }
}

#[test]
fn no_operand_that_a_disassembler_sees_is_missed() {
    for (name, at_least) in [("dash", 200), ("busybox", 500), ("curl", 500), ("gcc", 2000), ("patchelf", 100)] {
        let path = program(name);
        let bytes = fs::read(&path).unwrap();
        let code = says("objdump", &["-d", "--no-show-raw-insn"], &path);
        let (loads, others): (Vec<_>, Vec<_>) =
            code.lines().partition(|line| line.contains("mov") && line.contains("(%rip),%"));
        let (loads, others) = (behind(&loads.join("\n"), "# "), behind(&others.join("\n"), "# "));
        // A load right behind another one can be a part of a copy, which is no reference.
        let alone = |load: &&u64| loads.range(load.saturating_sub(16)..**load).next().is_none();
        let mut addresses: BTreeSet<u64> = loads.iter().filter(alone).chain(&others).copied().collect();
        if Elf::parse(&bytes).unwrap().header.e_type == goblin::elf::header::ET_EXEC {
            addresses.extend(behind(&code, "$0x"));
        }
        assert_all_found(name, &bytes, &addresses, at_least);
    }
}

#[test]
fn no_pointer_that_readelf_sees_is_missed() {
    for (name, at_least) in [("dash", 50), ("busybox", 100), ("curl", 100), ("gcc", 100)] {
        let path = program(name);
        let bytes = fs::read(&path).unwrap();
        let relocations = says("readelf", &["-rW"], &path);
        let addends = relocations
            .lines()
            .filter(|line| line.contains("_RELATIVE"))
            .map(|line| u64::from_str_radix(line.split_whitespace().last().unwrap(), 16).unwrap());
        let mut addresses: BTreeSet<u64> = addends.collect();
        if name == "gcc" {
            // At a fixed address the pointers stand in place.
            let data = says("objdump", &["-s", "-j", ".data"], &path);
            addresses = words(&data);
        }
        assert_all_found(name, &bytes, &addresses, at_least);
    }
}

/// The little-endian words of eight bytes in a dump.
fn words(dump: &str) -> BTreeSet<u64> {
    let lines = dump.lines().filter(|line| line.starts_with(' '));
    let number = |pair: &[&str]| u64::from_str_radix(&pair.concat(), 16).map_or(0, u64::swap_bytes);
    lines
        .flat_map(|line| {
            let fields: Vec<_> = line.split_whitespace().skip(1).take(4).collect();
            fields.chunks(2).map(number).collect::<Vec<_>>()
        })
        .collect()
}

/// How often chance makes a reference out of nothing is what decides whether the search is of use. Distances and tables
/// are where that happens: none of these programs has one that leads into a text.
#[test]
fn texts_of_real_programs_are_refused_for_what_is_there() {
    let (mut free, mut inside) = (0, Vec::new());
    for name in
        ["git", "perl", "curl", "openssl", "gcc", "busybox", "file", "tclsh", "ld.bfd", "ld.gold", "cmake", "bash"]
    {
        let path = program(name);
        let bytes = fs::read(&path).unwrap();
        let starts = ["/usr/share", "/usr/lib", "/etc", "/var"].into_iter().flat_map(|prefix| {
            let finder = memchr::memmem::find_iter(&bytes, prefix).map(move |at| at as u64..(at + prefix.len()) as u64);
            finder.collect::<Vec<_>>()
        });
        let texts: Vec<_> = starts.collect();
        for (text, verdict) in texts.iter().zip(overwritable(&bytes, &texts).unwrap()) {
            match verdict {
                Verdict::Free => free += 1,
                Verdict::Inside(interior) => inside.push(format!("{name} {text:x?}: {interior}")),
                _ => {}
            }
        }
    }
    println!("{free} free, {} led into:\n{}", inside.len(), inside.join("\n"));
    assert!(free > 300, "{free}");
    assert!(inside.len() * 20 < free, "{} of {free}", inside.len());
    let by_chance: Vec<_> = inside.iter().filter(|line| line.contains("distance") || line.contains("table")).collect();
    assert!(by_chance.is_empty(), "{by_chance:#?}");
}
