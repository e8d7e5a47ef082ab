//! A path in exactly as many bytes as another one had: slashes before it, so that nothing behind it moves.
//!
//! `/srv/app` in 12 bytes is `/////srv/app`, which every system call takes for the same path (path_resolution(7)). It is never
//! filled up with NULs: counted strings, folded lengths and strings that share their end would break.

use crate::base::path::Prefix;

/// Writes `path` in exactly `len` bytes; `None` where it has more.
pub fn padded(path: &Prefix, len: usize) -> Option<Vec<u8>> {
    let slashes = len.checked_sub(path.as_bytes().len())?;
    Some([vec![b'/'; slashes].as_slice(), path.as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_come_first_and_the_length_is_exact() {
        let path = Prefix::new(b"/srv/app").unwrap();
        assert_eq!(padded(&path, 12).unwrap(), b"/////srv/app");
        assert_eq!(padded(&path, 8).unwrap(), b"/srv/app");
        assert_eq!(padded(&path, 7), None);
    }
}
