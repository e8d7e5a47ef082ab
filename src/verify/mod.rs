//! The judge: proves a tree by what it is and by what it does.

pub mod smoke;
