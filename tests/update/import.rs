//! A machine without a network: a copy of the repository is carried to it.

use crate::call::{Call, relocate};
use crate::pack::runs;
use crate::published::Made;
use serde_json::Value;
use std::fs;
use std::process::Command;

fn import(made: &Made, more: &[&str]) -> Call {
    relocate(made.0.dir(), [&["import", "app", "stick"][..], more].concat())
}

/// What somebody carries to the machine.
fn carry(made: &Made) {
    let _ = fs::remove_dir_all(made.0.at("stick"));
    crate::place::succeed(Command::new("cp").arg("-a").arg(made.0.at("repo")).arg(made.0.at("stick")));
    fs::remove_dir_all(made.0.at("stick/keys")).unwrap();
}

#[test]
fn a_copy_that_was_carried_here_is_taken_for_once() {
    let made = Made::new();
    made.publish(1);
    carry(&made);
    import(&made, &[]).expect(2, &[], &["nothing is trusted here yet", "--root-key"]);
    import(&made, &["--root-key", "stick/tuf/1.root.json"]).expect(0, &["(release 1) is current"], &[]);
    let from = |made: &Made| -> String {
        let text = fs::read(made.0.at("app/.relocate/source.json")).unwrap();
        serde_json::from_slice::<Value>(&text).unwrap()["from"].as_str().unwrap().to_owned()
    };
    assert_eq!(from(&made), made.0.at("stick").to_str().unwrap());
    made.done(&["update", "app", "--from", "repo"]);
    made.publish(2);
    carry(&made);
    import(&made, &["--dry-run"]).expect(0, &["would update:"], &[]);
    assert_eq!(runs(&made.0.at("app")), 1);
    import(&made, &[]).expect(0, &["(release 2) is current in the place of 1", "as a change from release 1"], &[]);
    assert_eq!((runs(&made.0.at("app")), from(&made)), (2, made.0.at("repo").to_str().unwrap().to_owned()));
    // Older than what was seen here already: it is refused, though what has expired is not.
    made.publish(3);
    made.done(&["update", "app"]);
    let ran = import(&made, &["--json"]).run();
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    let told: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&told["command"], &told["exit"]), (&Value::from("import"), &Value::from(1)));
    assert_eq!(runs(&made.0.at("app")), 3);
    relocate(made.0.dir(), ["import", "app", "nowhere"]).expect(2, &[], &["not a directory"]);
}
