//! GNU tar headers, filled field by field.
//!
//! A name or link target of more than 99 bytes goes into an `L` or `K` entry before the header, a number too large for its
//! octal digits into base-256. That covers every path, size, owner and time there is, so nothing here needs pax. Source:
//! GNU tar manual, "Basic Tar Format" and `struct oldgnu_header`. tar-rs's builder is not used: it encodes holes by
//! default and its deterministic mode changes permission bits.

/// The size of a header, and what file bytes are padded to.
pub(super) const BLOCK: usize = 512;
/// What the end of an archive is padded to: 20 blocks, as every tar does.
pub(super) const RECORD: u64 = 10_240;

/// The kinds of entries written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryType {
    File,
    HardLink,
    Symlink,
    Dir,
    LongLink,
    LongName,
}

impl EntryType {
    fn byte(self) -> u8 {
        match self {
            Self::File => b'0',
            Self::HardLink => b'1',
            Self::Symlink => b'2',
            Self::Dir => b'5',
            Self::LongLink => b'K',
            Self::LongName => b'L',
        }
    }
}

/// What one header says.
#[derive(Debug, Clone)]
pub(super) struct Header {
    pub(super) name: Vec<u8>,
    pub(super) kind: EntryType,
    pub(super) mode: u32,
    pub(super) uid: u64,
    pub(super) gid: u64,
    pub(super) mtime: i64,
    pub(super) size: u64,
    pub(super) link: Vec<u8>,
}

impl Header {
    /// Appends the header, and before it the entries for a long name and a long link target.
    pub(super) fn append_to(&self, out: &mut Vec<u8>) {
        append_long(EntryType::LongLink, &self.link, out);
        append_long(EntryType::LongName, &self.name, out);
        out.extend_from_slice(&self.block());
    }

    fn block(&self) -> [u8; BLOCK] {
        let mut block = [0; BLOCK];
        put_text(&mut block[..100], &self.name);
        put_number(&mut block[100..108], self.mode.into());
        put_number(&mut block[108..116], self.uid.into());
        put_number(&mut block[116..124], self.gid.into());
        put_number(&mut block[124..136], self.size.into());
        put_number(&mut block[136..148], self.mtime.into());
        block[156] = self.kind.byte();
        put_text(&mut block[157..257], &self.link);
        block[257..265].copy_from_slice(b"ustar  \0");
        // The sum counts its own field as spaces; six digits, NUL, space, as every tar writes it.
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        block
    }
}

/// The bytes that pad a file of `size` bytes to whole blocks.
pub(super) fn padding(size: u64) -> usize {
    let over = (size % BLOCK as u64) as usize;
    if over == 0 { 0 } else { BLOCK - over }
}

/// One byte of the field stays NUL: some readers want it, though GNU tar itself fills all hundred.
fn fits(text: &[u8]) -> bool {
    text.len() < 100
}

fn append_long(kind: EntryType, text: &[u8], out: &mut Vec<u8>) {
    if fits(text) {
        return;
    }
    let size = text.len() as u64 + 1;
    let name = b"././@LongLink".to_vec();
    let header = Header { name, kind, mode: 0o644, uid: 0, gid: 0, mtime: 0, size, link: Vec::new() };
    out.extend_from_slice(&header.block());
    out.extend_from_slice(text);
    out.resize(out.len() + 1 + padding(size), 0);
}

/// A text that does not fit is cut, for readers that know no `L` and `K`.
fn put_text(field: &mut [u8], text: &[u8]) {
    let len = text.len().min(field.len() - 1);
    field[..len].copy_from_slice(&text[..len]);
}

/// Octal digits and a NUL; where that is too small, or the number negative, base-256: the first bit set, then two's
/// complement, most significant byte first.
fn put_number(field: &mut [u8], number: i128) {
    let digits = field.len() - 1;
    if (0..1i128 << (3 * digits)).contains(&number) {
        field[..digits].copy_from_slice(format!("{number:0digits$o}").as_bytes());
        return;
    }
    let bytes = number.to_be_bytes();
    field.copy_from_slice(&bytes[bytes.len() - field.len()..]);
    field[0] |= 0x80;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        let name = b"bin/tool".to_vec();
        Header { name, kind: EntryType::File, mode: 0o755, uid: 0, gid: 0, mtime: 1, size: 3, link: Vec::new() }
    }

    fn parsed(header: &Header) -> tar::Header {
        let mut bytes = Vec::new();
        header.append_to(&mut bytes);
        tar::Header::from_byte_slice(&bytes[bytes.len() - BLOCK..]).clone()
    }

    #[test]
    fn an_independent_parser_reads_every_field() {
        let read = parsed(&Header { uid: 7, gid: 8, mtime: 1_700_000_000, ..header() });
        assert_eq!((read.uid().unwrap(), read.gid().unwrap(), read.mode().unwrap()), (7, 8, 0o755));
        assert_eq!((read.mtime().unwrap(), read.size().unwrap()), (1_700_000_000, 3));
        assert!(read.as_gnu().is_some());
        assert_eq!(read.username_bytes(), Some(b"".as_slice()));
        let sum: u32 = read.as_bytes().iter().map(|byte| u32::from(*byte)).sum();
        let field: u32 = read.as_bytes()[148..156].iter().map(|byte| u32::from(*byte)).sum();
        assert_eq!(read.cksum().unwrap(), sum - field + 8 * 32);
    }

    #[test]
    fn numbers_beyond_octal_are_base_256() {
        let limit = 8 * 1024 * 1024 * 1024;
        assert_eq!(&parsed(&Header { size: limit - 1, ..header() }).as_bytes()[124..136], b"77777777777\0");
        for size in [limit, limit + 5, u64::MAX / 2] {
            let read = parsed(&Header { size, ..header() });
            assert_eq!((read.as_bytes()[124] & 0x80, read.size().unwrap()), (0x80, size));
        }
        assert_eq!(parsed(&Header { uid: 4_294_967_294, ..header() }).uid().unwrap(), 4_294_967_294);
        assert_eq!(&parsed(&Header { mtime: -1, ..header() }).as_bytes()[136..148], &[0xff; 12]);
    }

    #[test]
    fn only_a_text_of_a_hundred_bytes_needs_an_entry_of_its_own() {
        for (len, blocks) in [(1, 1), (99, 1), (100, 3), (511, 3), (512, 4), (5000, 12)] {
            let mut bytes = Vec::new();
            Header { name: vec![b'n'; len], ..header() }.append_to(&mut bytes);
            assert_eq!(bytes.len(), blocks * BLOCK, "{len}");
        }
    }
}
