//! What holds for a directory; servers are in `tests/objects.rs`.

use super::*;
use crate::base::digest::Digest;
use std::fs;

/// The state of a file with these bytes in a directory.
fn state_of(bytes: &[u8]) -> String {
    Digest::of(bytes).to_string()
}

fn text(got: Got) -> (u64, String) {
    let Got::Bytes(object) = got else { panic!("no bytes") };
    let mut text = String::new();
    { object.reader }.read_to_string(&mut text).unwrap();
    (object.from, text)
}

#[test]
fn a_file_comes_back_as_it_was_put_and_from_where_it_is_wanted() {
    let dir = tempfile::tempdir().unwrap();
    let place = Directory::new(&dir.path().join("made/later"));
    assert!(matches!(place.get("t/a.bin", &Wish::default()).unwrap(), Got::Missing));
    assert_eq!(place.look("t/a.bin").unwrap(), Presence::Missing);
    assert_eq!(place.put("t/a.bin", Content::Bytes(b"0123456789"), When::Always).unwrap(), Put::Done);
    assert_eq!(place.look("t/a.bin").unwrap(), Presence::There);
    assert_eq!(text(place.get("t/a.bin", &Wish::default()).unwrap()), (0, "0123456789".to_owned()));
    let state = state_of(b"0123456789");
    let rest = |from, state| text(place.get("t/a.bin", &Wish { known: None, rest: Some((from, state)) }).unwrap());
    assert_eq!(rest(7, &state), (7, "789".to_owned()));
    assert_eq!(rest(10, &state), (10, String::new()));
    // More than there is, or another file: all of it.
    assert_eq!(rest(11, &state).0, 0);
    assert_eq!(rest(7, &state_of(b"other")).0, 0);
    let known = |state| place.get("t/a.bin", &Wish { known: Some(state), rest: None }).unwrap();
    assert!(matches!(known(&state), Got::Same));
    assert!(matches!(known("other"), Got::Bytes(_)));
    place.remove("t/a.bin").unwrap();
    place.remove("t/a.bin").unwrap();
    assert_eq!(place.look("t/a.bin").unwrap(), Presence::Missing);
}

#[test]
fn what_is_written_under_a_condition_is_not_written_where_it_does_not_hold() {
    let dir = tempfile::tempdir().unwrap();
    let place = Directory::new(dir.path());
    let put = |bytes: &[u8], when: When<'_>| place.put("x", Content::Bytes(bytes), when).unwrap();
    assert_eq!(put(b"none", When::Same(&state_of(b"any"))), Put::Lost);
    assert_eq!(put(b"first", When::New), Put::Done);
    assert_eq!(put(b"second", When::New), Put::Lost);
    assert_eq!(put(b"second", When::Same(&state_of(b"other"))), Put::Lost);
    assert_eq!(fs::read(dir.path().join("x")).unwrap(), b"first");
    assert_eq!(put(b"second", When::Same(&state_of(b"first"))), Put::Done);
    assert_eq!(fs::read(dir.path().join("x")).unwrap(), b"second");
}

#[test]
fn of_many_who_write_a_new_file_at_once_one_does() {
    let dir = tempfile::tempdir().unwrap();
    let place = Directory::new(dir.path());
    let done = std::thread::scope(|scope| {
        let write = |at: usize| place.put("x", Content::Bytes(format!("{at}").as_bytes()), When::New).unwrap();
        let all: Vec<_> = (0..16).map(|at| scope.spawn(move || write(at))).collect();
        all.into_iter().map(|one| one.join().unwrap()).filter(|put| *put == Put::Done).count()
    });
    assert_eq!(done, 1);
}

#[test]
fn a_name_that_leads_out_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("secret"), b"x").unwrap();
    let place = Directory::new(&dir.path().join("repo"));
    for name in ["../secret", "/etc/passwd", "a/../../secret", "", "a//b", "./a", "a\nb", "a b", "a?b", "%2e%2e/secret"]
    {
        assert!(place.get(name, &Wish::default()).is_err(), "{name}");
        assert!(place.put(name, Content::Bytes(b"y"), When::Always).is_err(), "{name}");
        assert!(place.remove(name).is_err() && place.look(name).is_err(), "{name}");
    }
    assert_eq!(fs::read(dir.path().join("secret")).unwrap(), b"x");
}
