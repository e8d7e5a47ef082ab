//! Each broken package fails in its phase, with the line that says why.

use crate::lab::{Lab, request};
use relocate::build::schedule::BuildError;

const ROWS: [(&str, &str, &str); 9] = [
    ("broken/fetch", "checksum", "Unable to fetch expected file"),
    ("broken/checksum", "checksum", "mismatch for trial-1.0.tar"),
    ("broken/nosum", "checksum", "No checksum recorded for"),
    ("broken/patch", "configure", "Patching failed due to"),
    ("broken/configure", "configure", "error: "),
    ("broken/compile", "all", "error: "),
    ("broken/link", "all", "undefined reference to"),
    ("broken/install", "stage-install", "trial-that-was-not-built"),
    ("broken/plist", "stage-install", "are in the PLIST but not in "),
];

#[test]
fn each_broken_package_is_told_with_its_phase_and_first_cause() {
    let mut lab = Lab::new();
    lab.keep_going = true;
    let mut requests: Vec<_> = ROWS.iter().map(|(path, ..)| request(path, &[])).collect();
    requests.extend([request("broken/depends", &[]), request("broken/leak", &[]), request("misc/greet", &[])]);
    let built = lab.build(&requests);
    let Err(BuildError::Failed { failures, untried }) = &built.result else { panic!("{:?}", built.result) };
    for (path, phase, cause) in ROWS {
        let failure =
            failures.iter().find(|failure| failure.pkgpath == path).unwrap_or_else(|| panic!("{path} is well"));
        assert_eq!(failure.phase, phase, "{failure}");
        let line = failure.cause.as_ref().map(|cause| cause.line.clone()).unwrap_or_default();
        assert!(line.contains(cause), "{path}: '{line}'\n{failure}");
        assert!(failure.tail.iter().all(|line| !line.contains("*** Error code") && line != "Stop."), "{failure}");
        let told = failure.to_string();
        assert!(
            told.contains(&format!("{path} failed in {phase}")) && told.contains("\nhelp: run it again with: cd "),
            "{told}"
        );
        assert!(failure.log.exists());
    }
    assert_eq!(failures.len(), ROWS.len());
    assert_eq!(*untried, ["depends-trial-1.0"]);
    let compile = failures.iter().find(|failure| failure.pkgpath == "broken/compile").unwrap();
    assert_eq!(compile.needed_by, ["depends-trial-1.0"]);
    // What does not need them is there.
    let database = lab.site.prefix.join("var/db/pkg");
    assert!(database.join("leak-trial-1.0/+CONTENTS").exists() && database.join("greet-1.2/+CONTENTS").exists());

    // And when they are no longer asked for, the prefix is that of a build without them.
    lab.build(&[request("misc/greet", &[])]).outcome();
    let contents = lab.contents();
    lab.begin_again(true);
    lab.build(&[request("misc/greet", &[])]).outcome();
    assert_eq!(lab.contents(), contents);
}

#[test]
fn the_first_failure_starts_nothing_new() {
    let mut lab = Lab::new();
    lab.jobs = 1;
    let built = lab.build(&[request("broken/compile", &[]), request("www/web", &[])]);
    let Err(BuildError::Failed { failures, untried }) = &built.result else { panic!("{:?}", built.result) };
    assert_eq!(failures.len(), 1);
    assert!(untried.contains(&"web-0.3".to_owned()), "{untried:?}");
}

#[test]
fn the_command_of_a_failure_does_it_again() {
    let lab = Lab::new();
    let built = lab.build(&[request("broken/compile", &[])]);
    let Err(BuildError::Failed { failures, .. }) = &built.result else { panic!("{:?}", built.result) };
    let ended = std::process::Command::new("/bin/sh").arg("-c").arg(&failures[0].rerun).output().unwrap();
    assert!(!ended.status.success());
    let said = String::from_utf8_lossy(&[ended.stdout, ended.stderr].concat()).into_owned();
    assert!(said.contains("error: "), "{said}");
}
