//! A directory of releases that follows a repository: the real program over a directory and over HTTP on loopback, with every
//! fault and attack that the design names, killed at every step, as root and as an ordinary user.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod attacks;
#[path = "../files/call.rs"]
#[expect(dead_code, reason = "written for other tests too")]
mod call;
mod deltas;
mod exec;
mod followed;
mod full;
mod hooks;
mod import;
mod killed;
mod many;
mod pack;
#[path = "../files/place.rs"]
#[expect(dead_code, reason = "written for other tests too")]
mod place;
mod power;
mod preflight;
#[path = "../program/mod.rs"]
mod program;
mod published;
mod repository;
mod served;
#[expect(dead_code, reason = "other tests need more of it")]
#[path = "../build_fetch/server.rs"]
mod server;
mod status;
#[path = "../files/step.rs"]
#[expect(dead_code, reason = "written for other tests too")]
mod step;
