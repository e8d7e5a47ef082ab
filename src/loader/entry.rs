//! Run-time paths taken apart: entries, and the tokens the loader replaces in them.
//!
//! glibc knows `$ORIGIN`, `$LIB` and `$PLATFORM`, each also in braces; a token without braces ends where a name would
//! end, so `$ORIGINX` and `$FOO` stay as they are (`elf/dl-load.c`, `is_dst`). musl knows `$ORIGIN` alone, whatever
//! follows it, and drops the whole run-time path at any other `$` (`ldso/dynlink.c`, `fixup_rpath`).

use super::libc::Libc;

/// Splits a run-time path into entries, in order. For glibc colons part them, and empty ones count; a wholly empty string
/// has none. For musl newlines part them too, and empty ones do not count.
pub fn entries(path: &[u8], libc: Libc) -> impl Iterator<Item = &[u8]> {
    let musl = libc == Libc::Musl;
    let parts = path.split(move |byte| *byte == b':' || (musl && *byte == b'\n'));
    parts.filter(move |entry| if musl { !entry.is_empty() } else { !path.is_empty() })
}

/// Tells whether an entry means the same wherever the tree lies: it begins with `$ORIGIN`.
pub fn starts_at_origin(entry: &[u8], libc: Libc) -> bool {
    token(entry, libc).is_some_and(|(token, _)| token == Token::Origin)
}

/// A word the loader replaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token {
    /// The directory the object was opened in.
    Origin,
    /// `lib`, `lib64` or `lib/x86_64-linux-gnu`: each distribution's loader has its own.
    Lib,
    /// The processor's name, such as `x86_64`.
    Platform,
}

/// Reads a token at the start of `text`; gives it and what follows it.
pub fn token(text: &[u8], libc: Libc) -> Option<(Token, &[u8])> {
    let rest = text.strip_prefix(b"$")?;
    let words = [(&b"ORIGIN"[..], Token::Origin), (b"LIB", Token::Lib), (b"PLATFORM", Token::Platform)];
    let words = words.into_iter().filter(|(_, token)| libc == Libc::Glibc || *token == Token::Origin);
    words.into_iter().find_map(|(word, token)| {
        if let Some(after) = rest.strip_prefix(b"{").and_then(|rest| rest.strip_prefix(word)) {
            return after.strip_prefix(b"}").map(|after| (token, after));
        }
        let after = rest.strip_prefix(word)?;
        let ends = after.first().is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_');
        (ends || libc == Libc::Musl).then_some((token, after))
    })
}

/// Tells whether an entry holds `$LIB` or `$PLATFORM`, whose values the target decides.
pub fn depends_on_target(entry: &[u8], libc: Libc) -> bool {
    (0..entry.len()).any(|at| matches!(token(&entry[at..], libc), Some((Token::Lib | Token::Platform, _))))
}

/// Tells whether the loader ignores every run-time path that holds this entry, or this text: musl does at a `$` that
/// begins no `$ORIGIN`.
pub fn voids(text: &[u8], libc: Libc) -> bool {
    libc == Libc::Musl && (0..text.len()).any(|at| text[at] == b'$' && token(&text[at..], libc).is_none())
}

/// Replaces `$ORIGIN` by `origin` and the other tokens by what x86-64 loaders give, in every combination known.
pub fn expand(entry: &[u8], origin: &[u8], libc: Libc) -> Vec<Vec<u8>> {
    let mut done: Vec<Vec<u8>> = vec![Vec::new()];
    let mut rest = entry;
    while let Some(byte) = rest.first() {
        let (values, after): (Vec<&[u8]>, _) = match token(rest, libc) {
            Some((Token::Origin, after)) => (vec![origin], after),
            Some((Token::Lib, after)) => (vec![b"lib64", b"lib/x86_64-linux-gnu", b"lib"], after),
            Some((Token::Platform, after)) => (vec![b"x86_64", b"haswell", b"xeon_phi"], after),
            None => (vec![std::slice::from_ref(byte)], &rest[1..]),
        };
        done = done.iter().flat_map(|text| values.iter().map(move |value| [text, *value].concat())).collect();
        done.truncate(64);
        rest = after;
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;
    use Libc::{Glibc, Musl};

    #[test]
    fn tokens_end_where_names_end() {
        assert_eq!(token(b"$ORIGIN/lib", Glibc), Some((Token::Origin, &b"/lib"[..])));
        assert_eq!(token(b"${ORIGIN}x", Glibc), Some((Token::Origin, &b"x"[..])));
        for none in [&b"$ORIGINX/lib"[..], b"$ORIGIN_/lib", b"$FOO", b"${ORIGIN"] {
            assert_eq!(token(none, Glibc), None, "{}", none.escape_ascii());
        }
    }

    #[test]
    fn musl_knows_the_origin_alone_and_does_not_look_behind_it() {
        assert_eq!(token(b"$ORIGINX/lib", Musl), Some((Token::Origin, &b"X/lib"[..])));
        assert_eq!(token(b"$LIB", Musl), None);
        assert!(voids(b"/a/$LIB", Musl) && voids(b"$ORIGIN/lib:$FOO", Musl) && voids(b"${ORIGIN", Musl));
        assert!(!voids(b"$ORIGIN/lib:${ORIGIN}", Musl) && !voids(b"$FOO", Glibc));
    }

    #[test]
    fn an_empty_string_has_no_entries_and_three_colons_four() {
        assert_eq!(entries(b"", Glibc).count(), 0);
        assert_eq!(entries(b":::", Glibc).count(), 4);
        assert_eq!(entries(b"/a\n/b", Glibc).count(), 1);
        assert_eq!(entries(b":/a\n:/b:", Musl).collect::<Vec<_>>(), [b"/a", b"/b"]);
    }

    #[test]
    fn every_value_of_a_token_is_tried() {
        assert_eq!(expand(b"$ORIGIN/../lib", b"/x", Glibc), [b"/x/../lib"]);
        assert_eq!(expand(b"/a/$LIB", b"", Glibc), [&b"/a/lib64"[..], b"/a/lib/x86_64-linux-gnu", b"/a/lib"]);
        assert_eq!(expand(b"$ORIGINX", b"/x", Glibc), [b"$ORIGINX"]);
        assert!(depends_on_target(b"/a/${LIB}", Glibc) && !depends_on_target(b"/a/${LIB}", Musl));
        assert!(!depends_on_target(b"$ORIGIN/lib", Glibc));
    }
}
