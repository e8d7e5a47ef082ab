//! The section of each mention in an ELF file, and what the place is used for.
//!
//! Takes mentions with offsets; names what it can. A file whose headers cannot be read keeps its mentions as they are.

use crate::base::bytes::ReadAt;
use crate::elf::{self, Stretch};
use crate::remains::mention::{Mention, Place};
use crate::remains::wanted::Wanted;

/// How much before and behind a mention is read to see its whole string, in bytes.
const AROUND: u64 = 8 << 10;
/// What source files are called.
const SOURCES: &[&[u8]] = &[
    b".c", b".cc", b".cpp", b".cxx", b".c++", b".h", b".hh", b".hpp", b".hxx", b".inc", b".inl", b".ipp", b".tcc",
    b".s", b".S", b".rs", b".go", b".f", b".f90", b".F90", b".pyx", b".pxd", b".y", b".l", b".m", b".mm", b".d",
    b".zig", b".ml",
];
/// Words of a string that keeps the arguments of a build.
const ARGUMENTS: &[&[u8]] = &[
    b"--prefix=",
    b"--with-",
    b"--without-",
    b"--enable-",
    b"--disable-",
    b"--sysconfdir=",
    b" -I",
    b" -L",
    b"-Wl,",
    b"-fPIC",
    b"-fstack-",
    b" -O2",
    b" -D",
];

/// Names the places of mentions.
pub(super) fn name(source: &dyn ReadAt, mentions: &mut [Mention]) {
    let Ok(stretches) = elf::stretches(source) else { return };
    let loader = Loader::of(source);
    for mention in mentions.iter_mut() {
        let Some(stretch) = containing(&stretches, mention.offset) else { continue };
        mention.section = Some(stretch.name.as_slice().into());
        mention.place = place(source, stretch, mention, &loader);
    }
}

/// Where a compiler put a path into instructions, piece by piece. Files that cannot be read have none.
pub(super) fn split(source: &dyn ReadAt, wanted: &Wanted) -> Vec<Mention> {
    let mut mentions = Vec::new();
    for (at, split) in &wanted.split {
        let Some(path) = wanted.path(*at) else { continue };
        let offsets = split.find(source).unwrap_or_default();
        mentions.extend(offsets.into_iter().map(|offset| Mention::split(*at, path.as_bytes(), offset)));
    }
    if mentions.is_empty() {
        return mentions;
    }
    let stretches = elf::stretches(source).unwrap_or_default();
    for mention in &mut mentions {
        mention.section = containing(&stretches, mention.offset).map(|stretch| stretch.name.as_slice().into());
    }
    // In old layouts the loader's tables lie in one segment with the code, and their text may begin like the path.
    mentions.retain(|mention| mention.section.as_deref().is_none_or(|name| !is_table(name)));
    mentions
}

/// Whether a section is a table that the loader reads.
fn is_table(name: &[u8]) -> bool {
    let starts: [&[u8]; 6] = [b".dyn", b".gnu", b".rel", b".hash", b".note", b".interp"];
    starts.iter().any(|start| name.starts_with(start))
}

/// The shortest stretch that holds an offset.
fn containing(stretches: &[Stretch], offset: u64) -> Option<&Stretch> {
    let holding = stretches.iter().filter(|stretch| stretch.start <= offset && offset < stretch.end);
    holding.min_by_key(|stretch| stretch.end - stretch.start)
}

/// What the loader reads of a file.
#[derive(Default)]
struct Loader {
    run_paths: Vec<Vec<u8>>,
    libraries: Vec<Vec<u8>>,
    interp: Option<Vec<u8>>,
}

impl Loader {
    fn of(source: &dyn ReadAt) -> Self {
        let Ok(elf::Read::Dynamic(facts)) = elf::read(source) else { return Self::default() };
        let object = facts.object;
        let libraries = object.needed.into_iter().chain(object.filters).chain(object.auxiliaries).chain(object.soname);
        Self {
            run_paths: facts.run_paths.into_iter().map(|path| path.value).collect(),
            libraries: libraries.collect(),
            interp: object.interp,
        }
    }
}

fn place(source: &dyn ReadAt, stretch: &Stretch, mention: &Mention, loader: &Loader) -> Place {
    let string = whole_string(source, stretch, mention.offset);
    let is = |known: &Vec<u8>| !known.is_empty() && (string.ends_with(known) || known.ends_with(&string));
    if stretch.name == b".interp" || loader.interp.as_ref().is_some_and(|interp| *interp == string) {
        return Place::Interp;
    }
    if stretch.loaded && !string.is_empty() {
        if loader.run_paths.iter().any(is) {
            return Place::RunPath;
        }
        if loader.libraries.iter().any(is) {
            return Place::Library;
        }
    }
    if stretch.name == b".dynstr" {
        return Place::Unloaded;
    }
    if !stretch.loaded {
        return if is_debug(&stretch.name) { Place::Debug } else { Place::Unloaded };
    }
    if is_source_name(mention.path()) {
        return Place::SourceName;
    }
    if ARGUMENTS.iter().any(|word| memchr::memmem::find(&string, word).is_some()) {
        return Place::BuildArguments;
    }
    Place::Somewhere
}

fn is_debug(name: &[u8]) -> bool {
    [&b".debug"[..], b".zdebug", b".stab", b".gnu_debug", b".line", b".gdb_index"]
        .iter()
        .any(|one| name.starts_with(one))
}

/// Whether a path is that of a source file. Strings of Rust lie side by side, so the ending may have letters behind it; they
/// count where a line number's colon or the file's end follows, and else not.
fn is_source_name(path: &[u8]) -> bool {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    SOURCES.iter().any(|ending| name.len() > ending.len() && name.ends_with(ending))
        || memchr::memmem::find(path, b"/src/").is_some() && memchr::memmem::find(name, b".rs").is_some()
}

/// The NUL-terminated string around an offset, inside its section, as far as is looked.
fn whole_string(source: &dyn ReadAt, stretch: &Stretch, offset: u64) -> Vec<u8> {
    let from = stretch.start.max(offset.saturating_sub(AROUND));
    let to = stretch.end.min(offset.saturating_add(AROUND)).min(source.size());
    let Some(len) = to.checked_sub(from) else { return Vec::new() };
    let Ok(bytes) = source.range(from, len) else { return Vec::new() };
    let Ok(at) = usize::try_from(offset - from) else { return Vec::new() };
    let (before, behind) = bytes.split_at(at.min(bytes.len()));
    let begin = memchr::memrchr(0, before).map_or(0, |at| at + 1);
    let end = memchr::memchr(0, behind).unwrap_or(behind.len());
    [&before[begin..], &behind[..end]].concat()
}
