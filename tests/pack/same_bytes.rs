//! The same input gives the same bytes, and what is not as it was said gives none.

use crate::tree::{Handmade, awkward_and_large, options, plausible};
use relocate::base::digest::Digest;
use relocate::pack::{Body, Format, Options, PackError};
use std::fs;
use std::os::unix::fs::FileExt;

#[test]
fn any_number_of_jobs_gives_the_same_bytes() {
    let mut tree = awkward_and_large();
    for number in 0..300u64 {
        tree = tree.file(format!("lib/{number}"), 0o644, plausible(number as usize * 211, number));
    }
    tree = tree.dir("lib");
    let dir = tempfile::tempdir().unwrap();
    for format in [Format::Tar, Format::TarGz, Format::TarZst] {
        // Each for a name of its own: without O_TMPFILE a name has one writer at a time.
        let packed = |jobs| tree.pack(&dir.path().join(format!("{jobs}")), &options(format, jobs)).unwrap();
        let first = tree.pack(&dir.path().join("first"), &options(format, 1)).unwrap();
        let mut bytes = vec![0; first.size() as usize];
        first.file().read_exact_at(&mut bytes, 0).unwrap();
        assert_eq!(Digest::of(&bytes), first.sha256());
        for jobs in [0, 1, 2, 3, 4, 9] {
            let again = packed(jobs);
            assert_eq!((again.sha256(), again.size()), (first.sha256(), first.size()), "{format:?} {jobs}");
            assert_eq!(again.digests(), first.digests());
        }
    }
}

#[test]
fn the_digests_are_those_of_the_bytes() {
    let tree = awkward_and_large();
    let dir = tempfile::tempdir().unwrap();
    let packed = tree.pack(&dir.path().join("x"), &options(Format::Tar, 2)).unwrap();
    for (item, digest) in tree.items.iter().zip(packed.digests()) {
        let bytes = matches!(item.body, Body::File { .. }).then(|| &tree.bytes[&item.path]);
        assert_eq!(*digest, bytes.map(|bytes| Digest::of(bytes)));
    }
}

#[test]
fn a_file_that_changed_size_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    for size in [10, 3_000_000] {
        for (said, text) in [(size - 1, "it has more than the"), (size + 1, "it changed meanwhile")] {
            let mut tree = Handmade::default().file("lib/z.so", 0o644, vec![1; size as usize]);
            tree.items[0].body = Body::File { size: said };
            for jobs in [1, 2] {
                let error = tree.pack(&dir.path().join("x"), &options(Format::TarGz, jobs)).unwrap_err().to_string();
                assert!(error.contains("'lib/z.so'") && error.contains(text), "{error}");
            }
        }
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn an_error_of_the_contents_comes_through_whole_and_is_the_first_in_order() {
    struct Fails(Handmade);
    impl relocate::pack::Contents for Fails {
        fn stream(
            &self,
            index: usize,
            _: &mut dyn FnMut(&[u8]) -> std::io::Result<()>,
        ) -> Result<Digest, relocate::pack::ContentError> {
            Err(format!("item {index} cannot be read").into())
        }
    }
    let mut tree = Handmade::default();
    for number in 0..50 {
        tree = tree.file(format!("{number:02}"), 0o644, vec![0; 900_000]);
    }
    let dir = tempfile::tempdir().unwrap();
    for jobs in [1, 2, 4] {
        let fails = Fails(tree.clone());
        let given = relocate::pack::Tree { items: &fails.0.items, contents: &fails, about: b"", tool: None };
        let out = relocate::base::write::NewFile::create(&dir.path().join("x")).unwrap();
        let record = |_: &relocate::pack::Digests| Ok(Vec::new());
        let options = options(Format::TarZst, jobs);
        let error = relocate::pack::write(&given, record, out, &options, &relocate::base::event::Silent).unwrap_err();
        assert_eq!(error.to_string(), "cannot pack '00': item 0 cannot be read");
        assert!(matches!(error, PackError::Content { .. }));
    }
}

#[test]
fn items_out_of_place_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let good = || Handmade::default().file("a", 0o644, "").hard_link("b", "a").symlink("c", "a");
    let mut swapped = good();
    swapped.items.swap(0, 2);
    let mut twice = good();
    twice.items[2].path = twice.items[1].path.clone();
    let mut dangling = good();
    dangling.items[1].body = Body::HardLink(crate::tree::rel("c"));
    let reserved = Handmade::default().dir(".relocate");
    for (tree, text) in [
        (swapped, "sorted place"),
        (twice, "sorted place"),
        (dangling, "its first name does not stand before it"),
        (reserved, "the name .relocate is for"),
    ] {
        let error = tree.pack(&dir.path().join("x"), &options(Format::Tar, 1)).unwrap_err().to_string();
        assert!(error.contains(text), "{error}");
    }
}

#[test]
fn a_level_that_is_not_there_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let tree = Handmade::default().file("a", 0o644, "x");
    for (format, level, good) in [
        (Format::Tar, 1, false),
        (Format::TarGz, 10, false),
        (Format::TarGz, 9, true),
        (Format::TarZst, 20, false),
        (Format::TarZst, 19, true),
    ] {
        let options = Options { level: Some(level), ..options(format, 1) };
        assert_eq!(tree.pack(&dir.path().join("x"), &options).is_ok(), good);
    }
}

#[test]
fn the_format_is_read_off_the_name() {
    let read =
        |name: &str| Format::from_name(name.as_ref()).map(|(format, stem)| (format, stem.to_str().unwrap().to_owned()));
    assert_eq!(read("ourapp-1.0.tar.gz"), Some((Format::TarGz, "ourapp-1.0".to_owned())));
    assert_eq!(read("a.tgz"), Some((Format::TarGz, "a".to_owned())));
    assert_eq!(read("a.tar"), Some((Format::Tar, "a".to_owned())));
    assert_eq!(read("a.tar.zst"), Some((Format::TarZst, "a".to_owned())));
    for name in ["a", "a.zip", ".tar", ".tar.gz", "a.tar.xz", "a.gz", "tar"] {
        assert_eq!(read(name), None, "{name}");
    }
}
