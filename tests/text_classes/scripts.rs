//! Scripts in each language that has a form, and in those that have none.

use super::tree::{Done, Moved, Tree};
use relocate::text::class::Demand;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

/// A path with everything that a shell takes for its own, and a byte that is no UTF-8.
pub(crate) const WORST: &[u8] = b"a b/$HOME `id` 'q\" \\x * \n#;\xff/root";

/// The same without that byte: Node and Tcl themselves read no such path.
pub(crate) const BAD: &[u8] = b"a b/$HOME `id` 'q\" \\x * \n#;/root";

/// Where the host has a program.
pub(crate) fn host(name: &str) -> String {
    let found = Command::new("sh").args(["-c", &format!("readlink -f -- \"$(command -v {name})\"")]).output().unwrap();
    let path = String::from_utf8(found.stdout).unwrap().trim().to_owned();
    assert!(!path.is_empty(), "{name} is not installed; .ci/run installs what tests need");
    path
}

/// Runs a script in every way a script is run: directly, through a symlink, from PATH, and by shells.
fn in_every_way(moved: &Moved, script: &str) -> Vec<Done> {
    let path = moved.path(script);
    let arguments = ["one", "two  words", "", "$x '\"\\\n", "-n"];
    let link = moved.beside().join("a link");
    let _ = fs::remove_file(&link);
    symlink(&path, &link).unwrap();
    let run = |program: &std::ffi::OsStr, before: &[&std::ffi::OsStr]| {
        let all: Vec<_> = before.iter().copied().chain(arguments.iter().map(std::ffi::OsStr::new)).collect();
        moved.run_with(program, &all, "from stdin", |_| {})
    };
    let mut done = vec![run(path.as_os_str(), &[]), run(link.as_os_str(), &[])];
    let name = path.file_name().unwrap();
    let beside = path.parent().unwrap().to_owned();
    done.push(moved.run_with(
        "env",
        &[&[name], arguments.map(std::ffi::OsStr::new).as_slice()].concat(),
        "from stdin",
        |command| {
            let mut dirs = beside.into_os_string();
            dirs.push(":/usr/bin:/bin");
            command.env("PATH", dirs);
        },
    ));
    if moved.text(script).starts_with("#!/bin/sh\n") {
        done.push(run("dash".as_ref(), &[path.as_os_str()]));
        done.push(run("bash".as_ref(), &["--posix".as_ref(), path.as_os_str()]));
        done.push(run("busybox".as_ref(), &["sh".as_ref(), path.as_os_str()]));
    }
    done
}

/// A script prints its arguments, one a line in brackets, then its input, and exits with 3.
fn check(language: &str, script: &str, program: &str) -> Moved {
    check_at(WORST, language, script, program)
}

fn check_at(place: &[u8], language: &str, script: &str, program: &str) -> Moved {
    let tree = Tree::new();
    tree.program(&format!("libexec/{language}"), &host(program)).file("share/x/script", script, 0o755);
    tree.file("libexec/beside", &script.replace("share/x", "libexec"), 0o755);
    let moved = tree.moved(place);
    for script in ["share/x/script", "libexec/beside"] {
        for (at, done) in in_every_way(&moved, script).into_iter().enumerate() {
            let wanted = "[one]\n[two  words]\n[]\n[$x '\"\\\n]\n[-n]\nfrom stdin\n";
            assert_eq!((done.out.as_str(), done.err.as_str(), done.code), (wanted, "", Some(3)), "{script} {at}");
        }
    }
    moved
}

#[test]
fn perl_keeps_its_switches_lines_and_data() {
    let text = "#!@OLD@/libexec/perl -w\n\nuse strict; eval 'exec @OLD@/libexec/perl -S $0 ${1+\"$@\"}'\n  if 0;\n\
        die __LINE__ unless __LINE__ == 5; die unless $^W; die $0 unless __FILE__ eq $0;\n\
        print map { \"[$_]\\n\" } @ARGV; print <STDIN>, <DATA>; exit 3\n__END__\n\n";
    let moved = check("perl", text, "perl");
    assert_eq!(moved.demands("share/x/script"), []);
    let syntax = moved.run("perl", &["-c".as_ref(), moved.path("share/x/script").as_os_str()]);
    assert_eq!(syntax.code, Some(0), "{syntax:?}");
}

#[test]
fn perl_stays_tainted() {
    let text = "#!@OLD@/libexec/perl -wT\ndie unless ${^TAINT}; die unless $^W;\n\
        print map { \"[$_]\\n\" } @ARGV; print <STDIN>, \"\\n\"; exit 3\n";
    check("perl", text, "perl");
}

#[test]
fn a_perl_script_can_be_required() {
    let tree = Tree::new();
    tree.program("bin/perl", &host("perl"));
    tree.file("bin/lib.pl", "#!@OLD@/bin/perl\nuse strict;\nsub f { return __LINE__ } 1;\n", 0o755);
    let moved = tree.moved(b"new");
    let done =
        moved.run("perl", &["-e".as_ref(), "require shift; print f()".as_ref(), moved.path("bin/lib.pl").as_os_str()]);
    assert_eq!((done.out.as_str(), done.code), ("3", Some(0)), "{done:?}");
}

#[test]
fn ruby_keeps_its_switches_magic_comments_and_data() {
    let text = "#!@OLD@/libexec/ruby -W2\n# frozen_string_literal: true\n\
        raise unless 'x'.frozen? and $VERBOSE and __FILE__ == $0\n\
        ARGV.each { |a| puts \"[#{a}]\" }; print STDIN.read, DATA.read; exit 3\n__END__\n\n";
    let moved = check("ruby", text, "ruby");
    let code = "ARGV.shift.then { |f| $0 = f; load f }";
    let load = moved.run("ruby", &["-we".as_ref(), code.as_ref(), moved.path("libexec/beside").as_os_str()]);
    assert!(load.err.contains("uninitialized constant DATA"), "all but the data was read: {load:?}");
}

#[test]
fn node_keeps_strict_mode_and_a_first_bracket() {
    let text = "#!@OLD@/libexec/node --no-warnings\n'use strict';\n\
        (function () { if (this !== undefined) throw 1 })();\n\
        if (!new Error().stack.includes('script:4:') && !new Error().stack.includes('beside:4:')) throw 2;\n\
        for (const a of process.argv.slice(2)) console.log(`[${a}]`);\n\
        console.log(require('fs').readFileSync(0, 'utf8')); process.exit(3)\n";
    let tree = Tree::new();
    tree.program("libexec/node", &host("node")).file("share/x/script", text, 0o755);
    tree.file("bin/bracket", "#!@OLD@/libexec/node\n(function () { console.log('ran') })()\n", 0o755);
    let moved = tree.moved(BAD);
    for done in in_every_way(&moved, "share/x/script") {
        assert_eq!((done.err.as_str(), done.code), ("", Some(3)));
        assert!(done.out.starts_with("[one]\n[two  words]\n[]\n") && done.out.ends_with("from stdin\n"), "{done:?}");
    }
    assert_eq!(moved.run(moved.path("bin/bracket"), &[""; 0]).out, "ran\n");
}

#[test]
fn tcl_runs() {
    let text = "#!@OLD@/libexec/tclsh\nforeach a $argv { puts \"\\[$a\\]\" }\nputs [read stdin]\nexit 3\n";
    check_at(BAD, "tclsh", text, "tclsh");
}

#[test]
fn lua_runs() {
    let text = "#!@OLD@/libexec/lua\nassert(_ == nil and debug.getinfo(1).currentline == 2)\n\
        for _, a in ipairs(arg) do print('[' .. a .. ']') end\nprint(io.read('a'))\nos.exit(3)\n";
    check("lua", text, "lua");
}

#[test]
fn shells_of_the_tree_read_their_own_scripts() {
    for second in ["\n", "# a comment\n", "set -f\n"] {
        let text = format!(
            "#!@OLD@/libexec/bash -u\n{second}[[ -n $BASH && -z ${{POSIXLY_CORRECT-}} && -z ${{RELOCATED_SCRIPT-}} ]] || exit 9\n\
             [[ $- == *u* && $BASH == */libexec/bash ]] || exit 8\n\
             case $0 in *script|*beside|*link) ;; *) exit 7 ;; esac\n\
             (( LINENO == {} )) || exit 6\n\
             for a; do printf '[%s]\\n' \"$a\"; done; cat; echo; exit 3\n",
            if second == "set -f\n" { 7 } else { 6 }
        );
        check("bash", &text, "bash");
    }
    let text = "#!@OLD@/libexec/ksh\n[[ -n ${.sh.version} ]] || exit 9\n\
        for a; do printf '[%s]\\n' \"$a\"; done; cat; echo; exit 3\n";
    check("ksh", text, "ksh");
    check("dash", "#!@OLD@/libexec/dash\nfor a; do printf '[%s]\\n' \"$a\"; done; cat; echo; exit 3\n", "dash");
}

#[test]
fn a_script_of_the_same_shell_run_by_another_is_handed_over_too() {
    let tree = Tree::new();
    tree.program("bin/bash", &host("bash"));
    tree.file(
        "bin/outer",
        "#!@OLD@/bin/bash\n[[ 1 ]] && \"${0%outer}inner\" && echo outer \"${BASH##*/bin}\"\n",
        0o755,
    );
    tree.file("bin/inner", "#!@OLD@/bin/bash\n[[ 1 ]] && echo inner \"${BASH##*/bin}\"\n", 0o755);
    let moved = tree.moved(b"new");
    assert_eq!(moved.run(moved.path("bin/outer"), &[""; 0]).out, "inner /bash\nouter /bash\n");
}

#[test]
fn a_language_without_a_form_asks_for_env() {
    let text = "#!@OLD@/libexec/gawk -f\nBEGIN { for (i = 1; i < ARGC; i++) print \"[\" ARGV[i] \"]\"\n\
        while ((getline line < \"/dev/stdin\") > 0) print line; exit 3 }\n";
    let moved = check("gawk", text, "gawk");
    assert_eq!(moved.demands("libexec/beside"), [Demand::EnvSplit]);
    let line = moved.text("share/x/script").lines().next().unwrap().to_owned();
    assert_eq!(
        line,
        "#!/usr/bin/env -S /bin/sh -c 'exec \"$(dirname -- \"$(readlink -f -- \"$0\")\")/../../libexec/gawk\" -f \"$0\" \"$@\"'"
    );
}

#[test]
fn a_line_too_long_for_old_kernels_says_so_and_one_too_long_for_all_is_refused() {
    let tree = Tree::new();
    let deep = "d/".repeat(20);
    let deeper = "d/".repeat(60);
    tree.file("bin/thing", "", 0o755).file(&format!("{deep}s"), "#!@OLD@/bin/thing\n", 0o755);
    tree.file(&format!("{deeper}s"), "#!@OLD@/bin/thing\n", 0o755);
    let moved = tree.moved(b"new");
    assert_eq!(moved.demands(&format!("{deep}s")), [Demand::EnvSplit, Demand::LongShebang]);
    assert!(moved.refusal(&format!("{deeper}s")).contains("the kernel reads 255"));
}

#[test]
fn env_is_looked_through() {
    let tree = Tree::new();
    tree.program("bin/dash", &host("dash"));
    tree.file("bin/a", "#!/usr/bin/env @OLD@/bin/dash\necho a\n", 0o755);
    tree.file("bin/b", "#! /usr/bin/env -S @OLD@/bin/dash -e\nfalse; echo b\n", 0o755);
    tree.file("bin/c", "#!/usr/bin/env -S X=1 @OLD@/bin/dash\n", 0o755);
    let moved = tree.moved(b"new");
    assert_eq!(moved.run(moved.path("bin/a"), &[""; 0]).out, "a\n");
    assert_eq!(moved.run(moved.path("bin/b"), &[""; 0]).code, Some(1));
    assert!(moved.refusal("bin/c").contains("X=1"));
}

#[test]
fn what_cannot_be_right_is_refused() {
    let tree = Tree::new();
    tree.program("bin/dash", &host("dash"));
    let script = "#!@OLD@/bin/dash\necho ran\n";
    tree.file("bin/suid", script, 0o4755).file("bin/sgid", script, 0o2755);
    tree.file("bin/one", script, 0o755).file("bin/far", script, 0o755).file("bin/cr", "#!@OLD@/bin/dash\r\n", 0o755);
    tree.file("bin/none", "#!@OLD@/bin/no-such-program\n", 0o755);
    tree.file("sbin/.keep", "", 0o644).file("a/b/.keep", "", 0o644);
    fs::hard_link(tree.old().join("bin/one"), tree.old().join("sbin/two")).unwrap();
    fs::hard_link(tree.old().join("bin/far"), tree.old().join("a/b/far")).unwrap();
    let moved = tree.moved(b"new");
    assert_eq!(moved.refusal("bin/suid"), "it is a setuid or setgid script");
    assert_eq!(moved.refusal("bin/sgid"), "it is a setuid or setgid script");
    assert!(moved.refusal("bin/far").contains("a/b/far"));
    assert!(moved.refusal("bin/cr").contains("carriage return"));
    assert!(moved.refusal("bin/none").contains("bin/no-such-program is not in the tree"));
    for same in ["bin/one", "sbin/two"] {
        assert_eq!(moved.run(moved.path(same), &[""; 0]).out, "ran\n");
    }
}

#[test]
fn a_script_that_cannot_be_executed_names_its_language() {
    let tree = Tree::new();
    tree.file("lib/a.py", "#! @OLD@/bin/python3.11 -E\n\"\"\"Doc\"\"\"\n", 0o644);
    tree.file("lib/b.pl", "#!@OLD@/bin/perl -w\r\n1;\r\n", 0o644);
    let moved = tree.moved(b"new");
    assert_eq!(moved.text("lib/a.py"), "#!/usr/bin/env python3.11 -E\n\"\"\"Doc\"\"\"\n");
    assert_eq!(moved.text("lib/b.pl"), "#!/usr/bin/env perl -w\r\n1;\r\n");
}

#[test]
fn an_argument_that_names_the_tree_is_found_too() {
    let tree = Tree::new();
    tree.file("lib/perl/Beside.pm", "package Beside; sub f { 'found' } 1;\n", 0o644);
    tree.file("bin/a", "#!/usr/bin/perl -I@OLD@/lib/perl\nuse Beside; print Beside::f(), \"\\n\"\n", 0o755);
    let moved = tree.moved(b"sp ace");
    assert_eq!(moved.run(moved.path("bin/a"), &[""; 0]).out, "found\n");
}
