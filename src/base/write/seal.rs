//! A finished tree that nobody is to write to.

use super::WriteError;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use walkdir::WalkDir;

/// Takes the right to write to it from all files and directories of a tree, from its owner too. What is so already is not touched.
pub fn seal(tree: &Path) -> Result<(), WriteError> {
    for entry in WalkDir::new(tree) {
        let entry = entry.map_err(|error| {
            let path = error.path().unwrap_or(tree).to_owned();
            WriteError::io("look at", &path)(error.into())
        })?;
        if entry.path_is_symlink() {
            continue;
        }
        let found = entry.metadata().map_err(|error| WriteError::io("look at", entry.path())(error.into()))?;
        let mode = found.permissions().mode() & 0o7777;
        if mode & 0o222 != 0 {
            let sealed = fs::set_permissions(entry.path(), Permissions::from_mode(mode & !0o222));
            sealed.map_err(WriteError::io("set the mode of", entry.path()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_may_write_to_a_sealed_tree_and_what_its_links_lead_to_stays() {
        let dir = tempfile::tempdir().unwrap();
        let (tree, outside) = (dir.path().join("tree"), dir.path().join("outside"));
        fs::create_dir_all(tree.join("bin")).unwrap();
        fs::write(tree.join("bin/tool"), b"x").unwrap();
        fs::set_permissions(tree.join("bin/tool"), Permissions::from_mode(0o755)).unwrap();
        fs::write(&outside, b"x").unwrap();
        std::os::unix::fs::symlink(&outside, tree.join("link")).unwrap();
        seal(&tree).unwrap();
        seal(&tree).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!([&tree, &tree.join("bin"), &tree.join("bin/tool")].map(|path| mode(path)), [0o555; 3]);
        assert_ne!(mode(&outside) & 0o200, 0);
        super::super::remove_tree(&tree).unwrap();
    }
}
