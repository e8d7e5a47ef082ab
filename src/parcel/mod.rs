//! From one release to the next by what is different: one file that holds patches of what changed and the whole of what is new.
//!
//! [`make()`] takes two pristine release trees and gives the container; [`assemble()`] takes an installed release and a container and
//! gives the next release at its own path, sharing with the old one what is the same. Nothing that a container says is
//! believed: it is held against the manifests and the digests in them. [`ParcelError`] tells what is wrong with the
//! installed release from what is wrong with the delta; in both cases the whole release may be installed instead.

mod assemble;
mod base;
mod build;
mod check;
mod choose;
mod crew;
mod elsewhere;
mod error;
mod form;
mod make;
mod route;

pub use assemble::{Assemble, Assembled, assemble};
pub use build::Ways;
pub use elsewhere::{Elsewhere, elsewhere};
pub use error::ParcelError;
pub use make::{Made, Tree, make};
