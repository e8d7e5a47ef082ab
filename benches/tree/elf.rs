//! ELF files: a stock is built once by the C compiler, some sizes of each kind, with absolute run-time paths; each file of the tree
//! is a copy with names and contents of its own.
//!
//! File N needs a library of about half its number; names have the same length everywhere, so that a copy gets other ones by
//! writing over the template's. What makes a file large is a table in its read-only data.

use super::random::Random;
use super::{Wanted, content, sizes};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::process::Command;

/// What an ELF file of the tree is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Kind {
    /// A library that needs the host's alone and has no run-time path.
    Leaf,
    /// A library that needs another one of the tree.
    Library,
    /// What a program loads when it runs; it needs a library.
    Module,
    /// A program that needs a library.
    Program,
}

impl Kind {
    /// Of the ELF file of this number: of five, two are libraries, two modules, one a program; the first of all is a leaf.
    pub(crate) fn of(index: u64) -> Kind {
        match index % 5 {
            0 => Kind::Leaf,
            1 => Kind::Library,
            2 => Kind::Program,
            _ => Kind::Module,
        }
    }
}

/// The name under which the library of this number is needed.
pub(crate) fn soname(index: u64) -> String {
    format!("libgen{index:08}.so.1")
}

/// A library that the ELF file of this number needs: one of about half its number, so that chains are short.
fn needed(index: u64) -> u64 {
    let half = index / 2;
    half - half % 5 + (half % 5).min(1)
}

const OWN: &str = "libgen99999998.so.1";
const OTHER: &str = "libgen99999999.so.1";
const MARK: &[u8] = b"here begins what fills the file:";
const LIBRARY: &str = "int value(void) { return 1; }\n";
const PROGRAM: &str = "int value(void);\nint main(void) { return value(); }\n";

/// Which template a file is a copy of: its kind, and its size's place among the classes.
type Key = (Kind, usize);

/// The templates that a tree needs.
pub(crate) struct Stock {
    templates: BTreeMap<Key, Template>,
    seed: u64,
    classes: Vec<(usize, u32)>,
}

/// A built file, and where in it its filling lies.
struct Template {
    bytes: Vec<u8>,
    filling: Range<usize>,
}

impl Stock {
    /// Builds, in `scratch`, what the first `count` ELF files of a tree need.
    pub(crate) fn build(scratch: &Path, wanted: &Wanted, count: u64) -> io::Result<Stock> {
        let mut stock =
            Stock { templates: BTreeMap::new(), seed: wanted.seed, classes: sizes::elf_classes(wanted.percent) };
        let compiler = Compiler { scratch, prefix: &wanted.prefix };
        compiler.prepare()?;
        for index in 0..count {
            let key = stock.key(index);
            if !stock.templates.contains_key(&key) {
                let template = compiler.template(key, stock.classes[key.1].0)?;
                stock.templates.insert(key, template);
            }
        }
        Ok(stock)
    }

    fn key(&self, index: u64) -> Key {
        let mut share = Random::of(self.seed, &[4, index]).below(1000) as u32;
        let class = self.classes.iter().position(|(_, part)| {
            let here = share < *part;
            share = share.saturating_sub(*part);
            here
        });
        (Kind::of(index), class.unwrap_or(0))
    }

    /// Appends the ELF file of this number.
    pub(crate) fn copy(&self, index: u64, random: &mut Random, out: &mut Vec<u8>) {
        let Some(template) = self.templates.get(&self.key(index)) else { return };
        out.extend_from_slice(&template.bytes[..template.filling.start]);
        content::data(random, template.filling.len(), out);
        out.extend_from_slice(&template.bytes[template.filling.end..]);
        rename(out, OWN, &soname(index));
        rename(out, OTHER, &soname(needed(index)));
    }
}

/// Writes `new` over every `old`, which is as long.
fn rename(bytes: &mut [u8], old: &str, new: &str) {
    let found: Vec<usize> = memchr::memmem::find_iter(bytes, old).collect();
    for at in found {
        bytes[at..at + old.len()].copy_from_slice(new.as_bytes());
    }
}

struct Compiler<'a> {
    scratch: &'a Path,
    prefix: &'a Path,
}

impl Compiler<'_> {
    fn prepare(&self) -> io::Result<()> {
        fs::write(self.scratch.join("library.c"), LIBRARY)?;
        fs::write(self.scratch.join("program.c"), PROGRAM)?;
        self.run(&["-shared", "-o", OTHER, "-Wl,-soname", &format!("-Wl,{OTHER}"), "library.c"], false)
    }

    fn template(&self, (kind, class): Key, size: usize) -> io::Result<Template> {
        let out = format!("{kind:?}-{class}");
        let begin: &[&str] = match kind {
            Kind::Program => &["-pie", "program.c"],
            Kind::Module => &["-shared", "library.c"],
            Kind::Leaf | Kind::Library => &["-shared", "-Wl,-soname", "-Wl,libgen99999998.so.1", "library.c"],
        };
        let needs = if kind == Kind::Leaf { &[][..] } else { &["-Wl,--no-as-needed", OTHER] };
        // once to see how much there is without a filling
        self.fill(MARK.len())?;
        let words = [begin, &["filling.s", "-o", &out], needs].concat();
        self.run(&words, kind != Kind::Leaf)?;
        let bare = fs::metadata(self.scratch.join(&out))?.len() as usize;
        let filling = size.saturating_sub(bare).max(MARK.len());
        self.fill(filling)?;
        self.run(&words, kind != Kind::Leaf)?;
        let bytes = fs::read(self.scratch.join(&out))?;
        let start =
            memchr::memmem::find(&bytes, MARK).ok_or_else(|| io::Error::other("the compiler left the filling out"))?;
        Ok(Template { bytes, filling: start..start + filling })
    }

    fn fill(&self, size: usize) -> io::Result<()> {
        let mut filling = MARK.to_vec();
        filling.resize(size, 0);
        fs::write(self.scratch.join("filling"), filling)?;
        let section = ".section .rodata\n.incbin \"filling\"\n.section .note.GNU-stack,\"\",@progbits\n";
        fs::write(self.scratch.join("filling.s"), section)
    }

    fn run(&self, words: &[&str], runpath: bool) -> io::Result<()> {
        let mut command = Command::new("gcc");
        command.current_dir(self.scratch).args([
            "-O1",
            "-fPIC",
            "-s",
            "-Wl,--build-id=none",
            "-Wl,--enable-new-dtags",
            "-Wl,-z,noseparate-code",
        ]);
        command.args(words);
        if runpath {
            command.args(["-Xlinker", "-rpath", "-Xlinker"]).arg(self.prefix.join("lib"));
        }
        let said = command.output()?;
        if said.status.success() {
            Ok(())
        } else {
            Err(io::Error::other(String::from_utf8_lossy(&said.stderr).into_owned()))
        }
    }
}
