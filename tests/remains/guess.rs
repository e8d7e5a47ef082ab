//! The prefix that a few files name is a guess: what all files say counts, and everything is looked for that.

use relocate::base::event::Silent;
use relocate::base::path::RelPath;
use relocate::pipeline::check::{self, Asked};
use relocate::pipeline::{Job, prepare};
use relocate::verify::judge::Law;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// A tree whose only program in `bin` names one prefix and whose other scripts name another.
fn misleading() -> TempDir {
    let tree = tempfile::tempdir().unwrap();
    let put = |path: &str, text: &str| {
        let path = tree.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    put("bin/sh", "a program\n");
    put("bin/one", "#!/p/misled/bin/sh\n");
    for number in 0..20 {
        put(&format!("share/scripts/{number}"), "#!/p/right/bin/sh\n");
    }
    put("etc/app.conf", "data=/p/right/share/data\nother=/p/misled/share\n");
    tree
}

fn named(root: &Path, old_prefixes: &[&str]) -> (Vec<String>, Vec<String>) {
    let given: Vec<_> =
        old_prefixes.iter().map(|path| relocate::base::path::Prefix::new(path.as_bytes()).unwrap()).collect();
    let law = Law::default();
    let checked = check::directory(root, &Asked { old_prefixes: &given, build_dirs: &[], law: &law }, &Silent).unwrap();
    let shown = |finding: &relocate::remains::Finding| format!("{} {}", finding.path, finding.first.shown());
    let configuration = checked.left.remains.findings.iter().filter(|one| one.path.as_bytes() == b"etc/app.conf");
    (checked.old_prefixes.iter().map(ToString::to_string).collect(), configuration.map(shown).collect())
}

#[test]
fn what_all_files_say_counts_when_a_few_say_another_prefix() {
    let tree = misleading();
    let (prefixes, configuration) = named(tree.path(), &[]);
    assert_eq!(prefixes, ["/p/right"]);
    assert_eq!(configuration.len(), 1);
    assert!(configuration[0].contains("/p/right/share/data"), "{configuration:?}");
    assert_eq!(named(tree.path(), &["/p/right"]), (prefixes, configuration), "as if it were known from the start");
}

#[test]
fn a_wrong_guess_leaves_no_file_unread_for_the_plan() {
    let tree = misleading();
    let job = Job { root: tree.path().to_owned(), ..Job::default() };
    let prepared = prepare(&job, &Silent).unwrap();
    let path = RelPath::new(b"etc/app.conf").unwrap();
    let places: Vec<_> = prepared.readings[&path].places.iter().flat_map(|places| places.at.clone()).collect();
    assert_eq!(prepared.choice.prefixes[0].to_string(), "/p/right");
    assert_eq!(places, [5]);
    assert_eq!(prepared.readings.len(), 23);
}
