//! Packages of a pkgsrc-shaped tree, built for real: makefiles by bmake, a compiler, package tools and a database.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod absent;
mod broken;
mod killed;
mod lab;
#[path = "../program/mod.rs"]
mod program;
mod real;
mod resolved;

use lab::{Lab, request};
use relocate::base::child::Cancel;
use relocate::build::installed;
use relocate::build::schedule::{self, BuildError, Event, Listener, Order};
use relocate::build::store::DirStore;
use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

const MADE: [&str; 7] =
    ["digest-20121220", "libcount-2.0nb2", "libgreet-1.4", "greet-1.2", "rot-13", "tally-0.9", "web-0.3"];

fn web() -> Vec<relocate::build::graph::Request> {
    vec![request("misc/greet", &[]), request("www/web", &[])]
}

#[test]
fn one_and_two_at_a_time_install_the_same_bytes() {
    let mut lab = Lab::new();
    lab.jobs = 1;
    let requests = [request("meta-pkgs/demo", &[]), request("misc/greet", &[])];
    let built = lab.build(&requests);
    let made = built.names(&built.outcome().made);
    for name in MADE {
        assert!(made.contains(&name), "{name}: {made:?}");
    }
    let said = Command::new(lab.site.prefix.join("bin/greet")).arg("you").output().unwrap();
    assert!(said.status.success(), "{said:?}");
    let database = lab.site.prefix.join("var/db/pkg");
    assert!(database.join("libgreet-1.4/+INSTALLED_INFO").exists());
    assert!(!database.join("greet-1.2/+INSTALLED_INFO").exists());
    let info = fs::read_to_string(database.join("greet-1.2/+BUILD_INFO")).unwrap();
    assert!(info.contains("BUILD_DATE=2014-11-01 12:00:00 +0000\nBUILD_HOST=localhost\n"), "{info}");
    let first = lab.contents();

    lab.jobs = 2;
    lab.begin_again(false);
    let second = lab.build(&requests);
    assert_eq!(second.outcome().made, built.outcome().made);
    assert_eq!(lab.contents(), first);
    // What was made can be seen in the logs and is gone from among the objects.
    assert!(lab.site.work.join("logs/misc_greet/greet-1.2/2-configure.log").exists());
    assert!(!lab.site.work.join("obj/greet-1.2").exists());
}

#[test]
fn a_second_run_makes_and_adds_nothing() {
    let lab = Lab::new();
    lab.build(&web()).outcome();
    let before = lab.contents();
    let again = lab.build(&web());
    let outcome = again.outcome();
    assert!(outcome.made.is_empty() && outcome.cached.is_empty(), "{outcome:?}");
    assert_eq!(outcome.present.len(), again.graph.nodes.len());
    assert!(again.told.iter().all(|event| matches!(event, Event::Present(_))), "{:?}", again.told);
    assert_eq!(lab.contents(), before);

    // A new prefix takes its packages from those that were kept, and is the same.
    lab.begin_again(true);
    let cached = lab.build(&web());
    assert!(cached.outcome().made.is_empty());
    assert_eq!(
        cached.names(&cached.outcome().cached),
        ["digest-20121220", "libcount-2.0nb2", "libgreet-1.4", "greet-1.2", "web-0.3"]
    );
    assert_eq!(lab.contents(), before);
}

#[test]
fn packages_of_others_are_taken_and_damaged_ones_made_anew() {
    let lab = Lab::new();
    let far = DirStore::new(&lab.dir.join("far"));
    let built = lab.build_with(&web(), Some(&far));
    let key = lab.keys(&built.graph)[built.graph.nodes.iter().position(|node| node.pkgname == "libgreet-1.4").unwrap()];
    let whole = fs::read(far.place(key)).unwrap();
    fs::write(far.place(key), &whole[..whole.len() / 2]).unwrap();
    lab.begin_again(false);
    let again = lab.build_with(&web(), Some(&far));
    assert_eq!(again.names(&again.outcome().made), ["libgreet-1.4"]);
    assert_eq!(again.outcome().cached.len(), built.outcome().made.len() - 1);
    assert!(again.told.iter().any(|event| matches!(event, Event::StoreFailed(text) if text.contains("damaged"))));
}

#[test]
fn a_changed_option_remakes_only_what_depends_on_it() {
    let lab = Lab::new();
    lab.build(&web()).outcome();
    let plain = lab.contents();
    lab.set("PKG_OPTIONS.greet=\tloud");
    let loud = lab.build(&web());
    assert_eq!(loud.names(&loud.outcome().made), ["greet-1.2", "web-0.3"]);
    assert_ne!(lab.contents(), plain);
    // And back: nothing is made, and the prefix is what it was.
    lab.set("PKG_OPTIONS.greet=");
    let back = lab.build(&web());
    assert_eq!(back.names(&back.outcome().cached), ["greet-1.2", "web-0.3"]);
    assert_eq!(lab.contents(), plain);
}

#[test]
fn what_is_no_longer_asked_for_is_taken_out() {
    let lab = Lab::new();
    lab.build(&web()).outcome();
    let built = lab.build(&[request("misc/greet", &[])]);
    assert!(built.told.contains(&Event::Removed("web-0.3".to_owned())), "{:?}", built.told);
    let contents = lab.contents();
    lab.begin_again(true);
    lab.build(&[request("misc/greet", &[])]).outcome();
    assert_eq!(lab.contents(), contents);
}

#[test]
fn two_versions_of_one_package_are_made_side_by_side() {
    let lab = Lab::new();
    let versions = [("TOY_VERSION_REQD", "27"), ("TOY_VERSION_REQD", "35")];
    let requests: Vec<_> = versions.iter().map(|version| request("misc/toy-hello", &[*version])).collect();
    let built = lab.build(&requests);
    let made = built.names(&built.outcome().made);
    assert!(made.contains(&"toy27-hello-1.0") && made.contains(&"toy35-hello-1.0"), "{made:?}");
}

#[test]
fn what_was_asked_for_needs_no_tools_of_the_build_to_run() {
    let lab = Lab::new();
    lab.build(&web()).outcome();
    let database = installed::location(&lab.site, "www/web", &Cancel::default()).unwrap();
    let packages = installed::read(&database).unwrap();
    let kept = installed::closure(&packages, &BTreeSet::from(["greet-1.2".to_owned()]));
    assert_eq!(kept.into_iter().collect::<Vec<_>>(), ["greet-1.2", "libgreet-1.4"]);
}

/// Asks to stop when a package is compiled.
struct Stopper(Cancel);

impl Listener for Stopper {
    fn event(&self, event: &Event) {
        if matches!(event, Event::Phase(_, "all")) {
            self.0.cancel();
        }
    }
}

#[test]
fn a_build_that_is_asked_to_stop_stops_and_goes_on_later() {
    let lab = Lab::new();
    let graph = lab.graph(&web()).unwrap();
    let stopper = Stopper(Cancel::default());
    let order = Order {
        site: &lab.site,
        graph: &graph,
        keys: &lab.keys(&graph),
        near: &lab.near(),
        far: None,
        jobs: 2,
        keep_going: false,
        epoch: lab::EPOCH,
        listener: &stopper,
        cancel: &stopper.0,
    };
    assert!(matches!(schedule::build(&order), Err(BuildError::Cancelled)));
    lab.build(&web()).outcome();
}
