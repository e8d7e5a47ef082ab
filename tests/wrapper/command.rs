//! `relocate wrapper init` and `relocate wrapper bump`, and the real program run by what they write.

use crate::call::{Call, PROGRAM, relocate};
use crate::lab::{Getter, Lab, SHELLS, Shell, ran, tool};
use crate::place::Place;
use crate::server::{Reply, Server};
use relocate::base::digest::Digest;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The program under test without what only debuggers read: it is read whole, many times.
fn program(place: &Place) -> PathBuf {
    let path = place.at("relocate");
    let mut strip = Command::new("strip");
    assert!(strip.arg("-o").arg(&path).arg(PROGRAM).status().unwrap().success());
    path
}

fn call(program: &Path, dir: &Path, words: &[&str]) -> Call {
    let mut command = Command::new(program);
    command.args(words).current_dir(dir);
    Call(command)
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn digest(bytes: &[u8]) -> String {
    Digest::of(bytes).to_string()
}

#[test]
fn a_project_that_is_made_runs_the_real_program() {
    let lab = Lab::new();
    fs::remove_file(lab.project.join("relocatew")).unwrap();
    let program = program(&lab.place);
    let url = format!("file://{}", program.to_str().unwrap());
    let init = |more: &[&str]| call(&program, &lab.project, &[&["wrapper", "init", "--url", &url], more].concat());
    let done = init(&[]).expect(
        0,
        &[
            "written",
            "relocatew.properties",
            &format!("relocate {VERSION}, sha256 "),
            &url,
            "commit relocatew and relocatew.properties",
        ],
        &[],
    );
    assert!(done.out.contains(&digest(&fs::read(&program).unwrap())));
    let mode = |name: &str| fs::metadata(lab.project.join(name)).unwrap().mode() & 0o777;
    assert_eq!((mode("relocatew"), mode("relocatew.properties")), (0o755, 0o644));
    for shell in SHELLS {
        let done = lab.run(shell, Getter::Nothing, &["--version"]);
        assert_eq!((done.code, done.out.as_str()), (Some(0), format!("relocate {VERSION}\n").as_str()), "{done:?}");
        let usage = lab.run(shell, Getter::Nothing, &["chekc", "x y"]);
        assert!(usage.code == Some(2) && usage.err.contains("did you mean 'relocate check'?"), "{usage:?}");
    }
    // What is there is not written over, unless that is wanted.
    let before = fs::read(lab.project.join("relocatew.properties")).unwrap();
    init(&[]).expect(4, &[], &["there already", "help: 'relocate wrapper bump'"]);
    fs::write(lab.project.join("relocatew"), "ours").unwrap();
    fs::remove_file(lab.project.join("relocatew.properties")).unwrap();
    init(&[]).expect(4, &[], &["relocatew': it is there already"]);
    assert!(!lab.project.join("relocatew.properties").exists());
    init(&["--force", "--quiet"]).expect(0, &[], &[]);
    assert_eq!(fs::read(lab.project.join("relocatew.properties")).unwrap(), before);
    assert!(lab.run(Shell::Dash, Getter::Nothing, &["--version"]).out.starts_with("relocate "));
}

#[test]
fn nothing_is_pinned_that_nobody_could_fetch() {
    let place = Place::new();
    let init = |more: &[&str]| relocate(place.dir(), [&["wrapper", "init"], more].concat());
    let server = Server::start(|asked| match asked.target.as_str() {
        "/page" => Reply::new(200, b"<html>"),
        "/cut" => Reply::new(200, b"0123456789").cut(3),
        _ => Reply::new(404, b""),
    });
    let (page, cut, none) = (server.url("page"), server.url("cut"), server.url("none"));
    init(&[]).expect(2, &[], &["no URL where others could fetch it", "help: name the program on a web server"]);
    init(&["--url", "ftp://x/y"]).expect(2, &[], &["the script cannot fetch that", "help: write https://HOST/FILE"]);
    init(&["--url", &page]).expect(
        1,
        &[],
        &["serves something else: sha256 ", "help: if that is what is wanted, say --sha256 "],
    );
    init(&["--url", &none]).expect(1, &[], &["the server says 404", "help: --offline writes without asking"]);
    init(&["--url", &cut]).expect(4, &[], &[&cut, "--offline"]);
    init(&["--url", "file:///nowhere"]).expect(4, &[], &["file:///nowhere"]);
    let sum = digest(b"<html>");
    init(&["--url", &page, "--sha256", &sum]).expect(2, &[], &["which version has sha256", "init --version VERSION"]);
    init(&["--url", &page, "--sha256", &sum, "--version", "a b"]).expect(2, &[], &["version must be letters"]);
    assert_eq!(fs::read_dir(place.dir()).unwrap().count(), 0);
    let done = init(&["--url", &page, "--sha256", &sum, "--version", "0.0.1", "--json", "--dry-run"])
        .expect(0, &["{"], &[])
        .json();
    assert_eq!(
        (done["dry_run"].as_bool(), done["size"].as_u64(), done["sha256"].as_str()),
        (Some(true), Some(6), Some(sum.as_str()))
    );
    assert_eq!(fs::read_dir(place.dir()).unwrap().count(), 0);
    let done = init(&["--url", &none, "--offline", "--json"]).expect(0, &["{"], &[]).json();
    assert_eq!((done["command"].as_str(), done["version"].as_str()), (Some("wrapper init"), Some(VERSION)));
    assert_eq!(done["written"].as_array().unwrap().len(), 2);
    let missing = relocate(place.dir(), ["wrapper", "init", "nowhere", "--url", &page]);
    missing.expect(2, &[], &["nowhere: not a directory"]);
}

#[test]
fn a_bump_changes_what_must_change_and_nothing_else() {
    let lab = Lab::called("project");
    let (one, two) = (tool("1.0"), tool("2.0"));
    let bump = |more: &[&str]| relocate(&lab.project, [&["wrapper", "bump"], more].concat());
    bump(&["2.0"]).expect(2, &[], &["cannot read ", "help: 'relocate wrapper init' makes one"]);
    lab.properties("version=1\nsha=2\n");
    bump(&["2.0"]).expect(2, &[], &["line 2: there is no key 'sha'"]);
    lab.pin(&one, &["https://files.example/latest"]);
    bump(&[]).expect(2, &[], &["names no repository", "help: say where the file is with --url"]);
    bump(&["2.0"]).expect(2, &[], &["no URL of relocatew.properties has the version 1.0 in it"]);
    let new = lab.file("new", &two);
    bump(&["--url", &new]).expect(2, &[], &["which version has sha256"]);
    bump(&["2.0", "--url", &new, "--offline"]).expect(2, &[], &["with --offline nothing tells the sha256"]);
    let before = fs::read(lab.project.join("relocatew.properties")).unwrap();
    bump(&["2.0", "--url", &new, "--dry-run"]).expect(
        0,
        &["would write", "dropped", "latest"],
        &["warning: sha256 ", "nobody signed it"],
    );
    assert_eq!(fs::read(lab.project.join("relocatew.properties")).unwrap(), before);
    // A script of an older version is renewed, and its mode with it.
    fs::write(lab.project.join("relocatew"), "#!/bin/sh\nold\n").unwrap();
    fs::set_permissions(lab.project.join("relocatew"), fs::Permissions::from_mode(0o644)).unwrap();
    let done = bump(&["2.0", "--url", &new, "--json"]).expect(0, &["{"], &[]).json();
    assert_eq!((done["written"].as_array().unwrap().len(), done["warnings"].as_array().unwrap().len()), (2, 1));
    assert_eq!(done["dropped"][0].as_str(), Some("https://files.example/latest"));
    assert!(lab.run(Shell::Dash, Getter::Nothing, &[]).is_tool("2.0"));
    assert!(ran(Command::new(lab.project.join("relocatew")).env("RELOCATE_HOME", lab.home())).is_tool("2.0"));
    bump(&["2.0", "--url", &new, "--sha256", &digest(&two)]).expect(0, &["nothing: all is so already"], &[]);
}
