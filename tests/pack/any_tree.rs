//! Whatever tree is packed, the same tree is read back, and reading never panics on what was changed in it.

use crate::tree::{Handmade, rel};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use relocate::base::path::RelPath;
use relocate::pack::{Body, Format, Item, Limits, Options, visit_bytes};
use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::Path;

/// What a generated path is; hard links name one of the files before them, if there is one.
#[derive(Debug, Clone)]
enum Grown {
    Dir,
    File(Vec<u8>),
    Large(usize, u64),
    Symlink(Vec<u8>),
    HardLink(usize),
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    let byte = any::<u8>().prop_filter("no slash, no NUL", |byte| !matches!(byte, 0 | b'/'));
    let odd = prop_oneof![vec(byte, 1..12), "[a-z]{90,255}".prop_map(String::into_bytes), Just(b"...".to_vec())];
    odd.prop_filter("no dots, no records", |name| !matches!(name.as_slice(), b"." | b".." | b".relocate"))
}

fn grown() -> impl Strategy<Value = Grown> {
    let bytes = vec(any::<u8>(), 0..1500);
    let target = vec(1..=255u8, 1..300);
    prop_oneof![
        3 => Just(Grown::Dir),
        5 => bytes.prop_map(Grown::File),
        1 => (0..3_000_000usize, any::<u64>()).prop_map(|(len, seed)| Grown::Large(len, seed)),
        2 => target.prop_map(Grown::Symlink),
        2 => any::<usize>().prop_map(Grown::HardLink),
    ]
}

type Numbers = (u32, u64, u64, i64);

fn numbers() -> impl Strategy<Value = Numbers> {
    let owner = || prop_oneof![0..70_000u64, 0..u64::from(u32::MAX)];
    (0..0o2000u32, owner(), owner(), prop_oneof![0..2_000_000_000i64, -5_000_000_000..20_000_000_000i64])
}

fn tree() -> impl Strategy<Value = Handmade> {
    let path = vec(name(), 1..5).prop_map(|parts| rel(parts.join(&b'/')));
    btree_map(path, (grown(), numbers()), 0..25).prop_map(plant)
}

/// Makes a consistent tree: parents are directories, hard links name earlier files.
fn plant(grown: BTreeMap<RelPath, (Grown, Numbers)>) -> Handmade {
    let mut tree = Handmade::default();
    let mut files: Vec<RelPath> = Vec::new();
    for (path, (what, (mode, uid, gid, mtime))) in grown {
        let parents = |item: &Item| path.starts_with(&item.path) && item.body != Body::Dir;
        if tree.items.iter().any(parents) {
            continue;
        }
        let mut keep = |bytes: Vec<u8>| {
            let size = bytes.len() as u64;
            tree.bytes.insert(path.clone(), bytes);
            files.push(path.clone());
            Body::File { size }
        };
        let body = match what {
            Grown::Dir => Body::Dir,
            Grown::File(bytes) => keep(bytes),
            Grown::Large(len, seed) => keep(crate::tree::plausible(len, seed)),
            Grown::Symlink(target) => Body::Symlink(target),
            Grown::HardLink(which) => match files.get(which % files.len().max(1)) {
                Some(first) => Body::HardLink(first.clone()),
                None => Body::Dir,
            },
        };
        tree.items.push(Item { path, mode, uid, gid, mtime, body });
    }
    tree
}

fn packed(tree: &Handmade, format: Format, jobs: usize) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { format, level: Some(1).filter(|_| format != Format::Tar), jobs, top_dir: rel("t") };
    let mut bytes = Vec::new();
    tree.pack(&dir.path().join("x"), &options).unwrap().pour(&mut bytes).unwrap();
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn any_tree_is_read_back_as_it_was(tree in tree(), which in 0..3usize, jobs in 1..4usize) {
        let format = [Format::Tar, Format::TarGz, Format::TarZst][which];
        let bytes = packed(&tree, format, jobs);
        prop_assert_eq!(&packed(&tree, format, 5 - jobs), &bytes);
        let (mut items, mut contents) = (Vec::new(), BTreeMap::new());
        visit_bytes(Path::new("x"), Cursor::new(bytes), &Limits::default(), &mut |entry| {
            let mut item = entry.item;
            item.path = RelPath::new(item.path.as_bytes().strip_prefix(b"t/").unwrap()).unwrap();
            if let Body::HardLink(first) = &mut item.body {
                *first = RelPath::new(first.as_bytes().strip_prefix(b"t/").unwrap()).unwrap();
            }
            if item.path.parts().next() == Some(b".relocate") {
                return Ok(());
            }
            if let Body::File { .. } = item.body {
                let mut bytes = Vec::new();
                entry.bytes.read_to_end(&mut bytes)?;
                contents.insert(item.path.clone(), bytes);
            }
            items.push(item);
            Ok(())
        })
        .unwrap();
        prop_assert_eq!(&items, &tree.items);
        prop_assert_eq!(&contents, &tree.bytes);
    }

    #[test]
    fn any_damage_is_an_error_or_harmless_never_a_panic(
        tree in tree(),
        which in 0..3usize,
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = packed(&tree, [Format::Tar, Format::TarGz, Format::TarZst][which], 1);
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let limits = Limits { bytes: 100 << 20, ..Limits::default() };
        let _ = visit_bytes(Path::new("x"), Cursor::new(bytes), &limits, &mut |_| Ok(()));
    }
}
