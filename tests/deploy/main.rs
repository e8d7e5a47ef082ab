//! Commits deployed on request by the real program: what is allowed, what is refused, what a release holds, what a failure leaves.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../files/call.rs"]
#[expect(dead_code, reason = "written for other tests too")]
mod call;
mod hostile;
mod killed;
mod lab;
mod permitted;
#[path = "../files/place.rs"]
#[expect(dead_code, reason = "written for other tests too")]
mod place;
#[path = "../program/mod.rs"]
#[expect(dead_code, reason = "written for other tests too")]
mod program;
mod pushed;
mod released;
mod socket;
#[path = "../files/step.rs"]
#[expect(dead_code, reason = "written for other tests too")]
mod step;
