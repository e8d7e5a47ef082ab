//! The judge: proves a tree by what it is (the closure, the floor, what it names) and by what it does (programs run with the
//! old prefix hidden).
//!
//! It takes facts from the bytes as they will be shipped, shares no parsing code with `elf`, so that one parser's bug
//! cannot hide in both, and knows nothing of what the plan meant to do.

pub mod judge;
pub mod missing;
pub mod smoke;
pub mod system;
pub mod targets;
pub mod witness;
