//! Compiled Python files as CPython 3.11 writes them (`Lib/importlib/_bootstrap_external.py`, `Python/marshal.c`): a
//! module whose only constants are None and bytes that make it as large as it should be, and which names its source.

use super::content;
use super::random::Random;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

const MAGIC: [u8; 4] = [0xa7, 0x0d, b'\r', b'\n'];
/// RESUME 0, LOAD_CONST 0, RETURN_VALUE.
const CODE: [u8; 6] = [151, 0, 100, 0, 83, 0];
const NO_FREE: u32 = 0x40;

/// Appends one for the source `named`, which has that time (seconds since 1970) and size; about `size` bytes in all.
pub(crate) fn write(random: &mut Random, named: &Path, mtime: u32, source: u64, size: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&0u32.to_le_bytes());
    out.extend_from_slice(&mtime.to_le_bytes());
    out.extend_from_slice(&(source as u32).to_le_bytes());
    out.push(b'c');
    for number in [0, 0, 0, 1, NO_FREE] {
        out.extend_from_slice(&number.to_le_bytes()); // arguments of three sorts, stack, flags
    }
    string(&CODE, out);
    out.extend_from_slice(b")\x02N");
    let named = named.as_os_str().as_bytes();
    let mut constant = Vec::new();
    content::data(random, size.saturating_sub(out.len() + named.len() + 60), &mut constant);
    string(&constant, out);
    out.extend_from_slice(b")\0)\0"); // names, variables
    string(b"", out); // kinds of variables
    out.push(b'u');
    sized(named, out);
    for name in [b"<module>", b"<module>"] {
        out.extend_from_slice(b"z\x08");
        out.extend_from_slice(name);
    }
    out.extend_from_slice(&1u32.to_le_bytes()); // the first line
    string(b"", out); // lines
    string(b"", out); // exceptions
}

fn string(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b's');
    sized(bytes, out);
}

fn sized(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}
