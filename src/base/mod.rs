//! What every floor above stands on: paths as bytes, byte sources, digests and sums, findings, events.
//!
//! This floor knows nothing of ELF, archives or commands. It is the only one that writes files and reads the
//! environment and the clock.

pub mod bytes;
pub mod child;
pub mod deadline;
pub mod digest;
pub mod enter;
pub mod event;
pub mod finding;
pub mod glob;
pub mod hold;
pub mod host;
pub mod mode;
pub mod near;
pub mod path;
pub mod pauses;
pub mod stamp;
pub mod sums;
pub mod words;
pub mod write;
