//! The judge: takes facts from the bytes as they will be shipped and says whether a tree stands on its own.
//!
//! It shares no parsing code with `elf`, so that one parser's bug cannot hide in both, and knows nothing of what the plan
//! meant to do.

pub mod system;
pub mod targets;
pub mod witness;
