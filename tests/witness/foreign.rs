//! ELF files of machines that the compiler here has no code for: ld.lld links them from an object written by hand.

use crate::fixtures::run;
use std::fs;
use std::path::{Path, PathBuf};

/// One foreign machine: lld's name for it, its ELF number, flags, class, byte order, and its absolute relocation.
struct Machine {
    emulation: &'static str,
    number: u64,
    flags: u64,
    wide: bool,
    big: bool,
    absolute: u64,
}

const MACHINES: [Machine; 3] = [
    Machine { emulation: "elf64ppc", number: 21, flags: 2, wide: true, big: true, absolute: 38 },
    Machine { emulation: "elf32ppc", number: 20, flags: 0, wide: false, big: true, absolute: 1 },
    Machine { emulation: "aarch64linux", number: 183, flags: 0, wide: true, big: false, absolute: 257 },
];

/// For each machine a library that defines versions and one that needs them, and for three more one that defines them.
pub(crate) fn libraries(dir: &Path) -> Vec<PathBuf> {
    fs::write(dir.join("blob"), "blob").unwrap();
    fs::write(dir.join("blob.map"), "V1 { _binary_blob_start; };\nV2 { _binary_blob_end; } V1;\n").unwrap();
    let mut files = Vec::new();
    let emulations = MACHINES.iter().map(|machine| machine.emulation);
    for emulation in emulations.chain(["elf32btsmip", "armelf_linux_eabi", "elf_i386"]) {
        let name = format!("libblob-{emulation}.so");
        let script = "--version-script=blob.map";
        let args =
            ["-m", emulation, "-shared", "-soname", "libblob.so", "-rpath", "/opt/x/lib", script, "-b", "binary"];
        run(dir, "ld.lld", &[&args[..], &["blob", "-o", &name]].concat());
        files.push(dir.join(name));
    }
    for machine in &MACHINES {
        let (object, name) = (format!("{}.o", machine.emulation), format!("libneeds-{}.so", machine.emulation));
        fs::write(dir.join(&object), machine.object("_binary_blob_end")).unwrap();
        let library = format!("libblob-{}.so", machine.emulation);
        let args = ["-m", machine.emulation, "-shared", "-rpath", "/opt/needs/lib", &object, &library, "-o", &name];
        run(dir, "ld.lld", &args);
        files.push(dir.join(name));
    }
    files
}

impl Machine {
    /// A relocatable object whose data is the address of one undefined symbol.
    fn object(&self, symbol: &str) -> Vec<u8> {
        let word = if self.wide { 8 } else { 4 };
        let names = format!("\0{symbol}\0.data\0.rela\0.symtab\0.strtab\0");
        let at = |name: &str| names.find(name).unwrap() as u64;
        let header = if self.wide { 64 } else { 52 };
        let symbol_size = if self.wide { 24 } else { 16 };
        let mut out = self.header(header, header + word + 3 * word + 2 * symbol_size + names.len() as u64);
        self.put(&mut out, &[(0, word)]);
        let info = if self.wide { (1 << 32) | self.absolute } else { (1 << 8) | self.absolute };
        self.put(&mut out, &[(0, word), (info, word), (0, word)]);
        out.resize(out.len() + symbol_size as usize, 0);
        let global = (0x10, 1);
        let fields = if self.wide {
            [(1, 4), global, (0, 1), (0, 2), (0, 8), (0, 8)]
        } else {
            [(1, 4), (0, 4), (0, 4), global, (0, 1), (0, 2)]
        };
        self.put(&mut out, &fields);
        out.extend_from_slice(names.as_bytes());
        let rela = header + word;
        let symbols = rela + 3 * word;
        let strings = symbols + 2 * symbol_size;
        let sections = [
            [0; 9],
            [at(".data"), 1, 3, header, word, 0, 0, word, 0],
            [at(".rela"), 4, 0, rela, 3 * word, 3, 1, word, 3 * word],
            [at(".symtab"), 2, 0, symbols, 2 * symbol_size, 4, 1, word, symbol_size],
            [at(".strtab"), 3, 0, strings, names.len() as u64, 0, 0, 1, 0],
        ];
        for [name, kind, flags, offset, size, link, info, align, entry] in sections {
            let head = [(name, 4), (kind, 4), (flags, word), (0, word), (offset, word), (size, word)];
            self.put(&mut out, &[&head[..], &[(link, 4), (info, 4), (align, word), (entry, word)]].concat());
        }
        out
    }

    fn header(&self, size: u64, sections: u64) -> Vec<u8> {
        let mut out = b"\x7fELF".to_vec();
        out.extend([1 + u8::from(self.wide), 1 + u8::from(self.big), 1]);
        out.resize(16, 0);
        let word = if self.wide { 8 } else { 4 };
        let section = if self.wide { 64 } else { 40 };
        let head = [(1, 2), (self.number, 2), (1, 4), (0, word), (0, word), (sections, word), (self.flags, 4)];
        let counts = [(size, 2), (0, 2), (0, 2), (section, 2), (5, 2), (4, 2)];
        self.put(&mut out, &[&head[..], &counts].concat());
        out
    }

    /// Appends (value, width in bytes) in the machine's byte order.
    fn put(&self, out: &mut Vec<u8>, fields: &[(u64, u64)]) {
        for (value, width) in fields {
            let mut bytes = value.to_le_bytes()[..*width as usize].to_vec();
            if self.big {
                bytes.reverse();
            }
            out.extend(bytes);
        }
    }
}
