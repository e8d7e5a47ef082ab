//! The system calls that take a path, for both ABIs an x86-64 kernel runs: number, where the paths are, whether the last
//! component's symlink is followed.
//!
//! Numbers: Linux `arch/x86/entry/syscalls/syscall_64.tbl` and `syscall_32.tbl`; arguments and flags: the section 2
//! manual page of each call. Not in the table, because only a privileged process may make them and no program of a
//! prefix lives by them: mount and its relatives, pivot_root, swapon, acct, quotactl.

use self::Follow::{Always, Never, OnlyWith, Open, OpenHow, Unless};
use nix::libc::user_regs_struct;

/// The calling convention a call was made by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Abi {
    /// 64-bit.
    X86_64,
    /// 32-bit: `int 0x80`, or `sysenter` of a 32-bit program.
    I386,
}

/// Whether a call looks through a symlink in the last component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Follow {
    /// Always.
    Always,
    /// Never: the call is about the name itself.
    Never,
    /// Unless the argument (counted from 0) has the bit.
    Unless(usize, u64),
    /// Only if the argument has the bit.
    OnlyWith(usize, u64),
    /// As the flags of open(2) in the argument say.
    Open(usize),
    /// As the `struct open_how` the argument points to says.
    OpenHow(usize),
}

/// Where one path of a call is.
#[derive(Debug, Clone, Copy)]
pub(super) struct PathArg {
    /// The argument with the directory file descriptor; none for calls that start at the current directory.
    pub(super) dir: Option<usize>,
    /// The argument that points to the text.
    pub(super) text: usize,
    /// What happens to a symlink at the end.
    pub(super) follow: Follow,
}

/// What else there is to know about a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing: the paths say it all.
    Lookup,
    /// Gives a file descriptor, so the exit tells what was opened.
    Open,
    /// Starts a program: the kernel itself opens what the file names.
    Execute,
    /// Has a socket address (argument 1, length in 2), which may be a path.
    Socket,
    /// The i386 multiplexer of socket calls: number in argument 0, pointer to the real arguments in 1.
    SocketCall,
    /// Would let the program open files without system calls.
    IoUring,
}

/// One row: a system call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    /// The name of section 2 of the manual.
    pub(super) name: &'static str,
    x86_64: u32,
    i386: u32,
    /// What else there is to know.
    pub(super) kind: Kind,
    /// Where its paths are.
    pub(super) paths: &'static [PathArg],
}

/// The ABI has no such call.
const NONE: u32 = u32::MAX;
/// AT_SYMLINK_NOFOLLOW of `fcntl.h`.
const NOFOLLOW: u64 = 0x100;
/// AT_SYMLINK_FOLLOW of `fcntl.h`.
const FOLLOW: u64 = 0x400;

const fn plain(text: usize, follow: Follow) -> PathArg {
    PathArg { dir: None, text, follow }
}

const fn at(dir: usize, text: usize, follow: Follow) -> PathArg {
    PathArg { dir: Some(dir), text, follow }
}

const PATH: &[PathArg] = &[plain(0, Always)];
const NAME: &[PathArg] = &[plain(0, Never)];
const TWO_NAMES: &[PathArg] = &[plain(0, Never), plain(1, Never)];
const SECOND_NAME: &[PathArg] = &[plain(1, Never)];
const AT: &[PathArg] = &[at(0, 1, Always)];
const AT_NAME: &[PathArg] = &[at(0, 1, Never)];
const AT_TWO_NAMES: &[PathArg] = &[at(0, 1, Never), at(2, 3, Never)];
const AT_FLAGS2: &[PathArg] = &[at(0, 1, Unless(2, NOFOLLOW))];
const AT_FLAGS3: &[PathArg] = &[at(0, 1, Unless(3, NOFOLLOW))];
const AT_FLAGS4: &[PathArg] = &[at(0, 1, Unless(4, NOFOLLOW))];
const NO_PATH: &[PathArg] = &[];

const fn row(name: &'static str, x86_64: u32, i386: u32, paths: &'static [PathArg]) -> Call {
    Call { name, x86_64, i386, kind: Kind::Lookup, paths }
}

const fn special(name: &'static str, x86_64: u32, i386: u32, kind: Kind, paths: &'static [PathArg]) -> Call {
    Call { name, x86_64, i386, kind, paths }
}

/// Every call the supervisor looks at.
pub(super) const CALLS: &[Call] = &[
    special("open", 2, 5, Kind::Open, &[plain(0, Open(1))]),
    special("openat", 257, 295, Kind::Open, &[at(0, 1, Open(2))]),
    special("openat2", 437, 437, Kind::Open, &[at(0, 1, OpenHow(2))]),
    special("creat", 85, 8, Kind::Open, PATH),
    special("execve", 59, 11, Kind::Execute, PATH),
    special("execveat", 322, 358, Kind::Execute, AT_FLAGS4),
    special("connect", 42, 362, Kind::Socket, NO_PATH),
    special("bind", 49, 361, Kind::Socket, NO_PATH),
    special("socketcall", NONE, 102, Kind::SocketCall, NO_PATH),
    special("io_uring_setup", 425, 425, Kind::IoUring, NO_PATH),
    row("stat", 4, 106, PATH),
    row("stat64", NONE, 195, PATH),
    row("oldstat", NONE, 18, PATH),
    row("lstat", 6, 107, NAME),
    row("lstat64", NONE, 196, NAME),
    row("oldlstat", NONE, 84, NAME),
    row("newfstatat", 262, NONE, AT_FLAGS3),
    row("fstatat64", NONE, 300, AT_FLAGS3),
    row("statx", 332, 383, AT_FLAGS2),
    row("access", 21, 33, PATH),
    row("faccessat", 269, 307, AT),
    row("faccessat2", 439, 439, AT_FLAGS3),
    row("readlink", 89, 85, NAME),
    row("readlinkat", 267, 305, AT_NAME),
    row("chdir", 80, 12, PATH),
    row("chroot", 161, 61, PATH),
    row("mkdir", 83, 39, NAME),
    row("mkdirat", 258, 296, AT_NAME),
    row("rmdir", 84, 40, NAME),
    row("unlink", 87, 10, NAME),
    row("unlinkat", 263, 301, AT_NAME),
    row("rename", 82, 38, TWO_NAMES),
    row("renameat", 264, 302, AT_TWO_NAMES),
    row("renameat2", 316, 353, AT_TWO_NAMES),
    row("link", 86, 9, TWO_NAMES),
    row("linkat", 265, 303, &[at(0, 1, OnlyWith(4, FOLLOW)), at(2, 3, Never)]),
    row("symlink", 88, 83, SECOND_NAME),
    row("symlinkat", 266, 304, &[at(1, 2, Never)]),
    row("mknod", 133, 14, NAME),
    row("mknodat", 259, 297, AT_NAME),
    row("chmod", 90, 15, PATH),
    row("fchmodat", 268, 306, AT),
    row("fchmodat2", 452, 452, AT_FLAGS3),
    row("chown", 92, 182, PATH),
    row("chown32", NONE, 212, PATH),
    row("lchown", 94, 16, NAME),
    row("lchown32", NONE, 198, NAME),
    row("fchownat", 260, 298, AT_FLAGS4),
    row("truncate", 76, 92, PATH),
    row("truncate64", NONE, 193, PATH),
    row("statfs", 137, 99, PATH),
    row("statfs64", NONE, 268, PATH),
    row("utime", 132, 30, PATH),
    row("utimes", 235, 271, PATH),
    row("futimesat", 261, 299, AT),
    row("utimensat", 280, 320, AT_FLAGS3),
    row("utimensat_time64", NONE, 412, AT_FLAGS3),
    row("getxattr", 191, 229, PATH),
    row("lgetxattr", 192, 230, NAME),
    row("setxattr", 188, 226, PATH),
    row("lsetxattr", 189, 227, NAME),
    row("listxattr", 194, 232, PATH),
    row("llistxattr", 195, 233, NAME),
    row("removexattr", 197, 235, PATH),
    row("lremovexattr", 198, 236, NAME),
    row("setxattrat", 463, 463, AT_FLAGS2),
    row("getxattrat", 464, 464, AT_FLAGS2),
    row("listxattrat", 465, 465, AT_FLAGS2),
    row("removexattrat", 466, 466, AT_FLAGS2),
    row("file_getattr", 468, 468, AT_FLAGS4),
    row("file_setattr", 469, 469, AT_FLAGS4),
    row("inotify_add_watch", 254, 292, &[plain(1, Unless(2, 0x0200_0000))]),
    row("fanotify_mark", 301, NONE, &[at(3, 4, Unless(1, 4))]),
    // The 64-bit mask takes two arguments here.
    row("fanotify_mark", NONE, 339, &[at(4, 5, Unless(1, 4))]),
    row("name_to_handle_at", 303, 341, &[at(0, 1, OnlyWith(4, FOLLOW))]),
    row("open_tree", 428, 428, AT_FLAGS2),
    row("open_tree_attr", 467, 467, AT_FLAGS2),
    row("uselib", 134, 86, PATH),
];

impl Call {
    /// Its number, where the ABI has it.
    pub(super) fn number(&self, abi: Abi) -> Option<u32> {
        let number = match abi {
            Abi::X86_64 => self.x86_64,
            Abi::I386 => self.i386,
        };
        (number != NONE).then_some(number)
    }

    /// The row of a number; none for a call without paths.
    pub(super) fn find(abi: Abi, number: u64) -> Option<&'static Self> {
        CALLS.iter().find(|call| call.number(abi).is_some_and(|known| u64::from(known) == number))
    }
}

/// The six arguments of a call, in order; 32 bits wide for i386.
pub(super) fn arguments(abi: Abi, regs: &user_regs_struct) -> [u64; 6] {
    match abi {
        Abi::X86_64 => [regs.rdi, regs.rsi, regs.rdx, regs.r10, regs.r8, regs.r9],
        Abi::I386 => {
            [regs.rbx, regs.rcx, regs.rdx, regs.rsi, regs.rdi, regs.rbp].map(|value| value & u64::from(u32::MAX))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::libc;
    use std::collections::BTreeSet;

    #[test]
    fn no_number_has_two_rows() {
        for abi in [Abi::X86_64, Abi::I386] {
            let mut seen = BTreeSet::new();
            for number in CALLS.iter().filter_map(|call| call.number(abi)) {
                assert!(seen.insert(number), "{abi:?} {number}");
            }
        }
    }

    #[test]
    fn numbers_are_those_of_the_c_library() {
        let rows = [
            ("open", libc::SYS_open),
            ("openat2", libc::SYS_openat2),
            ("execveat", libc::SYS_execveat),
            ("statx", libc::SYS_statx),
            ("faccessat2", libc::SYS_faccessat2),
            ("renameat2", libc::SYS_renameat2),
            ("symlinkat", libc::SYS_symlinkat),
            ("utimensat", libc::SYS_utimensat),
            ("lremovexattr", libc::SYS_lremovexattr),
            ("io_uring_setup", libc::SYS_io_uring_setup),
            ("name_to_handle_at", libc::SYS_name_to_handle_at),
            ("connect", libc::SYS_connect),
            ("fchmodat2", libc::SYS_fchmodat2),
        ];
        for (name, number) in rows {
            let found = Call::find(Abi::X86_64, number.cast_unsigned()).map(|call| call.name);
            assert_eq!(found, Some(name));
        }
    }
}
