//! The same questions to a real tree: RELOCATE_PKGSRC names it, RELOCATE_PKGSRC_PREFIX a prefix it was bootstrapped into.
//! Without them the fixture answers. RELOCATE_PKGSRC_MAY_CHANGE says that packages may be added to the prefix; the variables of
//! RELOCATE_PKGSRC_ENVIRONMENT (`A=b C=d`) are those of the recipe, RELOCATE_PKGSRC_PACKAGES the package paths to build.

use crate::lab::{Lab, fixture, request};
use pkgsrc::Plist;
use relocate::base::child::Cancel;
use relocate::build::installed;
use relocate::build::schedule::Event;
use std::env;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

#[test]
fn a_tree_is_asked_for_its_graph_and_its_database() {
    let mut lab = Lab::new();
    let tree = env::var_os("RELOCATE_PKGSRC").map(PathBuf::from);
    let requests = match (&tree, env::var_os("RELOCATE_PKGSRC_PREFIX")) {
        (Some(tree), Some(prefix)) => {
            lab.site.tree.clone_from(tree);
            lab.site.prefix = PathBuf::from(prefix);
            let python = [("PYTHON_VERSION_REQD", "27")];
            let mut requests: Vec<_> = ["www/nginx", "lang/python27", "textproc/libxml2", "databases/redis"]
                .map(|path| request(path, &[]))
                .to_vec();
            requests.extend(["devel/py-readline", "databases/py-ldap"].map(|path| request(path, &python)));
            requests
        }
        _ => vec![request("meta-pkgs/demo", &[])],
    };
    let begun = Instant::now();
    let graph = lab.graph(&requests).unwrap_or_else(|error| panic!("{error}"));
    eprintln!("{} packages, scanned in {} s", graph.nodes.len(), begun.elapsed().as_secs());
    let begun = Instant::now();
    assert_eq!(lab.graph(&requests).unwrap(), graph);
    eprintln!("again in {} ms", begun.elapsed().as_millis());
    let begun = Instant::now();
    let keys = lab.keys(&graph);
    eprintln!("keys in {} ms", begun.elapsed().as_millis());
    let begun = Instant::now();
    assert_eq!(lab.keys(&graph), keys);
    eprintln!("again in {} ms", begun.elapsed().as_millis());
    for (node, key) in graph.nodes.iter().zip(&keys) {
        eprintln!("{key:.8} {} {} {:?}", node.pkgpath, node.pkgname, node.multi);
    }
    assert!(graph.nodes.len() >= requests.len());
    assert!(requests.iter().all(|request| graph.nodes.iter().any(|node| node.pkgpath == request.pkgpath)));

    let database = installed::location(&lab.site, &requests[0].pkgpath, &Cancel::default()).unwrap();
    let packages = installed::read(&database).unwrap();
    assert!(packages.keys().any(|name| name.starts_with("bmake-")), "{packages:?}");
    for (name, package) in &packages {
        assert_eq!((&package.damage, package.absent.as_slice()), (&None, &[][..]), "{name}");
    }
    assert_eq!(lab.site.tree == fixture(), tree.is_none());
}

/// Packages whose sources lie in the tree.
const WITHOUT_ARCHIVES: [&str; 8] = [
    "pkgtools/digest",
    "archivers/bsdtar",
    "devel/nbpatch",
    "devel/sysexits",
    "games/fortune-strfile",
    "print/papersize",
    "sysutils/free",
    "sysutils/install-sh",
];

#[test]
fn packages_are_made_from_a_tree_and_made_once() {
    let mut lab = Lab::new();
    lab.keep_going = true;
    let mut requests = vec![request("meta-pkgs/demo", &[])];
    if let (Some(tree), Some(prefix), Some(_)) = (
        env::var_os("RELOCATE_PKGSRC"),
        env::var_os("RELOCATE_PKGSRC_PREFIX"),
        env::var_os("RELOCATE_PKGSRC_MAY_CHANGE"),
    ) {
        lab.site.tree = PathBuf::from(tree);
        lab.site.prefix = PathBuf::from(prefix);
        let variables = env::var("RELOCATE_PKGSRC_ENVIRONMENT").unwrap_or_default();
        lab.site.environment = variables
            .split_ascii_whitespace()
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        let listed = env::var("RELOCATE_PKGSRC_PACKAGES").unwrap_or_else(|_| WITHOUT_ARCHIVES.join(" "));
        requests = listed.split_ascii_whitespace().map(|path| request(path, &[])).collect();
    }
    let begun = Instant::now();
    let built = lab.build(&requests);
    eprintln!("{} s", begun.elapsed().as_secs());
    eprintln!("made {:?}", built.names(&built.outcome().made));
    eprintln!("present {:?}", built.names(&built.outcome().present));
    let again = lab.build(&requests);
    assert!(again.outcome().made.is_empty() && again.outcome().cached.is_empty(), "{:?}", again.outcome());

    // A package of the middle that has lost a file is put right, and nothing tells of it afterwards.
    let contents = lab.contents();
    let made = &built.outcome().made;
    let broken = built.graph.nodes[made[made.len() / 2]].pkgname.clone();
    let database = installed::location(&lab.site, &requests[0].pkgpath, &Cancel::default()).unwrap();
    let list = Plist::from_bytes(&fs::read(database.join(&broken).join("+CONTENTS")).unwrap()).unwrap();
    fs::remove_file(list.files_prefixed().next().unwrap()).unwrap();
    let repaired = lab.build(&requests);
    assert!(repaired.outcome().made.is_empty(), "{:?}", repaired.outcome());
    assert!(repaired.told.contains(&Event::Repaired(broken)), "{:?}", repaired.told);
    assert_eq!(lab.contents(), contents);
}
