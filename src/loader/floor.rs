//! The floor: what the tree demands of its host (filled in with verify).
