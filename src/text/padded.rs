//! A path as long as another one: slashes in front, because a string in a program can neither grow nor shrink.
//!
//! Takes the new prefix and the number of bytes the old one has; gives as many bytes. Refuses a path that is longer.
//! The kernel takes a run of slashes for one (path_resolution(7)), and everything behind the prefix stays where it was:
//! lengths that the program knows, pointers to what follows, and several paths in one string.

use crate::base::path::Prefix;

/// Writes `new` behind as many slashes as make it `len` bytes long; `None` where it is longer than that.
pub fn padded(new: &Prefix, len: usize) -> Option<Vec<u8>> {
    let slashes = len.checked_sub(new.as_bytes().len())?;
    let mut text = vec![b'/'; slashes];
    text.extend_from_slice(new.as_bytes());
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shorter_path_gets_slashes_in_front_and_a_longer_one_does_not_fit() {
        let new = Prefix::new(b"/srv/app").unwrap();
        assert_eq!(padded(&new, 12).unwrap(), b"/////srv/app");
        assert_eq!(padded(&new, 8).unwrap(), b"/srv/app");
        assert_eq!(padded(&new, 7), None);
    }

    #[test]
    fn a_padded_path_is_the_path_itself() {
        let new = Prefix::new(b"/srv/app").unwrap();
        assert_eq!(Prefix::new(&padded(&new, 40).unwrap()), Some(new));
    }
}
