//! References to the prefix in text files: what names it and where, and what each class of text becomes.

pub mod class;
pub mod kind;
pub mod ledger;
pub mod mkconf;
pub mod occurrence;
pub mod padded;
pub mod pyc;
pub mod rewrite;
pub mod shebang;
