//! The two Huffman codes of a deflate block, as tables that tell how much a code stands for (RFC 1951, 3.2.5 to 3.2.7).

use super::{Bits, SeamError};

/// How many bits the tables look at; longer codes are rare by their nature and are looked for bit by bit.
const LOOK: usize = 10;
/// The longest code there is, in bits.
const LONGEST: usize = 15;
/// How many symbols there are of literals, the end and lengths, and of distances.
const LITERALS: usize = 288;
const DISTANCES: usize = 32;
/// The symbol that ends a block.
const END: usize = 256;
/// The order in which the lengths of the code of code lengths stand.
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// What a code says, in one number: how many bits it has (4 bits), how many extra bits follow (4), of what kind it is (2)
/// and the number it stands for. Zero is no code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Code(u32);

const LITERAL: u32 = 1;
const END_OF_BLOCK: u32 = 2;
const OTHER: u32 = 3;

impl Code {
    const NONE: Self = Self(0);
    /// A distance that is not there.
    const AFTER_LITERAL: Self = Self::new(0, OTHER, 0);

    const fn new(base: u32, kind: u32, extra: u32) -> Self {
        Self(base << 10 | kind << 8 | extra << 4)
    }

    fn with_bits(self, bits: usize) -> Self {
        Self(self.0 & !0xf | bits as u32)
    }

    /// How many bits it has.
    pub(super) fn bits(self) -> u32 {
        self.0 & 0xf
    }

    /// How many bits of a number follow it.
    pub(super) fn extra(self) -> u32 {
        self.0 >> 4 & 0xf
    }

    /// The bytes it stands for, without what the extra bits say.
    pub(super) fn base(self) -> u64 {
        u64::from(self.0 >> 10)
    }

    /// Whether it is one literal, or some in a row.
    pub(super) fn is_literal(self) -> bool {
        self.0 >> 8 & 3 == LITERAL
    }

    /// Whether the block ends here.
    pub(super) fn is_end(self) -> bool {
        self.0 >> 8 & 3 == END_OF_BLOCK
    }
}

/// What a symbol of literals and lengths means.
fn literal(symbol: usize) -> Code {
    match symbol {
        0..END => Code::new(1, LITERAL, 0),
        END => Code::new(0, END_OF_BLOCK, 0),
        257..=264 => Code::new(symbol as u32 - 254, OTHER, 0),
        265..=284 => {
            let (extra, step) = ((symbol as u32 - 261) / 4, (symbol as u32 - 261) % 4);
            Code::new(3 + ((4 + step) << extra), OTHER, extra)
        }
        285 => Code::new(258, OTHER, 0),
        _ => Code::NONE,
    }
}

/// What a symbol of distances means; how far it goes is not asked.
fn distance(symbol: usize) -> Code {
    match symbol {
        0..=3 => Code::new(0, OTHER, 0),
        4..=29 => Code::new(0, OTHER, symbol as u32 / 2 - 1),
        _ => Code::NONE,
    }
}

/// What a symbol of code lengths means: itself.
fn itself(symbol: usize) -> Code {
    Code::new(symbol as u32, OTHER, 0)
}

/// Both codes of a block.
pub(super) struct Codes {
    pub(super) literals: Table,
    pub(super) distances: Table,
}

impl Codes {
    /// The codes that every block may use without saying so.
    pub(super) fn fixed() -> Result<Self, SeamError> {
        let mut lengths = [8; LITERALS];
        lengths[144..256].fill(9);
        lengths[256..280].fill(7);
        Self::new(&lengths, &[5; DISTANCES])
    }

    fn new(literals: &[u8], distances: &[u8]) -> Result<Self, SeamError> {
        let mut literals = Table::new(literals, literal)?;
        literals.join_literals();
        Ok(Self { literals, distances: Table::new(distances, distance)? })
    }
}

/// Reads the codes that a block brings along.
pub(super) fn read(bits: &mut Bits<'_>) -> Result<Codes, SeamError> {
    let literals = bits.take(5)? as usize + 257;
    let distances = bits.take(5)? as usize + 1;
    let given = bits.take(4)? as usize + 4;
    let mut of_lengths = [0; ORDER.len()];
    for symbol in ORDER.iter().take(given) {
        of_lengths[*symbol] = bits.take(3)? as u8;
    }
    let of_lengths = Table::new(&of_lengths, itself)?;
    let mut lengths = Vec::with_capacity(LITERALS + DISTANCES);
    while lengths.len() < literals + distances {
        bits.fill()?;
        let code = of_lengths.at(bits.held)?;
        bits.consume(code.bits());
        let (length, times) = match code.base() {
            16 => (*lengths.last().ok_or(SeamError::Code)?, 3 + bits.take(2)?),
            17 => (0, 3 + bits.take(3)?),
            18 => (0, 11 + bits.take(7)?),
            length => (length as u8, 1),
        };
        lengths.extend(std::iter::repeat_n(length, times as usize));
    }
    if lengths.len() > literals + distances || literals > LITERALS {
        return Err(SeamError::Code);
    }
    let (literals, distances) = lengths.split_at(literals);
    Codes::new(literals, distances)
}

/// A Huffman code, ready to be read.
pub(super) struct Table {
    /// By the next bits, the first lowest; and once more, for what comes after a literal.
    short: [Code; 2 << LOOK],
    /// How many codes there are of each length.
    counts: [u16; LONGEST + 1],
    /// What all codes mean, in the order of the codes.
    symbols: Vec<Code>,
}

impl Table {
    /// From the length of each symbol's code; zero for what is not used.
    fn new(lengths: &[u8], meaning: fn(usize) -> Code) -> Result<Self, SeamError> {
        let mut counts = [0u16; LONGEST + 1];
        for length in lengths {
            *counts.get_mut(usize::from(*length)).ok_or(SeamError::Code)? += 1;
        }
        counts[0] = 0;
        // Where the codes of each length begin, as numbers and in the list of symbols.
        let (mut first, mut place) = ([0u32; LONGEST + 2], [0usize; LONGEST + 2]);
        for length in 1..=LONGEST {
            let end = first[length] + u32::from(counts[length]);
            if end > 1 << length {
                return Err(SeamError::Code);
            }
            first[length + 1] = end << 1;
            place[length + 1] = place[length] + usize::from(counts[length]);
        }
        let mut table =
            Self { short: [Code::AFTER_LITERAL; 2 << LOOK], counts, symbols: vec![Code::NONE; place[LONGEST + 1]] };
        let short = &mut table.short[..1 << LOOK];
        short.fill(Code::NONE);
        let mut taken = [0usize; LONGEST + 1];
        for (symbol, length) in lengths.iter().map(|length| usize::from(*length)).enumerate() {
            if length == 0 {
                continue;
            }
            let code = first[length] + taken[length] as u32;
            let means = meaning(symbol).with_bits(length);
            table.symbols[place[length] + taken[length]] = means;
            taken[length] += 1;
            if length <= LOOK && means != Code::NONE.with_bits(length) {
                let reversed = (code.reverse_bits() >> (32 - length)) as usize;
                short.iter_mut().skip(reversed).step_by(1 << length).for_each(|place| *place = means);
            }
        }
        Ok(table)
    }

    /// Literals that are looked at together are read together.
    fn join_literals(&mut self) {
        let single = self.short;
        for (bits, code) in self.short[..1 << LOOK].iter_mut().enumerate().filter(|(_, code)| code.is_literal()) {
            loop {
                let used = code.bits() as usize;
                let next = single[bits >> used];
                if !next.is_literal() || next.bits() as usize + used > LOOK {
                    break;
                }
                *code = Code::new((code.base() + 1) as u32, LITERAL, 0).with_bits(used + next.bits() as usize);
            }
        }
    }

    /// The code that comes next in these bits, the first lowest.
    pub(super) fn at(&self, bits: u64) -> Result<Code, SeamError> {
        let code = self.short[bits as usize & ((1 << LOOK) - 1)];
        if code == Code::NONE { self.long(bits) } else { Ok(code) }
    }

    /// The distance that follows this literal or length; after a literal that is one without bits.
    pub(super) fn after(&self, code: Code, bits: u64) -> Result<Code, SeamError> {
        let literal = usize::from(code.is_literal());
        let code = self.short[bits as usize & ((1 << LOOK) - 1) | literal << LOOK];
        if code == Code::NONE { self.long(bits) } else { Ok(code) }
    }

    fn long(&self, bits: u64) -> Result<Code, SeamError> {
        let (mut code, mut first, mut place) = (0, 0, 0);
        for length in 1..=LONGEST {
            code |= bits as usize >> (length - 1) & 1;
            let count = usize::from(self.counts[length]);
            if code < first + count {
                let found = self.symbols.get(place + code - first).copied();
                return found.filter(|found| *found != Code::NONE.with_bits(length)).ok_or(SeamError::Symbol);
            }
            place += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        Err(SeamError::Symbol)
    }
}
