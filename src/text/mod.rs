//! References to the prefix in text files: what names it and where.

pub mod mkconf;
pub mod padded;
pub mod pyc;
pub mod shebang;
