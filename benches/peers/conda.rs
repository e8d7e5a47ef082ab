//! The same files as a conda environment, in the form that conda-pack 0.9.2 treats best: a package cache that has them, with a list
//! that tells which files name the prefix and how, and an environment of hard links to it.
//!
//! The environment lies in the lab, so its files name another prefix than its own, which the list says (`prefix_placeholder`).

use crate::lab::Lab;
use memchr::memmem;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Makes `conda/pkgs` and `conda/env` in the lab: a package for each entry at the top of ROOT.
pub(crate) fn lay_out(lab: &Lab) -> Result<(), String> {
    lab.prepare(
        "mkdir -p \"$WORK/conda/pkgs\" && cp -a \"$ROOT\" \"$WORK/conda/env\" && mkdir \"$WORK/conda/env/conda-meta\"",
    )?;
    let environment = lab.work.join("conda/env");
    write(&environment.join("conda-meta/history"), b"")?;
    for (top, paths) in packages(&lab.root, lab.prefix.as_bytes())? {
        let package = lab.work.join("conda/pkgs").join(format!("{top}-1.0-0"));
        let info = package.join("info");
        fs::create_dir_all(&info).map_err(|error| format!("{}: {error}", info.display()))?;
        let files: Vec<&Value> = paths.iter().map(|path| &path["_path"]).collect();
        let about = json!({
            "name": top, "version": "1.0", "build": "0", "build_number": 0, "channel": "local", "url": "",
            "files": files, "link": { "source": package, "type": 1 },
        });
        write(&environment.join(format!("conda-meta/{top}-1.0-0.json")), about.to_string().as_bytes())?;
        write(&info.join("paths.json"), json!({ "paths": paths, "paths_version": 1 }).to_string().as_bytes())?;
        link(lab, &top, &package)?;
    }
    Ok(())
}

/// Hard links of one entry at the top, as conda has between its package cache and an environment.
fn link(lab: &Lab, top: &str, package: &Path) -> Result<(), String> {
    let environment = lab.work.join("conda/env");
    let quoted = |path: &Path| format!("'{}'", path.display().to_string().replace('\'', "'\\''"));
    lab.prepare(&format!("cp -al {} {}/", quoted(&environment.join(top)), quoted(package)))
}

/// What is at the top of ROOT, each with the list of its files.
fn packages(root: &Path, prefix: &[u8]) -> Result<BTreeMap<String, Vec<Value>>, String> {
    let mut packages: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for entry in walkdir::WalkDir::new(root).sort_by_file_name() {
        let entry = entry.map_err(|error| error.to_string())?;
        let path = entry.path().strip_prefix(root).unwrap_or(entry.path()).to_string_lossy().into_owned();
        let top = path.split('/').next().unwrap_or_default().to_owned();
        let listed = if entry.file_type().is_symlink() {
            json!({ "_path": path, "path_type": "softlink" })
        } else if entry.file_type().is_file() {
            file(entry.path(), &path, prefix)?
        } else {
            continue;
        };
        packages.entry(top).or_default().push(listed);
    }
    Ok(packages)
}

fn file(at: &Path, path: &str, prefix: &[u8]) -> Result<Value, String> {
    let held = fs::read(at).map_err(|error| format!("{}: {error}", at.display()))?;
    let mut listed = json!({ "_path": path, "path_type": "hardlink" });
    if memmem::find(&held, prefix).is_some() {
        listed["prefix_placeholder"] = String::from_utf8_lossy(prefix).into();
        listed["file_mode"] = if held.contains(&0) { "binary" } else { "text" }.into();
    }
    Ok(listed)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    fs::write(path, bytes).map_err(|error| format!("{}: {error}", path.display()))
}
