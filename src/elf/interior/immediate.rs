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
    /// Whether it is an instruction without immediate, whichever way it is read.
    pub(super) fn is_none(self) -> bool {
        self == NONE
    }

    fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The lengths in bytes, shortest first.
    pub(super) fn iter(self) -> impl Iterator<Item = u64> {
        [0, 1, 2, 4].into_iter().filter(move |len| self.0 & (1 << len) != 0)
    }
}

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

/// A load from memory to a register, which changes nothing else and has no immediate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Load {
    /// Bytes, 1 to 64.
    pub(super) width: u64,
    /// Whether the register is a general one.
    pub(super) general: bool,
}

/// Tells which load ends before a ModRM byte, if it is one of those that copies are made of. Where prefixes read two
/// ways the shorter form counts, so that a copy may be overlooked.
pub(super) fn load(before: &[u8]) -> Option<Load> {
    let byte = |back: usize| before.len().checked_sub(back).map_or(0, |at| before[at]);
    let vector = |width| Some(Load { width, general: false });
    let general = |width| Some(Load { width, general: true });
    let opcode = byte(1);
    // The second and third byte of a VEX prefix that names no other register; then EVEX without mask.
    if byte(2) & 0x78 == 0x78 && (byte(3) == 0xc5 || (byte(4) == 0xc4 && byte(3) & 0x1f == 1)) {
        return vector(vector_width(opcode, byte(2) & 3, 16 << (byte(2) >> 2 & 1))?);
    }
    if byte(5) == 0x62 && byte(4) & 7 == 1 && byte(3) & 0x7c == 0x7c && byte(2) & 0x9f == 8 && byte(2) >> 5 < 3 {
        return vector(vector_width(opcode, byte(3) & 3, 16 << (byte(2) >> 5))?);
    }
    let is_rex = |byte: u8| byte & 0xf0 == 0x40;
    if byte(2) == 0x0f {
        let prefix = if is_rex(byte(3)) { byte(4) } else { byte(3) };
        return match (opcode, prefix) {
            (0xb6 | 0xbe, _) => general(1),
            (0xb7 | 0xbf, _) => general(2),
            (_, 0x66) => vector(vector_width(opcode, 1, 16)?),
            (_, 0xf3) => vector(vector_width(opcode, 2, 16)?),
            (_, 0xf2) => vector(vector_width(opcode, 3, 16)?),
            (0x10 | 0x28, _) => vector(16),
            _ => None,
        };
    }
    match opcode {
        0x8a => general(1),
        0x8b if byte(2) & 0xf8 == 0x48 => general(8),
        0x8b if byte(2) == 0x66 || (is_rex(byte(2)) && byte(3) == 0x66) => general(2),
        0x8b => general(4),
        _ => None,
    }
}

/// Bytes that an opcode behind 0F loads to a vector register of so many; the prefix is 0 for none, 1 to 3 for 66, F3, F2.
fn vector_width(opcode: u8, prefix: u8, register: u64) -> Option<u64> {
    match (opcode, prefix) {
        (0x10 | 0x28, 0 | 1) | (0x6f, 1 | 2) => Some(register),
        (0x10, 2) => Some(4),
        (0x10, 3) | (0x7e, 2) => Some(8),
        _ => None,
    }
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
    fn the_loads_of_copies_are_told_by_their_width() {
        let rows: [(&[u8], Option<u64>, &str); 17] = [
            (&[0x66, 0x0f, 0x6f], Some(16), "movdqa xmm"),
            (&[0xf3, 0x44, 0x0f, 0x6f], Some(16), "movdqu xmm8"),
            (&[0x90, 0x90, 0x0f, 0x10], Some(16), "movups"),
            (&[0xf3, 0x0f, 0x10], Some(4), "movss"),
            (&[0xf3, 0x0f, 0x7e], Some(8), "movq xmm"),
            (&[0xc5, 0xf9, 0x6f], Some(16), "vmovdqa xmm"),
            (&[0xc5, 0xfe, 0x6f], Some(32), "vmovdqu ymm"),
            (&[0xc4, 0xe1, 0x7e, 0x6f], Some(32), "vmovdqu ymm, long form"),
            (&[0x62, 0xf1, 0xfe, 0x48, 0x6f], Some(64), "vmovdqu64 zmm"),
            (&[0x62, 0xf1, 0xfe, 0x49, 0x6f], None, "vmovdqu64 zmm{k1}"),
            (&[0x48, 0x8b], Some(8), "mov r64"),
            (&[0x90, 0x8b], Some(4), "mov r32"),
            (&[0x66, 0x8b], Some(2), "mov r16"),
            (&[0x0f, 0xb6], Some(1), "movzx r32, m8"),
            (&[0x0f, 0xb7], Some(2), "movzx r32, m16"),
            (&[0x48, 0x8d], None, "lea"),
            (&[0x66, 0x0f, 0x7f], None, "movdqa to memory"),
        ];
        for (before, width, name) in rows {
            assert_eq!(load(before).map(|load| load.width), width, "{name}");
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
