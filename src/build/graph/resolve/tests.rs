use super::*;

fn record(pkgpath: &str, pkgname: &str, multi: &[(&str, &str)], wants: &[(&str, &str)]) -> Record {
    let owned = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    Record {
        pkgpath: pkgpath.to_owned(),
        pkgname: pkgname.to_owned(),
        multi: owned(multi),
        wants: owned(wants),
        fail: None,
        skip: None,
        scan_depends: Vec::new(),
        usergroup_phase: None,
        is_bootstrap: false,
    }
}

fn records(list: Vec<Record>) -> Records {
    let mut records = Records::new();
    for record in list {
        records.entry(record.pkgpath.clone()).or_default().push(record);
    }
    records
}

fn request(pkgpath: &str, multi: &[(&str, &str)]) -> Request {
    let multi = multi.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Request { pkgpath: pkgpath.to_owned(), multi }
}

fn toys() -> Records {
    records(vec![
        record("a/hello", "toy27-hello-1", &[("TOY", "27")], &[("toy27-[0-9]*", "l/toy27")]),
        record("a/hello", "toy35-hello-1", &[("TOY", "35")], &[("toy35>=3", "l/toy35")]),
        record("l/toy27", "toy27-2.7", &[], &[]),
        record("l/toy35", "toy35-3.5", &[], &[]),
        record("m/all", "all-1", &[], &[("toy35-hello>=1", "a/hello"), ("toy27>=2<3", "l/toy27")]),
    ])
}

fn problems(records: &Records, requests: &[Request]) -> Vec<String> {
    match resolve(records, requests) {
        Err(GraphError::Problems(problems)) => problems.iter().map(ToString::to_string).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_need_takes_the_version_its_pattern_matches() {
    let graph = resolve(&toys(), &[request("m/all", &[])]).unwrap();
    let names: Vec<_> = graph.nodes.iter().map(|node| node.pkgname.as_str()).collect();
    assert_eq!(names, ["toy27-2.7", "toy35-3.5", "toy35-hello-1", "all-1"]);
    assert_eq!(graph.edges, [vec![], vec![], vec![1], vec![0, 2]]);
    assert_eq!(graph.nodes[3].depends, ["toy27-2.7", "toy35-hello-1"]);
    assert_eq!(graph.nodes[2].multi, [("TOY".to_owned(), "35".to_owned())]);
    assert_eq!(graph.needed_by(1), ["toy35-hello-1", "all-1"]);
    assert!(graph.nodes[3].is_requested && !graph.nodes[2].is_requested);
}

#[test]
fn a_request_takes_the_version_its_variables_leave() {
    let graph = resolve(&toys(), &[request("a/hello", &[("TOY", "27")])]).unwrap();
    assert_eq!(graph.nodes[1].pkgname, "toy27-hello-1");
}

#[test]
fn versions_that_are_not_chosen_are_told() {
    let told = problems(&toys(), &[request("a/hello", &[]), request("a/hello", &[("TOY", "36")])]);
    assert_eq!(
        told,
        [
            "a/hello has several versions and none is chosen\nhelp: choose one of toy27-hello-1 (TOY=27), toy35-hello-1 (TOY=35)",
            "a/hello has no version with TOY=36\nhelp: there is toy27-hello-1 (TOY=27), toy35-hello-1 (TOY=35)",
        ]
    );
}

#[test]
fn versions_of_one_name_mean_the_default() {
    let list =
        records(vec![record("w/web", "web-1", &[("P", "5")], &[]), record("w/web", "web-1", &[("P", "4")], &[])]);
    assert_eq!(resolve(&list, &[request("w/web", &[])]).unwrap().nodes[0].multi[0].1, "5");
    assert_eq!(resolve(&list, &[request("w/web", &[("P", "4")])]).unwrap().nodes[0].multi[0].1, "4");
}

#[test]
fn the_better_version_wins_and_the_first_of_equals() {
    let list = records(vec![
        record("d/lib", "lib-1.9", &[("V", "1")], &[]),
        record("d/lib", "lib-1.10", &[("V", "2")], &[]),
        record("d/lib", "lib-1.10", &[("V", "3")], &[]),
    ]);
    assert_eq!(best(&list, "lib>=1", "d/lib"), Some(1));
    assert_eq!(best(&list, "lib<1.10", "d/lib"), Some(0));
    assert_eq!(best(&list, "lib>2", "d/lib"), None);
    assert_eq!(best(&list, "lib>=<=", "d/lib"), None);
}

#[test]
fn every_refusal_is_told_with_who_needs_it_and_the_line_that_accepts_a_licence() {
    let mut list = toys();
    list.get_mut("l/toy27").unwrap()[0].fail =
        Some("no: \"You can mark the license ``strict'' as acceptable by adding\" \"    ACCEPTABLE_LICENSES+= strict\" \"to mk.conf.\"".to_owned());
    list.get_mut("a/hello").unwrap()[1].skip = Some("for others".to_owned());
    let told = problems(&list, &[request("m/all", &[])]);
    assert_eq!(told.len(), 2);
    assert_eq!(told[0], "a/hello (toy35-hello-1) cannot be built (needed by all-1): for others");
    assert!(told[1].starts_with("l/toy27 (toy27-2.7) cannot be built (needed by all-1): no: "), "{}", told[1]);
    assert!(
        told[1].ends_with("\nhelp: to accept it, add ACCEPTABLE_LICENSES = \"strict\" below [mk.append]"),
        "{}",
        told[1]
    );
    // What is refused for another version is nobody's business.
    assert!(resolve(&list, &[request("l/toy35", &[])]).is_ok());
}

#[test]
fn needs_nothing_matches_and_cycles_are_told() {
    let list = records(vec![
        record("a/one", "one-1", &[], &[("two>=2", "a/two")]),
        record("a/two", "two-1", &[], &[]),
        record("b/x", "x-1", &[], &[("y-[0-9]*", "b/y")]),
        record("b/y", "y-1", &[], &[("x-[0-9]*", "b/x")]),
    ]);
    assert_eq!(problems(&list, &[request("a/one", &[])]), ["one-1 needs two>=2, but a/two has two-1"]);
    assert_eq!(problems(&list, &[request("b/x", &[])]), ["packages need each other: x-1 -> y-1 -> x-1"]);
}
