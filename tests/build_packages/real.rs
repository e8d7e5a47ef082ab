//! The same questions to a real tree: RELOCATE_PKGSRC names it, RELOCATE_PKGSRC_PREFIX a prefix it was bootstrapped into.
//! Without them the fixture answers.

use crate::lab::{Lab, fixture, request};
use relocate::base::child::Cancel;
use relocate::build::installed;
use std::env;
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
        assert_eq!(package.damage, None, "{name}");
    }
    assert_eq!(lab.site.tree == fixture(), tree.is_none());
}
