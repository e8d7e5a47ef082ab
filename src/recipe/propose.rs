//! A prefix that leaves room: strings of programs can neither grow nor shrink, so the length of the build prefix is the
//! longest final path they can hold.

use super::form::LONGEST_NAME;
use crate::base::digest::Digest;
use crate::base::path::Prefix;

/// The length of a proposed prefix, in bytes: room for any path one meets, and a `#!` line (127 bytes before Linux 5.1)
/// and a UNIX socket's name (108) still hold it with a file's name behind.
pub const LENGTH: usize = 64;

/// Proposes the prefix for a recipe of some name; the same one always.
///
/// It lies below /opt, where only root creates directories: whoever may create the old prefix on a target could put files
/// where programs look that were not relocated. Its last part is no plausible word, so that no linker stores a word of the
/// program as the tail of the prefix (docs/prefix.md).
pub fn prefix(name: &str) -> Prefix {
    let short: String =
        name.chars().filter(|c| c.is_ascii_alphanumeric() || "._+-".contains(*c)).take(LONGEST_NAME).collect();
    let short = if short.bytes().all(|byte| byte == b'.') { "prefix" } else { &short };
    let mut path = format!("/opt/{short}/built-here-runs-anywhere-");
    path.truncate(LENGTH - 12);
    // Letters that no word begins or ends with; which ones, depends on the name alone.
    let letters = b"bcdfghjkmnpqrtvwxz23456789";
    let digest = Digest::of(name.as_bytes()).bytes();
    let filler = digest.iter().cycle().map(|byte| char::from(letters[usize::from(*byte) % letters.len()]));
    path.extend(filler.take(LENGTH - path.len()));
    Prefix::new(path.as_bytes()).expect("an absolute path of letters is a prefix")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::form;

    #[test]
    fn every_name_gets_a_prefix_of_64_bytes_that_a_recipe_may_have() {
        let longest = "n".repeat(LONGEST_NAME);
        for name in ["ourapp", "a", &longest, "web.2_x+y-z"] {
            let text = prefix(name).to_string();
            assert_eq!(text.len(), LENGTH, "{text}");
            assert_eq!(form::prefix(&text).unwrap(), prefix(name));
            assert!(text.starts_with(&format!("/opt/{name}/built")), "{text}");
        }
        for odd in ["", "..", "/", "a/../../etc", "\0\u{e4} x", &"x".repeat(500)] {
            assert_eq!(form::prefix(&prefix(odd).to_string()).unwrap().as_bytes().len(), LENGTH, "{odd}");
        }
        assert_ne!(prefix("a"), prefix("b"));
    }
}
