//! The search finds what a plain search finds, wherever pieces and chunks of a file begin.

use crate::fixtures::{OLD, look_as, prefix, rel, wanted};
use proptest::prelude::*;
use relocate::remains::{Hold, Origin, Spelling, Wanted, look, look_at};
use relocate::text::occurrence::{Names, Reading};

/// Bytes of pieces that look like names, parts of names, and what stands around them.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let pieces: Vec<&[u8]> = vec![
        b"/p/root",
        b"/p/root2",
        b"/p",
        b"/root",
        b"root",
        b"/",
        b"\\/",
        b"\\/p\\/root",
        b"%2Fp%2Froot",
        b"\0",
        b"\n",
        b"x",
        b".",
        b"-L",
        b"\\n",
        b"\xc3\xa9",
        b"/\0p\0/\0r\0o\0o\0t\0",
        b"#!",
        b"# ",
        b" ",
        b"/p/root/opt",
        b"/tmp",
        b":",
    ];
    proptest::collection::vec(proptest::sample::select(pieces), 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn every_plain_hit_is_told_and_no_other(bytes in text()) {
        let wanted = Wanted::new([(prefix("/p/root"), Origin::OldPrefix)]);
        let looked = look(&rel("x"), &bytes, &wanted);
        let plain = looked.mentions.iter().filter(|one| one.spelling == Spelling::Plain);
        let told: Vec<_> = plain.clone().map(|one| one.offset as usize).collect();
        let hits: Vec<_> = memchr::memmem::find_iter(&bytes, b"/p/root").collect();
        prop_assert_eq!(told, hits);
        // What counts as named is what the rewriting of text takes for named.
        let reading = if bytes.contains(&0) { Reading::Binary } else { Reading::Text };
        let names = Names::new(&[prefix("/p/root")]).find(&bytes, reading);
        let whole: Vec<_> = plain.filter(|one| one.hold == Hold::Whole).map(|one| one.offset as usize).collect();
        prop_assert_eq!(whole, names.into_iter().map(|one| one.offset).collect::<Vec<_>>());
    }

    #[test]
    fn of_two_prefixes_the_longer_is_told(bytes in text()) {
        let prefixes = [prefix("/p/root"), prefix("/p/root/opt")];
        let wanted = Wanted::new(prefixes.clone().map(|path| (path, Origin::OldPrefix)));
        let whole: Vec<_> = look(&rel("x"), &bytes, &wanted)
            .mentions
            .into_iter()
            .filter(|one| one.spelling == Spelling::Plain && one.hold == Hold::Whole)
            .map(|one| (one.offset as usize, one.wanted))
            .collect();
        let reading = if bytes.contains(&0) { Reading::Binary } else { Reading::Text };
        let names = Names::new(&prefixes).find(&bytes, reading);
        prop_assert_eq!(whole, names.into_iter().map(|one| (one.offset, one.prefix)).collect::<Vec<_>>());
    }
}

#[test]
fn a_hit_on_the_edge_of_a_chunk_is_told_once() {
    for edge in [256 << 10, 512 << 10] {
        for before in 0..OLD.len() + 2 {
            let mut bytes = vec![b' '; edge - before];
            bytes.extend_from_slice(OLD.as_bytes());
            bytes.extend_from_slice(&[b' '; 100]);
            let looked = look_as("x", &bytes);
            let offsets: Vec<_> = looked.mentions.iter().map(|one| one.offset).collect();
            assert_eq!(offsets, [(edge - before) as u64]);
        }
    }
}

#[test]
fn a_large_file_is_told_piece_by_piece_as_it_is_whole() {
    let piece = 8 << 20;
    let mut bytes = vec![b'\n'; 65 << 20];
    for (at, before) in [(piece, 3), (piece, 40), (2 * piece, 0), (3 * piece, OLD.len()), (8 * piece, 10)] {
        bytes[at - before..][..OLD.len()].copy_from_slice(OLD.as_bytes());
    }
    let whole = look_as("x", &bytes);
    let pieces = look_at(&rel("x"), &bytes, &wanted()).unwrap();
    assert_eq!(whole.mentions.len(), 5);
    assert_eq!(pieces, whole);
}
