//! The program upgrades itself without a restart: real programs of several versions against a real server on loopback, which serves,
//! lies, breaks off and stalls; copies that are broken, loop and crash; kills at every step, starts by the dozen, strange homes.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod broken;
#[path = "../files/call.rs"]
#[expect(dead_code, reason = "written for other tests too")]
mod call;
mod chain;
mod commands;
mod cuts;
mod doubt;
mod four;
mod homes;
mod killed;
mod lab;
mod lies;
#[path = "../files/place.rs"]
#[expect(dead_code, reason = "written for other tests too")]
mod place;
mod programs;
mod project;
mod putoff;
mod repository;
#[expect(dead_code, reason = "other tests need more of it")]
#[path = "../build_fetch/server.rs"]
mod server;
#[path = "../files/step.rs"]
#[expect(dead_code, reason = "written for other tests too")]
mod step;
mod together;
