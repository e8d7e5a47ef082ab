//! The script that a project commits, run by dash, busybox and bash with what little a machine has, over HTTP on loopback: offline,
//! lied to, cut at any byte, killed, twenty at once; and the commands that write it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../files/call.rs"]
#[expect(dead_code, reason = "written for other tests too")]
mod call;
mod command;
mod cut;
mod four;
mod homes;
mod hostile;
mod killed;
mod lab;
mod lies;
#[path = "../files/place.rs"]
#[expect(dead_code, reason = "written for other tests too")]
mod place;
mod places;
#[path = "../program/mod.rs"]
mod program;
#[expect(dead_code, reason = "other tests need more of it")]
#[path = "../build_fetch/server.rs"]
mod server;
mod signed;
