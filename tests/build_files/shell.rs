//! Shell scripts: what the shells make of them at the new place is what they made of them at the old one.

use crate::alone::Alone;
use crate::moved::{output, relocate};
use crate::program;
use proptest::prelude::*;
use relocate::base::path::{Prefix, RelPath};
use relocate::text::class::{Answer, Class, Subject, shell::Shell};
use relocate::text::occurrence::{Names, Reading};
use relocate::text::rewrite::Outcome;
use std::fs;
use std::path::Path;
use std::process::Command;

fn answer(script: &[u8], mode: u32, prefix: &str) -> Answer {
    let prefixes = [Prefix::new(prefix.as_bytes()).unwrap()];
    let (path, names) = (RelPath::new(b"bin/script").unwrap(), Names::new(&prefixes));
    Shell.rewrite(&Subject { path: &path, mode, bytes: script, prefixes: &prefixes, names: &names, around: &Alone })
}

fn rewritten(script: &str) -> Result<String, String> {
    match answer(script.as_bytes(), 0o755, "/old/place") {
        Answer::New(new) => Ok(String::from_utf8(new.bytes).unwrap()),
        Answer::Same => Ok(script.to_owned()),
        Answer::Refused(why) => Err(why),
        other => panic!("{other:?}"),
    }
}

fn write_script(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    program::write(path, text, 0o755);
}

/// What a script prints when it lies at `bin/script` of a tree at `root`, run by each of the shells.
fn printed(root: &Path, script: &str) -> Vec<String> {
    let path = root.join("bin/script");
    write_script(&path, script);
    let shells: [&[&str]; 3] = [&["dash"], &["bash", "--posix"], &["busybox", "sh"]];
    shells.map(|shell| output(Command::new(shell[0]).args(&shell[1..]).arg(&path).current_dir("/"))).to_vec()
}

const SCRIPTS: &[&str] = &[
    "prefix=/old/place\nexec_prefix=${prefix}\necho \"$exec_prefix\" -L/old/place/lib\n",
    "echo '/old/place' \"'/old/place'\" '\"/old/place\"' \"\\\"/old/place\\\"\"\n",
    ": ${x:=/old/place} ; echo \"${x}\" \"${y:-/old/place/y}\" ${z:-'/old/place'}\n",
    "cat <<EOF\n'/old/place' \"/old/place\" `echo /old/place` $(echo \"/old/place\" | cat) ${q:-/old/place}\nEOF\n",
    "case /old/place/lib in /old/place/*) echo yes;; *) echo no;; esac\n",
    "x=$(case a in (b) echo;; a) echo /old/place;; esac); echo \"$x\"\n",
    "x=`echo \"/old/place\" | sed -e 's,/old/place/*,<&>,'`; echo \"$x\" \"`echo /old/place`\"\n",
    "x=/old/place/lib; echo \"${x#/old/place}\" \"${x%/lib}\"\n",
    "# it's a comment: /old/place `\nx=a#b; echo $x#/old/place; echo # /old/place '\n",
    "for i in /old/place/a:/old/place/b; do echo $i; done; export Y=/old/place; env | grep ^Y=\n",
    "f() { echo \"$1\"; }\nf /old/place; (f /old/place); { f /old/place; }\nif test x = /old/place; then :; else f none; fi\n",
    "cat <<A; cat <<-B\n/old/place \\$x\nA\n\t/old/place\n\tB\necho $((1 + (2 * 3))) /old/place\n",
    "sed -e 's/^/-/' -e \"s,x,/old/place,\" <<E\nx\nE\n",
    "eval 'x=/old/place'; echo \"$x\"; set -- /old/place; echo \"$1\" \"$@\" $# $$ >/dev/null; echo \"$*\"\n",
    "echo a\\ /old/place; echo \\\\/old/place; echo \"\\\\/old/place\"\n",
];

#[test]
fn every_shell_says_the_same_at_the_new_place() {
    let scratch = tempfile::tempdir().unwrap();
    let new = fs::canonicalize(scratch.path()).unwrap().join("new");
    for script in SCRIPTS {
        let script = format!("#!/bin/sh\n# leading comment\n\n{script}");
        let before = printed(&new, &script);
        let after = printed(&new, &rewritten(&script).unwrap());
        let wanted: Vec<_> = before.iter().map(|text| text.replace("/old/place", new.to_str().unwrap())).collect();
        assert_eq!(after, wanted, "{script}\n{}", rewritten(&script).unwrap());
    }
}

#[test]
fn what_is_not_certain_is_refused_with_its_line() {
    for (script, word) in [
        ("x='/old/place\n", "line 2"),
        ("cat <<'EOF'\n/old/place\nEOF\n", "line 3 names the prefix in a here-document"),
        ("cat <<EOF\n/old/place\n", "certainty"),
        ("echo $((/old/place))\n", "arithmetic"),
        ("echo \\/old/place\n", "line 2"),
        ("echo $/old/place\n", "line 2"),
        ("echo )\n/old/place\n", "line 2"),
        ("x=\"`echo '/old/place'`\"\n", "certainty"),
    ] {
        let why = rewritten(&format!("#!/bin/sh\n{script}")).unwrap_err();
        assert!(why.contains(word), "{script}: {why}");
    }
}

#[test]
fn a_file_that_others_read_and_a_setuid_one_are_refused() {
    let script = b"#!/bin/sh\nprefix=/old/place\n";
    for mode in [0o644, 0o4755, 0o2755] {
        assert!(matches!(answer(script, mode, "/old/place"), Answer::Refused(_)), "{mode:o}");
    }
    assert_eq!(answer(b"#!/bin/sh\n# /old/place\n", 0o644, "/old/place"), Answer::Same);
}

#[test]
fn what_is_no_shells_language_is_not_touched() {
    for script in [
        "#!/usr/bin/perl\n$x = '/old/place';\n",
        "#!/bin/csh\nset x = /old/place\n",
        "#!/bin/sh\n# \\\nexec tclsh \"$0\" ${1+\"$@\"}\nset x /old/place\n",
        "#!/bin/sh\n\"\"\"exec\" \"$(dirname -- \"$0\")/python3\" \"$0\" \"$@\"\n\"\"\"\nx = '/old/place'\n",
        "#!/bin/sh\neval 'exec perl -S \"$0\" ${1+\"$@\"}'\n if 0;\n$x = '/old/place';\n",
        "prefix=/old/place\n",
    ] {
        assert_eq!(answer(script.as_bytes(), 0o755, "/old/place"), Answer::NotMine, "{script}");
    }
}

#[test]
fn a_script_is_found_by_path_through_links_and_from_anywhere() {
    let scratch = tempfile::tempdir().unwrap();
    let (old, new) = (scratch.path().join("old"), scratch.path().join("new 'place"));
    let text = format!("#!/bin/sh\nprefix={}\necho \"$prefix\"\n", old.display());
    write_script(&old.join("bin/greet-config"), &text);
    std::os::unix::fs::symlink("greet-config", old.join("bin/greet")).unwrap();
    relocate(&old, &new, &[&old]);
    let wanted = format!("{}\n", fs::canonicalize(&new).unwrap().display());
    let link = scratch.path().join("link");
    std::os::unix::fs::symlink(new.join("bin/greet"), &link).unwrap();
    let path = std::env::join_paths([new.join("bin"), "/usr/bin".into(), "/bin".into()]).unwrap();
    for name in ["greet-config", "greet"] {
        assert_eq!(output(Command::new("sh").args(["-c", name]).env("PATH", &path)), wanted);
        assert_eq!(output(Command::new("sh").args(["-c", &format!("./{name}")]).current_dir(new.join("bin"))), wanted);
        assert_eq!(output(Command::new("sh").arg(name).current_dir(new.join("bin")).env("CDPATH", "/usr")), wanted);
    }
    assert_eq!(output(&mut Command::new(link)), wanted);
    let copy = scratch.path().join("copy");
    program::write(&copy, fs::read(new.join("bin/greet-config")).unwrap(), 0o755);
    let done = Command::new(&copy).output().unwrap();
    assert_eq!(done.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&done.stderr).contains("cannot tell where it was installed"));
}

#[test]
fn scripts_of_other_packages_are_still_read_by_their_shells() {
    let (mut read, mut refused) = (0, Vec::new());
    for directory in
        ["/usr/bin", "/usr/sbin", "/usr/lib/git-core", "/usr/share/automake-1.16", "/usr/share/libtool/build-aux"]
    {
        for entry in fs::read_dir(directory).into_iter().flatten() {
            let path = entry.unwrap().path();
            let Ok(bytes) = fs::read(&path) else { continue };
            let Some(Ok(script)) = bytes.starts_with(b"#!").then(|| String::from_utf8(bytes)) else { continue };
            let shell = if script.lines().next().unwrap().contains("bash") { "bash" } else { "dash" };
            match answer(script.as_bytes(), 0o755, "/usr") {
                Answer::New(new) => {
                    let names = Names::new(&[Prefix::new(b"/usr").unwrap()]);
                    let text = String::from_utf8(new.bytes).unwrap();
                    let code: Vec<_> = text.lines().skip(1).filter(|line| !line.contains('#')).collect();
                    assert!(!code.iter().any(|line| names.any(line.as_bytes(), Reading::Text)), "{}", path.display());
                    let check = |text: &str| {
                        let copy = tempfile::NamedTempFile::new().unwrap();
                        fs::write(copy.path(), text).unwrap();
                        Command::new(shell).arg("-n").arg(copy.path()).output().unwrap()
                    };
                    let (before, after) = (check(&script), check(&text));
                    assert_eq!(before.status, after.status, "{}: {after:?}", path.display());
                    read += 1;
                }
                Answer::Refused(why) => refused.push(format!("{}: {why}", path.display())),
                _ => {}
            }
        }
    }
    assert!(read >= 20 && refused.len() * 10 <= read, "{read} rewritten, refused:\n{}", refused.join("\n"));
}

/// One word or command whose text names the old place somewhere.
fn piece() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("/old/place".to_owned()),
        Just("/old/place/lib".to_owned()),
        Just("a".to_owned()),
        Just("b#c".to_owned()),
        Just("$x".to_owned()),
        Just("\\$".to_owned()),
        Just("${x}".to_owned()),
        Just("-I/old/place/include".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            inner
                .clone()
                .prop_filter("no quote in quotes", |text| !text.contains(['"', '`']))
                .prop_map(|text| format!("\"{text}\"")),
            inner
                .clone()
                .prop_filter("no quote in quotes", |text| !text.contains('\''))
                .prop_map(|text| format!("'{text}'")),
            inner.clone().prop_map(|text| format!("$(echo {text})")),
            inner.clone().prop_map(|text| format!("\"$(echo {text})\"")),
            inner
                .clone()
                .prop_filter("no nested backquotes", |text| !text.contains('`'))
                .prop_map(|text| format!("`echo {text}`")),
            inner
                .clone()
                .prop_filter("no brace", |text| !text.contains('\''))
                .prop_map(|text| format!("${{y:-{text}}}")),
            inner
                .clone()
                .prop_filter("no quote", |text| !text.contains(['\'', '"', '`']))
                .prop_map(|text| format!("\"${{y:-{text}}}\"")),
            inner.clone().prop_map(|text| format!("$(case z in a) ;; (z) echo {text} ;; esac)")),
            inner.clone().prop_map(|text| format!("$(cat <<E # /old/place it's\n{text}\nE\n)")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("{a}:{b}")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_scripts_say_the_same_at_the_new_place(pieces in proptest::collection::vec(piece(), 40)) {
        let scratch = tempfile::tempdir().unwrap();
        let new = fs::canonicalize(scratch.path()).unwrap().join("new");
        let mut script = "#!/bin/sh\nx=x\n".to_owned();
        for piece in pieces {
            let line = format!("printf '<%s>' {piece} # '/old/place\necho\n");
            // What is refused is refused; what is not must be right.
            if rewritten(&format!("#!/bin/sh\nx=x\n{line}")).is_ok() {
                script.push_str(&line);
            }
        }
        let before = printed(&new, &script);
        let after = printed(&new, &rewritten(&script).unwrap());
        let wanted: Vec<_> = before.iter().map(|text| text.replace("/old/place", new.to_str().unwrap())).collect();
        prop_assert_eq!(after, wanted, "{}", script);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_without_harm(tail in "[a-z/ '\"`$(){}<\\\\#;&|\n=-]{0,80}", at in 0usize..80) {
        let mut script = format!("#!/bin/bash\n{tail}");
        let at = (12 + at).min(script.len());
        script.insert_str(at, "/old/place");
        if let Ok(new) = rewritten(&script) {
            prop_assert_eq!(rewritten(&new), Ok(new.clone()));
        }
    }
}

#[test]
fn a_script_that_is_there_to_be_copied_or_read_is_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let (old, new) = (scratch.path().join("old"), scratch.path().join("new"));
    let text = format!("#!/bin/sh\n{}/bin/perl -e ''\n", old.display());
    let copied =
        ["share/git-core/templates/hooks/pre-push", "share/x/hook.sample", "share/automake-1.16/compile", "lib/x/x.sh"];
    for path in copied {
        write_script(&old.join(path), &text);
    }
    write_script(&old.join("share/x/run"), &text);
    write_script(&old.join("bin/x.sh"), &text);
    let outcomes = relocate(&old, &new, &[&old]);
    for (path, outcome) in outcomes {
        let refused = matches!(outcome, Outcome::Refused("shell", _));
        assert_eq!(refused, copied.contains(&path.display().as_ref()), "{path}");
    }
}

#[test]
fn the_outcome_names_the_class() {
    let scratch = tempfile::tempdir().unwrap();
    let (old, new) = (scratch.path().join("old"), scratch.path().join("new"));
    write_script(&old.join("bin/x"), &format!("#!/bin/sh\ncat <<'E'\n{}\nE\n", old.display()));
    let outcomes = relocate(&old, &new, &[&old]);
    assert!(matches!(outcomes.values().next(), Some(Outcome::Refused("shell", _))), "{outcomes:?}");
}
