//! A project that pins a program, and perhaps says what newer ones are followed: that counts in the place of what the user follows.

use crate::lab::Lab;
use crate::programs::{Programs, script, version};
use crate::repository::{Repository, fetched};
use relocate::base::digest::Digest;
use std::fs;

const WORK: [&str; 2] = ["elf", "--help"];

fn properties(lab: &Lab, more: &str) -> std::path::PathBuf {
    let path = lab.place.at("relocatew.properties");
    let digest = Digest::of(b"x");
    fs::write(&path, format!("version=0.1.0\nsha256={digest}\nurls=https://releases.example/x\n{more}")).unwrap();
    path
}

#[test]
fn a_project_that_pins_a_program_alone_has_that_one() {
    let programs = Programs::all();
    let repository = Repository::with(&[(&version(1), &script(&version(1), "echo entered"))]);
    let server = repository.serve(|_, _| None);
    let lab = Lab::of(&repository, &server, "auto");
    lab.call(&programs.path(0), &WORK).expect(0, &["entered"], &["takes the place"]);
    let before = server.log().len();
    lab.tomorrow();
    let file = properties(&lab, "");
    lab.call(&programs.path(0), &WORK).env("RELOCATE_WRAPPER", &file).expect(0, &["run-time path"], &[]);
    assert_eq!(server.log().len(), before);
}

#[test]
fn a_project_that_follows_a_repository_has_copies_of_its_own() {
    let programs = Programs::all();
    let repository = Repository::with(&[(&version(1), &script(&version(1), "echo entered"))]);
    let server = repository.serve(|_, _| None);
    let lab = Lab::new();
    fs::write(lab.place.at("root.json"), repository.root()).unwrap();
    let from = server.url("repo");
    for key in ["root.json".to_owned(), Digest::of(&repository.root()).to_string()] {
        let file = properties(&lab, &format!("repository={from}\nroot-key={key}\npolicy=auto\n"));
        let call = |words: &[&str]| lab.call(&programs.path(0), words).env("RELOCATE_WRAPPER", &file);
        let ran = call(&WORK).run();
        assert_eq!((ran.code, ran.out.as_str()), (Some(0), "entered\n"), "{}", ran.err);
        call(&WORK).expect(0, &["entered"], &[]);
        // By whatever name the root is called, it is the same one: both share what was fetched.
        assert_eq!(fs::read_dir(lab.home().join("tool-of")).unwrap().count(), 1);
        call(&["self", "status"]).expect(0, &["follows", "relocatew.properties", "auto"], &[]);
        call(&["self", "policy", "off"]).expect(2, &[], &["relocatew.properties' decides that here"]);
        call(&["self", "update", "--from", "x"]).expect(2, &[], &["decides that here"]);
        // What stands for a version can do nothing but be entered; the one that is as new as it does the rest.
        let same = lab.call(&programs.path(1), &["self", "update"]).env("RELOCATE_WRAPPER", &file);
        same.expect(0, &["up to date"], &[]);
    }
    assert!(!lab.tool().exists());
    lab.call(&programs.path(0), &WORK).expect(0, &["run-time path"], &[]);
    assert_eq!(fetched(&server), 1);
}

#[test]
fn a_file_of_a_project_that_is_not_understood_is_one_warning() {
    let programs = Programs::all();
    let lab = Lab::new();
    for (more, why) in [
        ("repositry=x\n", "did you mean 'repository'"),
        ("repository=https://x/\n", "no root-key"),
        ("repository=https://x/\nroot-key=nothing\n", "nothing"),
        ("repository=https://x/\nroot-key=root.json\npolicy=always\n", "policy must be"),
    ] {
        fs::write(lab.place.at("root.json"), "{}").unwrap();
        let file = properties(&lab, more);
        let ran =
            lab.call(&programs.path(0), &WORK).env("RELOCATE_WRAPPER", &file).expect(0, &["run-time path"], &[why]);
        assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    }
    let ran = lab.call(&programs.path(0), &WORK).env("RELOCATE_WRAPPER", "/no/such/file").run();
    assert_eq!((ran.code, ran.err.lines().count()), (Some(0), 1));
    assert!(!lab.home().exists());
}
