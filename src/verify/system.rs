//! The libraries every host of a C library has, so that a tree need not bring them.
//!
//! Exact sonames, no patterns: what is not listed must be in the tree or be allowed by name. Not on the list on purpose:
//! libcrypt (two sonames about), libnsl (gone from glibc's default since 2.32).

use crate::loader::libc::Libc;

/// Parts of glibc.
const GLIBC: &[&str] = &[
    "libc.so.6",
    "libm.so.6",
    "libdl.so.2",
    "librt.so.1",
    "libpthread.so.0",
    "libutil.so.1",
    "libresolv.so.2",
    "libanl.so.1",
    "libmvec.so.1",
];

/// GCC's runtime libraries; which versions of them is the floor's question.
const GCC_RUNTIME: &[&str] = &["libgcc_s.so.1", "libstdc++.so.6"];

/// glibc's loaders by machine (glibc `shlib-versions` and `sysdeps/unix/sysv/linux/*/ldsodefs.h`).
const GLIBC_LOADERS: &[&str] = &[
    "ld-linux-x86-64.so.2",
    "ld-linux.so.2",
    "ld-linux-x32.so.2",
    "ld-linux-aarch64.so.1",
    "ld-linux-armhf.so.3",
    "ld-linux.so.3",
    "ld64.so.2",
    "ld64.so.1",
    "ld.so.1",
    "ld-linux-riscv64-lp64d.so.1",
    "ld-linux-loongarch-lp64d.so.1",
    "ld-linux-mipsn8.so.1",
];

/// musl's names of machines (musl `configure`, Alpine's `musl` package).
const MUSL_MACHINES: &[&str] = &[
    "x86_64",
    "i386",
    "aarch64",
    "armhf",
    "armv7",
    "powerpc64le",
    "powerpc64",
    "s390x",
    "riscv64",
    "loongarch64",
    "mips64",
];

/// Whether every host with this C library has the library of this soname, or the loader of this file name.
///
/// musl is one file, known as `libc.musl-MACHINE.so.1`, as its own loader, and to programs linked by plain musl as
/// `libc.so`, which its loader never searches for. GCC's runtime libraries are in no musl system's base.
pub fn is_system_library(soname: &[u8], libc: Libc) -> bool {
    let Ok(name) = std::str::from_utf8(soname) else { return false };
    match libc {
        Libc::Glibc => [GLIBC, GCC_RUNTIME, GLIBC_LOADERS].iter().any(|list| list.contains(&name)),
        Libc::Musl => {
            let machine = name.strip_prefix("libc.musl-").or_else(|| name.strip_prefix("ld-musl-"));
            let machine = machine.and_then(|rest| rest.strip_suffix(".so.1"));
            name == "libc.so" || machine.is_some_and(|machine| MUSL_MACHINES.contains(&machine))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_listed_names_are_the_systems() {
        let rows: [(&[u8], bool, bool); 14] = [
            (b"libc.so.6", true, false),
            (b"libstdc++.so.6", true, false),
            (b"libgcc_s.so.1", true, false),
            (b"ld-linux-x86-64.so.2", true, false),
            (b"ld-linux.so.2", true, false),
            (b"libc.musl-x86_64.so.1", false, true),
            (b"ld-musl-x86_64.so.1", false, true),
            (b"libc.so", false, true),
            (b"libc.musl-.so.1", false, false),
            (b"libcrypt.so.1", false, false),
            (b"libnsl.so.1", false, false),
            (b"libc.so.6.1", false, false),
            (b"libz.so.1", false, false),
            (b"libm.so.6\xff", false, false),
        ];
        for (soname, glibc, musl) in rows {
            let found = (is_system_library(soname, Libc::Glibc), is_system_library(soname, Libc::Musl));
            assert_eq!(found, (glibc, musl), "{}", soname.escape_ascii());
        }
    }
}
