//! From a recipe to the archive on a real tree: RELOCATE_PKGSRC names it, RELOCATE_PKGSRC_PACKAGES the package paths to build,
//! RELOCATE_PKGSRC_ENVIRONMENT (`A=b,C=d e`) the variables its bootstrap needs with the compiler at hand,
//! RELOCATE_PKGSRC_PREFER=yes that the host's libraries are too new for it, RELOCATE_PKGSRC_BUNDLE those that are bundled all
//! the same. Without them the fixture's tree is built. Minutes with a real one.

use crate::lab::{Lab, Ran, fixture};
use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// Packages whose sources lie in the tree, so that no network is needed.
const WITHOUT_ARCHIVES: &str = "archivers/bsdtar net/libfetch security/netpgpverify textproc/nbsed lang/nawk devel/nbpatch \
     devel/sysexits devel/cpuflags pkgtools/digest games/fortune-strfile print/papersize sysutils/free sysutils/install-sh";

#[test]
fn a_tree_becomes_an_archive_whose_packages_are_whole_elsewhere() {
    let mut lab = Lab::new();
    let (mut packages, mut environment) = ("misc/greet www/web misc/tally".to_owned(), String::new());
    if let Some(tree) = env::var_os("RELOCATE_PKGSRC") {
        lab.tree = PathBuf::from(tree);
        packages = env::var("RELOCATE_PKGSRC_PACKAGES").unwrap_or_else(|_| WITHOUT_ARCHIVES.to_owned());
        environment = env::var("RELOCATE_PKGSRC_ENVIRONMENT").unwrap_or_default();
    }
    let quoted: Vec<_> = packages.split_ascii_whitespace().map(|path| format!("{path:?}")).collect();
    let variables = environment.split(',').filter_map(|pair| pair.split_once('='));
    let variables: Vec<_> = variables.map(|(name, value)| format!("{name} = {value:?}")).collect();
    let prefer = env::var("RELOCATE_PKGSRC_PREFER").unwrap_or_else(|_| "no".to_owned());
    let bootstrap = format!("prefer-pkgsrc = {prefer:?}\nenvironment = {{ {} }}", variables.join(", "));
    let bundled = env::var("RELOCATE_PKGSRC_BUNDLE").unwrap_or_default();
    let bundled: Vec<_> = bundled.split_ascii_whitespace().collect();
    lab.recipe_with(&quoted.join(", "), &bootstrap, &format!("\n[pack]\nbundle = {bundled:?}\n"));

    let ran = lab.build(&[]).expect(0, &["ready: "], &["== bootstrap"]);
    eprintln!("{}", ran.out);
    let place = lab.install("elsewhere");
    lab.without_prefix(|| {
        let checked = Ran::of(Command::new(place.join("sbin/pkg_admin")).arg("check").env_clear());
        checked.expect(0, &[], &[]);
        let listed = Ran::of(Command::new(place.join("sbin/pkg_info")).env_clear()).expect(0, &[], &[]).out;
        assert!(listed.lines().count() >= quoted.len(), "{listed}");
    });

    let before = lab.digest();
    let again = lab.build(&["--locked"]).expect(0, &["ready: "], &["there already"]);
    assert!(!again.err.contains(": building"), "{}", again.all());
    assert_eq!(lab.digest(), before);
    assert!(fs::read_to_string(lab.lock()).unwrap().matches("[packages.").count() >= quoted.len());
    assert_eq!(lab.tree == fixture(), env::var_os("RELOCATE_PKGSRC").is_none());
}
