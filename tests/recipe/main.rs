//! Recipes and locks as texts, the recipes that come with the program, and `relocate init`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../files/call.rs"]
#[expect(dead_code, reason = "written for other tests too")]
mod call;
mod init;
mod lock;
#[path = "../files/place.rs"]
#[expect(dead_code, reason = "written for other tests too")]
mod place;
mod properties;
mod shipped;
