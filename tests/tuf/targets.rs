//! Reading a target: the right bytes to the end, or an error.

use crate::publisher::target;
use crate::shelf::{Fault, Shelf};
use relocate::tuf::{TargetError, open_target};
use std::io::{self, Read};

/// Everything up to the verdict, read in small pieces.
fn read(signed: &[u8], shelf: &Shelf) -> (Vec<u8>, Result<(), String>) {
    let mut bytes = Vec::new();
    let mut reader = match open_target(shelf, &target("x.bin", signed)) {
        Ok(reader) => reader,
        Err(error) => return (bytes, Err(error.to_string())),
    };
    let mut piece = [0; 3];
    loop {
        match reader.read(&mut piece) {
            Ok(0) => return (bytes, Ok(())),
            Ok(read) => bytes.extend(&piece[..read]),
            Err(error) => return (bytes, Err(error.to_string())),
        }
    }
}

fn place(signed: &[u8]) -> String {
    let place = target("x.bin", signed).place();
    assert_eq!(place, format!("t/{}.x.bin", relocate::base::digest::Digest::of(signed)));
    place
}

fn holding(signed: &[u8], bytes: &[u8]) -> Shelf {
    let mut shelf = Shelf::default();
    shelf.files.insert(place(signed), bytes.to_vec());
    shelf
}

#[test]
fn the_right_bytes_are_given_and_others_end_in_an_error() {
    let signed = b"0123456789";
    assert_eq!(read(signed, &holding(signed, signed)), (signed.to_vec(), Ok(())));
    assert_eq!(read(b"", &holding(b"", b"")), (Vec::new(), Ok(())));
    let (bytes, said) = read(signed, &holding(signed, b"012345678x"));
    // The last bytes are held back: whoever reads just as much as was signed hears of it, too.
    assert!(bytes.len() < 10 && said.unwrap_err().contains("is not what was signed: sha256"));
    let (bytes, said) = read(signed, &holding(signed, b"01234"));
    assert_eq!(
        (bytes.len(), said.unwrap_err()),
        (5, format!("shelf/{} ends after 5 of 10 bytes; nothing of it is used", place(signed)))
    );
    let (bytes, said) = read(signed, &holding(signed, b"0123456789a"));
    assert_eq!(bytes, signed);
    assert!(said.unwrap_err().contains("has more than the 10 bytes that were signed"));
    let (bytes, said) = read(b"", &holding(b"", b"a"));
    assert!(bytes.is_empty() && said.is_err());
}

#[test]
fn a_target_without_end_a_missing_one_and_one_that_is_refused_are_told() {
    let signed = b"0123456789";
    let mut shelf = holding(signed, signed);
    shelf.faults.insert(place(signed), Fault::Endless);
    assert!(read(signed, &shelf).0.len() < 10);
    shelf.faults.insert(place(signed), Fault::Cut(4));
    assert_eq!(read(signed, &shelf).0.len(), 4);
    shelf.faults.insert(place(signed), Fault::Status(403));
    assert!(matches!(open_target(&shelf, &target("x.bin", signed)), Err(TargetError::Unreached(_))));
    let missing = read(signed, &Shelf::default()).1.unwrap_err();
    assert_eq!(missing, format!("shelf/{} is signed, and the repository does not have it", place(signed)));
}

#[test]
fn the_verdict_is_an_error_of_its_own_kind() {
    let shelf = holding(b"right", b"wrong");
    let mut reader = open_target(&shelf, &target("x.bin", b"right")).unwrap();
    let error = reader.read_exact(&mut [0; 5]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<TargetError>());
    assert!(matches!(inner, Some(TargetError::Bytes { .. })));
}
