//! Under which name the program was called: as `patchelf` or `chrpath` it speaks their language.

use std::ffi::OsString;
use std::path::Path;

/// A program whose options are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peer {
    /// patchelf(1).
    Patchelf,
    /// chrpath(1).
    Chrpath,
}

/// Looks at the program's own name.
pub(super) fn called_as(arguments: &[OsString]) -> Option<Peer> {
    match Path::new(arguments.first()?).file_name()?.to_str()? {
        "patchelf" => Some(Peer::Patchelf),
        "chrpath" => Some(Peer::Chrpath),
        _ => None,
    }
}
