//! The lock of a recipe: what was built, exactly. Written beside the recipe as TOML that is sorted and one fact a line, so
//! that a change is a change of few lines.

mod differences;

pub use differences::Difference;

use super::RecipeError;
use crate::base::digest::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The number of the form that locks have; it grows when a field changes its meaning or goes away.
pub const LOCK_SCHEMA: u64 = 1;

/// What stands above every lock.
const HEAD: &str =
    "# What was built, exactly. Written by relocate: keep it beside the recipe, under version control.\n";

/// What was built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Lock {
    /// [`LOCK_SCHEMA`].
    pub schema: u64,
    /// The time that everything built says it was built at, in seconds since 1970.
    pub source_date_epoch: i64,
    /// The pkgsrc tree.
    pub tree: LockedTree,
    /// How the packaging tools were built.
    pub bootstrap: LockedBootstrap,
    /// What compiled it.
    pub toolchain: LockedToolchain,
    /// Every package, by [`package_id`].
    #[serde(default)]
    pub packages: BTreeMap<String, LockedPackage>,
}

/// The pkgsrc tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LockedTree {
    /// Where it came from, as in the recipe.
    pub from: String,
    /// The digest of what is in it, overlays included.
    pub digest: Digest,
    /// The sum of the archive it came in.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sha256: Option<Digest>,
    /// The overlays, as in the recipe.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub overlays: Vec<String>,
}

/// How the packaging tools were built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LockedBootstrap {
    /// The arguments of the script, as they were passed.
    pub arguments: Vec<String>,
    /// The recipe's variables of the environment.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub environment: BTreeMap<String, String>,
}

/// What compiled it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LockedToolchain {
    /// The compiler's name, such as `gcc`.
    pub compiler: String,
    /// The compiler's version.
    pub version: String,
    /// The linker and its version.
    pub linker: String,
    /// The C library and its version.
    pub libc: String,
    /// C flags, those included that were added.
    pub cflags: String,
    /// C++ flags.
    pub cxxflags: String,
    /// Linker flags.
    pub ldflags: String,
}

/// One package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LockedPackage {
    /// Its directory in the tree, such as `www/nginx`.
    pub pkgpath: String,
    /// Its name with its version, such as `nginx-1.8.1`.
    pub pkgname: String,
    /// The multi-version variables it was built with.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub variables: BTreeMap<String, String>,
    /// The options in force, sorted.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub options: Vec<String>,
    /// The packages it needs, by name with version, sorted.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub depends: Vec<String>,
    /// The cache key: the digest of everything it was built from.
    pub key: Digest,
    /// Its source archives, by their path below the directory of distfiles.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub distfiles: BTreeMap<String, LockedDistfile>,
}

/// A source archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LockedDistfile {
    /// Its sum.
    pub sha256: Digest,
    /// Its size in bytes.
    #[serde(serialize_with = "size")]
    pub size: u64,
}

/// The name a package has in a lock: its directory, and behind it the variables that tell it from its other versions, as in
/// `devel/py-pip PYTHON_VERSION_REQD=27`.
pub fn package_id(pkgpath: &str, variables: &BTreeMap<String, String>) -> String {
    let variables = variables.iter().map(|(name, value)| format!(" {name}={value}"));
    std::iter::once(pkgpath.to_owned()).chain(variables).collect()
}

/// TOML has no number above 2^63: a size up there is no size of a file.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
fn size<S: serde::Serializer>(size: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_i64(i64::try_from(*size).unwrap_or(i64::MAX))
}

/// What the first look reads, before the schema is known.
#[derive(Deserialize)]
struct Schema {
    schema: toml::Spanned<u64>,
}

impl Lock {
    /// Understands the text of a lock. There is one problem at a time: nobody writes locks by hand.
    pub fn parse(text: &str) -> Result<Self, RecipeError> {
        let Schema { schema } = toml::from_str(text).map_err(|error| problem(text, &error))?;
        if *schema.get_ref() != LOCK_SCHEMA {
            let what =
                format!("the lock has schema {}, and this version of relocate reads {LOCK_SCHEMA}", schema.get_ref());
            let help = Some("take the version that wrote it, or remove the lock and build anew".to_owned());
            return Err(RecipeError::at(text, schema.span().start, what, help));
        }
        let lock: Self = toml::from_str(text).map_err(|error| problem(text, &error))?;
        let named = |(id, package): (&String, &LockedPackage)| *id == package_id(&package.pkgpath, &package.variables);
        match lock.packages.iter().find(|entry| !named(*entry)) {
            None => Ok(lock),
            Some((id, package)) => {
                let place = text.find(&format!("\"{id}\"")).unwrap_or(0);
                let what =
                    format!("packages.\"{id}\" is the entry of '{}'", package_id(&package.pkgpath, &package.variables));
                Err(RecipeError::at(text, place, what, Some(WRITE_ANEW.to_owned())))
            }
        }
    }

    /// The text of the lock; reading it gives the same lock.
    pub fn to_text(&self) -> String {
        let body = toml::to_string_pretty(self).expect("strings, lists, tables and numbers below 2^63 are TOML");
        format!("{HEAD}{body}")
    }
}

const WRITE_ANEW: &str = "a lock is written by a build without --locked";

fn problem(text: &str, error: &toml::de::Error) -> RecipeError {
    let what = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
    RecipeError::at(text, error.span().map_or(0, |span| span.start), what, Some(WRITE_ANEW.to_owned()))
}
