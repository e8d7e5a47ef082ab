//! One recipe, two builds: by whom, in which work directory, from which copy of the tree and under which umask makes no difference.

use crate::lab::{Lab, Ran, fixture, is_root};
use relocate::base::digest::Digest;
use std::fs;
use std::path::Path;
use std::process::Command;

const PACKAGES: &str =
    r#""misc/greet", "www/web", "misc/tally", { path = "misc/toy-hello", with = { TOY_VERSION_REQD = "27" } }"#;

/// Builds with a line of a shell that ends with the program, in `work`, from scratch; gives the archive's digest and the modes and names in it.
fn built(lab: &Lab, line: &str, work: &Path) -> (Digest, String) {
    let command = lab.command(&[]);
    let line = format!(
        "{line} build recipe/toy.toml --quiet --work {} --distfiles {}/distfiles",
        work.display(),
        lab.dir.display()
    );
    let mut shell = Command::new("sh");
    shell.args(["-c", &line]).current_dir(&lab.dir).env_clear();
    shell
        .envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .env("SOURCE_DATE_EPOCH", "1400000000");
    Ran::of(&mut shell).expect(0, &[], &[]);
    let listed = Ran::of(Command::new("tar").arg("tvf").arg(lab.archive())).expect(0, &[], &[]);
    let digest = lab.digest();
    fs::remove_dir_all(work).unwrap();
    lab.begin_again();
    (digest, listed.out)
}

#[test]
fn root_and_an_ordinary_user_get_the_same_archive_in_different_directories() {
    let mut lab = Lab::new();
    lab.recipe(PACKAGES, "");
    let program = lab.command(&[]).get_program().to_str().unwrap().to_owned();
    let first = built(&lab, &format!("umask 022; exec {program}"), &lab.work());
    assert!(first.1.contains("bin/greet"), "{}", first.1);

    // A copy of the tree at another place, as a second checkout is.
    lab.tree = lab.dir.join("another/copy-of-the-tree");
    fs::create_dir(lab.dir.join("another")).unwrap();
    Ran::of(Command::new("cp").arg("-r").arg(fixture()).arg(&lab.tree)).expect(0, &[], &[]);
    lab.recipe(PACKAGES, "");
    let line = if is_root() {
        // The program may lie where only root may look.
        let copy = lab.dir.join("relocate");
        Ran::of(Command::new("cp").arg(&program).arg(&copy)).expect(0, &[], &[]);
        Ran::of(Command::new("chown").args(["-R", "65534:65534"]).arg(&lab.dir)).expect(0, &[], &[]);
        let user = "setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs";
        format!("umask 077; exec {user} {}", copy.display())
    } else {
        format!("umask 002; exec {program}")
    };
    let second = built(&lab, &line, &lab.dir.join("a/work-directory/with-a-longer-name"));
    assert_eq!(first.1, second.1);
    assert_eq!(first.0, second.0, "the same names, other bytes");
}
