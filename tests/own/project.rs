//! A project that pins a program, and perhaps says what newer ones are followed: that counts in the place of what the user follows.

use crate::lab::Lab;
use crate::place::{USER, is_root, succeed, tool};
use crate::programs::{Programs, script, version};
use crate::repository::{Repository, fetched};
use relocate::base::digest::Digest;
use std::fs;
use std::process::Command;

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

#[test]
fn root_does_not_act_on_a_file_of_somebody_else() {
    if !is_root() {
        return;
    }
    let programs = Programs::all();
    let repository = Repository::with(&[(&version(1), &script(&version(1), "echo evil"))]);
    let server = repository.serve(|_, _| None);
    let lab = Lab::new();
    let from = server.url("repo");
    let key = Digest::of(&repository.root());
    let file = properties(&lab, &format!("repository={from}\nroot-key={key}\npolicy=auto\n"));
    succeed(Command::new("chown").arg(USER.to_string()).arg(&file));
    lab.call(&programs.path(0), &WORK).env("RELOCATE_WRAPPER", &file).expect(0, &["run-time path"], &[]);
    assert!(server.log().is_empty() && !lab.home().exists());
    succeed(Command::new("chown").arg("0").arg(&file));
    lab.call(&programs.path(0), &WORK).env("RELOCATE_WRAPPER", &file).expect(0, &["evil"], &["takes the place"]);
}

#[test]
fn a_pipe_in_the_place_of_a_file_is_refused_and_not_waited_for() {
    let programs = Programs::all();
    let lab = Lab::new();
    let pipe = lab.place.at("pipe");
    tool(&[&"mkfifo", &pipe]);
    let no_file = ["it is no regular file"];
    lab.call(&programs.path(0), &WORK).env("RELOCATE_WRAPPER", &pipe).expect(0, &["run-time path"], &no_file);
    let file = properties(&lab, "repository=https://x/\nroot-key=pipe\n");
    let no_file = ["root-key names no regular file"];
    lab.call(&programs.path(0), &WORK).env("RELOCATE_WRAPPER", &file).expect(0, &["run-time path"], &no_file);
    for name in ["state.json", "source.json"] {
        lab.follow("https://x/", "off");
        fs::remove_file(lab.tool().join(name)).unwrap_or_default();
        tool(&[&"mkfifo", &lab.tool().join(name)]);
        lab.call(&programs.path(0), &WORK).expect(0, &["run-time path"], &["it is no regular file"]);
    }
}
