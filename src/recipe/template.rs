//! The commented recipe that `relocate init` writes: what most people set, each with its reason, and what is left out with
//! its default.

use super::{CFLAGS, PROPOSED_LENGTH, SCHEMA, SHELL};
use crate::base::path::Prefix;

/// The text of a new recipe. `name` and `prefix` are as a recipe may have them; `file` is what the text calls itself.
pub fn template(file: &str, name: &str, prefix: &Prefix) -> String {
    let length = prefix.as_bytes().len();
    let why = if length == PROPOSED_LENGTH {
        "64 bytes are room for any path one meets, and the last part is no word that a program could have\n# as the end of a string."
    } else {
        "64 bytes would be room for any path one meets: 'relocate init' proposes such a prefix where it is\n# given none."
    };
    format!(
        r#"# What 'relocate build {file}' builds, where from, and what becomes of it.
# Every key, its default and its reason: docs/recipe.md. Relative paths count from the directory of this file.
schema = {SCHEMA}
name = "{name}"

# The packages, by their directories in the tree; what they need is built too.
packages = [
    "www/nginx",
    # One of several versions:
    # {{ path = "devel/py-pip", with = {{ PYTHON_VERSION_REQD = "27" }} }},
]

[tree]
# The pkgsrc tree: an https, http or file address of an archive, an archive, or a directory. A quarterly branch gets fixes
# and no new versions; which bytes were built stands in the lock beside this file.
from = "https://cdn.netbsd.org/pub/pkgsrc/pkgsrc-2024Q4/pkgsrc.tar.gz"
# Your own packages, and exact versions of the tree's, as directories laid over it:
# overlays = ["overlay"]

[bootstrap]
# Everything is built for this directory, which must not exist yet, and whose parent the builder must be able to write in. The
# result runs from any other path too. Strings in programs neither grow nor shrink when the path is written into them, so the
# final path can have as many bytes as this one: {length}.
# {why}
prefix = "{prefix}"
# Files belong to the user who builds; false needs root.
unprivileged = true
# Build what pkgsrc has rather than take it from this machine, so that the result needs little of its host.
prefer-pkgsrc = "yes"
# Compilers side by side; 0 is one for each processor.
jobs = 0
# The shell of the build; old trees do not work with dash.
# shell = "{SHELL}"
# What an old tree needs on a current machine:
# environment = {{ CFLAGS = "-std=gnu89 -fcommon" }}

[toolchain]
# Every x86-64 processor runs this; a newer level is faster and runs on fewer.
cflags = "{CFLAGS}"

# Options of packages, as PKG_OPTIONS.nginx in mk.conf: a name switches one on, '-' before it off.
[options]
# nginx = "uwsgi -ipv6"

# Variables of mk.conf: set is '=', append is '+='. A value means itself, '$' and '#' too.
[mk.set]
[mk.append]
# ACCEPTABLE_LICENSES = "some-license"

# Symlinks inside the prefix: where, and what 'ln -s' would be given.
[links]
# "bin/python" = "python2.7"

[keep]
# true deletes the packages that were needed for building only.
requested-only = false

# How the archive is made and proven: the keys of relocate.toml, which are the options of 'relocate ROOT'.
[pack]
# prune = ["docs", "man", "locale"]
# target = "debian-11"
# allow-lib = ["libcrypt.so.1"]

[smoke]
# Run at a fresh path with the prefix hidden; each must exit with 0.
# commands = ["bin/nginx -V", ["bin/python", "-c", "import ssl"]]

[fetch]
# Asked before the sites that the tree names:
# mirrors = ["https://mirror.example/distfiles/"]
# true never connects; what is missing is listed with where it comes from and where to put it.
offline = false

[output]
# .tar, .tar.gz, .tgz or .tar.zst.
file = "{name}.tar.gz"
# A container's root can give it to the owner of a directory, or to numbers such as "1000:1000"; on failure too.
# owner = "like:."
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::{Recipe, propose_prefix};

    #[test]
    fn the_template_is_a_recipe_with_and_without_its_examples() {
        let text = template("recipe.toml", "ourapp", &propose_prefix("ourapp"));
        let recipe = Recipe::parse(&text).unwrap();
        assert_eq!((recipe.name.as_str(), &recipe.bootstrap.prefix), ("ourapp", &propose_prefix("ourapp")));
        assert_eq!(recipe.advice(), []);
        // A line that is an example becomes a key by taking its mark away.
        let is_example = |line: &str| line.contains(" = ") || line.trim_start().starts_with("# { ");
        let with: Vec<_> = text
            .lines()
            .map(|line| if is_example(line) { line.replacen("# ", "", 1) } else { line.to_owned() })
            .collect();
        let recipe = Recipe::parse(&with.join("\n")).unwrap_or_else(|errors| panic!("{errors:#?}"));
        assert_eq!(recipe.packages.len(), 2);
        assert_eq!(recipe.options["nginx"], ["uwsgi", "-ipv6"]);
        assert_eq!(recipe.smoke.commands.len(), 2);
        assert_eq!(recipe.pack.target.as_deref(), Some("debian-11"));
        assert_eq!(recipe.links.len(), 1);
        assert!(recipe.output.owner.is_some());
    }

    #[test]
    fn lines_of_the_template_are_not_long() {
        let text = template("recipe.toml", "ourapp", &propose_prefix("ourapp"));
        assert!(text.lines().all(|line| line.len() <= 130), "{text}");
    }
}
