//! What the strings of a compiled Python module are: the name of its source, or a value the program uses.
//!
//! Strings have their length before them (CPython `Python/marshal.c`), so their end is known exactly; where no length
//! fits, the sample stays as it was guessed.

use crate::remains::mention::{LONGEST_SAMPLE, Mention, Place};

/// Types with a one-byte length: ASCII, interned or not.
const SHORT: &[u8] = b"zZ";
/// Types with a four-byte length: bytes, text, ASCII, interned or not.
const LONG: &[u8] = b"stuaA";
/// Set where the object is referred to again.
const FLAG_REF: u8 = 0x80;

/// Names the places of mentions in the module `path`.
pub(super) fn name(path: &[u8], bytes: &[u8], mentions: &mut [Mention]) {
    let file = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let module = file.split(|byte| *byte == b'.').next().unwrap_or_default();
    let source = [b"/", module, b".py"].concat();
    for mention in mentions {
        if let Some(string) = string_at(bytes, mention.offset) {
            mention.sample = string[..string.len().min(LONGEST_SAMPLE)].into();
            mention.path_at = 0;
        }
        mention.place = if mention.path().ends_with(&source) { Place::SourceName } else { Place::Constant };
    }
}

/// The string that begins at an offset, where its length says so.
fn string_at(bytes: &[u8], offset: u64) -> Option<&[u8]> {
    let at = usize::try_from(offset).ok()?;
    let is = |kinds: &[u8], back: usize| {
        at.checked_sub(back).and_then(|at| bytes.get(at)).is_some_and(|kind| kinds.contains(&(kind & !FLAG_REF)))
    };
    let len = if is(SHORT, 2) {
        usize::from(*bytes.get(at.checked_sub(1)?)?)
    } else if is(LONG, 5) {
        usize::try_from(u32::from_le_bytes(bytes.get(at.checked_sub(4)?..at)?.try_into().ok()?)).ok()?
    } else {
        return None;
    };
    bytes.get(at..at.checked_add(len)?).filter(|string| !string.is_empty())
}
