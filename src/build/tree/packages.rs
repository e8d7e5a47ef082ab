//! Which packages a tree has, and which one was meant.

use super::{Tree, TreeError};
use crate::base::near::nearest;
use std::fs;

/// Directories at the top that hold no packages, whatever lies in them.
const NO_CATEGORY: [&str; 10] =
    ["bootstrap", "CVS", "distfiles", "doc", "licenses", "mk", "packages", "pkglocate", "regress", "templates"];

impl Tree {
    /// All packages as `category/name`, sorted: every directory two levels down that has a Makefile.
    pub fn pkgpaths(&self) -> Result<Vec<String>, TreeError> {
        let mut pkgpaths = Vec::new();
        for category in names(&self.path)? {
            let dir = self.path.join(&category);
            if NO_CATEGORY.contains(&category.as_str()) || category.starts_with('.') || !dir.is_dir() {
                continue;
            }
            let packages = names(&dir)?.into_iter().filter(|name| dir.join(name).join("Makefile").is_file());
            pkgpaths.extend(packages.map(|name| format!("{category}/{name}")));
        }
        pkgpaths.sort();
        Ok(pkgpaths)
    }

    /// Whether the tree has the package; a path that leads anywhere else is none.
    pub fn has(&self, pkgpath: &str) -> bool {
        let mut parts = pkgpath.split('/');
        let (category, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let plain = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.contains('\0');
        parts.next().is_none()
            && plain(category)
            && plain(name)
            && !NO_CATEGORY.contains(&category)
            && self.path.join(pkgpath).join("Makefile").is_file()
    }
}

fn names(dir: &std::path::Path) -> Result<Vec<String>, TreeError> {
    let entries = fs::read_dir(dir).map_err(TreeError::read(dir))?;
    // Names of categories and packages are ASCII; what is not UTF-8 is none of them.
    let names = entries.filter_map(|entry| entry.map(|entry| entry.file_name().into_string().ok()).transpose());
    names.collect::<Result<_, _>>().map_err(TreeError::read(dir))
}

/// The package most likely meant: the same name in another category, or the nearest spelling.
pub fn nearest_pkgpath<'a>(wanted: &str, known: &'a [String]) -> Option<&'a str> {
    let name = wanted.rsplit('/').next().unwrap_or_default();
    let same = known.iter().find(|pkgpath| pkgpath.rsplit('/').next() == Some(name));
    same.map(String::as_str).or_else(|| nearest(wanted, known)).or_else(|| {
        // Only the name was given, or the category is another word altogether.
        let names = known.iter().map(|pkgpath| pkgpath.rsplit('/').next().unwrap_or_default());
        let near = nearest(name, names)?;
        known.iter().map(String::as_str).find(|pkgpath| pkgpath.rsplit('/').next() == Some(near))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_name_elsewhere_is_nearer_than_another_spelling() {
        let known: Vec<_> = ["databases/redis", "lang/python27", "www/nginx"].map(str::to_owned).to_vec();
        assert_eq!(nearest_pkgpath("www/redis", &known), Some("databases/redis"));
        assert_eq!(nearest_pkgpath("nginx", &known), Some("www/nginx"));
        assert_eq!(nearest_pkgpath("python/python-27", &known), Some("lang/python27"));
        assert_eq!(nearest_pkgpath("games/fortune", &known), None);
    }
}
