//! A recipe becomes a prefix: the driver of a pkgsrc tree of any era.
//!
//! Takes narrow values (a tree, a prefix, variables), drives child processes, keeps their logs, gives what was built. Each
//! part asks the tree what it knows instead of assuming a year: the options of its bootstrap come from its usage text, the
//! variables from its makefiles. Prints nothing; refuses before it works.

pub mod bootstrap;
pub mod cause;
pub mod digests;
pub mod distfile;
pub mod graph;
pub mod hold;
pub mod host;
pub mod installed;
pub mod job;
pub mod key;
pub mod mkconf;
pub mod phase;
pub mod plan;
pub mod scan;
pub mod schedule;
pub mod site;
pub mod store;
pub mod tree;
pub mod usage;
