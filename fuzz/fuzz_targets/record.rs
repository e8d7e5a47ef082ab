//! Any bytes as the records of a tree, and a file they speak of: nothing panics, no record makes more of a file than its
//! places can hold, and a file that is moved and moved back is what it was.
//!
//! The input is a manifest, a NUL, and the file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use relocate::base::path::Prefix;
use relocate::fill::Fill;
use relocate::manifest::{About, Manifest, Whereabouts};

fuzz_target!(|input: &[u8]| {
    let end = input.iter().position(|byte| *byte == 0).unwrap_or(input.len());
    let (record, file) = (&input[..end], input.get(end + 1..).unwrap_or_default());
    let _ = About::parse(record);
    if let Ok(whereabouts) = Whereabouts::parse(record) {
        let again = Whereabouts::parse(&whereabouts.to_bytes()).expect("it reads what it wrote");
        assert_eq!(again, whereabouts);
    }
    let Ok(manifest) = Manifest::parse(record) else { return };
    let to = [&b"/a"[..], b"/srv/a/longer/path"].map(|path| Prefix::new(path).expect("an absolute path"));
    for entry in &manifest.entries {
        let Ok(fill) = Fill::new(&entry.places, &manifest.about) else { continue };
        let base = manifest.about.at.as_ref();
        let there = fill.stands_at(&file, base).expect("bytes in memory can be read").is_ok();
        for to in &to {
            let Ok(moved) = fill.moved(file, base, Some(to)) else { continue };
            assert!(there);
            assert_eq!(fill.size(file.len() as u64, Some(to)), Ok(moved.len() as u64));
            assert!(!fill.is_padded() || moved.len() == file.len());
            assert_eq!(fill.moved(&moved, Some(to), base).as_deref(), Ok(file));
            let size = file.len() as u64;
            let found = fill.standing(&moved.as_slice(), size, &[Some(to), base]).expect("bytes in memory can be read");
            assert_eq!(found, Some(Some(to)));
        }
    }
});
