//! The floor: what the objects of a tree demand of their host.
//!
//! Takes the objects' facts; gives the highest demand of each kind with the file and the symbol that make it. Demands on
//! a library of the tree itself do not count, nor weak ones. A version name of a known family that has no rank is kept
//! apart, never dropped: the host may lack it. Sources: LSB core part "Symbol Versioning", the libstdc++ manual's
//! "ABI Policy and Guidelines", glibc's `Versions` files.

use crate::base::path::{RelPath, printable};
use crate::loader::libc::Libc;
use crate::loader::object::{Object, VersionNeed};
use crate::loader::version::Version;
use serde::{Deserialize, Serialize};

/// What the host must offer at least.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Floor {
    /// The highest `GLIBC_` version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub glibc: Option<Demand>,
    /// The highest `GLIBCXX_` version, of libstdc++.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub glibcxx: Option<Demand>,
    /// The highest `CXXABI_` version, of libstdc++.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cxxabi: Option<Demand>,
    /// The highest `GCC_` version, of libgcc_s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gcc: Option<Demand>,
    /// The newest kernel that an ABI note names as the oldest it runs on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel: Option<Demand>,
    /// The highest x86-64 level; its version is the one number 1 to 4.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub isa_level: Option<Demand>,
    /// The C libraries that objects were linked for, each with the first file in path order. More than one is a tree that
    /// cannot work.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub libcs: Vec<LibcUse>,
    /// What needs `GLIBC_PRIVATE`, and so exactly the glibc it was built with; in path order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub glibc_private: Vec<RelPath>,
    /// Versions that no number ranks, each with the first file in path order; sorted by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unranked: Vec<Unranked>,
}

/// One demand, and who makes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Demand {
    /// What is compared.
    pub version: Version,
    /// As the file says it, such as `GLIBC_2.34`.
    pub name: String,
    /// The first file in path order that demands it.
    pub file: RelPath,
    /// A symbol that demands it, where one does.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub symbol: Option<String>,
}

/// An object that was linked for a C library.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LibcUse {
    /// Which one.
    pub libc: Libc,
    /// The first file in path order.
    pub file: RelPath,
    /// The interpreter or library whose name shows it.
    pub name: String,
}

/// A version without a number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unranked {
    /// As the file says it, such as `GLIBC_ABI_GNU2_TLS`.
    pub name: String,
    /// The first file in path order that demands it.
    pub file: RelPath,
    /// A symbol that demands it, where one does.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub symbol: Option<String>,
}

/// A kind of demand that is a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `GLIBC_`.
    Glibc,
    /// `GLIBCXX_`.
    Glibcxx,
    /// `CXXABI_`.
    Cxxabi,
    /// `GCC_`.
    Gcc,
    /// The Linux kernel.
    Kernel,
    /// The x86-64 level.
    IsaLevel,
}

impl Kind {
    /// All kinds, in the order of reports.
    pub const ALL: [Self; 6] = [Self::Glibc, Self::Glibcxx, Self::Cxxabi, Self::Gcc, Self::Kernel, Self::IsaLevel];

    /// What the version's number is written after.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Glibc => "GLIBC_",
            Self::Glibcxx => "GLIBCXX_",
            Self::Cxxabi => "CXXABI_",
            Self::Gcc => "GCC_",
            Self::Kernel => "Linux ",
            Self::IsaLevel => "x86-64-v",
        }
    }
}

/// Versions whose names hold no number, with one that every library has that has them: glibc 2.36 NEWS; el7's libstdc++
/// has `CXXABI_TM_1`; `CXXABI_FLOAT128` came with GCC 5 or before. Later `GLIBC_ABI_` names may be carried back to older
/// releases, so no number tells who has them.
const NAMED: [(&str, Kind, &[u32]); 3] = [
    ("GLIBC_ABI_DT_RELR", Kind::Glibc, &[2, 36]),
    ("CXXABI_TM_1", Kind::Cxxabi, &[1, 3, 7]),
    ("CXXABI_FLOAT128", Kind::Cxxabi, &[1, 3, 9]),
];

/// What some machines put before the number: the symbols of their second `long double`, or of their own ABI.
const VARIANTS: [&str; 2] = ["LDBL_", "ARM_"];

impl Floor {
    /// The demand of a kind.
    pub fn demand(&self, kind: Kind) -> Option<&Demand> {
        match kind {
            Kind::Glibc => self.glibc.as_ref(),
            Kind::Glibcxx => self.glibcxx.as_ref(),
            Kind::Cxxabi => self.cxxabi.as_ref(),
            Kind::Gcc => self.gcc.as_ref(),
            Kind::Kernel => self.kernel.as_ref(),
            Kind::IsaLevel => self.isa_level.as_ref(),
        }
    }

    /// All demands there are, in the order of [`Kind::ALL`].
    pub fn demands(&self) -> impl Iterator<Item = (Kind, &Demand)> {
        Kind::ALL.into_iter().filter_map(|kind| Some((kind, self.demand(kind)?)))
    }

    fn slot(&mut self, kind: Kind) -> &mut Option<Demand> {
        match kind {
            Kind::Glibc => &mut self.glibc,
            Kind::Glibcxx => &mut self.glibcxx,
            Kind::Cxxabi => &mut self.cxxabi,
            Kind::Gcc => &mut self.gcc,
            Kind::Kernel => &mut self.kernel,
            Kind::IsaLevel => &mut self.isa_level,
        }
    }

    /// Keeps the highest; among equals the first that names a symbol, else the first.
    fn raise(&mut self, kind: Kind, demand: Demand) {
        let slot = self.slot(kind);
        let stays = slot.as_ref().is_some_and(|held| match held.version.cmp(&demand.version) {
            std::cmp::Ordering::Greater => true,
            std::cmp::Ordering::Equal => held.file != demand.file || held.symbol.is_some() || demand.symbol.is_none(),
            std::cmp::Ordering::Less => false,
        });
        if !stays {
            *slot = Some(demand);
        }
    }

    fn add(&mut self, file: &RelPath, object: &Object, is_host_library: &dyn Fn(&[u8]) -> bool) {
        for need in object.version_needs.iter().filter(|need| !need.weak && is_host_library(&need.file)) {
            self.add_version(file, need);
        }
        if let Some((major, minor, sub)) = object.kernel {
            let version = Version::new(&[major, minor, sub]);
            self.raise(Kind::Kernel, demand(file, version.clone(), format!("Linux {version}"), None));
        }
        if let Some(level) = object.isa_level {
            let version = Version::new(&[u32::from(level)]);
            self.raise(Kind::IsaLevel, demand(file, version, format!("x86-64-v{level}"), None));
        }
        if let Some((libc, name)) = Libc::of(object)
            && self.libcs.iter().all(|held| held.libc != libc)
        {
            self.libcs.push(LibcUse { libc, file: file.clone(), name: printable(name).into_owned() });
        }
    }

    fn add_version(&mut self, file: &RelPath, need: &VersionNeed) {
        let name = printable(&need.version).into_owned();
        let symbol = need.symbol.as_deref().map(|symbol| printable(symbol).into_owned());
        if name == "GLIBC_PRIVATE" {
            if self.glibc_private.last() != Some(file) {
                self.glibc_private.push(file.clone());
            }
        } else if let Some((kind, version)) = rank(&name) {
            self.raise(kind, demand(file, version, name, symbol));
        } else if Kind::ALL.iter().any(|kind| name.starts_with(kind.prefix()))
            && self.unranked.iter().all(|held| held.name != name)
        {
            self.unranked.push(Unranked { name, file: file.clone(), symbol });
        }
    }
}

fn demand(file: &RelPath, version: Version, name: String, symbol: Option<String>) -> Demand {
    Demand { version, name, file: file.clone(), symbol }
}

/// The kind and number of a version name; none where no number ranks it.
fn rank(name: &str) -> Option<(Kind, Version)> {
    let named = NAMED.iter().find(|(known, ..)| *known == name);
    named.map(|(_, kind, parts)| (*kind, Version::new(parts))).or_else(|| {
        let families = [Kind::Glibc, Kind::Glibcxx, Kind::Cxxabi, Kind::Gcc];
        families.into_iter().find_map(|kind| {
            let number = name.strip_prefix(kind.prefix())?;
            let number = VARIANTS.iter().find_map(|variant| number.strip_prefix(variant)).unwrap_or(number);
            Some((kind, Version::parse(number)?))
        })
    })
}

/// Finds the floor of a tree's objects, in any order.
///
/// `is_host_library` is asked with a soname as a version record names it, and tells whether the host is to supply it;
/// what the tree brings itself demands nothing of the host.
pub fn floor<'a>(
    objects: impl Iterator<Item = (&'a RelPath, &'a Object)>,
    is_host_library: &dyn Fn(&[u8]) -> bool,
) -> Floor {
    let mut objects: Vec<_> = objects.collect();
    objects.sort_by_key(|(file, _)| *file);
    let mut floor = Floor::default();
    for (file, object) in objects {
        floor.add(file, object, is_host_library);
    }
    floor.libcs.sort_by_key(|held| held.libc);
    floor.unranked.sort();
    floor
}

#[cfg(test)]
#[path = "floor_tests.rs"]
mod tests;
