//! What was asked for: takes the words after `cargo bench --`, refuses those it does not know.

use std::path::{Path, PathBuf};
use std::str::FromStr;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
Measures relocate beside its peers and writes benchmarks.md and benchmarks.svg

Usage: cargo bench -- [scale] [OPTIONS]

  scale           Generated trees of up to 200,000 files, one of 20 GB and one file of 5 GB too; takes long
  --root DIR      The prefix to measure with; read, never changed [default: the one of .ci/long full]
  --tree FILES    Measure with a generated tree of so many files instead
  --rounds N      Rounds that count, after one that does not [default: 5]
  --only WORDS    Some works only, with --out: in-place,gzip,zstd,check,install; with scale also
                  series,large-tree,large-file
  --out DIR       Where the page goes [default: docs]

RELOCATE=/path measures that program; otherwise the released, static one is built.
RELOCATE_BENCH_CACHE=/path is where copies, archives and tools lie [default: ~/.cache/relocate-bench]
";

/// What is to be done.
pub(crate) enum Task {
    /// Print the usage.
    Help,
    /// Measure one prefix beside the peers.
    Peers,
}

/// The arguments, complete.
pub(crate) struct Asked {
    /// What is to be done.
    pub(crate) task: Task,
    /// The prefix to measure with.
    pub(crate) root: Option<PathBuf>,
    /// Files of the generated tree to measure with.
    pub(crate) tree: Option<u64>,
    /// Generated trees of all sizes too.
    pub(crate) scale: bool,
    /// Rounds that count, at least 1.
    pub(crate) rounds: usize,
    /// The directory of the page.
    pub(crate) out: PathBuf,
    only: Option<Vec<String>>,
}

impl Asked {
    /// The work of this name is to be measured.
    pub(crate) fn wants(&self, word: &str) -> bool {
        self.only.as_ref().is_none_or(|words| words.iter().any(|wanted| wanted == word))
    }
}

/// Reads the words after the program's name.
pub(crate) fn read(mut words: impl Iterator<Item = String>) -> Result<Asked, String> {
    let mut asked = Asked {
        task: Task::Peers,
        root: None,
        tree: None,
        rounds: 5,
        out: PathBuf::from("docs"),
        scale: false,
        only: None,
    };
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--bench" => {} // cargo says so to every benchmark
            "scale" => asked.scale = true,
            "--root" => asked.root = Some(PathBuf::from(value()?)),
            "--out" => asked.out = PathBuf::from(value()?),
            "--only" => asked.only = Some(value()?.split(',').map(str::to_owned).collect()),
            "--rounds" => asked.rounds = number(&word, &value()?)?,
            "--tree" => asked.tree = Some(number(&word, &value()?)?),
            "--help" | "-h" => asked.task = Task::Help,
            _ => return Err(format!("unknown argument '{word}'; see cargo bench -- --help")),
        }
    }
    if asked.only.is_some() && asked.out == Path::new("docs") {
        return Err("--only gives a part of the page: say with --out DIR where it goes".to_owned());
    }
    Ok(asked)
}

/// A number that is not 0.
fn number<T: FromStr + Default + PartialEq>(word: &str, text: &str) -> Result<T, String> {
    let number = text.parse().ok().filter(|number| *number != T::default());
    number.ok_or_else(|| format!("{word}: '{text}' is no number above 0"))
}
