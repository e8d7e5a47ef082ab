//! What distributions offer, and whether a floor is met by it.
//!
//! The facts are data (`targets.toml`, with their sources); the rules are here. A demand that a target does not say it
//! meets is not met. Takes a name or a file's text for a target; gives each demand in excess with the file and the symbol
//! that make it.

use crate::base::path::RelPath;
use crate::loader::floor::{Demand, Floor, Kind};
use crate::loader::libc::Libc;
use crate::loader::version::Version;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::LazyLock;

/// Hosts of one kind: what each of them offers at least.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The name it is asked for by.
    pub name: String,
    /// Other names of the same target.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Its C library.
    pub libc: Libc,
    /// Highest `GLIBC_` version.
    pub glibc: Option<Version>,
    /// Highest `GLIBCXX_` version.
    pub glibcxx: Option<Version>,
    /// Highest `CXXABI_` version.
    pub cxxabi: Option<Version>,
    /// Highest `GCC_` version.
    pub gcc: Option<Version>,
    /// Its kernel; not compared where it is left out.
    pub kernel: Option<Version>,
    /// The x86-64 level of all its machines, 1 where it is left out.
    pub isa_level: Option<u8>,
}

#[derive(Deserialize)]
struct Known {
    target: Vec<Target>,
}

static KNOWN: LazyLock<Vec<Target>> = LazyLock::new(|| {
    let known: Known = toml::from_str(include_str!("targets.toml")).expect("the built-in targets are valid TOML");
    known.target
});

/// The built-in target of a name or alias, such as `el7`, `debian-11`, `alpine`.
pub fn target(name: &str) -> Option<Target> {
    let named = |target: &&Target| target.name == name || target.aliases.iter().any(|alias| alias == name);
    KNOWN.iter().find(named).cloned()
}

/// The names of the built-in targets, without aliases, by family and then age.
pub fn known_names() -> impl Iterator<Item = &'static str> {
    KNOWN.iter().map(|target| target.name.as_str())
}

/// A target file that cannot be read, with the line and what is wrong there.
#[derive(Debug)]
pub struct TargetError(toml::de::Error);

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "reading a target: {}", self.0.to_string().trim_end())
    }
}

impl std::error::Error for TargetError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

impl Target {
    /// Reads one target in TOML: `name` and `libc` (`glibc` or `musl`), and the versions it offers as in
    /// `targets.toml`. An unknown key is an error.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        toml::from_str(text).map_err(TargetError)
    }

    /// What it offers of a kind; `None` where it offers nothing.
    fn offer(&self, kind: Kind) -> Option<Version> {
        match kind {
            Kind::Glibc => self.glibc.clone(),
            Kind::Glibcxx => self.glibcxx.clone(),
            Kind::Cxxabi => self.cxxabi.clone(),
            Kind::Gcc => self.gcc.clone(),
            Kind::Kernel => self.kernel.clone(),
            Kind::IsaLevel => Some(Version::new(&[u32::from(self.isa_level.unwrap_or(1))])),
        }
    }
}

/// A demand that a target does not meet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Excess {
    /// What is demanded, such as `GLIBC_2.34` or `glibc`.
    pub demanded: String,
    /// What the target offers instead, such as `GLIBC_2.31` or `musl`; none where it offers nothing of the kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offered: Option<String>,
    /// The first file in path order that demands it.
    pub file: RelPath,
    /// The symbol, or for a C library the name, that shows the demand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symbol: Option<String>,
}

/// Says what is demanded and offered, to be read after the file's name.
impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "needs {}", self.demanded)?;
        if let Some(symbol) = &self.symbol {
            write!(f, " ({symbol})")?;
        }
        match &self.offered {
            Some(offered) => write!(f, ", the target has {offered}"),
            None => write!(f, ", the target has none"),
        }
    }
}

/// The demands of a floor that a target does not meet, C library first, then in the order of [`Kind::ALL`], then
/// `GLIBC_PRIVATE` and versions that no number ranks.
pub fn exceeds(floor: &Floor, target: &Target) -> Vec<Excess> {
    let wrong_libc: Vec<Excess> = wrong_libc(floor, target).collect();
    // Beside a wrong C library, the number of its version says nothing more.
    let compared = |kind: &Kind| *kind != Kind::Glibc || wrong_libc.is_empty();
    let demands = floor.demands().filter(|(kind, _)| compared(kind));
    let numbers: Vec<Excess> = demands.filter_map(|(kind, demand)| too_new(kind, demand, target)).collect();
    wrong_libc.into_iter().chain(numbers).chain(unpromised(floor)).collect()
}

/// The names of the built-in targets that meet a floor, in the order of [`known_names`].
pub fn runs_on(floor: &Floor) -> Vec<&'static str> {
    KNOWN.iter().filter(|target| exceeds(floor, target).is_empty()).map(|target| target.name.as_str()).collect()
}

fn wrong_libc<'a>(floor: &'a Floor, target: &'a Target) -> impl Iterator<Item = Excess> + 'a {
    let wrong = floor.libcs.iter().filter(|held| held.libc != target.libc);
    wrong.map(|held| Excess {
        demanded: held.libc.to_string(),
        offered: Some(target.libc.to_string()),
        file: held.file.clone(),
        symbol: Some(held.name.clone()),
    })
}

fn too_new(kind: Kind, demand: &Demand, target: &Target) -> Option<Excess> {
    let offer = target.offer(kind);
    let met = match &offer {
        Some(offer) => demand.version <= *offer,
        None => kind == Kind::Kernel,
    };
    (!met).then(|| Excess {
        demanded: demand.name.clone(),
        offered: offer.map(|offer| format!("{}{offer}", kind.prefix())),
        file: demand.file.clone(),
        symbol: demand.symbol.clone(),
    })
}

/// What no release promises: the private symbols of one glibc build, and versions without a number.
fn unpromised(floor: &Floor) -> impl Iterator<Item = Excess> + '_ {
    let private = floor.glibc_private.first().map(|file| Excess {
        demanded: "GLIBC_PRIVATE".to_owned(),
        offered: None,
        file: file.clone(),
        symbol: None,
    });
    let unranked = floor.unranked.iter().map(|held| Excess {
        demanded: held.name.clone(),
        offered: None,
        file: held.file.clone(),
        symbol: held.symbol.clone(),
    });
    private.into_iter().chain(unranked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loader::floor::{LibcUse, Unranked};
    use std::collections::BTreeSet;

    fn demand(version: &str, name: &str) -> Demand {
        let file = RelPath::new(b"bin/app").unwrap();
        Demand { version: Version::parse(version).unwrap(), name: name.into(), file, symbol: Some("main".into()) }
    }

    fn built_here(glibc: &str) -> Floor {
        let file = RelPath::new(b"bin/app").unwrap();
        Floor {
            glibc: Some(demand(glibc, &format!("GLIBC_{glibc}"))),
            kernel: Some(demand("3.2.0", "Linux 3.2.0")),
            libcs: vec![LibcUse { libc: Libc::Glibc, file, name: "ld-linux-x86-64.so.2".into() }],
            ..Floor::default()
        }
    }

    fn told(floor: &Floor, name: &str) -> Vec<String> {
        let excesses = exceeds(floor, &target(name).unwrap());
        excesses.iter().map(|excess| format!("{} {excess}", excess.file)).collect()
    }

    #[test]
    fn every_name_is_known_once_and_glibc_targets_say_all_their_versions() {
        let names: Vec<&str> =
            KNOWN.iter().flat_map(|t| t.aliases.iter().chain([&t.name])).map(String::as_str).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        for target in KNOWN.iter() {
            let versions = [Kind::Glibc, Kind::Glibcxx, Kind::Cxxabi, Kind::Gcc];
            let offers = versions.iter().filter(|kind| target.offer(**kind).is_some()).count();
            assert_eq!(offers, if target.libc == Libc::Glibc { 4 } else { 0 }, "{}", target.name);
            assert!(target.kernel.is_some(), "{}", target.name);
        }
    }

    #[test]
    fn what_a_target_cannot_meet_is_told_with_file_and_symbol() {
        assert_eq!(
            told(&built_here("2.34"), "debian-11"),
            ["bin/app needs GLIBC_2.34 (main), the target has GLIBC_2.31"]
        );
        assert_eq!(told(&built_here("2.9"), "el7"), Vec::<String>::new());
        let floor = Floor {
            glibcxx: Some(demand("3.4.30", "GLIBCXX_3.4.30")),
            isa_level: Some(demand("2", "x86-64-v2")),
            ..Floor::default()
        };
        let wanted = [
            "bin/app needs GLIBCXX_3.4.30 (main), the target has GLIBCXX_3.4.25",
            "bin/app needs x86-64-v2 (main), the target has x86-64-v1",
        ];
        assert_eq!(told(&floor, "el8"), wanted);
        assert_eq!(told(&floor, "alpine")[0], "bin/app needs GLIBCXX_3.4.30 (main), the target has none");
        // The ABI note of a program built here asks for 3.2.
        assert_eq!(told(&built_here("2.5"), "el6"), ["bin/app needs Linux 3.2.0 (main), the target has Linux 2.6.32"]);
    }

    #[test]
    fn the_wrong_c_library_is_one_excess_either_way() {
        assert_eq!(
            told(&built_here("2.34"), "alpine"),
            ["bin/app needs glibc (ld-linux-x86-64.so.2), the target has musl"]
        );
        let file = RelPath::new(b"bin/app").unwrap();
        let name = "libc.musl-x86_64.so.1".to_owned();
        let floor = Floor { libcs: vec![LibcUse { libc: Libc::Musl, file, name }], ..Floor::default() };
        assert_eq!(told(&floor, "el9"), ["bin/app needs musl (libc.musl-x86_64.so.1), the target has glibc"]);
        assert_eq!(runs_on(&floor), ["alpine-3.18", "alpine-3.20", "alpine-3.22"]);
    }

    #[test]
    fn the_distributions_that_meet_a_floor_are_named() {
        let names = runs_on(&built_here("2.35"));
        assert!(
            ["ubuntu-22.04", "ubuntu-24.04", "debian-12", "el10"].iter().all(|name| names.contains(name)),
            "{names:?}"
        );
        assert!(["el9", "debian-11", "alpine-3.20"].iter().all(|name| !names.contains(name)), "{names:?}");
        assert_eq!(runs_on(&Floor::default()).len(), known_names().count());
    }

    #[test]
    fn what_no_release_promises_is_met_nowhere() {
        let file = RelPath::new(b"lib/x.so").unwrap();
        let unranked = Unranked { name: "GLIBC_ABI_GNU2_TLS".into(), file: file.clone(), symbol: None };
        let floor = Floor { glibc_private: vec![file], unranked: vec![unranked], ..Floor::default() };
        let wanted = [
            "lib/x.so needs GLIBC_PRIVATE, the target has none",
            "lib/x.so needs GLIBC_ABI_GNU2_TLS, the target has none",
        ];
        assert_eq!(told(&floor, "fedora-42"), wanted);
        assert!(runs_on(&floor).is_empty());
    }

    #[test]
    fn a_target_of_ones_own_is_read_and_a_misspelt_key_refused() {
        let own = Target::parse("name = 'ours'\nlibc = 'glibc'\nglibc = '2.33'\n").unwrap();
        assert_eq!(exceeds(&built_here("2.33"), &own), []);
        assert_eq!(exceeds(&built_here("2.34"), &own).len(), 1);
        let error = Target::parse("name = 'ours'\nlibc = 'glibc'\nglibcc = '2.33'\n").unwrap_err().to_string();
        assert!(error.contains("line 3") && error.contains("glibcc"), "{error}");
        assert!(Target::parse("name = 'ours'\nlibc = 'uclibc'\n").is_err());
        assert!(Target::parse("name = 'ours'\nlibc = 'glibc'\nglibc = 'new'\n").is_err());
    }
}
