//! Who delivers the second release, and how: the commands, and what makes a client again what it was.

/// One tool in one way of use.
pub(crate) struct Entrant {
    /// As it is called in the table.
    pub(crate) name: &'static str,
    /// Whose aims it has.
    pub(crate) kind: Kind,
    /// What is made anew before each run, in bash; what `goes` has been removed.
    pub(crate) before: &'static str,
    /// Removed before each run; paths that begin with one of the variables W and R.
    pub(crate) goes: &'static [&'static str],
    /// The update.
    pub(crate) update: &'static str,
    /// The question whether there is anything new, by a client that has the second release.
    pub(crate) check: Option<&'static str>,
    /// Where a client's releases lie: what these take more afterwards is what the second one takes.
    pub(crate) keeps: &'static [&'static str],
    /// What must succeed if the right tree was delivered.
    pub(crate) proof: &'static str,
}

/// What is compared with what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// relocate's update, which has aims.
    Ours,
    /// Another tool's update.
    Peer,
    /// Another tool's file of changes, for who was told by other means that there is a new release and what it is called.
    Told,
    /// Reported, but nobody's best: what a client without the first release needs.
    Whole,
    /// From a directory of the same machine: relocate.
    OursLocal,
    /// From a directory of the same machine, as everybody does it.
    PeerLocal,
}

const BACK: &str = "cp -a \"$W/saved/.\" \"$R/follower\"";
const FOLLOWER: [&str; 3] = ["$R/follower/r/2", "$R/follower/.relocate", "$R/follower/current"];
const VERIFIED: &str = "\"$RELOCATE\" verify \"$R/follower\"";
const OSTREE_BACK: &str = "cp -al \"$W/ostree.saved\" \"$W/ostree\" && ostree checkout -U -H --repo=\"$W/ostree\" origin:app \"$W/out/ostree.1\"";
const OSTREE_GOES: [&str; 3] = ["$W/ostree", "$W/out/ostree.1", "$W/out/ostree.2"];

/// Everybody, in the order of the tables.
pub(crate) fn all() -> Vec<Entrant> {
    file_by_file().into_iter().chain(by_chunks()).chain(whole()).chain(locally()).collect()
}

/// relocate, and who looks for the old state of each file.
fn file_by_file() -> [Entrant; 6] {
    let rsync = |name, update, check| Entrant {
        name,
        kind: Kind::Peer,
        before: "",
        goes: &["$W/out/rsync"],
        update,
        check,
        keeps: &["$W/tree/1", "$W/out/rsync"],
        proof: "diff -r --no-dereference \"$W/tree/2\" \"$W/out/rsync\"",
    };
    let ostree = |name, kind, update, check| Entrant {
        name,
        kind,
        before: OSTREE_BACK,
        goes: &OSTREE_GOES,
        update,
        check,
        keeps: &["$W/ostree", "$W/out/ostree.1", "$W/out/ostree.2"],
        proof: "diff -r --no-dereference \"$W/tree/2\" \"$W/out/ostree.2\"",
    };
    [
        Entrant {
            name: "relocate",
            kind: Kind::Ours,
            before: BACK,
            goes: &FOLLOWER,
            update: "\"$RELOCATE\" update \"$R/follower\" --from \"$WEB/relocate\" && sync -f \"$W\"",
            check: Some("\"$RELOCATE\" update \"$R/follower\" --check"),
            keeps: &["$R/follower"],
            proof: VERIFIED,
        },
        rsync(
            "rsync",
            "rsync -a -z --link-dest=\"$W/tree/1\" \"$RSYNCD/trees/2/\" \"$W/out/rsync/\" && sync -f \"$W\"",
            Some("rsync -a -z -n \"$RSYNCD/trees/2/\" \"$W/out/rsync/\""),
        ),
        rsync(
            "rsync --fuzzy --fuzzy",
            "rsync -a -z --fuzzy --fuzzy --link-dest=\"$W/tree/1\" \"$RSYNCD/trees/2/\" \"$W/out/rsync/\" && sync -f \"$W\"",
            None,
        ),
        ostree(
            "ostree, delta as one file",
            Kind::Told,
            "curl -sSf -o \"$W/out/delta\" \"$WEB/1-2.delta\" && ostree --repo=\"$W/ostree\" static-delta apply-offline \"$W/out/delta\" && ostree checkout -U -H --repo=\"$W/ostree\" \"$(cat \"$W/www/2.commit\")\" \"$W/out/ostree.2\" && rm \"$W/out/delta\" && sync -f \"$W\"",
            None,
        ),
        ostree(
            "ostree, static delta",
            Kind::Peer,
            "ostree pull --repo=\"$W/ostree\" --url=\"$WEB/ostree\" --require-static-deltas origin app && ostree checkout -U -H --repo=\"$W/ostree\" origin:app \"$W/out/ostree.2\" && sync -f \"$W\"",
            Some("ostree pull --repo=\"$W/ostree\" --url=\"$WEB/ostree\" origin app"),
        ),
        ostree(
            "ostree, objects",
            Kind::Peer,
            "ostree pull --repo=\"$W/ostree\" --url=\"$WEB/ostree\" --disable-static-deltas origin app && ostree checkout -U -H --repo=\"$W/ostree\" origin:app \"$W/out/ostree.2\" && sync -f \"$W\"",
            Some("ostree pull --repo=\"$W/ostree\" --url=\"$WEB/ostree\" --disable-static-deltas origin app"),
        ),
    ]
}

/// Who knows no files, but pieces of them.
fn by_chunks() -> [Entrant; 2] {
    [
        Entrant {
            name: "casync",
            kind: Kind::Peer,
            before: "",
            goes: &["$W/out/casync"],
            update: "casync extract --hardlink=yes --seed=\"$W/tree/1\" --store=\"$WEB/casync/default.castr\" \"$WEB/casync/2.caidx\" \"$W/out/casync\" && sync -f \"$W\"",
            check: Some("curl -sSf -o /dev/null -z \"$W/www/casync/2.caidx\" \"$WEB/casync/2.caidx\""),
            keeps: &["$W/tree/1", "$W/out/casync"],
            proof: "diff -r --no-dereference \"$W/tree/2\" \"$W/out/casync\"",
        },
        Entrant {
            name: "zsync",
            kind: Kind::Peer,
            before: "mkdir \"$W/out/zsync\"",
            goes: &["$W/out/zsync", "$W/out/zsync.tar"],
            update: "cd \"$W/out\" && zsync -q -i \"$W/zsync/1.tar\" -o zsync.tar \"$WEB/zsync/2.tar.zsync\" && tar -xf zsync.tar -C zsync && sync -f \"$W\"",
            check: Some("curl -sSf -o /dev/null -z \"$W/www/zsync/2.tar.zsync\" \"$WEB/zsync/2.tar.zsync\""),
            keeps: &["$W/out/zsync", "$W/out/zsync.tar"],
            proof: "diff -r --no-dereference \"$W/tree/2\" \"$W/out/zsync\"",
        },
    ]
}

/// A client that has nothing yet.
fn whole() -> [Entrant; 1] {
    [Entrant {
        name: "relocate, a first installation",
        kind: Kind::Whole,
        before: "",
        goes: &["$R/fresh"],
        update: "\"$RELOCATE\" update \"$R/fresh\" --from \"$WEB/relocate\" --root-key \"$W/www/relocate/tuf/1.root.json\" && sync -f \"$W\"",
        check: None,
        keeps: &["$R/fresh"],
        proof: "\"$RELOCATE\" verify \"$R/fresh\"",
    }]
}

/// From a directory of the same machine.
fn locally() -> [Entrant; 3] {
    [
        Entrant {
            name: "relocate update --from DIRECTORY",
            kind: Kind::OursLocal,
            before: BACK,
            goes: &FOLLOWER,
            update: "\"$RELOCATE\" update \"$R/follower\" --from \"$W/www/relocate\"",
            check: None,
            keeps: &["$R/follower"],
            proof: VERIFIED,
        },
        Entrant {
            name: "rsync -a --link-dest",
            kind: Kind::PeerLocal,
            before: "",
            goes: &["$W/out/rsync"],
            update: "rsync -a --link-dest=\"$W/tree/1\" \"$W/tree/2/\" \"$W/out/rsync/\"",
            check: None,
            keeps: &["$W/tree/1", "$W/out/rsync"],
            proof: "diff -r --no-dereference \"$W/tree/2\" \"$W/out/rsync\"",
        },
        Entrant {
            name: "rsync -a --link-dest, sync -f",
            kind: Kind::PeerLocal,
            before: "",
            goes: &["$W/out/rsync"],
            update: "rsync -a --link-dest=\"$W/tree/1\" \"$W/tree/2/\" \"$W/out/rsync/\" && sync -f \"$W\"",
            check: None,
            keeps: &["$W/tree/1", "$W/out/rsync"],
            proof: "diff -r --no-dereference \"$W/tree/2\" \"$W/out/rsync\"",
        },
    ]
}

/// The same for everybody: what is dirty from before is written out.
pub(crate) const SETTLE: &str = "sync -f \"$W\"";
