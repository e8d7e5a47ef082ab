//! Ruby's `rbconfig.rb`: values below the old prefix begin with `$(prefix)`, which Ruby computes from where the file lies.
//!
//! The file sets `CONFIG["prefix"]` from its own place and expands `$(name)` in every value, so that `mkmf` builds against the
//! tree where it is. What stands in no value is left: the prefix for the case that the file has been put elsewhere.

use super::draft::{Draft, lines};
use super::{Answer, Class, Subject};

/// The class.
pub struct Rbconfig;

/// What the file computes its place with (Ruby's `tool/mkconfig.rb`).
const PLACE: &[u8] = b"TOPDIR = File.dirname(__FILE__).chomp!(";

impl Class for Rbconfig {
    fn name(&self) -> &'static str {
        "rbconfig"
    }

    fn rewrite(&self, file: &Subject<'_>) -> Answer {
        if file.path.name() != b"rbconfig.rb" || memchr::memmem::find(file.bytes, PLACE).is_none() {
            return Answer::NotMine;
        }
        let occurrences = file.occurrences();
        let mut left = occurrences.as_slice();
        let mut draft = Draft::new(file.bytes);
        for (start, line) in lines(file.bytes) {
            let here;
            (here, left) = left.split_at(left.partition_point(|found| found.offset < start + line.len()));
            if is_value(line) {
                for found in here {
                    draft.replace(found.offset..found.end(), b"$(prefix)", "computed by Ruby from where the file lies");
                }
            }
        }
        draft.answer()
    }
}

/// Whether a line is `CONFIG["name"] = "value"` and the name is not `prefix`.
fn is_value(line: &[u8]) -> bool {
    let value = line.trim_ascii_start().strip_prefix(b"CONFIG[\"").and_then(|rest| {
        let end = rest.iter().position(|byte| *byte == b'"')?;
        let value = rest[end..].strip_prefix(b"\"] = ")?;
        (&rest[..end] != b"prefix").then_some(value)
    });
    value.is_some_and(|value| value.starts_with(b"\"") || value.starts_with(b"'"))
}
