//! The archive's name is given last, to whom the recipe says.

use crate::lab::{Lab, Ran, is_root};
use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::process::Command;

#[test]
fn a_smoke_command_that_fails_leaves_the_old_archive() {
    let lab = Lab::new();
    lab.recipe("\"misc/greet\"", "[smoke]\ncommands = [\"bin/greet world\", \"bin/no-such-program\"]\n");
    let ran = lab.build(&["--quiet"]).expect(
        1,
        &[],
        &["bin/no-such-program", "did not get its name", "help: it is kept at "],
    );
    assert!(!lab.archive().exists());
    let kept = ran.err.split("it is kept at ").nth(1).unwrap().lines().next().unwrap();
    assert!(fs::metadata(kept).is_ok(), "{kept}");

    lab.recipe("\"misc/greet\"", "");
    lab.build(&["--quiet"]).expect(0, &[], &[]);
    let good = lab.digest();
    // Exits with another status than 0.
    lab.recipe("\"misc/greet\"", "[smoke]\ncommands = [[\"bin/bmake\", \"-f\", \"/nonexistent\"]]\n");
    lab.build(&["--quiet"]).expect(1, &["bin/bmake"], &["did not get its name"]);
    assert_eq!(lab.digest(), good);
}

#[test]
fn what_comes_out_belongs_to_whom_the_recipe_says_where_root_builds() {
    let lab = Lab::new();
    if !is_root() {
        // An ordinary user can give nothing away, and is told so.
        lab.recipe("\"misc/greet\"", "owner = \"0:0\"\n");
        lab.build(&["--quiet"]).expect(4, &[], &["cannot give away"]);
        return;
    }
    let like = lab.dir.join("like");
    fs::create_dir(&like).unwrap();
    chown(&like, Some(1234), Some(2345)).unwrap();
    // On failure too: the log says why, and must be readable.
    lab.recipe("\"misc/greet\", \"broken/compile\"", "owner = \"like:../like\"\n");
    lab.build(&["--quiet"]).expect(5, &[], &["broken/compile failed in all"]);
    let ids = |path: &std::path::Path| fs::metadata(path).map(|facts| (facts.uid(), facts.gid())).unwrap();
    assert_eq!(ids(&lab.dir.join("out")), (1234, 2345));

    lab.recipe("\"misc/greet\"", "owner = \"like:../like\"\n");
    lab.build(&["--quiet"]).expect(0, &[], &[]);
    assert_eq!(ids(&lab.archive()), (1234, 2345));
    // And what belongs to it: the digest, and the lock beside the recipe; the recipe itself stays whose it is.
    let digest = lab.archive().with_file_name("toy.tar.gz.sha256");
    assert_eq!((ids(&digest), ids(&lab.lock())), ((1234, 2345), (1234, 2345)));
    assert_ne!(ids(&lab.recipe_file()), (1234, 2345));

    lab.recipe("\"misc/greet\"", "owner = \"77:88\"\n");
    lab.build(&["--quiet"]).expect(0, &[], &[]);
    assert_eq!((ids(&lab.archive()), ids(&lab.dir.join("out"))), ((77, 88), (77, 88)));
}

#[test]
fn a_directory_to_be_like_that_is_not_there_is_told_before_any_work() {
    let lab = Lab::new();
    lab.recipe("\"misc/greet\"", "owner = \"like:../nowhere\"\n");
    lab.build(&[]).expect(4, &[], &["cannot read the owner of", "nowhere"]);
    assert!(!lab.prefix.exists());
}

#[test]
fn the_archive_is_told_where_it_is_with_a_digest_beside_it_as_sha256sum_reads_it() {
    let lab = Lab::new();
    lab.recipe("\"misc/greet\"", "");
    let ran = lab.build(&[]).expect(0, &[&format!("ready: {}  ", lab.archive().display())], &[]);
    assert!(!ran.all().contains("/ready/"), "{}", ran.all());
    let sum = lab.digest().to_string();
    assert!(ran.out.ends_with(&format!("\n       sha256 {sum}\n")), "{}", ran.out);
    let mut check = Command::new("sha256sum");
    Ran::of(check.args(["--check", "--strict", "toy.tar.gz.sha256"]).current_dir(lab.dir.join("out"))).expect(
        0,
        &["toy.tar.gz: OK"],
        &[],
    );
    assert_eq!(fs::read_dir(lab.work().join("ready")).unwrap().count(), 0);
}
