//! Data that a tree takes from its host besides libraries: certificates, time zones, terminals, locales, converters, names.
//!
//! Takes the bytes of ELF files and what an [`Remains`] says of paths below the old prefix; gives for each sort of data who
//! uses it, where it is looked for, which systems have it there, and the variable that says where to look instead. What
//! systems have is data (`host_data.toml`, which says what of it was looked up).

use super::judge::Remains;
use super::kind::Kind;
use super::wanted::Wanted;
use crate::base::path::RelPath;
use crate::elf;
use crate::loader::tree::{Node, Place, Tree};
use aho_corasick::{AhoCorasick, MatchKind};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// A sort of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Sort {
    /// Certificates of authorities that TLS trusts.
    Certificates,
    /// Time zones.
    Zoneinfo,
    /// Descriptions of terminals.
    Terminfo,
    /// Locales of the C library.
    Locale,
    /// Character set converters of glibc.
    Gconv,
    /// Users, groups and hosts, as nsswitch.conf(5) says.
    Nss,
}

impl Sort {
    /// All sorts, in the order of reports.
    pub const ALL: [Self; 6] =
        [Self::Certificates, Self::Zoneinfo, Self::Terminfo, Self::Locale, Self::Gconv, Self::Nss];

    /// A stable word for programs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Certificates => "certificates",
            Self::Zoneinfo => "zoneinfo",
            Self::Terminfo => "terminfo",
            Self::Locale => "locale",
            Self::Gconv => "gconv",
            Self::Nss => "nss",
        }
    }

    /// The variables that say where to look, each with who heeds it: openssl-env(7), curl(1), git-config(1), tzset(3),
    /// terminfo(5), setlocale(3), iconv(1). None for NSS, which has no such variable.
    pub fn variables(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Certificates => {
                &[("SSL_CERT_FILE", "OpenSSL"), ("CURL_CA_BUNDLE", "curl"), ("GIT_SSL_CAINFO", "git")]
            }
            Self::Zoneinfo => &[("TZDIR", "the C library")],
            Self::Terminfo => &[("TERMINFO_DIRS", "ncurses")],
            Self::Locale => &[("LOCPATH", "glibc")],
            Self::Gconv => &[("GCONV_PATH", "glibc")],
            Self::Nss => &[],
        }
    }
}

/// Strings that show a use: a path, or between NULs the name of a function that only reads such data.
const SIGNS: &[(&[u8], Sort)] = &[
    (b"/etc/ssl/certs/ca-certificates.crt", Sort::Certificates),
    (b"/etc/pki/tls/certs/ca-bundle.crt", Sort::Certificates),
    (b"/etc/pki/tls/cert.pem", Sort::Certificates),
    (b"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", Sort::Certificates),
    (b"/etc/ssl/ca-bundle.pem", Sort::Certificates),
    (b"/var/lib/ca-certificates/ca-bundle.pem", Sort::Certificates),
    (b"/etc/ssl/cert.pem", Sort::Certificates),
    (b"/etc/ssl/certs", Sort::Certificates),
    (b"/usr/lib/ssl/cert.pem", Sort::Certificates),
    (b"/usr/share/zoneinfo", Sort::Zoneinfo),
    (b"/usr/lib/zoneinfo", Sort::Zoneinfo),
    (b"\0localtime\0", Sort::Zoneinfo),
    (b"\0localtime_r\0", Sort::Zoneinfo),
    (b"\0mktime\0", Sort::Zoneinfo),
    (b"\0tzset\0", Sort::Zoneinfo),
    (b"/usr/share/terminfo", Sort::Terminfo),
    (b"/lib/terminfo", Sort::Terminfo),
    (b"/etc/terminfo", Sort::Terminfo),
    (b"/usr/lib/locale", Sort::Locale),
    (b"\0setlocale\0", Sort::Locale),
    (b"\0newlocale\0", Sort::Locale),
    (b"/usr/lib64/gconv", Sort::Gconv),
    (b"/usr/lib/gconv", Sort::Gconv),
    (b"\0iconv_open\0", Sort::Gconv),
    (b"/etc/nsswitch.conf", Sort::Nss),
    (b"\0getaddrinfo\0", Sort::Nss),
    (b"\0gethostbyname\0", Sort::Nss),
    (b"\0gethostbyname_r\0", Sort::Nss),
    (b"\0getpwnam\0", Sort::Nss),
    (b"\0getpwnam_r\0", Sort::Nss),
    (b"\0getpwuid\0", Sort::Nss),
    (b"\0getpwuid_r\0", Sort::Nss),
    (b"\0getgrnam\0", Sort::Nss),
    (b"\0getgrnam_r\0", Sort::Nss),
];

static SEARCHER: LazyLock<AhoCorasick> = LazyLock::new(|| {
    let signs = SIGNS.iter().map(|(sign, _)| sign);
    AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(signs).expect("a short list of short strings")
});

/// One use of host data by one file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    /// What is used.
    pub sort: Sort,
    /// The path that is compiled in; none where the C library knows it.
    pub path: Option<&'static [u8]>,
}

/// Sections that hold strings and names, by how they are called or begin; of a file without sections, its data segments.
const STRINGS: &[&[u8]] = &[b".rodata", b".data", b".dynstr", b".lrodata", b"read-only data", b"data"];

/// The uses that an ELF file shows, sorted, each once; none for other files.
pub fn look(bytes: &[u8]) -> Vec<Use> {
    let mut uses = BTreeSet::new();
    for stretch in elf::stretches(&bytes).unwrap_or_default() {
        let has_strings = stretch.loaded && STRINGS.iter().any(|name| stretch.name.starts_with(name));
        let (Ok(start), Ok(end)) = (usize::try_from(stretch.start), usize::try_from(stretch.end)) else { continue };
        if let Some(strings) = bytes.get(start..end.min(bytes.len())).filter(|_| has_strings) {
            add(strings, &mut uses);
        }
    }
    uses.into_iter().collect()
}

fn add(bytes: &[u8], uses: &mut BTreeSet<Use>) {
    // Names in a row share the NUL between them, so the search goes on at a match's last byte.
    let mut from = 0;
    while let Some(hit) = bytes.get(from..).and_then(|rest| SEARCHER.find(rest)) {
        let (start, end) = (from + hit.start(), from + hit.end());
        let (sign, sort) = SIGNS[hit.pattern().as_usize()];
        let is_name = sign.first() == Some(&0);
        let ends = matches!(bytes.get(end), None | Some(b'\0' | b'/' | b':' | b' ' | b'"'));
        let starts = !start.checked_sub(1).and_then(|at| bytes.get(at)).is_some_and(|byte| in_path(*byte));
        if is_name || (starts && ends) {
            uses.insert(Use { sort, path: (!is_name).then_some(sign) });
        }
        from = end - 1;
    }
}

fn in_path(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-.+".contains(&byte)
}

/// What a system has.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offer {
    /// Where it is; the first is the one to name.
    pub paths: Vec<String>,
    /// What brings it, where a small installation may lack it.
    pub package: Option<String>,
    /// Whether it was seen on an installed system.
    #[serde(default)]
    pub seen: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Family {
    targets: Vec<String>,
    certificates: Offer,
    zoneinfo: Offer,
    terminfo: Offer,
    locale: Offer,
    gconv: Offer,
    nss: Offer,
}

#[derive(Deserialize)]
struct Known {
    family: Vec<Family>,
}

static KNOWN: LazyLock<Vec<Family>> = LazyLock::new(|| {
    let known: Known = toml::from_str(include_str!("host_data.toml")).expect("the built-in table is valid TOML");
    known.family
});

/// The targets of the table.
pub fn known_targets() -> impl Iterator<Item = &'static str> {
    KNOWN.iter().flat_map(|family| family.targets.iter().map(String::as_str))
}

/// What a target has of a sort; `None` for a target that is not in the table.
pub fn offer(target: &str, sort: Sort) -> Option<&'static Offer> {
    let family = KNOWN.iter().find(|family| family.targets.iter().any(|name| name == target))?;
    Some(match sort {
        Sort::Certificates => &family.certificates,
        Sort::Zoneinfo => &family.zoneinfo,
        Sort::Terminfo => &family.terminfo,
        Sort::Locale => &family.locale,
        Sort::Gconv => &family.gconv,
        Sort::Nss => &family.nss,
    })
}

/// What a tree takes of one sort.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The sort.
    pub sort: Sort,
    /// Which files use it, sorted.
    pub users: Vec<RelPath>,
    /// Paths of the host that are compiled in, with the files.
    pub host_paths: BTreeMap<&'static [u8], Vec<RelPath>>,
    /// Paths below the old prefix that are compiled in: whether each is in the tree.
    pub own_paths: BTreeMap<Vec<u8>, bool>,
    /// Targets that have it, but at none of the compiled-in paths; with where they have it.
    pub elsewhere: Vec<(&'static str, &'static Offer)>,
    /// Targets where a package may have to be installed first.
    pub packages: Vec<(&'static str, &'static str)>,
}

impl Taken {
    /// Whether somebody has to do something: a path of the host is compiled in that some target lacks, or paths of the
    /// tree are and it has nothing there.
    pub fn needs_help(&self) -> bool {
        !self.elsewhere.is_empty() || (!self.own_paths.is_empty() && !self.brings_its_own())
    }

    /// Whether the tree has such data where its programs look for it.
    pub fn brings_its_own(&self) -> bool {
        self.own_paths.values().any(|there| *there)
    }
}

/// What uses of host data are judged by.
#[derive(Clone, Copy)]
pub struct About<'a> {
    /// What is left in the tree.
    pub remains: &'a Remains,
    /// What was looked for.
    pub wanted: &'a Wanted,
    /// The tree.
    pub tree: &'a Tree,
}

impl About<'_> {
    /// Whether a path below an old prefix is a file of the tree, or a directory with something in it.
    fn has(&self, wanted: usize, path: &[u8]) -> bool {
        let Some(rest) = self.wanted.path(wanted).and_then(|prefix| prefix.strip(path)) else { return false };
        let Place::Inside(place) = self.tree.resolve(&rest, b"") else { return false };
        match self.tree.node(&place) {
            Some(Node::Dir) => self.tree.nodes().any(|(node, _)| node.lies_in(&place)),
            node => node.is_some(),
        }
    }
}

/// What a tree takes from its host, by sort; `targets` are the ones that are asked about, and an unknown one is passed over.
pub fn judge(uses: &[(RelPath, Vec<Use>)], about: &About<'_>, targets: &[&str]) -> Vec<Taken> {
    Sort::ALL.into_iter().filter_map(|sort| taken(sort, uses, about, targets)).collect()
}

fn taken(sort: Sort, uses: &[(RelPath, Vec<Use>)], about: &About<'_>, targets: &[&str]) -> Option<Taken> {
    let mut users = BTreeSet::new();
    let mut host_paths: BTreeMap<&'static [u8], Vec<RelPath>> = BTreeMap::new();
    for (path, one) in uses.iter().flat_map(|(path, uses)| uses.iter().map(move |one| (path, one))) {
        if one.sort == sort {
            users.insert(path.clone());
            if let Some(host) = one.path {
                host_paths.entry(host).or_default().push(path.clone());
            }
        }
    }
    let mut own_paths = BTreeMap::new();
    for finding in about.remains.findings.iter().filter(|finding| finding.kind == Kind::ElfString) {
        if finding.variable.is_some_and(|variable| of_variable(variable) == Some(sort)) {
            users.insert(finding.path.clone());
            let path = finding.first.path().to_vec();
            let there = about.has(finding.wanted, &path);
            own_paths.insert(path, there);
        }
    }
    if users.is_empty() {
        return None;
    }
    let (mut elsewhere, mut packages) = (Vec::new(), Vec::new());
    for target in targets.iter().copied() {
        let Some((name, offer)) = known_targets().find(|name| *name == target).zip(offer(target, sort)) else {
            continue;
        };
        let has = |path: &&[u8]| offer.paths.iter().any(|offered| offered.as_bytes() == *path);
        if !host_paths.is_empty() && !host_paths.keys().any(has) {
            elsewhere.push((name, offer));
        }
        packages.extend(offer.package.as_deref().map(|package| (name, package)));
    }
    Some(Taken { sort, users: users.into_iter().collect(), host_paths, own_paths, elsewhere, packages })
}

/// The sort of data a variable is about.
fn of_variable(variable: &str) -> Option<Sort> {
    match variable {
        "SSL_CERT_FILE" | "SSL_CERT_DIR" => Some(Sort::Certificates),
        "TZDIR" => Some(Sort::Zoneinfo),
        "TERMINFO_DIRS" => Some(Sort::Terminfo),
        "LOCPATH" => Some(Sort::Locale),
        "GCONV_PATH" => Some(Sort::Gconv),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uses(strings: &[u8]) -> Vec<Use> {
        let mut uses = BTreeSet::new();
        add(strings, &mut uses);
        uses.into_iter().collect()
    }

    #[test]
    fn names_in_a_row_share_a_nul() {
        let strings = b"\0getpwnam\0iconv_open\0setlocale\0/etc/ssl/certs/ca-certificates.crt\0x/etc/terminfo\0";
        let sorts: Vec<_> = uses(strings).iter().map(|one| (one.sort, one.path.is_some())).collect();
        let expected = [(Sort::Certificates, true), (Sort::Locale, false), (Sort::Gconv, false), (Sort::Nss, false)];
        assert_eq!(sorts, expected);
        assert!(look(b"#!/bin/sh\n/etc/ssl/certs\n").is_empty());
    }

    #[test]
    fn a_path_that_a_target_lacks_is_told_with_where_it_has_the_data() {
        let curl = RelPath::new(b"lib/libcurl.so.4").unwrap();
        let (remains, tree, wanted) = (Remains::default(), Tree::default(), Wanted::new([]));
        let about = About { remains: &remains, wanted: &wanted, tree: &tree };
        let uses = [(curl, uses(b"\0/etc/ssl/certs/ca-certificates.crt\0"))];
        let taken = judge(&uses, &about, &["debian-12", "el7", "unheard-of"]);
        let [taken] = &taken[..] else { panic!("one sort") };
        assert!(taken.needs_help());
        let [(target, offer)] = &taken.elsewhere[..] else { panic!("one target") };
        assert_eq!((*target, offer.paths[0].as_str()), ("el7", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"));
        assert_eq!(taken.packages.len(), 2);
    }
}
