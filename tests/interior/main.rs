//! Interior references in programs that this machine's compilers and linkers make: each way to lead into a text is a
//! fixture that is compiled by its test and run. Where nothing leads into the text it is overwritten and the program runs
//! again; where something does, the verdict must name it, and overwriting blindly must show that it was right.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod code;
mod copies;
mod lab;
mod languages;
mod length;
mod outside;
mod pointers;
mod split;
mod tables;
mod uncovered;
mod witness;
