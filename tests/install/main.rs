//! `relocate install` and `relocate fix`: real programs run from where they were put, and whatever stops a run leaves the old
//! state or one that the next run finishes.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../pack/blocks.rs"]
#[expect(dead_code, reason = "written for other tests too")]
mod blocks;
#[path = "../files/call.rs"]
#[expect(dead_code, reason = "written for other tests too")]
mod call;
mod compiled;
mod fix;
mod hostile;
mod install;
mod interrupted;
mod packed;
mod paths;
#[path = "../files/place.rs"]
#[expect(dead_code, reason = "written for other tests too")]
mod place;
#[path = "../files/state.rs"]
#[expect(dead_code, reason = "written for other tests too")]
mod state;
#[path = "../files/step.rs"]
#[expect(dead_code, reason = "written for other tests too")]
mod step;
mod sums;
mod whole;
