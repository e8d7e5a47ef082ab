//! What a release holds, and what becomes of the one before when the new one fails.

use crate::call::relocate;
use crate::lab::{Lab, request, text};
use serde_json::json;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::process::Command;

fn with_docs(reference: &str) -> serde_json::Value {
    json!({ "format": 1, "app": "web", "ref": reference, "docs": true })
}

const PAGES: &str = "docs = [[\"bin/pages\", \"{docs}\"]]\ndocs-into = \"share/web\"";

/// What a program says; a path that stands in the place of a longer one has slashes before it.
fn output(program: impl AsRef<std::path::Path>) -> String {
    let ran = Command::new(program.as_ref()).output().unwrap();
    let said = String::from_utf8(ran.stdout).unwrap();
    let path = said.trim().trim_start_matches('/');
    if said.starts_with('/') { format!("/{path}") } else { path.to_owned() }
}

#[test]
fn a_release_has_the_commit_on_top_of_the_base_and_nobody_may_write_to_it() {
    let lab = Lab::new();
    lab.policy(&lab.on_base());
    lab.deploy("main");
    let release = lab.root().join("r/1");
    assert_eq!((lab.page().as_str(), output(lab.current("app/bin/run")).as_str()), ("one", "one"));
    assert_eq!(text(lab.current("app/.hidden")), "a file whose name begins with a dot\n");
    // The base's program names the path of this release, not that of the base.
    assert_eq!(output(lab.current("bin/where")), release.to_str().unwrap());
    assert_eq!(fs::metadata(lab.current("app/page.html")).unwrap().mode() & 0o7777, 0o444);
    assert_eq!(fs::metadata(lab.current("app")).unwrap().mode() & 0o7777, 0o555);
    // What does not depend on the path is there once.
    let data = [lab.place.at("base/share/data"), lab.current("share/data")].map(|path| fs::metadata(path).unwrap());
    relocate(lab.place.dir(), ["verify", release.to_str().unwrap()]).expect(0, &["every byte"], &[]);
    lab.commit("main", "two");
    lab.deploy("main");
    assert_eq!(fs::metadata(lab.current("share/data")).unwrap().len(), data[0].len());
    relocate(lab.place.dir(), ["releases", "srv"]).expect(0, &["main@"], &[]);
    relocate(lab.place.dir(), ["rollback", "srv"]).expect(0, &["release 1"], &[]);
    assert_eq!(lab.page(), "one");
    lab.deploy("main");
    assert_eq!(
        (lab.page().as_str(), output(lab.current("bin/where"))),
        ("two", lab.root().join("r/3").display().to_string())
    );
}

/// Who runs it is another user than who deploys it.
#[test]
fn every_user_may_read_a_release_with_a_base_or_without() {
    let lab = Lab::new();
    for (policy, number) in [(String::new(), 1), ("into = \".\"".to_owned(), 2), (lab.on_base(), 3)] {
        lab.policy(&policy);
        lab.deploy("main");
        let release = lab.root().join(format!("r/{number}"));
        for name in
            ["", if number == 2 { "bin" } else { "app/bin" }, if number == 2 { "bin/run" } else { "app/bin/run" }]
        {
            let mode = fs::metadata(release.join(name)).unwrap().mode() & 0o7777;
            assert_eq!(mode, 0o555, "{policy}: {name} has mode {mode:o}");
        }
    }
    for name in ["", "r"] {
        assert_eq!(fs::metadata(lab.root().join(name)).unwrap().mode() & 0o055, 0o055, "{name}");
    }
}

#[test]
fn documentation_is_built_into_the_same_release_by_the_release_itself() {
    let lab = Lab::new();
    lab.policy(&format!("{}\n{PAGES}", lab.on_base()));
    let answer = lab.ask("alice", &with_docs("main")).expect(0, "is release 1");
    assert!(answer.log.contains(&"making pages".to_owned()), "{:?}", answer.log);
    assert_eq!(text(lab.current("share/web/index.html")), "one\n");
    let time = lab.git(&["-C", "work", "log", "-1", "--format=%ct"]);
    assert_eq!(text(lab.current("share/web/time")).trim(), time);
    relocate(lab.place.dir(), ["verify", "srv/r/1"]).expect(0, &["every byte"], &[]);
    // Not asked for, not built.
    lab.deploy("main");
    assert!(!lab.current("share/web").exists());
}

#[test]
fn documentation_that_fails_hangs_or_writes_elsewhere_leaves_the_old_release_live() {
    let lab = Lab::new();
    lab.policy(&lab.on_base());
    lab.deploy("main");
    lab.commit("main", "two");
    for (docs, why) in [
        (r#"docs = [["/bin/sh", "-c", "echo a line; echo no such chapter >&2; exit 3"]]"#, "exited with 3"),
        (r#"docs = [["/bin/sh", "-c", "kill -9 $$"]]"#, "was killed by signal 9"),
        ("docs = [[\"/bin/sh\", \"-c\", \"sleep 600 & sleep 600\"]]\ndocs-seconds = 1", "still running after 1 s"),
        (r#"docs = [["bin/none"]]"#, "cannot be started"),
        (r#"docs = [["/bin/sh", "-c", "echo x >\"$RELOCATE_RELEASE/lost\""]]"#, "wrote 'lost'"),
        (r#"docs = [["/bin/mkfifo", "{docs}/pipe"]]"#, "a named pipe"),
        (r#"docs = [["/bin/sh", "-c", "chmod u+s \"$RELOCATE_CHECKOUT/bin/run\""]]"#, "refused"),
        // A file of the base, whose bytes other releases share.
        (r#"docs = [["/bin/sh", "-c", "rm -f ../share/data; echo x >../share/data"]]"#, "share/data"),
    ] {
        lab.policy(&format!("{}\n{docs}\ndocs-into = \"share/web\"", lab.on_base()));
        let answer = lab.ask("alice", &with_docs("main"));
        assert!(answer.end["message"].as_str().unwrap().contains(why), "{docs}: {}", answer.end);
        assert_ne!(answer.ran.code, Some(0));
        assert_eq!((lab.page(), lab.releases()), ("one".to_owned(), vec!["1".to_owned()]), "{docs}");
        lab.expect_audit(&[("result", json!("failed"))]);
    }
    lab.policy(&format!("{}\n{PAGES}", lab.on_base()));
    lab.ask("alice", &with_docs("main")).expect(0, "is release 2 in the place of 1");
    assert_eq!(lab.page(), "two");
}

#[test]
fn what_the_build_of_documentation_says_is_told_and_kept() {
    let lab = Lab::new();
    lab.policy(
        r#"docs = [["/bin/echo", "first"], ["/bin/sh", "-c", "echo a line; echo no such chapter >&2; exit 3"]]"#,
    );
    let answer = lab.ask("alice", &with_docs("main")).expect(5, "exited with 3");
    let told: Vec<_> =
        answer.log.iter().filter(|line| ["first", "a line", "no such chapter"].contains(&line.as_str())).collect();
    assert_eq!(told.len(), 3, "{:?}", answer.log);
    assert_eq!(text(lab.root().join(".relocate/docs.log")), "first\na line\nno such chapter\n");
    lab.policy("");
    lab.ask("alice", &with_docs("main")).expect(1, "does not say how the documentation of web is built");
}

#[test]
fn a_release_that_is_not_well_is_gone_back_from_with_exit_code_6() {
    let lab = Lab::new();
    let hooks = |health: &str| {
        let log = lab.place.at("hooks");
        format!(
            "[app.web.hooks]\nactivate = [[\"/bin/sh\", \"-c\", \"echo $RELOCATE_SERIAL >>{}\"]]\nhealth = [{health}]\nseconds = 2",
            log.display()
        )
    };
    lab.policy(&hooks("[\"/bin/true\"]"));
    lab.deploy("main");
    lab.commit("main", "two");
    lab.policy(&hooks("[\"/bin/grep\", \"-q\", \"one\", \"app/page.html\"]"));
    let answer = lab.ask("alice", &request("main")).expect(6, "release 1 is current again");
    assert_eq!(answer.end["serial"], json!(2));
    assert_eq!((lab.page().as_str(), text(lab.place.at("hooks")).as_str()), ("one", "1\n2\n1\n"));
    lab.expect_audit(&[("result", json!("returned"))]);
    lab.policy(&hooks("[\"/bin/true\"]"));
    lab.ask("alice", &request("main")).expect(0, "is release 3 in the place of 1");
    assert_eq!(lab.page(), "two");
}

#[test]
fn what_no_release_may_have_is_not_deployed() {
    let lab = Lab::new();
    lab.policy(&lab.on_base());
    lab.deploy("main");
    // A commit with a way out is only a link; it is kept as it is and nothing follows it.
    symlink("/etc/passwd", lab.place.at("work/out")).unwrap();
    lab.commit("main", "two");
    lab.deploy("main");
    assert_eq!(fs::read_link(lab.current("app/out")).unwrap().to_str(), Some("/etc/passwd"));
    lab.policy(&format!("{}\ninto = \"bin\"", lab.on_base()));
    lab.ask("alice", &request("main")).expect(3, "the base has 'bin");
    lab.policy("into = \".\"");
    fs::create_dir(lab.place.at("work/.relocate")).unwrap();
    fs::write(lab.place.at("work/.relocate/manifest.json"), "{}").unwrap();
    lab.commit("main", "three");
    let answer = lab.ask("alice", &request("main"));
    assert_ne!(answer.ran.code, Some(0), "{}", answer.end);
    assert_eq!((lab.page().as_str(), lab.releases()), ("two", vec!["1".to_owned(), "2".to_owned()]));
}

#[test]
fn a_base_that_was_edited_is_not_taken() {
    let lab = Lab::new();
    lab.policy(&lab.on_base());
    crate::place::chmod(lab.place.at("base/share/data"), 0o644);
    fs::write(lab.place.at("base/share/data"), vec![8; 100_000]).unwrap();
    lab.ask("alice", &request("main")).expect(4, "share/data");
    assert!(lab.releases().is_empty());
}

#[test]
fn a_submodule_is_told_of_and_a_commit_without_a_base_stands_alone() {
    let lab = Lab::new();
    lab.policy("into = \".\"");
    let commit = lab.git(&["-C", "work", "rev-parse", "HEAD"]);
    lab.git(&["-C", "work", "update-index", "--add", "--cacheinfo", &format!("160000,{commit},vendor/lib")]);
    lab.git(&["-C", "work", "commit", "-q", "-m", "a submodule"]);
    lab.git(&["-C", "work", "push", "-q", "origin", "main"]);
    let answer = lab.deploy("main");
    assert!(answer.log.iter().any(|line| line.contains("'vendor/lib' is a submodule")), "{:?}", answer.log);
    assert_eq!(text(lab.current("page.html")), "one\n");
    relocate(lab.place.dir(), ["verify", "srv/r/1"]).expect(0, &["every byte"], &[]);
}

#[test]
fn a_directory_that_follows_a_repository_gets_no_releases_of_another_kind() {
    let lab = Lab::new();
    fs::create_dir_all(lab.root().join(".relocate")).unwrap();
    let source =
        json!({ "format": 1, "from": "https://u:secret@example.org/x", "app": "a", "channel": "stable", "keep": 3 });
    fs::write(lab.root().join(".relocate/source.json"), source.to_string()).unwrap();
    let answer = lab.ask("alice", &request("main")).expect(2, "follows the repository https://example.org/x");
    assert!(!answer.end.to_string().contains("secret"));
}

/// Such as `-o DIR/` makes, or tar: nothing was written into it yet, and no release needs that.
#[test]
fn a_base_that_was_only_unpacked_will_do() {
    let lab = Lab::new();
    fs::create_dir(lab.place.at("unpacked")).unwrap();
    crate::place::succeed(
        Command::new("tar").arg("xf").arg(lab.place.at("base.tar.gz")).arg("-C").arg(lab.place.at("unpacked")),
    );
    let name = crate::place::names(&lab.place.at("unpacked")).pop().unwrap();
    let base = fs::canonicalize(lab.place.at("unpacked")).unwrap().join(name);
    lab.policy(&format!("base = \"{}\"", base.display()));
    lab.deploy("main");
    assert_eq!(output(lab.current("bin/where")), lab.root().join("r/1").display().to_string());
    relocate(lab.place.dir(), ["verify", "srv/r/1"]).expect(0, &["every byte"], &[]);
    relocate(lab.place.dir(), ["verify", base.to_str().unwrap()]).expect(0, &["every byte"], &[]);
}
