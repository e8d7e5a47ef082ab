//! `relocate repo init`, `refresh` and `status`.

use crate::call::relocate;
use crate::lab::{Lab, follow_from, names};
use crate::place::{Place, chmod, succeed, tool};
use relocate::publish::{Desk, Lives};
use relocate::tuf::{Freshness, RoleName};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Command;

/// Runs a program on a terminal, types a line whenever it asks for a passphrase, and prints what the terminal shows.
const TERMINAL: &str = "
import os, pty, select, sys
words = sys.argv[1].split('\\n')
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[2], sys.argv[2:])
shown, asked = b'', 0
while select.select([terminal], [], [], 30)[0]:
    try:
        more = os.read(terminal, 4096)
    except OSError:
        break
    shown += more
    if shown.count(b': ') > asked and shown.endswith(b': '):
        asked = shown.count(b': ')
        os.write(terminal, words.pop(0).encode() + b'\\n')
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
";

#[test]
fn a_new_repository_is_followed_and_its_keys_are_where_they_were_wanted() {
    let lab = Lab::new();
    assert_eq!(lab.listed(), [] as [&str; 0]);
    for key in ["keys/a.pem", "keys/b.pem", "keys/c.pem", "keys/release.pem", "repo/keys/online.pem"] {
        assert_eq!(fs::metadata(lab.place.at(key)).unwrap().mode() & 0o777, 0o600, "{key}");
        tool(&[&"openssl", &"pkey", &"-noout", &"-in", &lab.place.at(key)]);
    }
    let status = lab.call(&["repo", "status", "repo", "--json"]).expect(0, &["{"], &[]).json();
    assert_eq!((&status["keys"][0]["threshold"], &status["good"]), (&2.into(), &true.into()));
    let sum = tool(&[&"sha256sum", &lab.place.at("repo/tuf/1.root.json")]);
    assert!(String::from_utf8_lossy(&sum).starts_with(status["root_sha256"].as_str().unwrap()));
    lab.call(&["repo", "status", "repo"]).expect(0, &["root keys", "2 of 3", "timestamp"], &[]);
}

#[test]
fn no_root_key_and_no_release_key_lies_in_the_repository_by_whatever_way() {
    let place = Place::new();
    fs::create_dir_all(place.at("repo/below")).unwrap();
    fs::create_dir(place.at("keys")).unwrap();
    std::os::unix::fs::symlink("repo/below", place.at("elsewhere")).unwrap();
    for key in ["repo/a.pem", "elsewhere/a.pem", "keys/../repo/a.pem", "repo/none/a.pem", "./repo/below/../a.pem"] {
        let words = ["repo", "init", "repo", "--no-passphrase", "--root-key-out", key];
        relocate(place.dir(), words).expect(2, &[], &["lies in the repository, which everybody may read"]);
        let words =
            ["repo", "init", "repo", "--no-passphrase", "--root-key-out", "keys/a.pem", "--release-key-out", key];
        relocate(place.dir(), words).expect(2, &[], &["lies in the repository"]);
        let words = ["repo", "init", "elsewhere/..", "--no-passphrase", "--root-key-out", key];
        relocate(place.dir(), words).expect(2, &[], &["lies in the repository"]);
    }
    assert_eq!(crate::place::names(&place.at("repo")), ["below"]);
    assert_eq!(crate::place::names(&place.at("keys")), [] as [&str; 0]);
}

#[test]
fn what_cannot_be_is_said_before_a_key_is_written() {
    let place = Place::new();
    let init = |more: &[&str]| relocate(place.dir(), [&["repo", "init", "repo"], more].concat());
    let two = ["--root-key-out", "a.pem", "--root-key-out", "b.pem"];
    init(&[&two[..], &["--no-passphrase", "--threshold", "3"]].concat()).expect(
        2,
        &[],
        &["3 signatures cannot be wanted for the root, which has 2 keys"],
    );
    init(&["--root-key-out", "a.pem", "--root-key-out", "./a.pem", "--no-passphrase"]).expect(
        2,
        &[],
        &["for two keys"],
    );
    init(&two).expect(4, &[], &["there is no terminal to ask for a passphrase", "--passphrase-file"]);
    fs::write(place.at("empty"), "\nsecret\n").unwrap();
    init(&[&two[..], &["--passphrase-file", "empty"]].concat()).expect(2, &[], &["the first line of empty is empty"]);
    let far = ["repo", "init", "https://127.0.0.1:1/repo", "--root-key-out", "a.pem", "--no-passphrase"];
    relocate(place.dir(), far).expect(2, &[], &["there is no place for the online key", "--online-key-out"]);
    fs::write(place.at("a.pem"), "mine").unwrap();
    init(&[&two[..], &["--no-passphrase"]].concat()).expect(2, &[], &["a.pem is there already"]);
    assert_eq!(crate::place::names(place.dir()), ["a.pem", "empty"]);
    let lab = Lab::new();
    fs::remove_dir_all(lab.place.at("keys")).unwrap();
    fs::remove_dir_all(lab.place.at("repo/keys")).unwrap();
    lab.init(&["--no-passphrase"]).expect(4, &[], &["there is a repository already"]);
    assert_eq!(crate::place::names(&lab.place.at("keys")), [] as [&str; 0]);
    relocate(place.dir(), ["repo", "status", "nothing"]).expect(2, &[], &["there is no repository", "repo init"]);
}

#[test]
fn a_passphrase_comes_from_a_file_or_is_typed_where_nothing_shows_it() {
    let lab = Lab { place: Place::new() };
    fs::write(lab.place.at("secret"), "three words here\nand more\n").unwrap();
    lab.init(&["--passphrase-file", "secret"]).expect(0, &["made the repository"], &[]);
    let key = lab.place.at("keys/a.pem");
    tool(&[&"openssl", &"pkey", &"-noout", &"-passin", &"pass:three words here", &"-in", &key]);
    let text = fs::read_to_string(lab.place.at("repo/keys/online.pem")).unwrap();
    assert!(text.contains("BEGIN PRIVATE KEY"), "{text}");
    // Typed on a terminal of its own, twice for each of two keys, each word when it is asked for.
    let words = ["first words", "first words", "other words", "other words"];
    let mut terminal = Command::new("python3");
    terminal.args(["-c", TERMINAL, &words.join("\n"), crate::call::PROGRAM, "repo", "init", "typed"]);
    terminal.args(["--root-key-out", "typed.pem", "--release-key-out", "typed-release.pem"]);
    let shown = succeed(terminal.current_dir(lab.place.dir()));
    let shown = String::from_utf8_lossy(&shown).into_owned();
    assert!(shown.contains("new passphrase of typed.pem: ") && shown.contains("made the repository"), "{shown}");
    assert!(!shown.contains("words"), "{shown}");
    tool(&[&"openssl", &"pkey", &"-noout", &"-passin", &"pass:first words", &"-in", &lab.place.at("typed.pem")]);
    tool(&[
        &"openssl",
        &"pkey",
        &"-noout",
        &"-passin",
        &"pass:other words",
        &"-in",
        &lab.place.at("typed-release.pem"),
    ]);
}

#[test]
fn the_online_key_alone_signs_anew_what_clients_then_take() {
    let lab = Lab::new();
    let before = lab.follow();
    for key in ["keys", "secret"] {
        let _ = fs::remove_dir_all(lab.place.at(key));
    }
    relocate(lab.place.dir(), ["repo", "refresh", "repo"]).expect(0, &["signed anew"], &[]);
    let after = follow_from(&lab.objects(), before.kept()).unwrap();
    let versions = RoleName::ALL.map(|role| after.edition(role).version);
    assert_eq!(versions, [1, 1, 1, 2]);
    fs::remove_file(lab.place.at("repo/keys/online.pem")).unwrap();
    relocate(lab.place.dir(), ["repo", "refresh", "repo"]).expect(2, &[], &["its key was not given", "--online-key"]);
    // A key of somebody else signs nothing.
    relocate(lab.place.dir(), ["repo", "init", "other", "--root-key-out", "x.pem", "--no-passphrase"]).run();
    relocate(lab.place.dir(), ["repo", "refresh", "repo", "--online-key", "other/keys/online.pem"]).expect(
        2,
        &[],
        &["is none that may sign the timestamp"],
    );
    assert_eq!(names(&after), names(&lab.follow()));
}

#[test]
fn whoever_may_not_write_changes_nothing() {
    let lab = Lab::new();
    lab.place.give_to_user();
    chmod(lab.place.at("repo/tuf"), 0o555);
    relocate(lab.place.dir(), ["repo", "refresh", "repo"]).env("HOME", lab.place.dir()).by_user().expect(
        4,
        &[],
        &["cannot write", "timestamp.json"],
    );
    chmod(lab.place.at("repo/tuf"), 0o755);
    relocate(lab.place.dir(), ["repo", "refresh", "repo"]).env("HOME", lab.place.dir()).by_user().expect(
        0,
        &["signed anew"],
        &[],
    );
}

#[test]
fn what_has_expired_is_signed_anew_by_those_who_may() {
    let lab = Lab::new();
    let key = |file: &str| relocate::tuf::read_key(&lab.place.at(file), None).unwrap();
    let (online, release, objects) = (key("repo/keys/online.pem"), key("keys/release.pem"), lab.objects());
    let later = crate::lab::now().plus_days(100);
    let follow = || relocate::tuf::follow(&objects, &lab.first(), later, Freshness::Required);
    let desk = Desk { objects: &objects, release: None, online: Some(&online), now: later, lives: Lives::default() };
    let expired = desk.refresh().unwrap();
    assert!(expired.trusted.edition(RoleName::Snapshot).expires > later);
    assert!(follow().unwrap_err().to_string().contains("targets was good until"));
    Desk { release: Some(&release), ..desk }.refresh().unwrap();
    assert_eq!(follow().unwrap().edition(RoleName::Targets).version, 2);
}
