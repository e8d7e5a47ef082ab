//! Whether a package of the database is the one in a binary package, and whether a binary package is whole.
//!
//! The database and the binary package say what is installed; nothing else is written down about it.

use pkgsrc::Archive;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::Path;

/// The entries that are compared: what it has, how it was built, what runs when it comes and goes.
const COMPARED: [&str; 4] = ["+CONTENTS", "+BUILD_INFO", "+INSTALL", "+DEINSTALL"];
/// The longest entry that is read, in bytes; the largest packing lists have a few.
const LONGEST: u64 = 64 << 20;

/// Whether the entry of the database at `entry` is that of the binary package `file`. What cannot be read is not.
pub fn is_of(entry: &Path, file: &Path) -> bool {
    let Ok(packed) = entries(file) else { return false };
    COMPARED.iter().all(|name| {
        let kept = fs::read(entry.join(name)).ok();
        kept.map(|bytes| steady(name, &bytes)) == packed.get(*name).map(|bytes| steady(name, bytes))
    })
}

/// Whether a binary package can be read to its end, and begins with a packing list.
pub fn is_whole(file: &Path) -> bool {
    read_all(file).unwrap_or(false)
}

fn read_all(file: &Path) -> io::Result<bool> {
    let mut archive = Archive::open(file).map_err(io::Error::other)?;
    let mut has_list = false;
    for member in archive.entries().map_err(io::Error::other)? {
        let mut member = member?;
        has_list |= member.path_bytes().as_ref() == b"+CONTENTS";
        io::copy(&mut member, &mut io::sink())?;
    }
    Ok(has_list)
}

/// The entries for the database, which stand before all files.
fn entries(file: &Path) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let mut archive = Archive::open(file).map_err(io::Error::other)?;
    let mut entries = BTreeMap::new();
    for member in archive.entries().map_err(io::Error::other)? {
        let member = member?;
        let name = String::from_utf8_lossy(&member.path_bytes()).into_owned();
        if !name.starts_with('+') {
            break;
        }
        if COMPARED.contains(&name.as_str()) {
            let mut bytes = Vec::new();
            member.take(LONGEST).read_to_end(&mut bytes)?;
            entries.insert(name, bytes);
        }
    }
    Ok(entries)
}

/// An entry without the lines that say when and on which machine.
fn steady(name: &str, bytes: &[u8]) -> Vec<u8> {
    if name != "+BUILD_INFO" {
        return bytes.to_vec();
    }
    let lines = bytes.split(|byte| *byte == b'\n');
    lines.filter(|line| !is_of_the_moment(line)).collect::<Vec<_>>().join(&b'\n')
}

/// Whether a line of `+BUILD_INFO` tells the moment or the machine of the build.
pub(super) fn is_of_the_moment(line: &[u8]) -> bool {
    line.starts_with(b"BUILD_DATE=") || line.starts_with(b"BUILD_HOST=")
}
