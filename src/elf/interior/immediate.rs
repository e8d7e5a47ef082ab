//! How many bytes may follow the displacement of an x86-64 instruction.
//!
//! Takes the bytes up to and including a ModRM byte with a 32-bit displacement and gives the lengths of the immediate
//! that the instruction can have, without knowing where it begins: the opcode is the byte before the ModRM byte, and
//! each escape or prefix that could stand before that opcode adds what it would mean. So the true length is among those
//! given, and `lea` or `mov` alone give none. Where no opcode that has a ModRM byte ends there, no length is given: the
//! byte is something else. Sources: Intel SDM volume 2, 2.1 (instruction format), 2.3 (VEX), 2.7 (EVEX) and appendix A
//! (opcode maps); AMD APM volume 3 for XOP and 3DNow!; Intel APX specification for REX2 and map 4.

/// A set of lengths: bit n stands for n bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lengths(u8);

/// No instruction.
const NEVER: Lengths = Lengths(0);
/// An instruction without immediate.
const NONE: Lengths = Lengths(1);
const ONE: Lengths = Lengths(1 << 1);
const FOUR: Lengths = Lengths(1 << 4);
/// 16 or 32 bits, as the operand size says.
const WORD: Lengths = Lengths(1 << 2 | 1 << 4);

impl Lengths {
    fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The lengths in bytes, shortest first.
    pub(super) fn iter(self) -> impl Iterator<Item = u64> {
        [0, 1, 2, 4].into_iter().filter(move |len| self.0 & (1 << len) != 0)
    }
}

/// The longest immediate behind a displacement, in bytes.
pub(super) const LONGEST: u64 = 4;
/// How many bytes before the ModRM byte matter.
pub(super) const BEFORE: usize = 5;

/// Tells the possible lengths; `before` ends with the byte before the ModRM byte, and has [`BEFORE`] bytes where there are.
pub(super) fn lengths(before: &[u8], modrm: u8) -> Lengths {
    let byte = |back: usize| before.len().checked_sub(back).map(|at| before[at]);
    let Some(opcode) = byte(1) else { return NONE };
    // The prefix that makes it 16 bits stands near the opcode, if anywhere.
    let word = if before[..before.len() - 1].contains(&0x66) { WORD } else { FOUR };
    let primary = primary(opcode, modrm, word);
    let mut lengths = primary;
    match (byte(3), byte(2)) {
        (_, Some(0x0f)) => lengths = lengths.or(secondary(opcode)),
        (Some(0x0f), Some(0x38)) => lengths = lengths.or(NONE),
        (Some(0x0f), Some(0x3a)) => lengths = lengths.or(ONE),
        // REX2, whose top bit chooses the map.
        (Some(0xd5), Some(payload)) => {
            lengths = lengths.or(if payload & 0x80 == 0 { primary } else { secondary(opcode) });
        }
        _ => {}
    }
    // VEX of two bytes, of three; XOP; EVEX.
    if byte(3) == Some(0xc5) {
        lengths = lengths.or(in_map(1, opcode, primary));
    }
    if let (Some(0xc4 | 0x8f), Some(map)) = (byte(4), byte(3)) {
        lengths = lengths.or(in_map(map & 0x1f, opcode, primary));
    }
    if let (Some(0x62), Some(map)) = (byte(5), byte(4)) {
        lengths = lengths.or(in_map(map & 7, opcode, primary));
    }
    lengths
}

/// The one-byte opcodes that have a ModRM byte in 64-bit mode. In the four groups at the end some values of its middle
/// field are no instruction.
fn primary(opcode: u8, modrm: u8, word: Lengths) -> Lengths {
    let field = modrm >> 3 & 7;
    // TEST is the only one of its group with an immediate.
    let is_test = field < 2;
    match opcode {
        0x69 | 0x81 => word,
        0x6b | 0x80 | 0x83 | 0xc0 | 0xc1 => ONE,
        0xf6 if is_test => ONE,
        0xf7 if is_test => word,
        // The arithmetic of two operands, in rows of eight.
        0x00..=0x3f if opcode & 7 < 4 => NONE,
        0x63 | 0x84..=0x8e | 0xd0..=0xd3 | 0xd8..=0xdf | 0xf6 | 0xf7 => NONE,
        0x8f if field == 0 => NONE,
        0xc6 if field == 0 => ONE,
        0xc7 if field == 0 => word,
        0xfe if field < 2 => NONE,
        0xff if field < 7 => NONE,
        _ => NEVER,
    }
}

/// The opcodes behind 0F; with 3DNow!, whose opcode stands where an immediate would. All have a ModRM byte but those
/// named last, and what is free may get one.
fn secondary(opcode: u8) -> Lengths {
    match opcode {
        0x0f | 0x70..=0x73 | 0xa4 | 0xac | 0xba | 0xc2 | 0xc4..=0xc6 => ONE,
        0x05..=0x09
        | 0x0b
        | 0x0e
        | 0x30..=0x38
        | 0x3a
        | 0x77
        | 0x80..=0x8f
        | 0xa0..=0xa2
        | 0xa8..=0xaa
        | 0xc8..=0xcf => NEVER,
        _ => NONE,
    }
}

/// The opcodes of a numbered map (VEX, XOP and EVEX).
fn in_map(map: u8, opcode: u8, primary: Lengths) -> Lengths {
    match map {
        // Mask registers have opcodes here that are jumps and the like behind 0F.
        1 => secondary(opcode).or(NONE),
        // APX repeats the one-byte opcodes here, and SHLD, SHRD and others behind 0F.
        4 if matches!(opcode, 0x24 | 0x2c) => ONE,
        4 if primary == FOUR => WORD,
        4 => primary.or(NONE),
        3 | 8 => ONE,
        7 | 10 => WORD.or(NONE),
        _ => NONE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The instruction's bytes up to the ModRM byte, and how many follow the displacement.
    #[test]
    fn the_true_length_is_among_those_given() {
        let rows: [(&[u8], u64, &str); 17] = [
            (&[0x48, 0x8d, 0x05], 0, "lea rax, [rip+d]"),
            (&[0xc6, 0x05], 1, "mov byte [rip+d], 1"),
            (&[0xc7, 0x05], 4, "mov dword [rip+d], 1"),
            (&[0x66, 0xc7, 0x05], 2, "mov word [rip+d], 1"),
            (&[0x66, 0x41, 0x81, 0x3d], 2, "cmp word [rip+d], 1000, with a REX prefix"),
            (&[0x48, 0x83, 0x3d], 1, "cmp qword [rip+d], 1"),
            (&[0x81, 0x3d], 4, "cmp dword [rip+d], 1000"),
            (&[0x69, 0x05], 4, "imul eax, [rip+d], 1000"),
            (&[0xf6, 0x05], 1, "test byte [rip+d], 1"),
            (&[0xf7, 0x1d], 0, "neg dword [rip+d]"),
            (&[0x0f, 0xba, 0x25], 1, "bt dword [rip+d], 1"),
            (&[0x0f, 0x10, 0x05], 0, "movups xmm0, [rip+d]"),
            (&[0x66, 0x0f, 0x3a, 0x0f, 0x05], 1, "palignr xmm0, [rip+d], 1"),
            (&[0xc5, 0xf9, 0x70, 0x05], 1, "vpshufd xmm0, [rip+d], 1"),
            (&[0xc4, 0xe3, 0x7d, 0x38, 0x05], 1, "vinserti128 ymm0, ymm0, [rip+d], 1"),
            (&[0x62, 0xf1, 0x7d, 0x48, 0x72, 0x15], 1, "vpsrld zmm0, [rip+d], 1"),
            (&[0x62, 0xf3, 0x7d, 0x48, 0x1f, 0x05], 1, "vpcmpd k0, zmm0, [rip+d], 1"),
        ];
        for (bytes, len, name) in rows {
            let (modrm, before) = bytes.split_last().unwrap();
            assert!(lengths(before, *modrm).iter().any(|given| given == len), "{name}");
        }
    }

    /// `sar $5, %eax` and the like end in a byte that looks like a ModRM byte.
    #[test]
    fn what_ends_in_no_opcode_with_a_modrm_byte_has_no_length() {
        let rows: [(&[u8], &str); 5] = [
            (&[0x89, 0xf8, 0xc1, 0xf8, 0x05], "sar eax, 5"),
            (&[0x90, 0x83, 0xf8, 0x05], "cmp eax, 5"),
            (&[0x90, 0xb8, 0x05], "mov eax, imm32"),
            (&[0x90, 0x75, 0x0d], "jne"),
            (&[0x48, 0x83, 0xec, 0x0d], "sub rsp, 13"),
        ];
        for (bytes, name) in rows {
            let (modrm, before) = bytes.split_last().unwrap();
            assert_eq!(lengths(before, *modrm), NEVER, "{name}");
        }
    }

    #[test]
    fn what_compilers_use_to_reach_strings_has_one_length() {
        for bytes in [&[0x90, 0x90, 0x48, 0x8d, 0x35][..], &[0x90, 0x90, 0x90, 0x8b, 0x05], &[0x66, 0x0f, 0x6f, 0x05]] {
            let (modrm, before) = bytes.split_last().unwrap();
            assert_eq!(lengths(before, *modrm).iter().collect::<Vec<_>>(), [0], "{bytes:x?}");
        }
        assert_eq!(lengths(&[], 5), NONE);
    }
}
