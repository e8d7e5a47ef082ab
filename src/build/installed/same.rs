//! Whether a package of the database is the one in a binary package, and whether a binary package is whole.
//!
//! The database and the binary package say what is installed; nothing else is written down about it.

use memchr::memmem;
use pkgsrc::Archive;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The entries that are compared: what it has, how it was built, what runs when it comes and goes.
const COMPARED: [&str; 4] = ["+CONTENTS", "+BUILD_INFO", "+INSTALL", "+DEINSTALL"];
/// The longest entry that is read, in bytes; the largest packing lists have a few.
const LONGEST: u64 = 64 << 20;
/// What stands for every work directory.
const WORK: &[u8] = b"/build";

/// Whether the entry of the database at `entry` is that of the binary package `file`, as they are where this work directory is
/// used. What cannot be read is not.
pub fn is_of(entry: &Path, file: &Path, work: &Path) -> bool {
    let Ok(packed) = entries(file) else { return false };
    let pkgname = entry.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let steady = |name: &str, bytes: &[u8]| match name {
        "+BUILD_INFO" => placeless(&momentless(bytes), &pkgname, work),
        _ => bytes.to_vec(),
    };
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
        has_list |= *member.path_bytes() == *b"+CONTENTS";
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

/// `+BUILD_INFO` without the lines that say when and on which machine.
fn momentless(bytes: &[u8]) -> Vec<u8> {
    let lines = bytes.split(|byte| *byte == b'\n');
    lines.filter(|line| !is_of_the_moment(line)).collect::<Vec<_>>().join(&b'\n')
}

/// Whether a line of `+BUILD_INFO` tells the moment or the machine of the build.
pub(super) fn is_of_the_moment(line: &[u8]) -> bool {
    line.starts_with(b"BUILD_DATE=") || line.starts_with(b"BUILD_HOST=")
}

/// `+BUILD_INFO` with `/build` for the work directory. A package that another machine made names that one's, which is known
/// by what always lies below: the objects of the package, or those of bootstrap.
pub(super) fn placeless(text: &[u8], pkgname: &str, work: &Path) -> Vec<u8> {
    let objects = format!("/obj/{pkgname}/");
    let mut text = replaced(text, work.as_os_str().as_bytes(), |_, at| at);
    for mark in [objects.as_bytes(), b"/bootstrap/wrk/"] {
        text = replaced(&text, mark, |text, at| {
            // A path begins at the first slash of its word, which may have an option before it: -I/work/obj.
            let word = text[..at].iter().rposition(|byte| !is_of_path(*byte)).map_or(0, |before| before + 1);
            text[word..at].iter().position(|byte| *byte == b'/').map_or(at, |slash| word + slash)
        });
    }
    text
}

/// Puts [`WORK`] for what lies between `begin` of an occurrence and its end; a mark, which begins with a slash and ends with
/// one, stays.
fn replaced(text: &[u8], needle: &[u8], begin: impl Fn(&[u8], usize) -> usize) -> Vec<u8> {
    let mut new = Vec::with_capacity(text.len());
    let mut done = 0;
    for at in memmem::find_iter(text, needle) {
        let is_mark = needle.ends_with(b"/");
        let end = if is_mark { at } else { at + needle.len() };
        // The name of another directory may begin with this one's.
        if !is_mark && text.get(end).is_some_and(|byte| *byte != b'/' && is_of_path(*byte)) {
            continue;
        }
        let begin = begin(text, at);
        if begin < end && begin >= done {
            new.extend_from_slice(&text[done..begin]);
            new.extend_from_slice(WORK);
            done = end;
        }
    }
    new.extend_from_slice(&text[done..]);
    new
}

/// Whether a work directory may have this byte: bootstrap refuses all others.
fn is_of_path(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_./+".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_a_work_directory_becomes_the_same() {
        let rows = [
            (
                "HOME=/w/1/obj/a-1/x/a/work/.home CPPFLAGS=-I/w/1/obj/a-1/i",
                "HOME=/build/obj/a-1/x/a/work/.home CPPFLAGS=-I/build/obj/a-1/i",
            ),
            ("A=/w/1/tree/mk:/w/1 B=/w/10/tree /w/1", "A=/build/tree/mk:/build B=/w/10/tree /build"),
            // Made elsewhere.
            (
                "HOME=/cache/w-2/obj/a-1/work L=-Wl,-rpath,/c/obj/a-1/l",
                "HOME=/build/obj/a-1/work L=-Wl,-rpath,/build/obj/a-1/l",
            ),
            ("HOME=/home/me/.cache/r/bootstrap/wrk/devel/bmake", "HOME=/build/bootstrap/wrk/devel/bmake"),
            ("/obj/a-1/ /x/obj/b-1/y /p/obj/a-10/z", "/obj/a-1/ /x/obj/b-1/y /p/obj/a-10/z"),
            ("", ""),
        ];
        for (text, wanted) in rows {
            let new = placeless(text.as_bytes(), "a-1", Path::new("/w/1"));
            assert_eq!(String::from_utf8_lossy(&new), wanted);
            assert_eq!(placeless(&new, "a-1", Path::new("/w/1")), new);
        }
    }
}
