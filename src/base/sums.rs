//! The sums of a file's bytes, and how files of others spell them.
//!
//! MD5 is for what pkgsrc's package database says of files, never to trust something by.

use super::bytes::ReadAt;
use super::digest::{Digest, Sum, md5};
use serde::{Deserialize, Serialize};
use std::io::{self, Write};

/// How much of a file is summed up at a time, in bytes.
const PIECE: u64 = 1 << 20;

/// The longest size that is read, in decimal digits: that of `u64::MAX`.
const DIGITS: usize = 20;

/// Length and sums of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sums {
    /// Its length in bytes.
    pub size: u64,
    /// MD5 (RFC 1321), which pkgsrc's package database has.
    pub md5: [u8; 16],
    /// SHA-256, which Python's wheels have.
    pub sha256: Digest,
}

impl Sums {
    /// Sums up bytes in memory.
    pub fn of(bytes: &[u8]) -> Self {
        Self { size: bytes.len() as u64, md5: md5(bytes), sha256: Digest::of(bytes) }
    }

    /// Sums up a source; the error is the source's.
    pub fn read(source: &dyn ReadAt) -> io::Result<Self> {
        let (mut summing, mut offset) = (Summing::default(), 0);
        while offset < source.size() {
            let len = PIECE.min(source.size() - offset);
            summing.write_all(&source.range(offset, len)?)?;
            offset += len;
        }
        Ok(summing.finish())
    }
}

/// The sums of bytes that are written to it.
#[derive(Debug, Default)]
pub struct Summing {
    sum: Sum,
    size: u64,
}

impl Summing {
    /// Gives the sums of all that was written.
    pub fn finish(self) -> Sums {
        let (md5, sha256) = self.sum.finish();
        Sums { size: self.size, md5, sha256 }
    }
}

impl Write for Summing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.sum.update(bytes);
        self.size += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How a sum is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SumForm {
    /// MD5 as 32 lower-case hexadecimal digits: md5(1), `+CONTENTS`.
    Md5Hex,
    /// SHA-256 as 43 digits of base64 with `-` and `_`, without padding (RFC 4648, section 5): a wheel's `RECORD`.
    Sha256Base64,
    /// The length in bytes, in decimal digits: a wheel's `RECORD`.
    Size,
    /// The length in bytes modulo 2^32, little-endian, of the source a `.pyc` was compiled from (PEP 552).
    SourceSize,
}

impl SumForm {
    /// Writes it down.
    pub fn spell(self, sums: &Sums) -> Vec<u8> {
        match self {
            Self::Md5Hex => hexadecimal(sums.md5),
            Self::Sha256Base64 => base64(&sums.sha256.bytes()).into_bytes(),
            Self::Size => sums.size.to_string().into_bytes(),
            Self::SourceSize => ((sums.size & u64::from(u32::MAX)) as u32).to_le_bytes().to_vec(),
        }
    }

    /// What stands for a sum that nothing has, where a file is to be taken for stale; none where that is never so.
    pub fn stale(self) -> Option<Vec<u8>> {
        (self == Self::SourceSize).then(|| vec![0xff; 4])
    }

    /// How many bytes such a sum has that stands at the start of these; `None` where none does.
    pub fn length(self, bytes: &[u8]) -> Option<usize> {
        let run = |fits: fn(&u8) -> bool| bytes.iter().take_while(|byte| fits(byte)).count();
        match self {
            Self::Md5Hex => exactly(32, run(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))),
            Self::Sha256Base64 => exactly(43, run(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte))),
            Self::Size => Some(run(u8::is_ascii_digit)).filter(|digits| (1..=DIGITS).contains(digits)),
            Self::SourceSize => Some(4).filter(|length| bytes.len() >= *length),
        }
    }
}

fn exactly(wanted: usize, found: usize) -> Option<usize> {
    (found == wanted).then_some(found)
}

/// Lower-case digits, as md5(1) prints them.
fn hexadecimal(md5: [u8; 16]) -> Vec<u8> {
    let digit = |half: u8| b"0123456789abcdef"[usize::from(half)];
    md5.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Base64 with `-` and `_`, without padding (RFC 4648, section 5).
fn base64(bytes: &[u8]) -> String {
    data_encoding::BASE64URL_NOPAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_of_urlsafe_b64encode() {
        assert_eq!(base64(b""), "");
        assert_eq!(base64(&[0xfb, 0xff, 0xfe]), "-__-");
        assert_eq!(base64(b"ab"), "YWI");
        assert_eq!(base64(b"a"), "YQ");
    }

    #[test]
    fn a_sum_is_known_by_its_digits() {
        let sums = Sums::of(b"abc");
        let spelt = |form: SumForm| String::from_utf8(form.spell(&sums)).unwrap();
        assert_eq!(spelt(SumForm::Md5Hex), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(spelt(SumForm::Sha256Base64), "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
        assert_eq!(spelt(SumForm::Size), "3");
        for form in [SumForm::Md5Hex, SumForm::Sha256Base64, SumForm::Size] {
            let text = form.spell(&sums);
            assert_eq!(form.length(&text), Some(text.len()));
            assert_eq!(form.length(&[&text, &b"\n1"[..]].concat()), Some(text.len()));
            assert_eq!(form.length(&text[1..]), None);
        }
        assert_eq!(SumForm::Size.length(&[b'1'; 21]), None);
    }

    #[test]
    fn bytes_in_pieces_have_the_sums_of_the_whole() {
        let mut summing = Summing::default();
        summing.write_all(b"a").and_then(|()| summing.write_all(b"bc")).unwrap();
        assert_eq!(summing.finish(), Sums::of(b"abc"));
    }
}
