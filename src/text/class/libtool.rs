//! Libtool archives (`*.la`): dropped.
//!
//! An archive says where its library was installed and which others it needs, by absolute path, and libtool knows no way to
//! say it otherwise. No program needs one to run, except those that load plugins through libltdl by the name `x.la`; linkers
//! find the libraries without them.

use super::draft::{ends_with, lines};
use super::{Answer, Class, Subject};

/// The class.
pub struct Libtool;

/// How the first line of an archive ends, whatever version of libtool wrote it (libtool's `func_generate_la`).
const MARK: &[u8] = b"a libtool library file";

impl Class for Libtool {
    fn name(&self) -> &'static str {
        "libtool"
    }

    fn rewrite(&self, file: &Subject<'_>) -> Answer {
        let marked =
            lines(file.bytes).take(3).any(|(_, line)| line.starts_with(b"#") && line.trim_ascii_end().ends_with(MARK));
        if !marked || !ends_with(file.path, b".la") {
            return Answer::NotMine;
        }
        Answer::Dropped("libtool cannot use an archive with a relative path, and no program needs it to run".to_owned())
    }
}
