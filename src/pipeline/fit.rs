//! Fits each planned run-time path into its file by the ladder, without keeping the edits: they are computed again from
//! the same bytes when the file is packed, so memory does not grow with the tree.

use crate::base::bytes::FileBytes;
use crate::base::event::{Event, Listener, Stage};
use crate::base::path::RelPath;
use crate::elf::{self, PlanError, Rung};
use crate::plan::{Plan, Rewrite};
use crate::scan::Inventory;
use rayon::prelude::*;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs::File;

/// How a new run-time path fits a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Fit {
    /// The rung of the ladder.
    pub rung: Rung,
    /// The size of the file afterwards, in bytes.
    pub size: u64,
    /// How much it grew, in bytes.
    pub added: u64,
}

/// Fits all planned rewrites; those that are refused move to `plan.refused`.
pub(super) fn fit_all(inventory: &Inventory, plan: &mut Plan, listener: &dyn Listener) -> BTreeMap<RelPath, Fit> {
    let files = plan.rewrites.len() as u64;
    listener.event(&Event::Begin { stage: Stage::Fit, files, bytes: 0 });
    let tried: Vec<_> = plan
        .rewrites
        .par_iter()
        .map(|(path, rewrite)| {
            listener.event(&Event::File { path, bytes: 0 });
            (path.clone(), fit(inventory, path, rewrite))
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

fn fit(inventory: &Inventory, path: &RelPath, rewrite: &Rewrite) -> Result<Fit, String> {
    let source = &inventory.entries.get(path).ok_or("is not in the inventory")?.source;
    let file = File::open(source).and_then(FileBytes::new).map_err(|error| format!("cannot be read: {error}"))?;
    let before = crate::base::bytes::ReadAt::size(&file);
    match elf::plan(&file, &rewrite.wanted) {
        Ok(patch) => Ok(Fit { rung: patch.rung, size: patch.size, added: patch.size.saturating_sub(before) }),
        Err(PlanError::Refused(refusal)) => Err(refusal.to_string()),
        Err(PlanError::Elf(error)) => Err(error.to_string()),
    }
}
