//! The publisher's side of a repository: packs of releases, keys, lists, and what a client finds at every moment.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../files/call.rs"]
#[expect(dead_code, reason = "written for other tests too")]
mod call;
mod channels;
mod killed;
mod lab;
mod made;
#[path = "../files/place.rs"]
#[expect(dead_code, reason = "written for other tests too")]
mod place;
mod published;
mod repacked;
mod rotated;
mod served;
#[path = "../build_fetch/server.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod server;
#[path = "../files/step.rs"]
mod step;
mod tools;
