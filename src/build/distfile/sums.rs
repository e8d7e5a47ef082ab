//! Sums of files as distinfo has them, all of a file's in one pass.

use super::Checksum;
use crate::base::digest::{Digest, Digester};
use std::fmt;
use std::io::{self, Read};

/// How a sum is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Algorithm(pub(super) pkgsrc::digest::Digest);

impl Algorithm {
    /// SHA-256, which no distinfo has.
    pub const SHA256: Self = Self(pkgsrc::digest::Digest::SHA256);

    fn rank(self) -> u8 {
        use pkgsrc::digest::Digest as D;
        match self.0 {
            D::BLAKE2s => 0,
            D::SHA512 => 1,
            D::SHA256 => 2,
            D::RMD160 => 3,
            D::SHA1 => 4,
            D::MD5 => 5,
        }
    }
}

impl PartialOrd for Algorithm {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Algorithm {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How a file differs from its record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrong {
    /// It has another size, in bytes.
    Size {
        /// The one it has.
        found: u64,
        /// The one it is to have.
        wanted: u64,
    },
    /// It has another sum.
    Sum {
        /// Which.
        algorithm: Algorithm,
        /// The one it has.
        found: String,
        /// The one it is to have.
        wanted: String,
    },
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size { found, wanted } => write!(f, "it has {found} bytes, and {wanted} are recorded"),
            Self::Sum { algorithm, found, wanted } => {
                write!(f, "its {algorithm} is {found}, and {wanted} is recorded")
            }
        }
    }
}

/// Reads to the end; gives the SHA-256 of what is right, else how it is wrong. The inner error is the reader's.
pub(super) fn check(
    reader: &mut impl Read,
    size: Option<u64>,
    checksums: &[Checksum],
) -> io::Result<Result<(Digest, u64), Wrong>> {
    let mut hashers: Vec<_> = checksums.iter().map(|checksum| checksum.algorithm.0.hasher()).collect();
    let mut digester = Digester::default();
    let mut buffer = vec![0; 1 << 16];
    let mut found: u64 = 0;
    loop {
        let read = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        found = found.saturating_add(read as u64);
        digester.update(&buffer[..read]);
        for hasher in &mut hashers {
            hasher.update(&buffer[..read]);
        }
    }
    if let Some(wanted) = size.filter(|wanted| *wanted != found) {
        return Ok(Err(Wrong::Size { found, wanted }));
    }
    for (hasher, checksum) in hashers.into_iter().zip(checksums) {
        let sum = data_encoding::HEXLOWER.encode(&hasher.finalize());
        if sum != checksum.hash {
            return Ok(Err(Wrong::Sum { algorithm: checksum.algorithm, found: sum, wanted: checksum.hash.clone() }));
        }
    }
    Ok(Ok((digester.finish(), found)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pkgsrc::digest::Digest as D;

    #[test]
    fn every_sum_must_be_right() {
        let sums =
            |algorithm: D, text: &str| Checksum { algorithm: Algorithm(algorithm), hash: algorithm.hash_str(text) };
        let all: Vec<_> = [D::SHA1, D::RMD160, D::SHA512, D::BLAKE2s, D::MD5].map(|it| sums(it, "abc")).into();
        let look = |bytes: &[u8], size, sums: &[Checksum]| check(&mut &*bytes, size, sums).unwrap();
        assert_eq!(look(b"abc", Some(3), &all), Ok((Digest::of(b"abc"), 3)));
        assert_eq!(look(b"abcd", Some(3), &all), Err(Wrong::Size { found: 4, wanted: 3 }));
        for algorithm in [D::SHA1, D::RMD160, D::SHA512, D::BLAKE2s, D::MD5] {
            let one_wrong = [sums(D::SHA256, "abc"), sums(algorithm, "xyz")];
            assert!(matches!(look(b"abc", None, &one_wrong), Err(Wrong::Sum { .. })), "{algorithm}");
        }
    }
}
