//! Any bytes: look, and judge what was found. Every plain hit is told once, offsets lie inside the file, samples are bounded,
//! and looking piece by piece gives the same.
//!
//! The first byte of the input picks the name the file has. The rest is the file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use relocate::remains::{About, Origin, Packages, Spelling, Wanted, host_data, judge, look, owner};
use relocate::base::glob::Globs;
use relocate::base::path::{Prefix, RelPath};
use relocate::loader::tree::Tree;

const NAMES: [&str; 12] = [
    "bin/x", "lib/x.so", "lib/__pycache__/x.cpython-311.pyc", "lib/x.a", "lib/x.jar", "man/x.1.gz", "x.zst", "etc/x.conf",
    "lib/x.la", "lib/x.pc", "pkgdb/x/+CONTENTS", "lib/x.dist-info/RECORD",
];
const OLD: [&[u8]; 3] = [b"/p/root", b"/p/root/opt", b"/b.d/w k"];

fuzz_target!(|input: &[u8]| {
    let Some((first, bytes)) = input.split_first() else { return };
    let path = RelPath::new(NAMES[usize::from(*first) % NAMES.len()].as_bytes()).expect("a clean name");
    let prefixes = OLD.map(|old| Prefix::new(old).expect("an absolute path"));
    let wanted = Wanted::new(prefixes.clone().map(|prefix| (prefix, Origin::OldPrefix)));
    let looked = look(&path, bytes, &wanted);
    let own: Vec<_> = looked.mentions.iter().filter(|one| one.inside.is_none()).collect();
    assert!(own.windows(2).all(|pair| pair[0].offset < pair[1].offset), "sorted, each once");
    for mention in &looked.mentions {
        assert!(mention.sample.len() <= 240 && mention.path_at <= mention.sample.len());
        let here = mention.inside.is_none() && mention.spelling == Spelling::Plain;
        let old = wanted.path(mention.wanted).expect("a wanted path").as_bytes();
        assert!(!here || bytes[mention.offset as usize..].starts_with(old));
    }
    // Whatever begins as the shortest prefix is told, or lies inside something that is.
    if looked.unlisted == 0 {
        for at in memchr::memmem::find_iter(bytes, OLD[0]).map(|at| at as u64) {
            assert!(own.iter().any(|one| one.offset <= at && at < one.offset + 64), "{at} is told");
        }
    }
    let claims = owner::claims(&path, bytes, &prefixes);
    let packages = Packages::new(claims);
    let about = About {
        wanted: &wanted,
        tree: &Tree::default(),
        packages: &packages,
        fixed_at_final_path: &|_, offset| offset % 2 == 0,
        allow: &Globs::default(),
    };
    let remains = judge([(path.clone(), looked)], &about);
    let uses = [(path, host_data::look(bytes))];
    let about = host_data::About { remains: &remains, wanted: &wanted, tree: &Tree::default() };
    host_data::judge(&uses, &about, &["el7", "debian-12"]);
});
