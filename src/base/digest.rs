//! SHA-256 digests, MD5 where a file of somebody else's has it, and marks that only tell whether a file stayed as it was.

use super::bytes::ReadAt;
use md5::Md5;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::io;

/// How much of a source is held at a time, in bytes.
const PIECE: usize = 1 << 20;

/// A SHA-256 digest; prints as 64 lower-case hexadecimal digits, as sha256sum(1) does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Digest([u8; 32]);

impl Digest {
    /// Digests one run of bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Digests all bytes of a source, some at a time. Errors are those of reading.
    pub fn read(source: &dyn ReadAt) -> io::Result<Self> {
        let mut digester = Digester::default();
        in_pieces(source, |piece| digester.update(piece))?;
        Ok(digester.finish())
    }

    /// Its 32 bytes.
    pub fn bytes(&self) -> [u8; 32] {
        self.0
    }

    /// Reads 64 hexadecimal digits; `None` for anything else.
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

/// A sum that tells bytes which were changed meanwhile from as many that were not, at a small part of a digest's cost
/// (CRC-32). Not for bytes that somebody means to pass off as others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark(u32);

impl Mark {
    /// Sums one run of bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(crc32fast::hash(bytes))
    }

    /// Sums all bytes of a source, some at a time. Errors are those of reading.
    pub fn read(source: &dyn ReadAt) -> io::Result<Self> {
        let mut marker = Marker::default();
        in_pieces(source, |piece| marker.update(piece))?;
        Ok(marker.finish())
    }
}

/// A mark in the making, fed in pieces.
#[derive(Debug, Clone, Default)]
pub struct Marker(crc32fast::Hasher);

impl Marker {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Ends the mark.
    pub fn finish(self) -> Mark {
        Mark(self.0.finalize())
    }
}

fn in_pieces(source: &dyn ReadAt, mut each: impl FnMut(&[u8])) -> io::Result<()> {
    let len = source.size();
    for offset in (0..len).step_by(PIECE) {
        each(&source.range(offset, (len - offset).min(PIECE as u64))?);
    }
    Ok(())
}

/// Both sums of bytes that come in pieces.
#[derive(Debug, Default)]
pub struct Sum {
    md5: Md5,
    sha256: Digester,
}

impl Sum {
    /// Takes the next piece.
    pub fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        self.sha256.update(bytes);
    }

    /// Gives MD5 and SHA-256.
    pub fn finish(self) -> ([u8; 16], Digest) {
        (self.md5.finalize().into(), self.sha256.finish())
    }
}

/// The MD5 of bytes (RFC 1321). For records of pkgsrc's, never to trust something by.
pub fn md5(bytes: &[u8]) -> [u8; 16] {
    Md5::digest(bytes).into()
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Records have one for each file: formatted byte by byte, that took a tenth of writing them.
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |at: usize| char::from(DIGITS[usize::from(self.0[at / 2] >> (4 * (1 - at % 2)) & 15)]);
        f.write_str(&(0..64).map(digit).collect::<String>())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

impl TryFrom<String> for Digest {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::from_hex(&text).ok_or_else(|| format!("'{text}' is not a sha256 of 64 hexadecimal digits"))
    }
}

/// A digest in the making, fed in pieces.
#[derive(Debug, Clone, Default)]
pub struct Digester(Sha256);

impl Digester {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Ends the digest.
    pub fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_reads_back_what_it_prints() {
        let digest = Digest::of(b"abc");
        assert_eq!(digest.to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(Digest::from_hex(&digest.to_string()), Some(digest));
        assert_eq!(Digest::from_hex("ba78"), None);
        assert_eq!(Digest::from_hex(&"+1".repeat(32)), None);
    }

    #[test]
    fn a_mark_is_the_same_in_pieces_and_whole() {
        for len in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE] {
            let bytes: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
            assert_eq!(Mark::read(&bytes).unwrap(), Mark::of(&bytes));
        }
    }
}
