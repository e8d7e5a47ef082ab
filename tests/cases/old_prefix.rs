//! Which prefix a tree was built for: found in the tree, asked for where two are as plausible, told by the user.

use crate::prefix::{Prefix, Ran, relocate, run};
use std::fs;
use std::process::Command;

fn prefixes(json: &serde_json::Value) -> Vec<&str> {
    json["old_prefixes"].as_array().unwrap().iter().map(|prefix| prefix.as_str().unwrap()).collect()
}

/// A prefix with a program that runs.
fn prefix() -> Prefix {
    let prefix = Prefix::new();
    prefix.says("lib/libsay.so", "lib").asks("bin/app", "lib", "lib/libsay.so", &["-Wl,-rpath,@/lib"]);
    prefix
}

#[test]
fn run_time_paths_name_the_old_prefix() {
    let prefix = prefix();
    let moved = prefix.moved(&[]);
    assert_eq!(prefixes(&moved.report.json), [prefix.root.to_str().unwrap()]);
    assert_eq!(moved.report.json["old_prefix_because"], "named by 1 run-time path");
    moved.runs("bin/app");
}

/// The normal case: the tree was copied somewhere before it is relocated.
#[test]
fn a_tree_that_lies_elsewhere_than_its_prefix_is_read_where_it_lies() {
    let prefix = prefix();
    prefix.file("bin/script", "#!@/bin/app\n").symlink("lib/libother.so", "@/lib/libsay.so");
    let shebang = prefix.expand("#!@/bin/app\n");
    fs::write(prefix.at("bin/script"), shebang.to_str().unwrap()).unwrap();
    let copied = prefix.around().join("unpacked/here");
    fs::create_dir(copied.parent().unwrap()).unwrap();
    fs::rename(&prefix.root, &copied).unwrap();
    let out = copied.with_file_name("out/");
    let args = ["--json", "-o", &format!("{}/", out.display())];
    let ran = run(relocate().arg(&copied).args(args));
    assert_eq!((ran.exit, ran.stderr.as_str()), (Some(0), ""), "{}", ran.stdout);
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(prefixes(&json), [prefix.root.to_str().unwrap()]);
    assert_eq!(json["old_prefix_because"], "named by 1 run-time path, 1 shebang, 1 symlink");
    let ran = run(&mut Command::new(out.join("bin/app")));
    assert_eq!(ran, Ran { exit: Some(0), stdout: "lib\n".to_owned(), stderr: String::new() });
    assert_eq!(fs::read_link(out.join("lib/libother.so")).unwrap().to_str(), Some("libsay.so"));
}

#[test]
fn several_plausible_prefixes_are_listed_with_counts_and_the_user_decides() {
    let prefix = prefix();
    prefix.says("lib2/libother.so", "other");
    prefix.asks("bin/other", "other", "lib2/libother.so", &["-Wl,-rpath,/srv/another/lib2"]);
    let ran = prefix.relocate(&[]);
    assert_eq!((ran.exit, ran.stdout.as_str()), (Some(2), ""));
    let root = prefix.root.display();
    assert!(ran.stderr.starts_with("error: several prefixes are plausible:\n"), "{}", ran.stderr);
    for line in [
        format!("  {root}  (1 run-time paths, 0 shebangs, 0 symlinks)\n"),
        "  /srv/another  (1 run-time paths, 0 shebangs, 0 symlinks)\n".to_owned(),
        "help: say which with --old-prefix /srv/another (it may be given more than once)\n".to_owned(),
    ] {
        assert!(ran.stderr.contains(&line), "{line:?} is not in {}", ran.stderr);
    }
    assert!(!prefix.around().join("root.tar.gz").exists());

    let both = prefix.job(&["--old-prefix", "@", "--old-prefix", "/srv/another"]).unpacked();
    assert_eq!(prefixes(&both.report.json), [prefix.root.to_str().unwrap(), "/srv/another"]);
    both.has("bin/app", &["RUNPATH $ORIGIN/../lib"]).has("bin/other", &["RUNPATH $ORIGIN/../lib2"]).found(&[]);
    both.runs("bin/app").runs("bin/other");
}

#[test]
fn localbase_of_mk_conf_decides_between_plausible_prefixes() {
    let prefix = prefix();
    prefix.asks("bin/other", "lib", "lib/libsay.so", &["-Wl,-rpath,/srv/another/lib:@/lib"]);
    let conf = prefix.expand("# made by bootstrap\nLOCALBASE=\t@\n");
    prefix.file("etc/mk.conf", conf.to_str().unwrap());
    let moved = prefix.moved(&[]);
    assert_eq!(prefixes(&moved.report.json), [prefix.root.to_str().unwrap()]);
    assert_eq!(moved.report.json["old_prefix_because"], "LOCALBASE in etc/mk.conf");
    let left = [". left-until-fixed warning", ". left-until-fixed-creatable warning"];
    moved.found(&[&left[..], &["bin/other runpath-outside note"]].concat()).runs("bin/app").runs("bin/other");
}

#[test]
fn what_the_user_says_counts_more_than_mk_conf() {
    let prefix = prefix();
    prefix.file("etc/mk.conf", "LOCALBASE=/usr/pkg\n");
    let moved = prefix.moved(&["--old-prefix", "@/"]);
    assert_eq!(prefixes(&moved.report.json), [prefix.root.to_str().unwrap()]);
    assert_eq!(moved.report.json["old_prefix_because"], "given with --old-prefix");
    moved.has("bin/app", &["RUNPATH $ORIGIN/../lib"]).runs("bin/app");
}

/// A tree that was moved aside and one of whose spellings is a symlink names itself by both; both are asked for.
#[test]
fn two_spellings_of_a_prefix_that_is_gone_are_both_listed() {
    let prefix = prefix();
    prefix.symlink("%/spelling", "root");
    prefix.asks("bin/other", "lib", "lib/libsay.so", &["-Wl,-rpath,%/spelling/lib"]);
    let aside = prefix.around().join("aside");
    fs::rename(&prefix.root, &aside).unwrap();
    let out = prefix.around().join("out/");
    let with = |args: &[String]| run(relocate().arg(&aside).args(["-o", &format!("{}/", out.display())]).args(args));
    let ran = with(&[]);
    assert_eq!(ran.exit, Some(2), "{ran:#?}");
    let spelling = prefix.around().join("spelling");
    let both = ["--old-prefix", prefix.root.to_str().unwrap(), "--old-prefix", spelling.to_str().unwrap()];
    let ran = with(&both.map(str::to_owned));
    assert_eq!(ran.exit, Some(0), "{ran:#?}");
    for program in ["bin/app", "bin/other"] {
        assert_eq!(run(&mut Command::new(out.join(program))).stdout, "lib\n");
    }
}

#[test]
fn a_tree_that_names_no_prefix_needs_none() {
    let prefix = Prefix::new();
    prefix.says("lib/libsay.so", "lib").asks("bin/app", "lib", "lib/libsay.so", &["-Wl,-rpath,$ORIGIN/../lib"]);
    prefix.file("bin/script", "#!/usr/bin/perl\n");
    let moved = prefix.moved(&[]);
    assert_eq!(prefixes(&moved.report.json), Vec::<&str>::new());
    moved.found(&[]).runs("bin/app");
}
