//! `*.dist-info/RECORD` of an installed wheel: sums and sizes of files that changed, and no lines for files that are gone.
//!
//! The format is CSV with `path,algorithm=digest,size` (PyPA, "Recording installed projects"); paths are relative to the
//! directory that holds the dist-info, and the digest is URL-safe base64 without padding. A line without a sum stays as it
//! is unless its file is gone. A changed file gets a SHA-256 whatever it had.

use super::draft::{Draft, lines};
use super::{Answer, Subject};
use crate::base::path::{RelPath, parts};
use crate::base::sums::SumForm;
use crate::text::ledger::{Fate, Ledger, Stated};

/// What stands before a SHA-256.
const SHA256: &[u8] = b"sha256=";

/// The ledger of an installed wheel.
pub struct Record;

impl Ledger for Record {
    fn name(&self) -> &'static str {
        "wheel-record"
    }

    fn speaks_of(&self, file: &Subject<'_>) -> Option<Vec<RelPath>> {
        let site = site(file.path)?;
        Some(lines(file.bytes).filter_map(|(_, line)| path(file, &site, &entry(line)?.path)).collect())
    }

    fn may_be(&self, path: &RelPath) -> bool {
        site(path).is_some()
    }

    fn sums(&self, file: &Subject<'_>) -> Vec<Stated> {
        let Some(site) = site(file.path) else { return Vec::new() };
        let stated = lines(file.bytes).filter_map(|(start, line)| {
            let entry = entry(line)?;
            let sum = line[entry.path_len + 1..].strip_prefix(SHA256)?;
            let comma = memchr::memchr(b',', sum)?;
            let at = start + entry.path_len + 1 + SHA256.len();
            let of = path(file, &site, &entry.path)?;
            let end = start + line.trim_ascii_end().len();
            let digest = Stated { at: at..at + comma, form: SumForm::Sha256Base64, of: of.clone() };
            Some([digest, Stated { at: at + comma + 1..end, form: SumForm::Size, of }])
        });
        stated.flatten().collect()
    }

    fn rewrite(&self, file: &Subject<'_>, fate: &dyn Fn(&RelPath) -> Fate) -> Answer {
        let Some(site) = site(file.path) else { return Answer::NotMine };
        let mut draft = Draft::new(file.bytes);
        for (start, line) in lines(file.bytes) {
            let Some(entry) = entry(line) else { continue };
            let Some(path) = path(file, &site, &entry.path) else { continue };
            match fate(&path) {
                Fate::Removed => draft.replace(start..start + line.len(), b"", "the file is not there any more"),
                Fate::Changed(sums) if entry.has_sum => {
                    let [digest, size] = [SumForm::Sha256Base64, SumForm::Size].map(|form| form.spell(&sums));
                    let sum = [SHA256, &digest, b",", &size].concat();
                    let end = start + line.trim_ascii_end().len();
                    draft.replace(start + entry.path_len + 1..end, &sum, "the file's bytes changed");
                }
                // A symlink's sum is that of the file it leads to.
                Fate::Changed(_) | Fate::Link(_) | Fate::Same => {}
            }
        }
        draft.answer()
    }
}

/// The directory that holds the dist-info a RECORD lies in.
fn site(record: &RelPath) -> Option<RelPath> {
    let info = record.parent()?;
    (record.name() == b"RECORD" && info.name().ends_with(b".dist-info")).then(|| info.parent())?
}

/// One line.
struct Entry {
    path: Vec<u8>,
    /// The length of the path as written, with its quotes.
    path_len: usize,
    has_sum: bool,
}

fn entry(line: &[u8]) -> Option<Entry> {
    let (path, path_len) = field(line)?;
    let rest = line[path_len..].strip_prefix(b",")?.trim_ascii_end();
    let sum = &rest[..memchr::memchr(b',', rest)?];
    Some(Entry { path, path_len, has_sum: memchr::memchr(b'=', sum).is_some() })
}

/// The first field of a line and its length as written: quoted where it has a comma or a quote, which is doubled.
fn field(line: &[u8]) -> Option<(Vec<u8>, usize)> {
    let Some(quoted) = line.strip_prefix(b"\"") else {
        let end = memchr::memchr(b',', line)?;
        return Some((line[..end].to_vec(), end));
    };
    let mut text = Vec::new();
    let mut at = 0;
    loop {
        match (quoted.get(at)?, quoted.get(at + 1)) {
            (b'"', Some(b'"')) => at += 1,
            (b'"', _) => return Some((text, at + 2)),
            _ => {}
        }
        text.push(quoted[at]);
        at += 1;
    }
}

/// What a path of the ledger is in the tree: relative to the site directory, `..` by its text, or absolute.
fn path(file: &Subject<'_>, site: &RelPath, written: &[u8]) -> Option<RelPath> {
    if written.starts_with(b"/") {
        return file.inside(written);
    }
    let mut path = site.clone();
    for part in parts(written) {
        path = if part == b".." { path.parent()? } else { path.join(part) };
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_path_ends_at_its_quote() {
        let entry = entry(b"\"a,\"\"b\",sha256=x,3\r\n").unwrap();
        assert_eq!((entry.path.as_slice(), entry.path_len, entry.has_sum), (&b"a,\"b"[..], 7, true));
        assert!(!super::entry(b"a,,\n").unwrap().has_sum);
        assert!(super::entry(b"\"a").is_none());
    }
}
