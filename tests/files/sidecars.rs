//! Files that vouch for the bytes of others.

use crate::call::{PROVEN, relocate};
use crate::place::Place;
use std::os::unix::fs::symlink;

/// Sidecars of every kind beside libraries that are changed, and beside one that is not.
fn place() -> Place {
    let place = Place::small();
    for name in ["lib/libcrypt.so.1.2", "lib/libssl.so.1", "lib/libsoftokn3.so", "lib/ossl-modules/fips.so"] {
        place.library(name, &["-Wl,-rpath,@/lib"]);
    }
    symlink("libcrypt.so.1.2", place.inside("lib/libcrypt.so.1")).unwrap();
    let sidecars = [
        "lib/.libcrypt.so.1.hmac",
        "lib/fipscheck/libssl.so.1.hmac",
        "lib/libsoftokn3.chk",
        "etc/ssl/fipsmodule.cnf",
        // Neither of these is about a file that changes.
        "lib/.libword.so.1.hmac",
        "lib/libgone.chk",
    ];
    for name in sidecars {
        place.write(name, "ab12");
    }
    place
}

#[test]
fn a_sidecar_of_a_file_that_is_changed_is_reported_with_what_makes_it_anew() {
    let place = place();
    let told = [
        "warning: lib/.libcrypt.so.1.hmac: vouches for the bytes of lib/libcrypt.so.1.2",
        "help: make it anew at the new place (fipshmac,",
    ];
    let ran = relocate(place.dir(), ["old/root", "-o", "x.tar.gz"]).expect(0, &[PROVEN, "5 rewritten"], &told);
    assert!(!ran.err.contains("libword") && !ran.err.contains("libgone"), "{}", ran.err);
    let report = relocate(place.dir(), ["old/root", "--dry-run", "--json"]).expect(0, &["done"], &[]).json();
    let findings = report["findings"].as_array().unwrap();
    let kinds: Vec<_> = findings.iter().map(|finding| (&finding["kind"], finding["path"].as_str().unwrap())).collect();
    let paths: Vec<_> = kinds.iter().map(|(_, path)| *path).collect();
    let wanted =
        ["etc/ssl/fipsmodule.cnf", "lib/.libcrypt.so.1.hmac", "lib/fipscheck/libssl.so.1.hmac", "lib/libsoftokn3.chk"];
    assert_eq!(paths, wanted);
    assert!(kinds.iter().all(|(kind, _)| *kind == "integrity-sidecar"));
}

#[test]
fn a_file_that_is_skipped_keeps_its_sidecar_valid() {
    let place = place();
    let arguments = ["old/root", "-o", "x.tar.gz", "--skip", "libsoftokn3.so"];
    let ran = relocate(place.dir(), arguments).expect(0, &[PROVEN], &["lib/libsoftokn3.so: left as it is by --skip"]);
    assert!(!ran.err.contains("libsoftokn3.chk"), "{}", ran.err);
}
