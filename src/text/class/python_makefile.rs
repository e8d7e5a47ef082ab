//! Python's `config-*/Makefile`: GNU make computes the prefix from the makefile's own path.
//!
//! `sysconfig` and distutils still parse it: to them the first line is no assignment they know, and a value that uses it
//! has an unknown variable. GNU make itself cannot tell the path of a makefile with a blank.

use super::draft::{Draft, way_up};
use super::whole::nothing_left;
use super::{Answer, Class, Subject};

/// The class of Python's own Makefile.
pub struct PythonMakefile;

const WHY: &str = "make computes it from the makefile's path";

impl Class for PythonMakefile {
    fn name(&self) -> &'static str {
        "python-makefile"
    }

    fn rewrite(&self, file: &Subject<'_>) -> Answer {
        let directory = file.directory();
        let library = directory.parent().unwrap_or_default();
        let python = directory.name().starts_with(b"config") && library.name().starts_with(b"python");
        if file.path.name() != b"Makefile" || !python || file.occurrences().is_empty() {
            return Answer::NotMine;
        }
        nothing_left(file, rewritten(file))
    }
}

fn rewritten(file: &Subject<'_>) -> Result<Answer, String> {
    let up = way_up(file)?;
    let mut draft = Draft::new(file.bytes);
    let first = [b"RELOCATED_PREFIX := $(abspath $(dir $(lastword $(MAKEFILE_LIST)))/", up.as_slice(), b")\n"].concat();
    draft.replace(0..0, &first, WHY);
    for found in file.occurrences() {
        draft.replace(found.offset..found.end(), b"$(RELOCATED_PREFIX)", WHY);
    }
    Ok(draft.answer())
}
