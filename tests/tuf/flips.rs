//! A bit that flips in any byte of any file of metadata: it is refused, or means the same as before.

use crate::publisher::{Publisher, day};
use relocate::tuf::{Freshness, RoleName, Trusted, follow};

fn meaning(trusted: &Trusted) -> String {
    let editions: Vec<_> = RoleName::ALL.iter().map(|role| trusted.edition(*role)).collect();
    format!("{:?} {editions:?} {:?}", trusted.targets(), trusted.root().draft().unwrap())
}

/// How many flips were refused, and how many let pass.
fn flipped(file: &str, bits: &[u8]) -> (usize, usize) {
    let mut publisher = Publisher::new();
    publisher.rotate(|draft| draft.edition.expires = day(366), &[1, 2]);
    let (whole, begin) = (publisher.shelf.file(file).clone(), publisher.begin());
    let right = meaning(&publisher.follow(&begin).unwrap());
    let (mut refused, mut same) = (0, 0);
    for (at, bit) in (0..whole.len()).flat_map(|at| bits.iter().map(move |bit| (at, bit))) {
        let mut bytes = whole.clone();
        bytes[at] ^= bit;
        publisher.shelf.set(file, bytes);
        match follow(&publisher.shelf, &begin, day(0), Freshness::Waived) {
            Err(_) => refused += 1,
            Ok(trusted) => {
                assert_eq!(meaning(&trusted), right, "{file}, byte {at}, bit {bit}");
                same += 1;
            }
        }
    }
    (refused, same)
}

#[test]
fn a_flipped_bit_is_refused_or_changes_nothing() {
    // Files whose digest is signed: nothing passes.
    assert_eq!(flipped("1.snapshot.json", &[0x20]).1, 0);
    assert_eq!(flipped("1.targets.json", &[0x20]).1, 0);
    // Files that are signed themselves: a hexadecimal digit of a signature may be large or small.
    for file in ["timestamp.json", "2.root.json"] {
        let (refused, same) = flipped(file, &[1, 0x20]);
        assert!(refused > 6 * same, "{file}: {refused} refused, {same} let pass");
    }
}
