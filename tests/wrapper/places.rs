//! The script from everywhere: other directories, symlinks, `PATH`, `CDPATH`, paths nobody thought of.

use crate::lab::{Getter, Lab, SHELLS, ran, tool};
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

#[test]
fn it_finds_its_properties_from_everywhere() {
    let one = tool("1.0");
    for name in ["plain", "with blank", "-n", "line\nfeed\n", "*", "$(id)", "~", "\\x", "caf\u{e9}"] {
        let lab = Lab::called(name);
        lab.pin(&one, &[&lab.file("tool", &one)]);
        let place = lab.place.dir().to_owned();
        symlink(lab.project.join("relocatew"), lab.place.at("first")).unwrap();
        fs::create_dir(lab.place.at("bin")).unwrap();
        symlink("../first", lab.place.at("bin/second")).unwrap();
        symlink(&lab.project, lab.place.at("dir")).unwrap();
        let inside = lab.project.join("deep/er");
        fs::create_dir_all(&inside).unwrap();
        for shell in SHELLS {
            for (dir, script) in [
                (&place, lab.project.join("relocatew")),
                (&place, format!("./{name}/relocatew").into()),
                (&lab.project, "./relocatew".into()),
                (&lab.project, "relocatew".into()),
                (&inside, "../../relocatew".into()),
                (&place, "first".into()),
                (&place, "bin/second".into()),
                (&place, "dir/relocatew".into()),
            ] {
                let mut command = lab.started(shell, Getter::Nothing, &script);
                let done = ran(command.arg("say").arg("RELOCATE_WRAPPER").current_dir(dir).env("CDPATH", &place));
                let wanted = fs::canonicalize(&lab.project).unwrap().join("relocatew.properties");
                assert!(done.out.ends_with(wanted.to_str().unwrap()), "{shell:?} {name:?} {script:?} {done:?}");
            }
        }
    }
}

#[test]
fn it_is_a_program_of_its_own() {
    let one = tool("1.0");
    let lab = Lab::new();
    lab.pin(&one, &[&lab.file("tool", &one)]);
    // By its own first line, from PATH.
    let path = lab.path(Getter::Nothing, &["sha256sum", "env"]);
    symlink(lab.project.join("relocatew"), path.join("relocatew")).unwrap();
    let mut command = Command::new(path.join("env"));
    command.arg("relocatew").env_clear().env("PATH", &path).env("RELOCATE_HOME", lab.home());
    assert!(ran(&mut command).is_tool("1.0"));
    // Nothing of the usual environment is needed, nor is the directory it is started in.
    let gone = lab.place.at("gone");
    fs::create_dir(&gone).unwrap();
    let script = lab.project.join("relocatew");
    let mut command = Command::new("sh");
    command
        .args(["-c", "cd \"$1\"; rmdir \"$1\"; exec \"$2\"", "sh"])
        .args([&gone, &script])
        .env("RELOCATE_HOME", lab.home());
    let done = ran(&mut command);
    assert!(done.out.starts_with("tool 1.0"), "{done:?}");
}
