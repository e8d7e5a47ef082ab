//! `parcel`: from an installed release and a delta comes the next release, the same as from its full pack, or an error that says
//! whose fault it is; and never anything half.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod base;
#[path = "../files/call.rs"]
#[expect(dead_code, reason = "written for other tests too")]
mod call;
mod hostile;
mod lab;
#[path = "../install/packed.rs"]
#[expect(dead_code, reason = "written for other tests too")]
mod packed;
#[path = "../files/place.rs"]
#[expect(dead_code, reason = "written for other tests too")]
mod place;
mod round;
#[path = "../files/state.rs"]
#[expect(dead_code, reason = "written for other tests too")]
mod state;
