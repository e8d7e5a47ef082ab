//! What was asked for: takes the words after `cargo bench --bench delivery --`, refuses those it does not know.

use std::path::PathBuf;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
Measures one update by relocate and four others and writes delivery-benchmark.md and delivery-benchmark.svg

Usage: cargo bench --bench delivery -- --old DIR --new DIR [OPTIONS]

  --old DIR         The prefix as it was; read, never changed
  --new DIR         The prefix as it is now; read, never changed
  --old-prefix PATH The path both were built for [default: relocate finds it]
  --rounds N        How often everybody updates [default: 5]
  --level N         The level that relocate publishes with [default: 19]
  --work DIR        Where it all happens; about nine times the size of the prefix [default: ~/.cache/relocate-delivery]
  --clients DIR     Where relocate's clients are, for prefixes that have no room for a long path [default: below --work]
  --again           What a run before packed and published in the same DIR is measured again
  --out DIR         Where the page goes [default: docs]

RELOCATE=/path measures that program; otherwise the released, static one is built. benches/setup-delivery brings the
other tools, and makes a prefix as it was from one as it is.
";

/// The arguments, complete.
pub(crate) struct Asked {
    /// The prefix of the first release.
    pub(crate) old: PathBuf,
    /// The prefix of the second release.
    pub(crate) new: PathBuf,
    /// The path both were built for, where it is told.
    pub(crate) prefix: Option<String>,
    /// How often everybody updates, at least once.
    pub(crate) rounds: usize,
    /// zstd's level of what relocate publishes.
    pub(crate) level: u32,
    /// The directory of everything that is written.
    pub(crate) work: PathBuf,
    /// The directory of relocate's clients, where it is another.
    pub(crate) clients: Option<PathBuf>,
    /// What lies there is used.
    pub(crate) again: bool,
    /// The directory of the page.
    pub(crate) out: PathBuf,
}

/// Reads the words after the program's name; none where the usage was asked for.
pub(crate) fn read(mut words: impl Iterator<Item = String>) -> Result<Option<Asked>, String> {
    let (mut old, mut new, mut work, mut prefix, mut clients) = (None, None, None, None, None);
    let (mut rounds, mut level, mut again, mut out) = (5, 19, false, PathBuf::from("docs"));
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--bench" => {} // cargo says so to every benchmark
            "--old" => old = Some(value()?),
            "--new" => new = Some(value()?),
            "--old-prefix" => prefix = Some(value()?),
            "--work" => work = Some(PathBuf::from(value()?)),
            "--clients" => clients = Some(PathBuf::from(value()?)),
            "--out" => out = PathBuf::from(value()?),
            "--again" => again = true,
            "--rounds" => rounds = number(&word, &value()?)? as usize,
            "--level" => level = number(&word, &value()?)?,
            "--help" | "-h" => return Ok(None),
            _ => return Err(format!("unknown argument '{word}'; see cargo bench --bench delivery -- --help")),
        }
    }
    let tree = |name: &str, given: Option<String>| {
        let given = given.ok_or_else(|| format!("{name} DIR is needed; see cargo bench --bench delivery -- --help"))?;
        std::fs::canonicalize(&given).map_err(|error| format!("{name} {given}: {error}"))
    };
    let (old, new) = (tree("--old", old)?, tree("--new", new)?);
    let work = work.or_else(cache).ok_or("neither --work nor HOME is given")?;
    Ok(Some(Asked { old, new, prefix, rounds, level, work, clients, again, out }))
}

fn cache() -> Option<PathBuf> {
    let below = |variable: &str, path: &str| std::env::var_os(variable).map(|home| PathBuf::from(home).join(path));
    below("XDG_CACHE_HOME", "relocate-delivery").or_else(|| below("HOME", ".cache/relocate-delivery"))
}

/// A number that is not 0.
fn number(word: &str, text: &str) -> Result<u32, String> {
    let number = text.parse().ok().filter(|number| *number != 0);
    number.ok_or_else(|| format!("{word}: '{text}' is no number above 0"))
}
