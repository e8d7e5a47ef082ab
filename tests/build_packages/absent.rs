//! Files of a package that are not on disk: removed by a script when it was added, or lost since.

use crate::lab::{Lab, request};
use crate::program;
use relocate::build::schedule::Event;
use std::fs;

#[test]
fn what_a_script_of_a_package_removes_is_no_damage_and_what_is_lost_later_is() {
    let lab = Lab::new();
    let prefix = &lab.site.prefix;
    let (tool, page) = (prefix.join("sbin/pkg_add"), prefix.join("man/man1/greet.1"));
    // What a script of the package would do, which the fixture's tools do not run.
    fs::rename(&tool, tool.with_extension("real")).unwrap();
    program::write(&tool, format!("#!/bin/sh\n\"$0.real\" \"$@\" && rm -f {}\n", page.display()), 0o755);
    let requests = [request("misc/greet", &[])];
    lab.build(&requests).outcome();
    assert!(!page.exists());
    let before = lab.contents();
    let again = lab.build(&requests);
    assert!(again.told.iter().all(|event| matches!(event, Event::Present(_))), "{:?}", again.told);
    assert_eq!((again.outcome().made.len(), lab.contents()), (0, before.clone()));

    fs::remove_file(prefix.join("bin/greet")).unwrap();
    let repaired = lab.build(&requests);
    assert!(repaired.told.contains(&Event::Repaired("greet-1.2".to_owned())), "{:?}", repaired.told);
    assert_eq!(lab.contents(), before);
}
