//! What pax records say of an entry, and which of them are refused because readers weigh them differently.
//!
//! Source: POSIX.1-2017, pax, "pax Extended Header". Names and sizes in the records are applied by the tar crate; here they
//! are judged, and the time is read.

use super::guard::Refusal;
use crate::base::path::printable;
use std::borrow::Cow;
use std::io::Read;
use tar::{Entry, PaxExtensions};

/// A global header larger than this is no comment.
const LARGEST: u64 = 64 * 1024;

/// Judges the pax records of an entry and gives the time in them, in whole seconds.
pub(super) fn time<R: Read>(entry: &mut Entry<'_, R>) -> Result<Option<i64>, Refusal> {
    let name = entry.path_bytes().into_owned();
    let target = entry.link_name_bytes().map(Cow::into_owned);
    let ambiguous = |what: &str| Refusal::Ambiguous(what.to_owned());
    let records = entry.pax_extensions().map_err(|_| ambiguous("its pax records cannot be read"))?;
    let Some(records) = records else { return Ok(None) };
    let (mut keys, mut time) = (Vec::new(), None);
    for record in records {
        let record = record.map_err(|_| ambiguous("it has a pax record that is not well formed"))?;
        let (key, value) = (record.key_bytes(), record.value_bytes());
        if keys.contains(&key) {
            return Err(Refusal::Ambiguous(format!("it has two pax records '{}'", printable(key))));
        }
        keys.push(key);
        match key {
            b"path" if value != name => return Err(ambiguous("its GNU long name and its pax name differ")),
            b"linkpath" if Some(value) != target.as_deref() => {
                return Err(ambiguous("its GNU long link target and its pax link target differ"));
            }
            b"size" | b"uid" | b"gid" if !value.iter().all(u8::is_ascii_digit) || value.is_empty() => {
                return Err(Refusal::Ambiguous(format!("its pax {} is no number", printable(key))));
            }
            b"mtime" => time = Some(seconds(value).ok_or_else(|| ambiguous("its pax time is no number"))?),
            b"SCHILY.realsize" => return Err(ambiguous("it is a sparse file in a form that is not read")),
            key if key.starts_with(b"GNU.sparse.") => {
                return Err(ambiguous("it is a sparse file in a form that is not read"));
            }
            _ => {}
        }
    }
    Ok(time)
}

/// `-1.5` is a second and a half before 1970, and lies in the second -2.
fn seconds(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let below = whole.starts_with('-') && fraction.bytes().any(|digit| digit != b'0');
    if !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    whole.parse::<i64>().ok()?.checked_sub(i64::from(below))
}

/// `git archive` puts the commit into a global pax comment; anything else there would change entries that follow.
pub(super) fn only_a_comment<R: Read>(entry: &mut Entry<'_, R>) -> Result<(), Refusal> {
    let wrong = || Refusal::Ambiguous("it is a global pax header with more than a comment".to_owned());
    if entry.size() > LARGEST {
        return Err(wrong());
    }
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes).map_err(|_| wrong())?;
    let comments = PaxExtensions::new(&bytes)
        .all(|record| record.is_ok_and(|record| matches!(record.key_bytes(), b"comment" | b"hdrcharset")));
    if comments { Ok(()) } else { Err(wrong()) }
}
