//! Makes an installed prefix of any size, so that relocate can be measured, and proven, at sizes no real one here has.
//!
//! Takes how many files, what share of them are ELF files or name the prefix, how deep they lie, and a seed; the same
//! seed gives the same bytes at the same place with the same compiler. Sizes, kinds and depths are drawn from what a real prefix has
//! (python3, numpy, git, curl, openssl, nginx: 14,746 files). The ELF files are real ones, built by the C compiler here with
//! absolute run-time paths, and need libraries of the tree, so that `relocate ROOT` has something to prove.

mod content;
mod elf;
mod places;
mod pyc;
mod random;
mod sizes;

use places::Places;
use random::Random;
use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// What a tree is to be like. Shares are in thousandths.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// Regular files, exactly.
    pub(crate) files: u64,
    /// ELF files, of all.
    pub(crate) elf: u64,
    /// Files that name the prefix, of the texts that are no Python sources; compiled Python files all name it.
    pub(crate) naming: u64,
    /// How many directories deep files lie at most, at least 3.
    pub(crate) depth: u64,
    /// Sizes, in percent of the real ones.
    pub(crate) percent: u64,
    /// A further file of this many bytes.
    pub(crate) large: Option<u64>,
    /// What all is drawn from.
    pub(crate) seed: u64,
    /// The path that its files name, as if it were installed there.
    pub(crate) prefix: PathBuf,
}

impl Wanted {
    /// One like the real prefix, of this many files.
    pub(crate) fn of(files: u64, prefix: &Path) -> Wanted {
        Wanted { files, elf: 14, naming: 21, depth: 10, percent: 100, large: None, seed: 1, prefix: prefix.to_owned() }
    }
}

/// What was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Made {
    /// Regular files.
    pub(crate) files: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// ELF files among them.
    pub(crate) elf: u64,
    /// Files among them that name the prefix, ELF files left aside.
    pub(crate) naming: u64,
}

/// 2023-11-14: all files have it, so that a compiled file knows its source.
const MTIME: u32 = 1_700_000_000;

/// Makes the tree in `at`, which must not exist; `scratch` is a directory for the compiler.
pub(crate) fn make(at: &Path, scratch: &Path, wanted: &Wanted) -> io::Result<Made> {
    fs::create_dir(at)?;
    let mut maker = Maker { at, wanted, places: Places::new(wanted), made: Made::default(), buffer: Vec::new() };
    maker.elf_files(scratch)?;
    maker.other_files()?;
    if let Some(bytes) = wanted.large {
        maker.large_file(bytes)?;
    }
    Ok(maker.made)
}

struct Maker<'a> {
    at: &'a Path,
    wanted: &'a Wanted,
    places: Places,
    made: Made,
    buffer: Vec<u8>,
}

impl Maker<'_> {
    fn elf_files(&mut self, scratch: &Path) -> io::Result<()> {
        let count = (self.wanted.files * self.wanted.elf).div_ceil(1000).min(self.wanted.files);
        let stock = elf::Stock::build(scratch, self.wanted, count)?;
        for index in 0..count {
            let mut random = Random::of(self.wanted.seed, &[1, index]);
            let kind = elf::Kind::of(index);
            let path = match kind {
                elf::Kind::Leaf | elf::Kind::Library => format!("lib/{}", elf::soname(index)),
                elf::Kind::Module => format!("{}/_module{index:08}.so", self.places.any(&mut random)),
                elf::Kind::Program => format!("bin/program{index:08}"),
            };
            self.buffer.clear();
            stock.copy(index, &mut random, &mut self.buffer);
            self.put(&path, 0o755)?;
            self.made.elf += 1;
            if matches!(kind, elf::Kind::Library | elf::Kind::Leaf) {
                let name = elf::soname(index);
                symlink(&name, self.at.join("lib").join(name.trim_end_matches(".1")))?;
            }
        }
        Ok(())
    }

    /// Two thirds are Python modules, each a source and two compiled files; the others are texts and data.
    fn other_files(&mut self) -> io::Result<()> {
        let mut unit = 0;
        while self.made.files < self.wanted.files {
            let mut random = Random::of(self.wanted.seed, &[2, unit]);
            let left = self.wanted.files - self.made.files;
            match random.below(1000) {
                0..413 if left >= 3 => self.module(unit, &mut random)?,
                0..737 => self.text(unit, &mut random)?,
                _ => self.data(unit, &mut random)?,
            }
            unit += 1;
        }
        Ok(())
    }

    fn module(&mut self, unit: u64, random: &mut Random) -> io::Result<()> {
        let directory = self.places.any(random);
        let source = format!("{directory}/module{unit:08}.py");
        self.buffer.clear();
        let length = sizes::text(random, self.wanted.percent);
        content::python(random, length, &mut self.buffer);
        let size = self.put(&source, 0o644)?;
        for level in ["", ".opt-1"] {
            let named = self.wanted.prefix.join(&source);
            self.buffer.clear();
            let length = sizes::binary(random, self.wanted.percent);
            pyc::write(random, &named, MTIME, size, length, &mut self.buffer);
            self.put(&format!("{directory}/__pycache__/module{unit:08}.cpython-311{level}.pyc"), 0o644)?;
            self.made.naming += 1;
        }
        Ok(())
    }

    fn text(&mut self, unit: u64, random: &mut Random) -> io::Result<()> {
        self.buffer.clear();
        let size = sizes::text(random, self.wanted.percent);
        if random.below(1000) < self.wanted.naming {
            let (path, mode) = content::naming(random, unit, &self.wanted.prefix, &mut self.buffer);
            self.made.naming += 1;
            self.put(&path, mode)?;
        } else {
            content::text(random, size, &mut self.buffer);
            let ending = ["txt", "h", "html", "3"][random.below(4) as usize];
            self.put(&format!("{}/text{unit:08}.{ending}", self.places.any(random)), 0o644)?;
        }
        Ok(())
    }

    fn data(&mut self, unit: u64, random: &mut Random) -> io::Result<()> {
        self.buffer.clear();
        let size = sizes::binary(random, self.wanted.percent);
        if random.below(100) < 8 {
            random.fill(size, &mut self.buffer); // what is compressed already
        } else {
            content::data(random, size, &mut self.buffer);
        }
        self.put(&format!("{}/data{unit:08}.dat", self.places.any(random)), 0o644)?;
        Ok(())
    }

    fn large_file(&mut self, bytes: u64) -> io::Result<()> {
        let mut random = Random::of(self.wanted.seed, &[3]);
        let path = self.at.join("share/large.dat");
        fs::create_dir_all(self.at.join("share"))?;
        let mut file = BufWriter::new(File::create(path)?);
        let mut left = bytes;
        while left > 0 {
            let part = left.min(4 << 20);
            self.buffer.clear();
            content::data(&mut random, part as usize, &mut self.buffer);
            file.write_all(&self.buffer)?;
            left -= part;
        }
        file.flush()?;
        self.made.files += 1;
        self.made.bytes += bytes;
        Ok(())
    }

    /// Writes the buffer; gives its size.
    fn put(&mut self, path: &str, mode: u32) -> io::Result<u64> {
        let path = self.at.join(path);
        let mut file = match File::create_new(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(path.parent().unwrap_or(self.at))?;
                File::create_new(&path)?
            }
            other => other?,
        };
        file.write_all(&self.buffer)?;
        file.set_permissions(Permissions::from_mode(mode))?;
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(u64::from(MTIME)))?;
        self.made.files += 1;
        self.made.bytes += self.buffer.len() as u64;
        Ok(self.buffer.len() as u64)
    }
}
