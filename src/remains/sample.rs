//! The string around a hit, decoded: what stood before the path, and the path to where it can no longer be one.

use super::mention::{LONGEST_SAMPLE, Spelling};

/// How many raw bytes behind a hit are looked at.
const AHEAD: usize = 1024;
/// How many decoded bytes before a path are shown.
const BEFORE: usize = 48;

/// Decodes what follows a hit or stands before it, as far as `raw` goes.
pub(super) fn decode(spelling: Spelling, raw: &[u8]) -> Vec<u8> {
    match spelling {
        Spelling::Plain => raw.to_vec(),
        Spelling::Escaped => without_backslashes(raw),
        Spelling::Percent => without_percent(raw),
        Spelling::Utf16 => raw.chunks_exact(2).map(|unit| if unit[1] == 0 { unit[0] } else { 0xff }).collect(),
    }
}

fn without_backslashes(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut at = 0;
    while let Some(byte) = raw.get(at) {
        let run = raw[at..].iter().take_while(|byte| **byte == b'\\').count();
        match raw.get(at + run) {
            Some(next) if run > 0 && (b"/.-+".contains(next)) => at += run,
            _ => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    out
}

fn without_percent(raw: &[u8]) -> Vec<u8> {
    let digit = |byte: Option<&u8>| char::from(*byte?).to_digit(16);
    let mut out = Vec::with_capacity(raw.len());
    let mut at = 0;
    while let Some(byte) = raw.get(at) {
        let code = (*byte == b'%').then(|| Some(digit(raw.get(at + 1))? * 16 + digit(raw.get(at + 2))?)).flatten();
        out.push(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(*byte));
        at += if code.is_some() { 3 } else { 1 };
    }
    out
}

/// What stands right before a hit, decoded; at most some dozens of bytes.
pub(super) fn before(spelling: Spelling, bytes: &[u8], start: usize) -> Vec<u8> {
    let mut from = start.saturating_sub(2 * BEFORE);
    // Two-byte characters are counted from the hit.
    from += usize::from(spelling == Spelling::Utf16 && (start - from) % 2 == 1);
    decode(spelling, bytes.get(from..start).unwrap_or_default())
}

/// The sample of a hit, and where in it the path begins.
pub(super) fn sample(spelling: Spelling, bytes: &[u8], start: usize) -> (Vec<u8>, usize) {
    let before = before(spelling, bytes, start);
    let shown = before.iter().rev().take(BEFORE).take_while(|byte| belongs(**byte)).count();
    let mut sample = before[before.len() - shown..].to_vec();
    let raw = &bytes[start..bytes.len().min(start.saturating_add(AHEAD))];
    let raw = if spelling == Spelling::Escaped { escaped_slashes_only(raw) } else { raw };
    let path = decode(spelling, raw);
    let len = path.iter().position(|byte| !in_path(*byte)).unwrap_or(path.len());
    sample.extend_from_slice(&path[..len]);
    sample.truncate(LONGEST_SAMPLE);
    (sample, shown)
}

/// In `s/\/p\/root\/x/y/` the path ends at the slash that is not escaped.
fn escaped_slashes_only(raw: &[u8]) -> &[u8] {
    let bare = |at: &usize| raw[*at] == b'/' && at.checked_sub(1).is_some_and(|before| raw[before] != b'\\');
    let end = if raw.first() == Some(&b'\\') { (0..raw.len()).find(bare) } else { None };
    end.map_or(raw, |end| &raw[..end])
}

/// Whether a byte before a path is part of the same word.
fn belongs(byte: u8) -> bool {
    (0x21..0x7f).contains(&byte) && !b"\"'`<>();".contains(&byte)
}

/// Whether a path goes on with a byte. Blanks, quotes and what shells, formats and lists put between paths end it.
fn in_path(byte: u8) -> bool {
    byte >= 0x80 || (byte > b' ' && byte < 0x7f && !b"\"'`<>(){}[]:;,|&*?$=\\#!%^".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(spelling: Spelling, text: &[u8], hit: &[u8]) -> (String, String) {
        let start = memchr::memmem::find(text, hit).unwrap();
        let (sample, at) = sample(spelling, text, start);
        (String::from_utf8_lossy(&sample).into_owned(), String::from_utf8_lossy(&sample[at..]).into_owned())
    }

    #[test]
    fn a_sample_is_the_word_around_the_path() {
        let rows: [(&[u8], &str, &str); 4] = [
            (b"flags -L/p/root/lib -lz", "-L/p/root/lib", "/p/root/lib"),
            (b"x=\"/p/root/etc\";", "/p/root/etc", "/p/root/etc"),
            (b"\0conf=/p/root/a.conf\0more", "conf=/p/root/a.conf", "/p/root/a.conf"),
            (b"/p/root/share/%s/x", "/p/root/share/", "/p/root/share/"),
        ];
        for (text, whole, path) in rows {
            assert_eq!(of(Spelling::Plain, text, b"/p/root"), (whole.to_owned(), path.to_owned()));
        }
    }

    #[test]
    fn other_spellings_are_decoded() {
        let json = of(Spelling::Escaped, br#"{"a": "\/p\/root\/lib\/x.so"}"#, br"\/p\/root");
        assert_eq!(json.1, "/p/root/lib/x.so");
        let url = of(Spelling::Percent, b"u=file%3A%2F%2F%2Fp%2Froot%2Fa%20b&", b"%2Fp%2Froot");
        assert_eq!(url, ("u=file:///p/root/a".to_owned(), "/p/root/a".to_owned()));
        let wide: Vec<u8> = "a=/p/root/x".bytes().flat_map(|byte| [byte, 0]).collect();
        let hit: Vec<u8> = b"/p/root".iter().flat_map(|byte| [*byte, 0]).collect();
        assert_eq!(of(Spelling::Utf16, &wide, &hit).0, "a=/p/root/x");
    }

    #[test]
    fn a_sample_is_bounded() {
        let long = [b"/p/root/".as_slice(), &[b'x'; 5000]].concat();
        assert_eq!(sample(Spelling::Plain, &long, 0).0.len(), LONGEST_SAMPLE);
    }
}
