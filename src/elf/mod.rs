//! ELF files: what the loader sees of them, and how their run-time paths are rewritten without rebuilding the file.
//!
//! [`read`] takes bytes and gives facts; [`plan`] takes bytes and a wish and gives edits or a refusal; [`self_check`]
//! reads the edited bytes again and compares. Nothing here writes. Both classes and byte orders are read through the
//! program headers alone; section headers only set limits and are kept right. Sources: System V gABI chapters 4 and 5,
//! LSB "Symbol Versioning", `ld.so(8)`.

mod check;
mod draft;
mod dynamic;
mod facts;
mod growth;
mod image;
mod interior;
mod kind;
mod layout;
mod longer_table;
mod new_segment;
mod notes;
mod place;
mod plan;
mod references;
mod refusal;
mod slack;
mod strings;
mod strip;
mod symbols;
mod tags;
mod versions;
mod window;

pub use check::self_check;
pub use facts::{Facts, Read, RunPath, read};
pub use image::ElfError;
pub use interior::{Interior, Reference, SplitText, Table, Uncovered, Verdict, overwritable};
pub use kind::Kind;
pub use place::{Packing, Stretch, stretches};
pub use plan::{Patch, Rung, plan};
pub use refusal::{PlanError, Refusal};
pub use strip::{Stripped, Unstripped, without_debug};
pub use tags::RunPaths;
