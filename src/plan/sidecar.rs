//! Files that vouch for the bytes of another: reported where that other file is changed, because their check then fails.
//!
//! Known are fipscheck's and GnuTLS's `.NAME.hmac` (also `fipscheck/NAME.hmac`), NSS's `NAME.chk` for `NAME.so`
//! (shlibsign(1)), and OpenSSL's `fipsmodule.cnf` for `fips.so` (openssl-fipsinstall(1)). They are not made anew: what
//! they vouch for is that nobody changed the file since its maker did.

use super::{Plan, Policy};
use crate::base::finding::{Finding, Severity};
use crate::base::path::RelPath;
use crate::loader::tree::{Place, Tree};
use crate::scan::{Inventory, Kind};

const HELP: &str = "make it anew at the new place (fipshmac, shlibsign, openssl fipsinstall), or leave the file it vouches for \
                    as it is with --skip";

/// Reports every sidecar whose file the plan changes.
pub(super) fn plan(inventory: &Inventory, tree: &Tree, policy: &Policy<'_>, plan: &mut Plan) {
    let changes = |file: &RelPath| plan.rewrites.contains_key(file) || (policy.is_stripped)(file);
    let mut findings = Vec::new();
    for (path, entry) in &inventory.entries {
        if !matches!(entry.kind, Kind::File(_) | Kind::HardLink(_)) {
            continue;
        }
        let Some(file) = vouched(path, inventory) else { continue };
        let Some(changed) = real(&file, inventory, tree).filter(changes) else {
            continue;
        };
        let found = format!("vouches for the bytes of {changed}, which is changed; its check will fail");
        findings.push(Finding::at(path, Severity::Warning, "integrity-sidecar", found).help(HELP));
    }
    plan.findings.extend(findings);
}

/// The file a path vouches for by its name, there or not.
fn vouched(path: &RelPath, inventory: &Inventory) -> Option<RelPath> {
    let (directory, name) = (path.parent()?, path.name());
    if let Some(stem) = name.strip_suffix(b".hmac") {
        let directory = if directory.name() == b"fipscheck" { directory.parent()? } else { directory };
        return Some(directory.join(stem.strip_prefix(b".").unwrap_or(stem)));
    }
    if let Some(stem) = name.strip_suffix(b".chk") {
        return Some(directory.join(&[stem, b".so"].concat()));
    }
    if name == b"fipsmodule.cnf" {
        return inventory.entries.keys().find(|path| path.name() == b"fips.so").cloned();
    }
    None
}

/// The file behind a name: symlinks followed, of a hard-link set the first name.
fn real(path: &RelPath, inventory: &Inventory, tree: &Tree) -> Option<RelPath> {
    let Place::Inside(real) = tree.resolve(&path.parent()?, path.name()) else { return None };
    match &inventory.entries.get(&real)?.kind {
        Kind::HardLink(first) => Some(first.clone()),
        _ => Some(real),
    }
}
