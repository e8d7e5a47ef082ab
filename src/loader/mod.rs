//! The dynamic loader's rules, as pure functions over facts: what an object asks for, where a loader looks, what it
//! demands of the host.
//!
//! Both the plan and the proof need these rules, each with facts from its own parser; two copies would differ in
//! silence. The rules themselves are tested against the machine's own loader. Sources: `ld.so(8)`, glibc
//! `elf/dl-load.c`, musl `ldso/dynlink.c`, System V gABI chapter 5.

pub mod closure;
pub mod entry;
pub mod floor;
pub mod libc;
pub mod object;
pub mod tree;
pub mod version;
