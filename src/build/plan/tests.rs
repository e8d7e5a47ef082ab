//! Plans of small graphs, as text.

use super::*;
use crate::build::graph::Node;
use proptest::prelude::*;

fn graph(edges: Vec<Vec<usize>>) -> (Graph, Vec<Digest>) {
    let node = |at: usize| Node {
        pkgpath: format!("misc/p{at}"),
        pkgname: format!("p{at}-1.{at}nb2"),
        multi: Vec::new(),
        depends: Vec::new(),
        scan_depends: Vec::new(),
        usergroup_phase: None,
        is_bootstrap: false,
        is_requested: false,
    };
    let keys = (0..edges.len()).map(|at| Digest::of(&at.to_le_bytes())).collect();
    (Graph { nodes: (0..edges.len()).map(node).collect(), edges }, keys)
}

fn plan(edges: Vec<Vec<usize>>, given: &[bool], words: &[&str]) -> Plan {
    let (graph, keys) = graph(edges);
    let one = words.iter().map(|word| (*word).to_owned()).collect();
    Plan::new("demo", &graph, &keys, given, Words { one, last: vec!["build".to_owned(), "r.toml".to_owned()] })
}

#[test]
fn needs_that_follow_from_others_are_left_out() {
    assert_eq!(reduced(&[vec![], vec![0], vec![0, 1], vec![0, 2]]), [vec![], vec![0], vec![1], vec![2]]);
}

#[test]
fn what_bootstrap_brings_is_no_task() {
    let plan = plan(vec![vec![], vec![0], vec![0, 1]], &[true, false, false], &[]);
    assert_eq!(plan.tasks.iter().map(|task| task.pkgname.as_str()).collect::<Vec<_>>(), ["p1-1.1nb2", "p2-1.2nb2"]);
    assert_eq!(plan.tasks[1].needs, [0]);
}

#[test]
fn a_job_of_gitlab_needs_at_most_fifty() {
    let many = 2600;
    let edges = (0..=many).map(|at| if at == many { (0..many).collect() } else { vec![] }).collect();
    let text = plan(edges, &[], &[]).text(Format::Gitlab).unwrap();
    let widest =
        text.lines().filter(|line| line.starts_with("  needs: ")).map(|line| line.matches(", ").count() + 1).max();
    assert_eq!(widest, Some(50));
    // 52 gather the packages, 2 the gatherers.
    assert_eq!(text.lines().filter(|line| *line == "    - \"true\"").count(), 54);
}

#[test]
fn a_dollar_is_one_for_each_engine_and_a_quote_stays_in_its_word() {
    let words = ["--cache", "/a $(b)/it's \"c\""];
    let plan = plan(vec![vec![]], &[], &words);
    assert!(plan.text(Format::Make).unwrap().contains(r#" --cache '/a $$(b)/it'\''s "c"'"#));
    assert!(plan.text(Format::Gitlab).unwrap().contains(r#" --cache '/a $(b)/it'\\''s \"c\"'"#));
    assert!(plan.text(Format::Argo).unwrap().contains(r#""--cache", "/a $$(b)/it's \"c\""]"#));
}

#[test]
fn words_that_a_format_cannot_hold_are_refused() {
    let refused = |word: &str, format| plan(vec![vec![]], &[], &[word]).text(format).err();
    for format in [Format::Gitlab, Format::Argo, Format::Make] {
        assert_eq!(refused("a\nb", format), Some(PlanError::Control("a\nb".to_owned())));
    }
    assert_eq!(refused("{{x}}", Format::Argo), Some(PlanError::Braces("{{x}}".to_owned())));
    assert_eq!(refused("{{x}}", Format::Make), None);
}

#[test]
fn names_are_what_every_engine_takes() {
    let key = Digest::of(b"x");
    for pkgname in ["gtk2+-2.24.24nb1", ".hidden-1", "--x", &"long".repeat(50), "über-1"] {
        let name = name(pkgname, key);
        assert!(name.len() <= 63 && name.starts_with(|c: char| c.is_ascii_alphanumeric()), "{name}");
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{name}");
    }
}

proptest! {
    #[test]
    fn what_is_left_out_still_comes_before(lists in prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 0..5), 1..25)) {
        let edges: Vec<Vec<usize>> = lists.iter().enumerate().map(|(at, list)| {
            let needs: BTreeSet<usize> = list.iter().filter(|_| at > 0).map(|need| need.index(at)).collect();
            needs.into_iter().collect()
        }).collect();
        let below = |edges: &[Vec<usize>]| {
            let mut below: Vec<BTreeSet<usize>> = Vec::new();
            for needs in edges {
                let all = needs.iter().flat_map(|need| below[*need].iter().copied().chain([*need])).collect();
                below.push(all);
            }
            below
        };
        let fewer = reduced(&edges);
        prop_assert_eq!(below(&edges), below(&fewer));
    }
}
