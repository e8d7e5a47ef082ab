//! pkgsrc's package database: `+CONTENTS`, the list of a package's files.
//!
//! As a class: `@cwd /old` becomes `@cwd .`, which `pkg_admin check` and `pkg_admin rebuild` take for the package's own
//! directory in the database wherever that is, and the names of files are the way from there (`admin/check.c` and
//! `admin/main.c` of pkg_install). Refuses a list with `@exec` or `@unexec`, whose commands run in the directory that `@cwd`
//! names. As a ledger: MD5 sums and targets of symlinks are those of the files as they are now, and what is left out of
//! the result is left out of the list.

use super::draft::{Draft, lines, up, way_up};
use super::{Answer, Class, Subject};
use crate::base::path::{RelPath, parts};
use crate::base::sums::SumForm;
use crate::text::ledger::{Fate, Ledger, Stated};
use std::ops::Range;

/// The class and the ledger.
pub struct PackageList;

const RELATIVE: &str = "relative to the package's directory in the database";
const SUM: &str = "the sum of the file as it is now";
const TARGET: &str = "the symlink's target as it is now";
const LEFT_OUT: &str = "the file is left out";

/// One line of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line<'a> {
    /// `@cwd` or `@cd`.
    Cwd(&'a [u8]),
    /// A file, or a directory with `@pkgdir` or `@dirrm`.
    Name {
        path: &'a [u8],
        file: bool,
    },
    /// `@comment MD5:` or `@comment Symlink:` behind a file.
    Sum(&'a [u8]),
    Target(&'a [u8]),
    /// `@exec` or `@unexec`.
    Command,
    /// `@ignore`: the next line does not count.
    Ignore,
    /// `@name`.
    Package,
    /// Anything else.
    Other,
}

/// A line and where in the list its value stands.
struct Entry<'a> {
    line: Line<'a>,
    /// The whole line with its newline.
    whole: Range<usize>,
    value: Range<usize>,
}

/// The lines of a list, read as pkg_install's `read_plist` does: blanks at the end do not count, commands have any case.
fn entries(bytes: &[u8]) -> impl Iterator<Item = Entry<'_>> {
    lines(bytes).filter_map(|(start, whole)| {
        let text = whole.trim_ascii_end();
        let Some(command) = text.strip_prefix(b"@") else {
            let line = Line::Name { path: text, file: true };
            let value = start..start + text.len();
            return (!text.is_empty()).then_some(Entry { line, whole: start..start + whole.len(), value });
        };
        let word = command.iter().position(u8::is_ascii_whitespace).unwrap_or(command.len());
        let mut value = command[word..].trim_ascii_start();
        let line = match command[..word].to_ascii_lowercase().as_slice() {
            b"cwd" | b"cd" => Line::Cwd(value),
            b"pkgdir" | b"dirrm" => Line::Name { path: value, file: false },
            b"exec" | b"unexec" => Line::Command,
            b"ignore" => Line::Ignore,
            b"name" => Line::Package,
            b"comment" => match (value.strip_prefix(b"MD5:"), value.strip_prefix(b"Symlink:")) {
                (Some(sum), _) => {
                    value = sum;
                    Line::Sum(sum)
                }
                (_, Some(target)) => {
                    value = target;
                    Line::Target(target)
                }
                _ => Line::Other,
            },
            _ => Line::Other,
        };
        let end = start + text.len();
        Some(Entry { line, whole: start..start + whole.len(), value: end - value.len()..end })
    })
}

/// What pkg_create(1) calls the list.
const NAME: &[u8] = b"+CONTENTS";

/// Whether a file is the list of a package: `.../PACKAGE/+CONTENTS` with an `@name`.
fn is_list(file: &Subject<'_>) -> bool {
    file.path.name() == NAME
        && file.directory().depth() >= 2
        && entries(file.bytes).any(|entry| entry.line == Line::Package)
}

/// The directory that `@cwd` means in the tree.
fn directory(file: &Subject<'_>, cwd: &[u8]) -> Option<RelPath> {
    if cwd == b"." { Some(file.directory()) } else { file.inside(cwd) }
}

/// A path from a directory of the tree, by its text; `None` where it leads out.
fn below(directory: &RelPath, path: &[u8]) -> Option<RelPath> {
    let mut reached: Vec<&[u8]> = directory.parts().collect();
    for part in parts(path) {
        if part == b".." {
            reached.pop()?;
        } else {
            reached.push(part);
        }
    }
    RelPath::new(&reached.join(&b'/'))
}

impl Class for PackageList {
    fn name(&self) -> &'static str {
        "package-list"
    }

    fn rewrite(&self, file: &Subject<'_>) -> Answer {
        if !is_list(file) {
            return Answer::NotMine;
        }
        if let Err(why) = way_up(file) {
            return Answer::Refused(why);
        }
        relative(file)
    }
}

fn relative(file: &Subject<'_>) -> Answer {
    if entries(file.bytes).any(|entry| entry.line == Line::Command) {
        return Answer::Refused(
            "it has @exec or @unexec commands, which run in the directory that @cwd names".to_owned(),
        );
    }
    let way = up(file.directory().depth());
    let mut draft = Draft::new(file.bytes);
    let mut from = None;
    for entry in entries(file.bytes) {
        match (entry.line, &from) {
            (Line::Cwd(cwd), _) => {
                from = file.inside(cwd);
                if from.is_some() {
                    draft.replace(entry.value, b".", RELATIVE);
                }
            }
            (Line::Name { .. }, Some(from)) => {
                let slash: &[u8] = if RelPath::is_root(from) { b"" } else { b"/" };
                let lead = [way.as_slice(), b"/", from.as_bytes(), slash].concat();
                draft.replace(entry.value.start..entry.value.start, &lead, RELATIVE);
            }
            _ => {}
        }
    }
    draft.answer()
}

/// A file of the list: its line, its path in the tree, the line behind it.
struct Listed<'a> {
    entry: Entry<'a>,
    path: RelPath,
    said: Option<Entry<'a>>,
}

impl Listed<'_> {
    /// The file that the sum is of: symlinks are followed.
    fn summed(&self, file: &Subject<'_>) -> RelPath {
        match &self.said {
            Some(Entry { line: Line::Sum(_), .. }) => {
                file.around.leads_to(&self.path).map_or_else(|| self.path.clone(), |(real, _)| real)
            }
            _ => self.path.clone(),
        }
    }
}

fn listed<'a>(file: &Subject<'a>) -> Vec<Listed<'a>> {
    let mut listed = Vec::new();
    let mut from = None;
    let mut entries = entries(file.bytes).peekable();
    while let Some(entry) = entries.next() {
        match (entry.line, &from) {
            (Line::Cwd(cwd), _) => from = directory(file, cwd),
            (Line::Ignore, _) => drop(entries.next()),
            (Line::Name { path, file: true }, Some(from)) => {
                let Some(path) = below(from, path) else { continue };
                let said = entries.next_if(|next| matches!(next.line, Line::Sum(_) | Line::Target(_)));
                listed.push(Listed { entry, path: real(file, &path), said });
            }
            _ => {}
        }
    }
    listed
}

/// The path with its directory seen through symlinks.
fn real(file: &Subject<'_>, path: &RelPath) -> RelPath {
    let directory = path.parent().and_then(|parent| file.around.leads_to(&parent));
    directory.map_or_else(|| path.clone(), |(directory, _)| directory.join(path.name()))
}

impl Ledger for PackageList {
    fn name(&self) -> &'static str {
        "package-list"
    }

    fn speaks_of(&self, file: &Subject<'_>) -> Option<Vec<RelPath>> {
        is_list(file).then(|| {
            let each = listed(file).into_iter();
            each.flat_map(|listed| [listed.summed(file), listed.path]).collect()
        })
    }

    fn may_be(&self, path: &RelPath) -> bool {
        path.name() == NAME
    }

    fn sums(&self, file: &Subject<'_>) -> Vec<Stated> {
        if !is_list(file) {
            return Vec::new();
        }
        let stated = listed(file).into_iter().filter_map(|listed| {
            let of = listed.summed(file);
            let said = listed.said.filter(|said| matches!(said.line, Line::Sum(_)))?;
            Some(Stated { at: said.value, form: SumForm::Md5Hex, of })
        });
        stated.collect()
    }

    fn rewrite(&self, file: &Subject<'_>, fate: &dyn Fn(&RelPath) -> Fate) -> Answer {
        if !is_list(file) {
            return Answer::NotMine;
        }
        let mut draft = Draft::new(file.bytes);
        for listed in listed(file) {
            if fate(&listed.path) == Fate::Removed {
                let end = listed.said.as_ref().map_or(listed.entry.whole.end, |said| said.whole.end);
                draft.replace(listed.entry.whole.start..end, b"", LEFT_OUT);
                continue;
            }
            let summed = listed.summed(file);
            let Some(said) = listed.said else { continue };
            match (said.line, fate(&listed.path), fate(&summed)) {
                (Line::Sum(old), _, Fate::Changed(sums)) => {
                    let digits = SumForm::Md5Hex.spell(&sums);
                    if old != digits {
                        draft.replace(said.value, &digits, SUM);
                    }
                }
                (Line::Target(old), Fate::Link(target), _) if old != target => {
                    draft.replace(said.value, &target, TARGET);
                }
                _ => {}
            }
        }
        draft.answer()
    }
}
