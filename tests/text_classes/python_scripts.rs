//! Python scripts with each kind of beginning.

use super::scripts::{BAD, host};
use super::tree::{Moved, Tree};
use std::fs;

/// What follows the first line, the `__doc__` it had, and the line its last statement stands in.
const BEGINNINGS: &[(&str, &str)] = &[
    ("\"\"\"Doc.\"\"\"\nfrom __future__ import annotations\n", "Doc."),
    ("# -*- coding: latin-1 -*-\n'''Doc\n\"two\"\n'''\nfrom __future__ import division\n", "Doc\n\"two\"\n"),
    ("# a\n#\n\n  # b\nr\"\"\"Do\\c\"\"\"\n", "Do\\c"),
    ("u'''Doc'''\n", "Doc"),
    ("'Doc' ; import os\n", "Doc"),
    ("\"Doc\" \" more\"\nfrom __future__ import division\n", "Doc more"),
    ("R'D\\oc'\n", "D\\oc"),
    ("\"\"\"\\\nDoc\n\"\"\"\n", "Doc\n"),
    ("import os\n", "None"),
    ("from __future__ import division\nimport os\n", ""),
    ("\n\nif True:\n    import os\n", "None"),
    ("b'''bytes'''\n", "None"),
    ("#!/usr/bin/env something\n", "None"),
];

const TAIL: &str = "\nimport sys\nprint(__doc__)\nprint(sys.argv[1:], sys.flags.ignore_environment, sys.stdin.read())\n\
    print(sys._getframe().f_lineno)\nsys.exit(3)\n";

fn tree() -> Tree {
    let tree = Tree::new();
    tree.program("libexec/python3", &host("/usr/bin/python3"));
    tree
}

fn run(moved: &Moved, script: &str, program: Option<&str>) -> (Vec<String>, String, Option<i32>) {
    let path = moved.path(script);
    let arguments = ["a  b", ""];
    let done = match program {
        None => moved.run_with(&path, &arguments, "in", |_| {}),
        Some(program) => {
            moved.run_with(program, &[path.as_os_str(), arguments[0].as_ref(), arguments[1].as_ref()], "in", |_| {})
        }
    };
    (done.out.lines().map(str::to_owned).collect(), done.err, done.code)
}

#[test]
fn a_docstring_keeps_its_text_and_every_line_its_number() {
    let tree = tree();
    for (at, (beginning, _)) in BEGINNINGS.iter().enumerate() {
        tree.file(&format!("share/x/{at}"), &format!("#!@OLD@/libexec/python3 -E\n{beginning}{TAIL}"), 0o755);
    }
    let moved = tree.moved(BAD);
    for (at, (beginning, doc)) in BEGINNINGS.iter().enumerate() {
        for program in [None, Some("dash"), Some("bash"), Some("/usr/bin/python3")] {
            let (lines, err, code) = run(&moved, &format!("share/x/{at}"), program);
            assert_eq!((err.as_str(), code), ("", Some(3)), "{beginning}");
            let (doc_lines, rest) = lines.split_at(lines.len() - 2);
            let added = doc_lines.first().is_some_and(|line| line.starts_with("exec\" \"$("));
            let text = doc_lines[usize::from(added)..].join("\n");
            assert_eq!(text.trim_end(), doc.trim_end(), "{beginning}");
            assert_eq!(added, *doc != "None", "{beginning}");
            let environment = i32::from(program != Some("/usr/bin/python3"));
            assert_eq!(rest[0], format!("['a  b', ''] {environment} in"));
            let has_doc = *doc != "None" && !doc.is_empty();
            let line = 1 + beginning.lines().count() + 5 + usize::from(!has_doc);
            assert_eq!(rest[1], line.to_string(), "{beginning}");
        }
    }
}

#[test]
fn an_empty_script_and_one_without_a_last_newline_run() {
    let tree = tree();
    tree.file("bin/a", "#!@OLD@/libexec/python3", 0o755).file("bin/b", "#!@OLD@/libexec/python3\n# comment", 0o755);
    let moved = tree.moved(b"new");
    for script in ["bin/a", "bin/b"] {
        let done = moved.run(moved.path(script), &[""; 0]);
        assert_eq!((done.out.as_str(), done.err.as_str(), done.code), ("", "", Some(0)));
    }
}

#[test]
fn what_may_hide_a_docstring_asks_for_env() {
    let tree = tree();
    tree.file("bin/a", "#!@OLD@/libexec/python3\n(\"Doc\")\nprint(__doc__)\n", 0o755);
    tree.file("bin/b", "#!@OLD@/libexec/python3\n\x0c\n'Doc'\nprint(__doc__)\n", 0o755);
    let moved = tree.moved(b"sp ace");
    for script in ["bin/a", "bin/b"] {
        assert_eq!(moved.run(moved.path(script), &[""; 0]).out, "Doc\n");
        assert_eq!(moved.demands(script), [relocate::text::class::Demand::EnvSplit]);
    }
}

#[test]
fn the_scripts_of_pip_and_uv_for_long_paths_are_handed_over_from_where_they_lie() {
    let tree = tree();
    let body = "import sys\nprint(sys.argv[1:])\n";
    for (name, path) in
        [("a", "@OLD@/libexec/python3"), ("b", "\"@OLD@/libexec/python3\""), ("c", "'@OLD@/libexec/python3'")]
    {
        tree.file(&format!("bin/{name}"), &format!("#!/bin/sh\n'''exec' {path} \"$0\" \"$@\"\n' '''\n{body}"), 0o755);
    }
    tree.file("bin/d", "#!/bin/sh\n'''exec' @OLD@/bin/none \"$0\" \"$@\"\n' '''\n", 0o755);
    tree.file("bin/e", "#!/bin/zsh\necho exec @OLD@/x\nexit 0; eval \"exec @OLD@/bin/perl \\\"$0\\\"\"\n", 0o755);
    let moved = tree.moved(b"sp ace's");
    for script in ["bin/a", "bin/b", "bin/c"] {
        assert_eq!(moved.run(moved.path(script), &["x  y"]).out, "['x  y']\n", "{}", moved.text(script));
    }
    assert!(moved.refusal("bin/d").contains("bin/none is not in the tree"));
    assert_eq!(moved.outcomes["bin/e"], relocate::text::rewrite::Outcome::Same);
}

#[test]
fn python_finds_the_clean_path_of_its_interpreter() {
    let tree = tree();
    tree.file("share/x/y/a", "#!@OLD@/libexec/python3\nimport sys\nprint(sys.executable)\n", 0o755);
    let moved = tree.moved(b"new");
    let wanted = fs::canonicalize(moved.path("libexec/python3")).unwrap();
    assert_eq!(moved.run(moved.path("share/x/y/a"), &[""; 0]).out.trim_end(), wanted.to_str().unwrap());
}
