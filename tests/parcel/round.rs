//! What comes out where nothing is wrong.

use crate::lab::{Lab, seen, verified};
use crate::packed::runs_at;
use std::fs;
use std::os::unix::fs::MetadataExt;

#[test]
fn a_release_by_delta_is_the_one_that_its_full_pack_is() {
    let lab = Lab::new();
    let wanted = lab.wanted();
    let assembled = lab.assemble().unwrap();
    let dest = lab.at("R/r/42");
    assert_eq!(seen(&dest), wanted);
    verified(&dest);
    verified(&lab.at("R/r/41"));
    assert_eq!((assembled.files, assembled.ways.patched, assembled.ways.whole), (5, 4, 3), "{assembled:?}");
    let size = fs::metadata(dest.join("lib/data.bin")).unwrap().len();
    assert_eq!(fs::read_to_string(dest.join("share/ledger")).unwrap(), format!("lib/data.bin {size}\n"));
    runs_at(&lab.at("R/r/41"), &lab.at("R/r/41"));
    lab.only(&["41", "42"]);
}

/// What does not depend on the path is there once, whatever its name; nothing else is shared.
#[test]
fn two_releases_share_all_files_but_those_with_the_path_in_them() {
    let lab = Lab::new();
    let ways = lab.assemble().unwrap().ways;
    let number = |name: &str| fs::metadata(lab.at("R/r").join(name)).unwrap().ino();
    for name in ["etc/none.conf", "share/empty", "lib/python/twice.py", "lib/python/dated.py"] {
        assert_eq!(number(&format!("41/{name}")), number(&format!("42/{name}")), "{name}");
    }
    assert_eq!(number("41/lib/python/same.py"), number("42/lib/python/renamed.py"));
    assert_eq!(number("42/bin/reads"), number("42/bin/same"));
    for name in ["bin/reads", "bin/calls", "etc/app.conf", "share/ledger", "lib/data.bin", "share/doc/README"] {
        assert_ne!(number(&format!("41/{name}")), number(&format!("42/{name}")), "{name}");
    }
    assert_eq!((ways.cloned, ways.linked), (0, 6), "{ways:?}");
}
