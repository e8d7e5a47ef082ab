//! The two C libraries this project knows, and how a file shows which one it was linked for.
//!
//! A loader of one refuses or crashes on the other's files, so a tree is for one of them. Sources: glibc `shlib-versions`,
//! musl `configure` and `Makefile` (`LDSO_PATHNAME`), Alpine's `musl` package.

use crate::loader::object::Object;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A C library with its own dynamic loader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Libc {
    /// The GNU C library.
    Glibc,
    /// musl.
    Musl,
}

impl fmt::Display for Libc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Glibc => "glibc",
            Self::Musl => "musl",
        })
    }
}

impl Libc {
    /// The C library whose own name this is: a soname of the library, or the file name of its loader.
    ///
    /// `libc.so` is what a program linked by plain musl needs; Alpine's needs `libc.musl-x86_64.so.1`.
    pub fn of_name(name: &[u8]) -> Option<Self> {
        let starts = |starts: &[&[u8]]| starts.iter().any(|start| name.starts_with(start));
        if name == b"libc.so" || starts(&[b"libc.musl-", b"ld-musl-"]) {
            Some(Self::Musl)
        } else if starts(&[b"libc.so.6", b"ld-linux", b"ld64.so.", b"ld.so.1"]) {
            Some(Self::Glibc)
        } else {
            None
        }
    }

    /// Which C library an object was linked for, with the name that shows it: its interpreter's, else that of a library
    /// it needs.
    pub fn of(object: &Object) -> Option<(Self, &[u8])> {
        let interp = object.interp.iter().filter_map(|path| path.rsplit(|byte| *byte == b'/').next());
        let needed = object.needed.iter().map(Vec::as_slice);
        interp.chain(needed).find_map(|name| Some((Self::of_name(name)?, name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_libc_is_known_by_its_own_names() {
        let rows: [(&[u8], Option<Libc>); 9] = [
            (b"libc.so.6", Some(Libc::Glibc)),
            (b"ld-linux-x86-64.so.2", Some(Libc::Glibc)),
            (b"ld-linux.so.2", Some(Libc::Glibc)),
            (b"ld64.so.2", Some(Libc::Glibc)),
            (b"libc.so", Some(Libc::Musl)),
            (b"libc.musl-x86_64.so.1", Some(Libc::Musl)),
            (b"ld-musl-aarch64.so.1", Some(Libc::Musl)),
            (b"libcrypt.so.1", None),
            (b"libc++.so.1", None),
        ];
        for (name, libc) in rows {
            assert_eq!(Libc::of_name(name), libc, "{}", name.escape_ascii());
        }
    }
}
