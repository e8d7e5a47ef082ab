//! From the text that names a shared place for packages to the place.

use super::remote::Remote;
use super::{DirStore, Store};
use crate::objects::{self, OpenError, Place, Variables};
use crate::web::Web;
use std::sync::Arc;

/// Opens a place, as [`objects::open`] does; connects to nothing. For web servers the environment has `RELOCATE_CACHE_TOKEN` and
/// the others that begin so.
pub fn open(
    text: &str,
    web: &Arc<Web>,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Box<dyn Store>, OpenError> {
    let place = objects::open(text, web, &Variables { variable, begin: "RELOCATE_CACHE" })?;
    Ok(match place {
        Place::Directory(directory) => Box::new(DirStore::of(directory)),
        Place::Remote(objects) => Box::new(Remote(objects)),
    })
}
