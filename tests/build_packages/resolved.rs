//! The graph of the fixture, as the real makefiles tell it.

use crate::lab::{Lab, request};
use crate::program;
use relocate::build::graph::GraphError;
use std::fs;

#[test]
fn the_closure_is_in_the_order_of_installation() {
    let lab = Lab::new();
    let graph = lab.graph(&[request("www/web", &[])]).unwrap();
    for (at, edges) in graph.edges.iter().enumerate() {
        assert!(edges.iter().all(|edge| *edge < at));
    }
    let web = graph.nodes.last().unwrap();
    assert_eq!(web.pkgname, "web-0.3");
    assert!(
        ["libcount-2.0nb2", "libgreet-1.4", "greet-1.2"].iter().all(|name| web.depends.contains(&(*name).to_owned()))
    );
    assert!(web.is_requested && !graph.nodes[0].is_requested);
    assert!(web.scan_depends.iter().any(|path| path.ends_with("mk/bsd.pkg.mk")));
}

#[test]
fn every_refusal_of_the_closure_is_told_at_once() {
    let lab = Lab::new();
    let requests = ["broken/option", "broken/license", "misc/toy-hello", "no/such"].map(|path| request(path, &[]));
    let Err(GraphError::Problems(problems)) = lab.graph(&requests) else { panic!("a graph") };
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let has = |words: &[&str]| told.iter().any(|line| words.iter().all(|word| line.contains(word)));
    assert!(has(&["broken/option", "One of the following options must be selected"]), "{told:#?}");
    assert!(
        has(&[
            "broken/license",
            "help: to accept it, add ACCEPTABLE_LICENSES = \"strict-fixture-license\" below [mk.append]"
        ]),
        "{told:#?}"
    );
    assert!(has(&["misc/toy-hello has several versions", "TOY_VERSION_REQD=27", "TOY_VERSION_REQD=35"]), "{told:#?}");
    assert!(has(&["the tree has no package no/such"]), "{told:#?}");
    assert_eq!(told.len(), 4, "{told:#?}");
}

#[test]
fn answers_are_kept_until_a_makefile_changes() {
    let lab = Lab::new();
    let bmake = lab.site.prefix.join("bin/bmake");
    let graph = lab.graph(&[request("www/web", &[])]).unwrap();
    // With a bmake that answers nothing, only what was kept can be the answer.
    let kept = fs::read(&bmake).unwrap();
    program::write(&bmake, "#!/bin/sh\nexit 1\n", 0o755);
    assert_eq!(lab.graph(&[request("www/web", &[])]).unwrap(), graph);
    lab.set("PKG_OPTIONS.web= plain-words");
    assert!(lab.graph(&[request("www/web", &[])]).is_err());
    program::write(&bmake, kept, 0o755);
    assert_eq!(lab.graph(&[request("www/web", &[])]).unwrap(), graph);
}

#[test]
fn keys_count_what_a_package_is_made_from() {
    let lab = Lab::new();
    let graph = lab.graph(&[request("www/web", &[])]).unwrap();
    let before = lab.keys(&graph);
    let changed = |after: &[relocate::base::digest::Digest]| -> Vec<String> {
        let differ = graph.nodes.iter().zip(before.iter().zip(after)).filter(|(_, (one, other))| one != other);
        differ.map(|(node, _)| node.pkgname.clone()).collect()
    };
    lab.set("# only talk\nMAKE_JOBS= 7\nPKG_OPTIONS.other= x");
    assert_eq!(changed(&lab.keys(&graph)), Vec::<String>::new());
    lab.set("PKG_OPTIONS.greet= loud");
    assert_eq!(changed(&lab.keys(&graph)), ["greet-1.2", "web-0.3"]);
    lab.set("CFLAGS+= -DX");
    assert_eq!(changed(&lab.keys(&graph)).len(), graph.nodes.len());
}
