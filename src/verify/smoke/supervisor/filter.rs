//! The seccomp filter of the run: calls of the table stop the caller for the supervisor, all others run at full speed.
//!
//! Takes the table, gives a classic BPF program (Linux `Documentation/userspace-api/seccomp_filter.rst`). The low 16 bits
//! of SECCOMP_RET_TRACE tell the supervisor by which ABI the call came; the register `cs` would not, because `int 0x80`
//! works in 64-bit code too.

use super::calls::{Abi, CALLS};
use nix::libc::{self, sock_filter};

/// Bytes into `struct seccomp_data`: the call's number.
const NUMBER: u32 = 0;
/// Bytes into `struct seccomp_data`: the ABI.
const ARCH: u32 = 4;
/// AUDIT_ARCH_X86_64 and AUDIT_ARCH_I386 of `linux/audit.h`: machine, little-endian, and 64-bit for the first.
const ARCH_X86_64: u32 = 0xc000_003e;
const ARCH_I386: u32 = 0x4000_0003;
/// Numbers from here on are x32: 32-bit pointers in 64-bit mode.
const X32: u32 = 0x4000_0000;

/// What a stop for the supervisor is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// A call of the table.
    Call(Abi),
    /// A call by an ABI that has no table (x32).
    Foreign,
}

impl Seen {
    /// Reads what PTRACE_GETEVENTMSG gives at a seccomp stop.
    pub(super) fn from_message(message: i64) -> Self {
        match message {
            1 => Self::Call(Abi::X86_64),
            2 => Self::Call(Abi::I386),
            _ => Self::Foreign,
        }
    }

    fn message(self) -> u32 {
        match self {
            Self::Call(Abi::X86_64) => 1,
            Self::Call(Abi::I386) => 2,
            Self::Foreign => 3,
        }
    }
}

/// Builds the program: by ABI, then one comparison for each number.
pub(super) fn program() -> Vec<sock_filter> {
    let (x86_64, i386) = (numbers(Abi::X86_64), numbers(Abi::I386));
    let mut program = vec![
        load(ARCH),
        // Conditional jumps reach 255 instructions, the unconditional one as far as it takes.
        jump(libc::BPF_JEQ, ARCH_X86_64, 0, 1),
        skip(3),
        jump(libc::BPF_JEQ, ARCH_I386, 0, 1),
        skip(4 + x86_64.len() as u32),
        trace(Seen::Foreign),
        load(NUMBER),
        jump(libc::BPF_JGE, X32, 0, 1),
        trace(Seen::Foreign),
    ];
    program.extend(x86_64);
    program.push(load(NUMBER));
    program.extend(i386);
    program
}

/// The comparisons of one ABI, each with its verdict, ending in "allow".
fn numbers(abi: Abi) -> Vec<sock_filter> {
    let known = CALLS.iter().filter_map(|call| call.number(abi));
    let mut list: Vec<_> =
        known.flat_map(|number| [jump(libc::BPF_JEQ, number, 0, 1), trace(Seen::Call(abi))]).collect();
    list.push(verdict(libc::SECCOMP_RET_ALLOW));
    list
}

fn load(offset: u32) -> sock_filter {
    sock_filter { code: (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16, jt: 0, jf: 0, k: offset }
}

fn jump(test: u32, value: u32, if_so: u8, if_not: u8) -> sock_filter {
    sock_filter { code: (libc::BPF_JMP | test | libc::BPF_K) as u16, jt: if_so, jf: if_not, k: value }
}

fn skip(count: u32) -> sock_filter {
    sock_filter { code: (libc::BPF_JMP | libc::BPF_JA) as u16, jt: 0, jf: 0, k: count }
}

fn trace(seen: Seen) -> sock_filter {
    verdict(libc::SECCOMP_RET_TRACE | seen.message())
}

fn verdict(value: u32) -> sock_filter {
    sock_filter { code: (libc::BPF_RET | libc::BPF_K) as u16, jt: 0, jf: 0, k: value }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the program as the kernel would.
    fn verdict_of(arch: u32, number: u32) -> u32 {
        let program = program();
        let (mut at, mut value) = (0, 0);
        loop {
            let step = program[at];
            at += 1;
            match u32::from(step.code) & 7 {
                libc::BPF_LD => value = if step.k == ARCH { arch } else { number },
                libc::BPF_RET => return step.k,
                _ if u32::from(step.code) & 0xf0 == libc::BPF_JA => at += step.k as usize,
                _ => {
                    let holds =
                        if u32::from(step.code) & 0xf0 == libc::BPF_JEQ { value == step.k } else { value >= step.k };
                    at += usize::from(if holds { step.jt } else { step.jf });
                }
            }
        }
    }

    #[test]
    fn each_abi_meets_its_own_numbers() {
        let stop = |seen| libc::SECCOMP_RET_TRACE | Seen::message(seen);
        assert_eq!(verdict_of(ARCH_X86_64, 2), stop(Seen::Call(Abi::X86_64)));
        assert_eq!(verdict_of(ARCH_X86_64, 5), libc::SECCOMP_RET_ALLOW);
        assert_eq!(verdict_of(ARCH_X86_64, X32 + 2), stop(Seen::Foreign));
        assert_eq!(verdict_of(ARCH_I386, 5), stop(Seen::Call(Abi::I386)));
        assert_eq!(verdict_of(ARCH_I386, 2), libc::SECCOMP_RET_ALLOW);
        assert_eq!(verdict_of(0xc000_00b7, 56), stop(Seen::Foreign));
        for call in CALLS {
            for (abi, arch) in [(Abi::X86_64, ARCH_X86_64), (Abi::I386, ARCH_I386)] {
                if let Some(number) = call.number(abi) {
                    assert_eq!(verdict_of(arch, number), stop(Seen::Call(abi)), "{}", call.name);
                }
            }
        }
    }
}
