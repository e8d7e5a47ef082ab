//! Plans for engines: the makefile is run, by GNU and by BSD make; the others are read as their engines would.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use relocate::base::digest::Digest;
use relocate::build::graph::{Graph, Node};
use relocate::build::plan::{Format, Plan, Words};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_relocate");

fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn output(command: &mut Command) -> Output {
    command.env_remove("SOURCE_DATE_EPOCH").env_remove("MAKEFLAGS").env_remove("MFLAGS").env_remove("MAKELEVEL");
    command.stdin(Stdio::null()).output().unwrap()
}

/// What it said on standard output; it must exit with 0.
fn run(command: &mut Command) -> String {
    let ended = output(command);
    let err = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(ended.status.success(), "{command:?}\n{}{err}", String::from_utf8_lossy(&ended.stdout));
    String::from_utf8(ended.stdout).unwrap()
}

/// A recipe of the fixture tree with its source archives, in a directory of its own.
struct Lab {
    _own: tempfile::TempDir,
    dir: PathBuf,
}

impl Lab {
    fn new() -> Self {
        let own = tempfile::tempdir().unwrap();
        let dir = fs::canonicalize(own.path()).unwrap();
        run(Command::new(source("fixtures/pkgsrc/make-distfiles")).arg(dir.join("distfiles")));
        let recipe = format!(
            "schema = 1\nname = \"demo\"\npackages = [\"misc/greet\", \"www/web\", \"misc/tally\"]\n\
             [tree]\nfrom = \"{}\"\n[bootstrap]\nprefix = \"{}/prefix-zq7k\"\n[fetch]\noffline = true\ndistfiles = \"distfiles\"\n\
             [options]\nweb = \"plain-words status-page\"\n",
            source("fixtures/pkgsrc").display(),
            dir.display()
        );
        fs::write(dir.join("recipe.toml"), recipe).unwrap();
        Self { _own: own, dir }
    }

    fn relocate(&self, words: &str) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(words.split(' ')).current_dir(&self.dir);
        command
    }

    /// Has the plan written, and gives the tasks it tells.
    fn plan(&self, format: &str, cache: &str) -> Vec<Value> {
        let words = format!("plan recipe.toml --format {format} --cache {cache} --work work --json -o plan.{format}");
        let told: Value = serde_json::from_str(&run(&mut self.relocate(&words))).unwrap();
        told["tasks"].as_array().unwrap().clone()
    }

    fn kept(&self, cache: &str) -> BTreeSet<String> {
        let files = walkdir::WalkDir::new(self.dir.join(cache)).into_iter().map(Result::unwrap);
        let files = files.filter(|entry| entry.file_type().is_file());
        files.map(|entry| entry.path().file_stem().unwrap().to_str().unwrap().to_owned()).collect()
    }

    fn make(&self, program: &str, words: &[&str]) -> String {
        let mut make = Command::new(program);
        make.args(["-f", "plan.make", "-j2"]).arg(format!("RELOCATE={PROGRAM}")).args(words).current_dir(&self.dir);
        run(&mut make)
    }
}

fn keys(tasks: &[Value]) -> BTreeSet<String> {
    tasks.iter().map(|task| task["key"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn make_of_either_kind_fills_the_cache_and_then_a_build_makes_nothing() {
    let lab = Lab::new();
    for make in ["make", "bmake"] {
        let tasks = lab.plan("make", make);
        assert!(tasks.len() >= 6, "{tasks:?}");
        // The other make's packages lie in the work directory; here each has to be made.
        fs::remove_dir_all(lab.dir.join("work/store")).ok();
        let stamps = format!("STAMPS={make}-stamps");
        lab.make(make, &[&stamps]);
        assert_eq!(lab.kept(make), keys(&tasks));
        let again = lab.make(make, &[&stamps]);
        assert!(!again.contains("build-one"), "{again}");
    }
    fs::remove_dir_all(lab.dir.join("work/store")).unwrap();
    let built = output(&mut lab.relocate("build recipe.toml --cache make --work work"));
    let said = String::from_utf8_lossy(&built.stderr);
    assert!(said.contains("its binary package is there") && !said.contains(": building"), "{said}");
    assert!(built.status.success(), "{said}");
}

#[test]
fn a_package_whose_needs_are_not_in_the_cache_is_refused_by_their_names() {
    let lab = Lab::new();
    let tasks = lab.plan("make", "cache");
    let of = |name: &str| tasks.iter().find(|task| task["package"].as_str().unwrap().starts_with(name)).unwrap();
    let call = |task: &Value, more: &str| {
        let key = task["key"].as_str().unwrap();
        output(&mut lab.relocate(&format!("build-one {key} --recipe recipe.toml --cache cache --work work {more}")))
    };
    let refused = call(of("greet-"), "--quiet");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(4), "{said}");
    assert!(said.contains("greet-1.2 needs packages that the cache does not have:\n  digest-20121220 "), "{said}");
    assert!(said.contains("\n  libgreet-1.4 ") && !lab.dir.join("cache").exists(), "{said}");

    for state in ["built", "there"] {
        let ended = call(of("digest-"), "--json");
        let told: Value = serde_json::from_slice(&ended.stdout).unwrap();
        assert_eq!((told["state"].as_str(), ended.status.code()), (Some(state), Some(0)), "{told}");
    }
    assert_eq!(lab.kept("cache"), keys(&[of("digest-").clone()]));
}

#[test]
fn a_key_that_is_another_here_is_refused_with_both() {
    let lab = Lab::new();
    let tasks = lab.plan("make", "cache");
    let old = tasks[0]["key"].as_str().unwrap();
    let recipe = fs::read_to_string(lab.dir.join("recipe.toml")).unwrap();
    fs::write(lab.dir.join("recipe.toml"), format!("{recipe}[mk.set]\nCFLAGS_MORE = \"-g\"\n")).unwrap();
    let words = format!("build-one {old} --package digest-20121220 --recipe recipe.toml --cache cache --work work -q");
    let refused = output(&mut lab.relocate(&words));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("digest-20121220 has the key ") && said.contains(&format!(" here, not {old}\n")), "{said}");

    let nonsense = output(&mut lab.relocate("build-one 12ab --recipe recipe.toml --cache cache -q"));
    assert_eq!(nonsense.status.code(), Some(2));
}

#[test]
fn pipelines_and_workflows_are_what_their_engines_demand() {
    let lab = Lab::new();
    for format in ["gitlab", "argo"] {
        let tasks = lab.plan(format, "cache");
        let calls = schema(format, &lab.dir.join(format!("plan.{format}")));
        assert_eq!(calls.lines().count(), tasks.len() + 1, "{calls}");
        for task in tasks {
            let (name, package, key) = (&task["name"], &task["package"], &task["key"]);
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let call = format!(
                "{} relocate build-one {} --package {} --recipe recipe.toml --cache cache --work work",
                text(name),
                text(key),
                text(package)
            );
            assert!(calls.lines().any(|line| line == call), "{call}\n{calls}");
        }
    }
}

/// What the checks of a format print: a task's name and call a line.
fn schema(format: &str, plan: &Path) -> String {
    run(Command::new("/usr/bin/python3").arg(source("tests/plan/schema.py")).arg(format).arg(plan))
}

/// Five packages: one comes with the bootstrap, one has a name that no engine takes.
fn small() -> Plan {
    let node = |(pkgpath, pkgname): (&str, &str)| Node {
        pkgpath: pkgpath.to_owned(),
        pkgname: pkgname.to_owned(),
        multi: Vec::new(),
        depends: Vec::new(),
        scan_depends: Vec::new(),
        usergroup_phase: None,
        is_bootstrap: false,
        is_requested: false,
    };
    let names = [
        ("devel/bmake", "bmake-20140314"),
        ("devel/zlib", "zlib-1.2.8"),
        ("x11/gtk2", "gtk2+-2.24.24nb1"),
        ("lang/python27", "python27-2.7.8"),
        ("www/py-uwsgi", "py27-uwsgi-2.0.6"),
    ];
    let keys: Vec<Digest> = names.iter().map(|(_, name)| Digest::of(name.as_bytes())).collect();
    let graph = Graph {
        nodes: names.into_iter().map(node).collect(),
        edges: vec![vec![], vec![0], vec![1], vec![0, 1], vec![1, 3]],
    };
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let rest = ["--cache", "/shared/it's $HOME"];
    let words = Words {
        one: words(&[&["--recipe", "our app.toml"][..], &rest].concat()),
        last: words(&[&["build", "our app.toml"][..], &rest].concat()),
    };
    Plan::new("ourapp", &graph, &keys, &[true, false, false, false, false], words)
}

#[test]
fn a_plan_is_the_same_to_the_byte_wherever_it_is_made() {
    for (format, file) in [(Format::Gitlab, "gitlab.yml"), (Format::Argo, "argo.yaml"), (Format::Make, "Makefile")] {
        let text = small().text(format).unwrap();
        let golden = source("tests/plan/golden").join(file);
        assert_eq!(text, fs::read_to_string(&golden).unwrap(), "{file}");
    }
    for (format, file) in [("gitlab", "gitlab.yml"), ("argo", "argo.yaml")] {
        let calls = schema(format, &source("tests/plan/golden").join(file));
        assert!(calls.contains("--recipe our app.toml --cache /shared/it's $HOME\n"), "{calls}");
    }
}

#[test]
fn either_make_hands_the_words_on_as_they_are() {
    for make in ["make", "bmake"] {
        let own = tempfile::tempdir().unwrap();
        fs::write(own.path().join("plan"), small().text(Format::Make).unwrap()).unwrap();
        let mut command = Command::new(make);
        command.args(["-s", "-f", "plan", "RELOCATE=printf '<%s>'", "archive"]).current_dir(own.path());
        let said = run(&mut command);
        assert_eq!(said.matches("<--recipe><our app.toml><--cache></shared/it's $HOME>").count(), 4, "{said}");
        assert!(said.ends_with("<build><our app.toml><--cache></shared/it's $HOME>"), "{said}");
    }
}
