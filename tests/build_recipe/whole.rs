//! From the recipe to programs that run somewhere else.

use crate::lab::{Lab, Ran};
use std::fs;
use std::process::Command;

fn says(program: &std::path::Path, arguments: &[&str]) -> String {
    let ran = Ran::of(Command::new(program).args(arguments).env_clear());
    ran.expect(0, &[], &[]).out
}

#[test]
fn a_recipe_becomes_an_archive_whose_programs_run_elsewhere() {
    let lab = Lab::new();
    let packages =
        r#""misc/greet", "www/web", "misc/tally", { path = "misc/toy-hello", with = { TOY_VERSION_REQD = "27" } }"#;
    let more = "[options]\ngreet = \"loud\"\nweb = \"plain-words status-page\"\n\n[smoke]\ncommands = [\"bin/greet world\", \"sbin/web\"]\n";
    lab.recipe(packages, more);
    let ran = lab.build(&[]).expect(
        0,
        &["ready: ", "toy.tar.gz", "bin/greet world"],
        &["== bootstrap", "greet-1.2: building"],
    );
    assert!(!ran.err.contains("error"), "{}", ran.all());

    let lock = fs::read_to_string(lab.lock()).unwrap();
    for line in
        ["[packages.\"misc/greet\"]", "options = [\"loud\"]", "[packages.\"misc/toy-hello TOY_VERSION_REQD=27\"]"]
    {
        assert!(lock.contains(line), "{line}\n{lock}");
    }
    let place = lab.install("elsewhere");
    lab.without_prefix(|| {
        assert!(says(&place.join("bin/greet"), &["world"]).contains("WORLD"));
        assert!(!says(&place.join("sbin/web"), &[]).is_empty());
        assert!(!says(&place.join("bin/toy2.7"), &[]).is_empty());
        assert!(fs::read_to_string(place.join("share/web/plain.txt")).unwrap().contains("plain"));
    });

    let (before, stamp) = (lab.digest(), fs::metadata(lab.lock()).unwrap().modified().unwrap());
    let again =
        lab.build(&["--locked"]).expect(0, &["ready: "], &["greet-1.2: there already", "web-0.3: there already"]);
    assert!(!again.err.contains(": building"), "{}", again.all());
    assert_eq!(lab.digest(), before);
    assert_eq!(fs::metadata(lab.lock()).unwrap().modified().unwrap(), stamp);

    // From nothing but the recipe and its lock.
    fs::remove_dir_all(lab.work()).unwrap();
    fs::remove_dir_all(&lab.prefix).unwrap();
    lab.build(&["--locked", "--quiet"]).expect(0, &[], &[]);
    assert_eq!(lab.digest(), before);
}
