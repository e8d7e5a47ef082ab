//! Fits each planned run-time path into its file by the ladder, without keeping the edits: they are computed again from
//! the same bytes when the file is packed, so memory does not grow with the tree.

use super::Reading;
use super::strip::edition;
use crate::base::bytes::{FileBytes, open};
use crate::base::event::{Event, Listener, Stage};
use crate::base::path::RelPath;
use crate::elf::Rung;
use crate::plan::{Plan, Rewrite};
use crate::scan::Inventory;
use rayon::prelude::*;
use serde::Serialize;
use std::collections::BTreeMap;

/// How a new run-time path fits a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Fit {
    /// The rung of the ladder.
    pub rung: Rung,
    /// The size of the file afterwards, in bytes.
    pub size: u64,
    /// How much the path made it grow, in bytes.
    pub added: u64,
}

/// Fits all planned rewrites; those that are refused move to `plan.refused`.
pub(super) fn fit_all(
    inventory: &Inventory,
    readings: &BTreeMap<RelPath, Reading>,
    plan: &mut Plan,
    listener: &dyn Listener,
) -> BTreeMap<RelPath, Fit> {
    let strip = |path| readings.get(path).is_some_and(|reading| matches!(reading.strip, Some(Ok(_))));
    let files = plan.rewrites.len() as u64;
    listener.event(&Event::Begin { stage: Stage::Fit, files, bytes: 0 });
    let tried: Vec<_> = plan
        .rewrites
        .par_iter()
        .map(|(path, rewrite)| {
            listener.event(&Event::File { path, bytes: 0 });
            (path.clone(), fit(inventory, path, rewrite, strip(path)))
        })
        .collect();
    listener.event(&Event::End(Stage::Fit));
    let mut fits = BTreeMap::new();
    for (path, tried) in tried {
        match tried {
            Ok(fit) => drop(fits.insert(path, fit)),
            Err(why) => drop(plan.refused.entry(path).or_insert(why)),
        }
    }
    fits
}

fn fit(inventory: &Inventory, path: &RelPath, rewrite: &Rewrite, strip: bool) -> Result<Fit, String> {
    if !inventory.entries.contains_key(path) {
        return Err("is not in the inventory".to_owned());
    }
    let source = inventory.source(path);
    let file = open(&source).and_then(FileBytes::new).map_err(|error| format!("cannot be read: {error}"))?;
    let edition = edition(&file, strip, Some(&rewrite.wanted))?;
    Ok(Fit { rung: edition.rung, size: edition.size, added: edition.added })
}
