//! A copy of a tree at another path with every text in it rewritten, as the main job does it.

use crate::disk::Disk;
use crate::program;
use relocate::base::path::{Prefix, RelPath};
use relocate::text::occurrence::{Names, Reading};
use relocate::text::rewrite::{self, Outcome};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// Moves the tree at `from` to `to` and rewrites every text in it, so that nothing is left at `from`; gives what became of
/// each file that names a prefix.
pub(crate) fn relocate(from: &Path, to: &Path, prefixes: &[&Path]) -> BTreeMap<RelPath, Outcome> {
    fs::rename(from, to).unwrap();
    let prefixes: Vec<_> =
        prefixes.iter().map(|prefix| Prefix::new(prefix.as_os_str().as_encoded_bytes()).unwrap()).collect();
    let names = Names::new(&prefixes);
    let disk = Disk::new(to);
    let mut outcomes = BTreeMap::new();
    for path in &disk.files {
        let file = path.under(to);
        let bytes = fs::read(&file).unwrap();
        let mode = fs::metadata(&file).unwrap().permissions().mode() & 0o7777;
        if !rewrite::is_text(&bytes) || !names.any(&bytes, Reading::Text) {
            continue;
        }
        let outcome = disk.outcome(path, &bytes, mode, &prefixes);
        match &outcome {
            Outcome::New(new) => {
                program::write(&file, &new.bytes, mode);
                let again = disk.outcome(path, &new.bytes, mode, &prefixes);
                assert_eq!(again, Outcome::Same, "{path}: rewritten twice");
            }
            Outcome::Dropped(..) => fs::remove_file(&file).unwrap(),
            Outcome::Same | Outcome::Refused(..) => {}
        }
        outcomes.insert(path.clone(), outcome);
    }
    outcomes
}

/// What a command prints; it must succeed.
pub(crate) fn output(command: &mut Command) -> String {
    let done = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        done.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
    String::from_utf8(done.stdout).unwrap()
}
