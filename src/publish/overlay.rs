//! A repository as it would be: storage with some files in the place of others, and without the newest roots.
//!
//! What is to be published is first shown to the same code that clients run, over this. Takes storage and files; writes nothing to
//! it: files that are put into it are refused.

use crate::base::digest::Digest;
use crate::objects::{Got, Object, ObjectError, Objects, Presence, Put, When, Wish};
use crate::tuf::METADATA;
use crate::web::Content;
use std::collections::BTreeMap;
use std::io::Cursor;

/// Storage, and what lies over it.
pub(super) struct Overlay<'a> {
    objects: &'a dyn Objects,
    files: BTreeMap<String, &'a [u8]>,
    /// Roots with a higher version are not seen.
    newest_root: Option<u64>,
}

impl<'a> Overlay<'a> {
    /// The storage as it is.
    pub(super) fn new(objects: &'a dyn Objects) -> Self {
        Self { objects, files: BTreeMap::new(), newest_root: None }
    }

    /// With metadata of this name, such as `3.targets.json`, in the place of what is there.
    pub(super) fn with(mut self, name: &str, bytes: &'a [u8]) -> Self {
        self.files.insert(format!("{METADATA}/{name}"), bytes);
        self
    }

    /// Without roots above this version.
    pub(super) fn until_root(self, version: u64) -> Self {
        Self { newest_root: Some(version), ..self }
    }

    fn is_hidden(&self, name: &str) -> bool {
        let version = name.strip_prefix("tuf/").and_then(|name| name.strip_suffix(".root.json"));
        let version = version.and_then(|version| version.parse::<u64>().ok());
        version.zip(self.newest_root).is_some_and(|(version, newest)| version > newest)
    }

    fn refused(&self, doing: &'static str, name: &str) -> ObjectError {
        let source = "a repository that is only thought of takes no files".into();
        ObjectError { doing, place: self.shown(name), status: None, source }
    }
}

impl Objects for Overlay<'_> {
    fn shown(&self, name: &str) -> String {
        self.objects.shown(name)
    }

    fn get(&self, name: &str, wish: &Wish<'_>) -> Result<Got, ObjectError> {
        if self.is_hidden(name) {
            return Ok(Got::Missing);
        }
        let Some(bytes) = self.files.get(name) else { return self.objects.get(name, wish) };
        let (length, state) = (Some(bytes.len() as u64), Some(Digest::of(bytes).to_string()));
        Ok(Got::Bytes(Object { from: 0, length, state, reader: Box::new(Cursor::new(bytes.to_vec())) }))
    }

    fn look(&self, name: &str) -> Result<Presence, ObjectError> {
        if self.is_hidden(name) {
            return Ok(Presence::Missing);
        }
        if self.files.contains_key(name) { Ok(Presence::There) } else { self.objects.look(name) }
    }

    fn put(&self, name: &str, _: Content<'_>, _: When<'_>) -> Result<Put, ObjectError> {
        Err(self.refused("write", name))
    }

    fn remove(&self, name: &str) -> Result<(), ObjectError> {
        Err(self.refused("remove", name))
    }
}
