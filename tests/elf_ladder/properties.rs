//! What holds for every wish on every fixture: twice is once, nothing but the paths changes, and any row of edits ends
//! where the last one alone would.

use super::builder::{Lab, patched, paths, program_headers, runpath};
use proptest::prelude::*;
use relocate::elf::{RunPaths, Rung, plan};
use std::sync::OnceLock;

fn fixtures() -> &'static [Vec<u8>] {
    static FIXTURES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    FIXTURES.get_or_init(|| {
        let lab = Lab::new();
        let mut all = vec![
            lab.program("/home/ourapp/root/lib", ""),
            lab.program("/home/ourapp/root/lib", "-Wl,--disable-new-dtags -no-pie -Wl,-z,noseparate-code"),
            lab.program("", "-fuse-ld=gold"),
            lab.program("/opt", "-fuse-ld=lld"),
            lab.program("/opt/greet", "-m32"),
        ];
        lab.write("map", "LIB_1 { global: lib; local: *; }; root_1 { global: root; } LIB_1;");
        let source = "int lib(void) { return 1; } int root(void) { return 1; }";
        let arguments = "-shared -fPIC -Wl,--version-script,map -Wl,-soname,x/home/ourapp/root/lib";
        for rpath in ["/home/ourapp/root/lib", "/home/ourapp/lib", "/other/root"] {
            all.push(lab.cc("lib.so", source, &format!("{arguments} -Wl,-rpath,{rpath}")));
        }
        all
    })
}

/// Paths that often share their tails with each other and with names in the fixtures.
fn path() -> impl Strategy<Value = Option<Vec<u8>>> {
    let bytes = prop::collection::vec(1u8..0x80, 0..300);
    let parts = prop::sample::select(vec!["/home", "/ourapp", "/root", "/lib", "lib", "root", "$ORIGIN", "/..", ":"]);
    let joined = prop::collection::vec(parts, 0..6).prop_map(|parts| parts.concat().into_bytes());
    let long = (0usize..9000).prop_map(|len| vec![b'y'; len]);
    prop::option::weighted(0.8, prop_oneof![2 => bytes, 5 => joined, 1 => long])
}

fn wish() -> impl Strategy<Value = RunPaths> {
    (path(), path()).prop_map(|(rpath, runpath)| RunPaths { rpath, runpath })
}

/// lld leaves no spare entry in the dynamic section: such a file never gets a tag more than it has.
fn has_room(original: &[u8], wanted: &RunPaths) -> bool {
    let tags = |paths: &RunPaths| usize::from(paths.rpath.is_some()) + usize::from(paths.runpath.is_some());
    let spare = !original.windows(3).any(|window| window == b"LLD");
    spare || tags(wanted) <= tags(&paths(original))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_row_of_wishes_is_granted(at in 0usize..8, wishes in prop::collection::vec(wish(), 1..6)) {
        let original = &fixtures()[at];
        let mut bytes = original.clone();
        for wanted in wishes.iter().filter(|wanted| has_room(original, wanted)) {
            bytes = patched(&bytes, wanted).1;
        }
        prop_assert!(program_headers(&bytes) <= program_headers(original) + 1);
    }

    #[test]
    fn a_wish_for_what_is_there_changes_nothing(at in 0usize..8, wanted in wish()) {
        let original = &fixtures()[at];
        prop_assert_eq!(plan(original, &paths(original)).unwrap().rung, Rung::Unchanged);
        prop_assume!(has_room(original, &wanted));
        let (_, new) = patched(original, &wanted);
        let (rung, again) = patched(&new, &wanted);
        prop_assert_eq!((rung, again), (Rung::Unchanged, new));
    }
}

#[test]
fn lint_findings_stay_as_they_are_on_every_rung() {
    let lab = Lab::new();
    for original in fixtures() {
        for len in [1, 30, 100, 3000, 9000] {
            let path = vec![b'z'; len];
            let (_, new) = patched(original, &runpath(path));
            lab.assert_lint_no_worse(original, &new);
        }
    }
}
