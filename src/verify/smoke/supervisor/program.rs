//! What the kernel itself opens when a file is executed: the `#!` interpreter, or the loader of PT_INTERP. No system call
//! of the program shows these look-ups.
//!
//! Takes a file of any content, gives the one path it names, or nothing where the kernel would open no other file.
//! Sources: Linux `fs/binfmt_script.c`, `fs/binfmt_elf.c`.

use crate::base::bytes::{FileBytes, ReadAt};
use goblin::container::Ctx;
use goblin::elf::Elf;
use goblin::elf::program_header::{PT_INTERP, ProgramHeader};
use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// BINPRM_BUF_SIZE: how much of a script's first line the kernel reads.
const FIRST_LINE: u64 = 256;
/// The kernel refuses a program header table over 64 KiB and a loader's name over PATH_MAX.
const TABLE_MAX: usize = 65_536;
const NAME_MAX: u64 = 4096;

/// The file the kernel opens beside the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Companion {
    /// Named on the first line: executed in the script's place, and may be a script itself.
    Interpreter(Vec<u8>),
    /// Named by PT_INTERP: mapped beside the program.
    Loader(Vec<u8>),
}

/// Finds what an executable names. `None` also for a file that cannot be read or is damaged: the kernel then says so.
pub(super) fn companion(path: &Path) -> Option<Companion> {
    // A fifo must not block the supervisor, and a device must not be opened at all.
    if !fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let file = OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK).open(path).ok()?;
    companion_in(&FileBytes::new(file).ok()?)
}

fn companion_in(bytes: &dyn ReadAt) -> Option<Companion> {
    let start = bytes.range(0, FIRST_LINE.min(bytes.size())).ok()?;
    if let Some(line) = start.strip_prefix(b"#!") {
        return interpreter(line).map(Companion::Interpreter);
    }
    loader(&start, bytes).map(Companion::Loader)
}

/// The first word of the line behind `#!`.
fn interpreter(line: &[u8]) -> Option<Vec<u8>> {
    let line = line.split(|byte| matches!(byte, b'\n' | 0)).next()?;
    let word = line.split(|byte| matches!(byte, b' ' | b'\t')).find(|word| !word.is_empty())?;
    Some(word.to_vec())
}

fn loader(start: &[u8], bytes: &dyn ReadAt) -> Option<Vec<u8>> {
    let header = Elf::parse_header(start).ok()?;
    let context = Ctx::new(header.container().ok()?, header.endianness().ok()?);
    let count = usize::from(header.e_phnum);
    let len = count.checked_mul(ProgramHeader::size(context)).filter(|len| *len <= TABLE_MAX)?;
    let table = bytes.range(header.e_phoff, len as u64).ok()?;
    let entries = ProgramHeader::parse(&table, 0, count, context).ok()?;
    let entry = entries.iter().find(|entry| entry.p_type == PT_INTERP)?;
    if entry.p_filesz > NAME_MAX {
        return None;
    }
    let name = bytes.range(entry.p_offset, entry.p_filesz).ok()?;
    Some(name.split(|byte| *byte == 0).next()?.to_vec()).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> Option<Companion> {
        companion_in(&bytes.to_vec())
    }

    #[test]
    fn a_first_line_is_read_as_the_kernel_reads_it() {
        for (text, word) in [
            (&b"#!/p/bin/sh\n"[..], Some("/p/bin/sh")),
            (b"#! \t/p/bin/env  perl -w\n", Some("/p/bin/env")),
            (b"#!/p/bin/sh", Some("/p/bin/sh")),
            (b"#!/p/bin/sh\r\n", Some("/p/bin/sh\r")),
            (b"#!\n/p/bin/sh\n", None),
            (b"#!", None),
            (b"# !/p/bin/sh\n", None),
            (b"", None),
        ] {
            assert_eq!(of(text), word.map(|word| Companion::Interpreter(word.into())));
        }
    }

    #[test]
    fn a_damaged_elf_file_names_nothing() {
        let mut elf = fs::read("/proc/self/exe").unwrap();
        assert!(matches!(of(&elf), Some(Companion::Loader(_))));
        elf.truncate(4096);
        for cut in 0..128 {
            assert_eq!(of(&elf[..cut]), None);
        }
        for at in 0..64 {
            for value in [0, 0x7f, 0xff] {
                let mut damaged = elf.clone();
                damaged[at] = value;
                let _no_panic = of(&damaged);
            }
        }
    }
}
