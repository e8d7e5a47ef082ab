//! Files made by the machine's own tools, and what is looked for in them.

use relocate::base::path::{Prefix, RelPath};
use relocate::remains::{Looked, Mention, Origin, Wanted, look};
use std::fs;
use std::path::Path;
use std::process::Command;

/// The path everything is looked for by: long enough that no file has it by chance.
pub(crate) const OLD: &str = "/home/ourapp/root-q7";

/// Runs a tool in `dir`; its failure is the test's.
pub(crate) fn run(dir: &Path, program: &str, args: &[&str]) {
    let output = Command::new(program).current_dir(dir).args(args).output();
    let output = output.unwrap_or_else(|error| panic!("{program} does not start: {error}"));
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

pub(crate) fn rel(text: &str) -> RelPath {
    RelPath::new(text.as_bytes()).unwrap()
}

pub(crate) fn prefix(text: &str) -> Prefix {
    Prefix::new(text.as_bytes()).unwrap()
}

pub(crate) fn wanted() -> Wanted {
    Wanted::new([(prefix(OLD), Origin::OldPrefix)])
}

/// Looks at bytes as if they lay at `path`.
pub(crate) fn look_as(path: &str, bytes: &[u8]) -> Looked {
    look(&rel(path), bytes, &wanted())
}

/// Looks at a file of `dir`.
pub(crate) fn look_in(dir: &Path, path: &str) -> Looked {
    look_as(path, &fs::read(dir.join(path)).unwrap())
}

/// The only mention.
pub(crate) fn only(looked: &Looked) -> &Mention {
    let [one] = looked.mentions.as_slice() else { panic!("one mention: {looked:#?}") };
    one
}

/// A mention's path and sample as text.
pub(crate) fn path_of(mention: &Mention) -> String {
    String::from_utf8_lossy(mention.path()).into_owned()
}
