//! `distutils.cfg`, the site-wide options of distutils and setuptools: refused, because its paths are taken as they stand
//! (no variable of it knows where Python lies), so they can only be written when the final path is known.

use super::{Answer, Class, Subject};

/// The class of `distutils.cfg`.
pub struct DistutilsCfg;

impl Class for DistutilsCfg {
    fn name(&self) -> &'static str {
        "distutils-cfg"
    }

    fn rewrite(&self, file: &Subject<'_>) -> Answer {
        if file.path.name() != b"distutils.cfg" || file.occurrences().is_empty() {
            return Answer::NotMine;
        }
        Answer::Refused("distutils takes its paths as they stand; none can be relative to it".to_owned())
    }
}
