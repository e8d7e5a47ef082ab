//! From a pkgsrc tree to a prefix: drives its make targets as child processes, one package and one phase at a time.

pub mod cause;
pub mod digests;
pub mod distfile;
pub mod graph;
pub mod hold;
pub mod installed;
pub mod key;
pub mod phase;
pub mod scan;
pub mod schedule;
pub mod site;
pub mod store;
pub mod web;
