//! What a recipe says, as the tree and its makefiles are to hear it.

use crate::base::path::Prefix;
use crate::build::bootstrap::Bootstrapped;
use crate::build::graph::Request;
use crate::build::host::{self, Environment, Toolchain};
use crate::build::mkconf::{self, Assignment, How, Settings, Unwritable};
use crate::build::tree::Tree;
use crate::recipe::{Mneeded, Package, Recipe};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;
use walkdir::WalkDir;

/// The compiler where a recipe names none.
pub(super) const COMPILER: &str = "cc";
/// Has the linker note which level of the processor's instructions a file needs.
const NEEDED: &str = "-mneeded";

/// The prefix as a path.
pub(super) fn path(prefix: &Prefix) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(prefix.as_bytes()))
}

/// Flags of the compiler and linker.
#[derive(Debug, Clone)]
pub(super) struct Flags {
    pub(super) cflags: String,
    pub(super) cxxflags: String,
    pub(super) ldflags: String,
}

impl Flags {
    /// Those of the recipe, and `-mneeded` where it is wanted and the compiler has it.
    pub(super) fn of(recipe: &Recipe, environment: &Environment, work: &Path) -> Self {
        let asked = &recipe.toolchain;
        let compiler = asked.cc.as_deref().unwrap_or(COMPILER);
        let is_needed = match asked.mneeded {
            Mneeded::Yes => true,
            Mneeded::No => false,
            Mneeded::Auto => host::takes_flags(compiler, &[NEEDED], environment, work),
        };
        let with =
            |flags: &str| if is_needed { format!("{flags} {NEEDED}").trim().to_owned() } else { flags.to_owned() };
        Self { cflags: with(&asked.cflags), cxxflags: with(&asked.cxxflags), ldflags: asked.ldflags.clone() }
    }
}

/// The environment of the tree's bootstrap; what the recipe says there wins over its flags.
pub(super) fn environment(recipe: &Recipe, flags: &Flags, home: &Path, epoch: i64) -> Environment {
    let compiler = recipe.toolchain.cc.as_deref().map(|cc| ("CC", cc));
    let flags = [("CFLAGS", flags.cflags.as_str()), ("CXXFLAGS", &flags.cxxflags), ("LDFLAGS", &flags.ldflags)];
    let given = recipe.bootstrap.environment.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let flags = flags.into_iter().filter(|(_, value)| !value.is_empty());
    host::environment(home, Some(epoch), compiler.into_iter().chain(flags).chain(given))
}

/// relocate.mk of this recipe.
pub(super) fn makefile(
    recipe: &Recipe,
    flags: &Flags,
    make_jobs: u32,
    bootstrapped: &Bootstrapped,
    tree: &Tree,
) -> Result<String, Vec<Unwritable>> {
    let assign = |name: &str, how, value: &str| Assignment { name: name.to_owned(), how, value: value.to_owned() };
    let mut toolchain = Vec::new();
    for (name, compiler) in [("CC", &recipe.toolchain.cc), ("CXX", &recipe.toolchain.cxx)] {
        toolchain.extend(compiler.as_deref().map(|compiler| assign(name, How::Set, compiler)));
    }
    for (name, flags) in [("CFLAGS", &flags.cflags), ("CXXFLAGS", &flags.cxxflags), ("LDFLAGS", &flags.ldflags)] {
        // Bootstrap has written down what was in its environment already.
        if !flags.is_empty() && !recipe.bootstrap.environment.contains_key(name) {
            toolchain.push(assign(name, How::Append, flags));
        }
    }
    let options: Vec<_> =
        recipe.options.iter().map(|(package, words)| (variable(tree, recipe, package), words.clone())).collect();
    let mut variables: Vec<Assignment> =
        bootstrapped.lost.iter().map(|lost| assign(lost.instead.0, How::Set, &lost.instead.1)).collect();
    // The libc family and more stay the host's unless the tree is told in mk.conf too.
    if !bootstrapped.lost.iter().any(|lost| lost.instead.0 == "PREFER_PKGSRC") {
        variables.push(assign("PREFER_PKGSRC", How::Set, &recipe.bootstrap.prefer_pkgsrc));
    }
    variables.retain(|variable| variable.name != "MAKE_JOBS");
    variables.extend(recipe.mk.set.iter().map(|(name, value)| assign(name, How::Set, value)));
    variables.extend(recipe.mk.append.iter().map(|(name, value)| assign(name, How::Append, value)));
    mkconf::render(&Settings {
        make_jobs: Some(make_jobs),
        toolchain: &toolchain,
        options: &options,
        variables: &variables,
        ..Settings::default()
    })
}

/// The variable that has the options of what `[options]` calls `package`: that of a requested package of this name as its
/// makefile says, else by the rule.
pub(super) fn variable(tree: &Tree, recipe: &Recipe, package: &str) -> String {
    let mut named = recipe.packages.iter().filter(|asked| asked.path.name() == package);
    let told = named.find_map(|asked| tree.options_written(asked.path.as_str()).variable);
    told.unwrap_or_else(|| format!("PKG_OPTIONS.{package}"))
}

/// What the tree is asked for.
pub(super) fn request(package: &Package) -> Request {
    let multi = package.with.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    Request { pkgpath: package.path.as_str().to_owned(), multi }
}

/// What keys know of the toolchain.
pub(super) fn tools(toolchain: &Toolchain) -> Vec<String> {
    vec![
        format!("cc {}", toolchain.compiler),
        format!("target {}", toolchain.target),
        format!("ld {}", toolchain.linker),
        format!("libc {}", toolchain.libc),
    ]
}

/// The newest time of a file in the parts that every tree has, in seconds since 1970: an archive's are its own, on every machine.
pub(super) fn newest(tree: &Path) -> io::Result<i64> {
    let mut newest = 0;
    for part in ["bootstrap", "doc", "mk"] {
        for entry in
            WalkDir::new(tree.join(part)).into_iter().filter_map(Result::ok).filter(|entry| entry.file_type().is_file())
        {
            let time = entry.metadata().map_err(io::Error::from)?.modified()?;
            let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
            newest = newest.max(i64::try_from(seconds).unwrap_or(0));
        }
    }
    Ok(newest)
}
