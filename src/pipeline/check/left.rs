//! What is left in a tree on the disk: reads each file once, for the judge of the closure and for what names an old path.

use super::Asked;
use crate::base::bytes::ReadAt;
use crate::base::host;
use crate::base::path::{Prefix, RelPath};
use crate::manifest::{self, Manifest};
use crate::plan;
use crate::remains::host_data::{self, Taken, Use};
use crate::remains::{self, About, Form, Looked, Mention, Origin, Packages, Place, Remains, Unread, Wanted, owner};
use crate::scan::{Class, FileFacts, Inventory};
use crate::text::mkconf;
use crate::verify::judge::{Law, What};
use crate::verify::witness::testify;
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A file is read whole up to this size, in bytes.
const WHOLE: u64 = 64 << 20;

/// What still names an old path.
#[derive(Debug)]
pub struct Left {
    /// What was looked for.
    pub wanted: Wanted,
    /// What was found.
    pub remains: Remains,
    /// What the tree takes from its host besides libraries; for one target, where one is demanded.
    pub taken: Vec<Taken>,
}

/// What is looked for in a tree.
pub(in crate::pipeline) struct Search {
    wanted: Wanted,
    prefixes: Vec<Prefix>,
}

/// What was seen of one regular file.
pub(in crate::pipeline) struct Seen {
    path: RelPath,
    mentions: Vec<Mention>,
    /// What few files have.
    more: Option<Box<More>>,
}

/// What is seen of few files besides mentions.
struct More {
    unlisted: u64,
    unread: Vec<Unread>,
    claims: owner::Claims,
    uses: Vec<Use>,
}

impl Seen {
    /// The order of paths.
    pub(in crate::pipeline) fn by_path(&self, other: &Self) -> Ordering {
        self.path.cmp(&other.path)
    }

    /// Whether the file has nothing of what is looked for.
    pub(in crate::pipeline) fn says_nothing(&self) -> bool {
        self.mentions.is_empty() && self.more.is_none()
    }
}

impl Search {
    /// The old prefixes, where they lead on this machine, where the tree was last if it is not there now, and the build
    /// directories, one of which the tree's `etc/mk.conf` may name.
    pub(in crate::pipeline) fn new(
        root: &Path,
        mkconf: &[u8],
        old_prefixes: &[Prefix],
        about: Option<&manifest::About>,
        asked: &Asked<'_>,
    ) -> Self {
        let here = host::real_path(root).and_then(|path| Prefix::new(&path));
        let last = about.and_then(|about| about.at.clone()).filter(|at| Some(at) != here.as_ref());
        let old: Vec<Prefix> = old_prefixes.iter().cloned().chain(last).collect();
        let real = |prefix: &Prefix| {
            let path = host::real_path(Path::new(OsStr::from_bytes(prefix.as_bytes())))?;
            Prefix::new(&path)
        };
        let guessed = mkconf::wrkobjdir(mkconf).and_then(Prefix::new);
        let paths = old.iter().cloned().map(|path| (path, Origin::OldPrefix));
        let real = old.iter().filter_map(real).map(|path| (path, Origin::RealPath));
        let built = asked.build_dirs.iter().cloned().chain(guessed).map(|path| (path, Origin::BuildDirectory));
        Self { wanted: Wanted::new(paths.chain(real).chain(built)), prefixes: old }
    }

    /// What is seen in one file while it is read: by the judge, and of old paths.
    pub(super) fn look(&self, path: &RelPath, facts: &FileFacts, bytes: &dyn ReadAt) -> io::Result<(What, Seen)> {
        let what = match facts.class {
            Class::Elf(_) | Class::BadElf(_) => What::from(testify(bytes)),
            _ => What::Plain,
        };
        Ok((what, self.see(path, bytes)?))
    }

    /// Looks at one file.
    pub(in crate::pipeline) fn see(&self, path: &RelPath, source: &dyn ReadAt) -> io::Result<Seen> {
        let Looked { mentions, unlisted, unread } = remains::look_at(path, source, &self.wanted)?;
        let mut more = More { unlisted, unread, claims: Vec::new(), uses: Vec::new() };
        let is_elf = source.size() >= 4 && *source.range(0, 4)? == *b"\x7fELF";
        if source.size() <= WHOLE && (is_elf || owner::is_list(path)) {
            let bytes = source.range(0, source.size())?;
            more.claims = owner::claims(path, &bytes, &self.prefixes);
            more.uses = host_data::look(&bytes);
        }
        let nothing = unlisted == 0 && more.unread.is_empty() && more.claims.is_empty() && more.uses.is_empty();
        Ok(Seen { path: path.clone(), mentions, more: (!nothing).then(|| Box::new(more)) })
    }

    /// Judges what was seen. What the tree's record says about places that are written anew counts; where it has none,
    /// `relocate fix` writes anew what is named whole, but nobody has said that it will be run before scripts are.
    pub(super) fn judge(&self, root: &Path, inventory: &Inventory, seen: Vec<Seen>, law: &Law) -> Left {
        let places = places(root);
        let kept: HashSet<(RelPath, u64)> = seen.iter().flat_map(kept).collect();
        let fixed = |path: &RelPath, offset: u64| match &places {
            Some(places) => places.get(path).is_some_and(|places| places.contains(&offset)),
            None => !kept.contains(&(path.clone(), offset)),
        };
        let records = records(root, &self.wanted);
        self.conclude(inventory, (seen, records), &fixed, law)
    }

    /// Judges what was seen in the files, and in records beside them; `fixed` tells which places are written anew once the
    /// final path is known.
    pub(in crate::pipeline) fn conclude(
        &self,
        inventory: &Inventory,
        (seen, records): (Vec<Seen>, Vec<(RelPath, Looked)>),
        fixed: &dyn Fn(&RelPath, u64) -> bool,
        law: &Law,
    ) -> Left {
        let mut files = Vec::with_capacity(seen.len());
        let (mut claims, mut uses) = (Vec::new(), Vec::new());
        for one in seen {
            let Seen { path, mentions, more } = one;
            let mut looked = Looked { mentions, ..Looked::default() };
            if let Some(more) = more {
                let More { unlisted, unread, claims: of_one, uses: used } = *more;
                (looked.unlisted, looked.unread) = (unlisted, unread);
                claims.extend(of_one);
                uses.extend((!used.is_empty()).then(|| (path.clone(), used)));
            }
            files.push((path, looked));
        }
        files.extend(records);
        let tree = plan::tree(inventory, self.prefixes.clone());
        let about = About {
            wanted: &self.wanted,
            tree: &tree,
            packages: &Packages::new(claims),
            fixed_at_final_path: fixed,
            allow: &law.allow_old_path,
        };
        let remains = remains::judge(files, &about);
        let about = host_data::About { remains: &remains, wanted: &self.wanted, tree: &tree };
        let targets = match &law.target {
            Some(target) => vec![target.name.as_str()],
            None => host_data::known_targets().collect(),
        };
        let taken = host_data::judge(&uses, &about, &targets);
        Left { wanted: self.wanted.clone(), remains, taken }
    }
}

/// What `relocate fix` does not write anew by itself: compiled modules; and first lines, without which a script cannot
/// even be started before that.
fn kept(seen: &Seen) -> impl Iterator<Item = (RelPath, u64)> {
    let kept = seen.mentions.iter().filter(|one| one.place == Place::FirstLine || one.form == Form::Pyc);
    kept.map(|mention| (seen.path.clone(), mention.offset))
}

/// Offsets by file that an installer writes anew, as the tree's record has them; `None` where it has no place at all, as
/// records had none once.
fn places(root: &Path) -> Option<HashMap<RelPath, HashSet<u64>>> {
    let manifest = Manifest::parse(&fs::read(root.join(manifest::MANIFEST)).ok()?).ok()?;
    let mut all: HashMap<RelPath, HashSet<u64>> = HashMap::new();
    for entry in manifest.entries {
        for places in entry.places {
            all.entry(entry.path.clone()).or_default().extend(places.at);
        }
    }
    (!all.is_empty()).then_some(all)
}

/// What the tree's own record names; it lies beside the tree's files and is none of them.
fn records(root: &Path, wanted: &Wanted) -> Vec<(RelPath, Looked)> {
    let read = |name: &str| {
        let path = RelPath::new(name.as_bytes())?;
        let bytes = fs::read(root.join(name)).ok()?;
        let looked = remains::look(&path, &bytes, wanted);
        Some((path, looked))
    };
    [manifest::ABOUT, manifest::MANIFEST, manifest::PLACE].into_iter().filter_map(read).collect()
}
