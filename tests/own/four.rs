//! The four properties of a bootstrap script: it runs offline, it upgrades itself, without a restart, and needs nothing but itself.

use crate::lab::Lab;
use crate::programs::{Programs, compiled, script, version};
use crate::repository::Repository;
use crate::server::dead_port;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// What it is asked to do, and does without a network.
const WORK: [&str; 2] = ["elf", "--help"];

#[test]
fn it_runs_offline_with_one_line_of_warning_a_day() {
    let programs = Programs::all();
    let repository = Repository::with(&[(&version(1), &programs.bytes(1))]);
    for policy in ["notify", "auto"] {
        let lab = Lab::following(&repository, &format!("http://127.0.0.1:{}/repo", dead_port()), policy);
        let plain = Lab::new().call(&programs.path(0), &WORK).expect(0, &["run-time path"], &[]);
        let ran = lab.call(&programs.path(0), &WORK).run();
        assert_eq!((ran.code, ran.out), (Some(0), plain.out.clone()));
        let why = format!("warning: could not look for a newer relocate, and {} goes on: ", version(0));
        assert!(ran.err.starts_with(&why) && ran.err.lines().count() == 1, "{}", ran.err);
        lab.call(&programs.path(0), &WORK).expect(0, &["run-time path"], &[]);
        lab.tomorrow();
        assert_eq!(lab.call(&programs.path(0), &WORK).run().err.lines().count(), 1);
        // Whoever wants errors only has no warning, and asks no less often.
        lab.tomorrow();
        lab.call(&programs.path(0), &["check", "nothing-here", "--quiet"]).expect(2, &[], &["error: "]);
        assert!(lab.state()["asked"].is_i64());
    }
}

#[test]
fn a_copy_that_is_there_runs_offline() {
    let programs = Programs::all();
    let repository = Repository::with(&[(&version(1), &programs.bytes(1))]);
    let server = repository.serve(|_, _| None);
    let lab = Lab::of(&repository, &server, "auto");
    lab.call(&programs.path(0), &WORK).expect(0, &["run-time path"], &["takes the place of"]);
    drop(server);
    lab.tomorrow();
    let ran = lab.call(&programs.path(0), &WORK).expect(0, &["run-time path"], &["warning: could not look"]);
    // It is the copy that looked.
    assert!(ran.err.contains(&format!("and {} goes on", version(1))) && ran.err.lines().count() == 1, "{}", ran.err);
}

#[test]
fn it_tells_of_a_newer_version_and_takes_it_where_it_is_asked_to() {
    let programs = Programs::all();
    let repository = Repository::with(&[(&version(1), &programs.bytes(1))]);
    let server = repository.serve(|_, _| None);
    let lab = Lab::of(&repository, &server, "notify");
    let line = format!("note: relocate {} is available; 'relocate self update' takes it\n", version(1));
    assert_eq!(lab.call(&programs.path(0), &WORK).run().err, line);
    assert_eq!(lab.call(&programs.path(0), &WORK).run().err, "");
    assert_eq!(lab.current(), None);
    lab.call(&programs.path(0), &["self", "policy", "auto"]).expect(0, &["auto"], &[]);
    lab.tomorrow();
    let before = server.log().len();
    let line = format!("note: relocate {} takes the place of {}\n", version(1), version(0));
    assert_eq!(lab.call(&programs.path(0), &WORK).run().err, line);
    assert_eq!(lab.current(), Some(version(1)));
    // Nothing had changed: the timestamp is asked for with its tag, and the program is fetched.
    let timestamps = server.log().into_iter().skip(before).filter(|asked| asked.target.ends_with("timestamp.json"));
    assert!(timestamps.into_iter().all(|asked| asked.header("if-none-match").is_some()));
    lab.call(&programs.path(0), &["self", "policy", "off"]).expect(0, &["off"], &[]);
    lab.tomorrow();
    let before = server.log().len();
    assert_eq!((lab.call(&programs.path(0), &WORK).run().err.as_str(), server.log().len()), ("", before));
}

/// Says who it is, with what it was started and what it can read.
const WITNESS: &str = r#"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(int count, char **words, char **variables) {
  if (count == 2 && !strcmp(words[1], "--self-test")) { puts("relocate VERSION: self-test passed"); return 0; }
  printf("%d\n", (int)getpid());
  for (int at = 0; at < count; at++) { for (char *c = words[at]; *c; c++) printf("%02x", (unsigned char)*c); puts(" argument"); }
  for (; *variables; variables++) if (strncmp(*variables, "RELOCATE_ENTERED=", 17)) printf("%s\n", *variables);
  char line[64]; if (fgets(line, sizeof line, stdin)) printf("read %s", line);
  return 37;
}
"#;

#[test]
fn nothing_is_restarted_it_is_the_same_process_with_the_same_arguments_environment_and_input() {
    let programs = Programs::all();
    let lab = Lab::new();
    let witness = compiled(lab.place.dir(), &WITNESS.replace("VERSION", &version(1)));
    let repository = Repository::with(&[(&version(1), &witness)]);
    let server = repository.serve(|_, _| None);
    let lab = Lab::of(&repository, &server, "auto");
    for _ in 0..2 {
        let mut command = Command::new(programs.path(0));
        let odd = OsStr::from_bytes(b"\xff\xfe \n'\"$x\x01");
        command.arg0("an odd name").args(["check", "--", "", "two words"]).arg(odd);
        command.env_clear().env("RELOCATE_HOME", lab.home()).env("ODD", odd).env("EMPTY", "");
        command.current_dir(lab.place.dir()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let pid = child.id();
        child.stdin.take().unwrap().write_all(b"the input\n").unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(37));
        let mut wanted = format!("{pid}\n");
        for word in [&b"an odd name"[..], b"check", b"--", b"", b"two words", odd.as_bytes()] {
            wanted = [wanted, data_encoding::HEXLOWER.encode(word), " argument\n".to_owned()].concat();
        }
        let mut wanted = wanted.into_bytes();
        let mut variables = [
            [b"ODD=", odd.as_bytes()].concat(),
            b"EMPTY=".to_vec(),
            [b"RELOCATE_HOME=", lab.home().as_os_str().as_bytes()].concat(),
        ];
        variables.sort();
        // Their order is that of the process before; both are sorted here.
        let text = output.stdout.clone();
        assert!(text.starts_with(&wanted), "{}", String::from_utf8_lossy(&text));
        for variable in variables {
            let line = [variable.as_slice(), b"\n"].concat();
            assert!(text.windows(line.len()).any(|part| part == line), "{}", String::from_utf8_lossy(&text));
            wanted.extend(line);
        }
        assert!(text.ends_with(b"read the input\n"));
        assert_eq!(text.len(), wanted.len() + b"read the input\n".len());
        // It does not take its mark away, as the real one would.
        fs::remove_dir_all(lab.tool().join("entering")).unwrap();
    }
}

#[test]
fn nothing_is_needed_but_the_program_itself() {
    let programs = Programs::all();
    let bare = |program: &std::path::Path, words: &[&str]| {
        let output = Command::new(program).args(words).env_clear().env("PATH", "").current_dir("/").output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    // No home: it runs as it is, and says nothing of it.
    let (code, out, err) = bare(&programs.path(0), &WORK);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(out.contains("run-time path"));
    assert_eq!(bare(&programs.path(0), &["--self-test"]).1, format!("relocate {}: self-test passed\n", version(0)));
    let (code, _, err) = bare(&programs.path(0), &["self", "update"]);
    assert_eq!(code, Some(2));
    assert!(err.contains("set RELOCATE_HOME"), "{err}");
    // A home and nothing else: no shell, no HOME, no PATH; it is upgraded all the same.
    let repository = Repository::with(&[(&version(1), &programs.bytes(1))]);
    let server = repository.serve(|_, _| None);
    let lab = Lab::of(&repository, &server, "auto");
    let mut call = Command::new(programs.path(0));
    call.args(WORK).env_clear().env("PATH", "").env("RELOCATE_HOME", lab.home()).current_dir("/");
    let output = call.output().unwrap();
    assert_eq!((output.status.code(), lab.current()), (Some(0), Some(version(1))));
    // Only what is configured is looked for: no file is made where nothing is.
    let lab = Lab::new();
    lab.call(&programs.path(0), &WORK).expect(0, &["run-time path"], &[]);
    lab.call(&programs.path(0), &["self", "status"]).expect(0, &["follows", "nothing"], &[]);
    assert!(!lab.home().exists());
}

#[test]
fn commands_about_the_program_itself_and_those_that_must_be_fast_are_run_by_this_one() {
    let programs = Programs::all();
    let repository = Repository::with(&[(&version(1), &script(&version(1), "echo entered"))]);
    let server = repository.serve(|_, _| None);
    let lab = Lab::of(&repository, &server, "auto");
    for words in [&["--version"][..], &["--self-test"], &["self", "status"], &["exec", "nowhere", "x"], &["-V"]] {
        let ran = lab.call(&programs.path(0), words).run();
        assert!(!ran.out.contains("entered") && lab.state().is_null() && server.log().is_empty(), "{words:?}");
    }
    lab.call(&programs.path(0), &["--help"]).run();
    assert!(server.log().is_empty());
    lab.call(&programs.path(0), &WORK).expect(0, &["entered"], &["takes the place"]);
    lab.call(&programs.path(0), &["--help"]).expect(0, &["entered"], &[]);
    let ran = lab.call(&programs.path(0), &["--version"]).run();
    assert_eq!(ran.out, format!("relocate {}\n", version(0)));
    // Under a peer's name it is the peer.
    let peer = lab.place.at("patchelf");
    std::os::unix::fs::symlink(programs.path(0), &peer).unwrap();
    lab.call(&peer, &["--version"]).expect(0, &["patchelf"], &[]);
}
