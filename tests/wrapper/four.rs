//! What a bootstrap script owes to whoever runs it: it works offline, takes a newer tool, restarts nothing, needs nothing but itself.
//! Each with the network cut, the server lying, the download cut.

use crate::call::relocate;
use crate::lab::{GETTERS, Getter, Lab, SHELLS, Shell, found, only, ran, tool};
use crate::server::{Reply, Server, dead_port};
use relocate::base::digest::Digest;
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::process::Stdio;

/// Servers that give nothing that is of any use.
fn useless(tool: &[u8]) -> Vec<(&'static str, Server)> {
    let (wrong, half) = (tool.to_ascii_uppercase(), tool.to_vec());
    vec![
        ("lying", Server::start(move |_| Reply::new(200, &wrong))),
        ("cut", Server::start(move |_| Reply::new(200, &half).cut(half.len() / 2))),
    ]
}

#[test]
fn it_runs_offline_once_it_is_there() {
    let one = tool("1.0");
    for (shell, getter) in SHELLS.into_iter().flat_map(|shell| GETTERS.map(|getter| (shell, getter))) {
        let lab = Lab::new();
        let bytes = one.clone();
        let server = Server::start(move |_| Reply::new(200, &bytes));
        lab.pin(&one, &[&server.url("tool")]);
        let first = lab.run(shell, getter, &[]);
        assert!(first.is_tool("1.0"), "{shell:?} {getter:?} {first:?}");
        assert_eq!(first.err, format!("relocatew: fetching relocate 1.0 from {}\n", server.url("tool")));
        drop(server);
        for _ in 0..2 {
            let again = lab.run(shell, getter, &[]).expect(0, &[]);
            assert!(again.is_tool("1.0") && only(&lab, &lab.copy(&one)), "{shell:?} {getter:?} {again:?}");
        }
        // Neither a server that lies now, nor one that breaks off, is asked.
        for (what, server) in useless(&one) {
            lab.pin(&one, &[&server.url("tool")]);
            assert!(lab.run(shell, getter, &[]).expect(0, &[]).is_tool("1.0"), "{what}");
            assert!(server.log().is_empty(), "{what}");
        }
        // One that was never there cannot be had, and nothing stays of the attempt.
        fs::remove_dir_all(lab.home()).unwrap();
        let url = format!("http://127.0.0.1:{}/tool", dead_port());
        lab.pin(&one, &[&url]);
        let ended = lab.run(shell, getter, &[]);
        let ended = ended.expect(4, &[&format!("warning: {url}: "), "no URL gave relocate 1.0", "help: "]);
        assert!(ended.out.is_empty() && lab.kept().is_empty(), "{:?}", lab.kept());
    }
}

#[test]
fn it_takes_a_newer_one_when_the_properties_say_so() {
    let (one, two) = (tool("1.0"), tool("2.0"));
    let lab = Lab::new();
    let (old, new) = (lab.file("tool 1.0", &one), lab.file("tool 2.0", &two));
    lab.pin(&one, &[&old]);
    assert!(lab.run(Shell::Dash, Getter::Nothing, &[]).is_tool("1.0"));
    // A bump that finds nothing, or something else than was said, leaves all as it was.
    let bump = |more: &[&str]| relocate(&lab.project, [&["wrapper", "bump", "2.0"], more].concat());
    let digest = Digest::of(&two).to_string();
    let dead = format!("http://127.0.0.1:{}/tool", dead_port());
    bump(&["--url", &dead]).expect(4, &[], &["127.0.0.1"]);
    for (what, server) in useless(&two) {
        let url = server.url("tool");
        let code = if what == "lying" { 1 } else { 4 };
        bump(&["--url", &url, "--sha256", &digest]).expect(code, &[], &[&url]);
        assert!(lab.run(Shell::Bash, Getter::Nothing, &[]).is_tool("1.0"), "{what}");
    }
    // The version in the URL leads to the next one.
    bump(&["--sha256", &digest]).expect(0, &["relocate 2.0", &new], &[]);
    let properties = fs::read_to_string(lab.project.join("relocatew.properties")).unwrap();
    assert!(properties.starts_with("# ours\nversion=2.0\n") && !properties.contains(&old), "{properties}");
    for (shell, getter) in SHELLS.into_iter().zip(GETTERS) {
        assert!(lab.run(shell, getter, &[]).is_tool("2.0"));
    }
    // The old one is there for projects that still have it.
    assert_eq!(lab.kept().len(), 2);
    // Where the newer one cannot be had, the old one does not run in its place.
    let three = tool("3.0");
    for (what, server) in useless(&three) {
        lab.pin(&three, &[&server.url("tool")]);
        let ended = lab.run(Shell::Dash, Getter::Curl, &[]);
        assert!(matches!(ended.code, Some(1 | 4)) && ended.out.is_empty(), "{what}: {ended:?}");
    }
}

#[test]
fn nothing_restarts_and_the_tool_gets_what_was_given() {
    let one = tool("1.0");
    let hostile = ["a b", "", "it's \"quoted\"", "two\nlines\n", "$(id)", "*", "-e", "\\c", "--"];
    for (shell, getter) in SHELLS.into_iter().zip(GETTERS) {
        let lab = Lab::new();
        let bytes = one.clone();
        let server = Server::start(move |_| Reply::new(200, &bytes));
        lab.pin(&one, &[&server.url("tool")]);
        let runs = |what: &str| {
            let child = lab.command(shell, getter).args(hostile).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
            let child = child.unwrap();
            let pid = child.id();
            let out = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
            let given = format!("<{}>", hostile.join("><"));
            assert_eq!(out, format!("tool 1.0, process {pid}\n{given}"), "{shell:?} {what}");
        };
        // The first time with a download, also after servers that were of no use, then without.
        runs("fetched");
        for (what, useless) in useless(&one) {
            fs::remove_dir_all(lab.home()).unwrap();
            lab.pin(&one, &[&useless.url("tool"), &server.url("tool")]);
            runs(what);
            runs("there");
        }
        drop(server);
        assert_eq!(lab.run(shell, getter, &["end", "97"]).code, Some(97));
        // What a caller exported under any name of the script's own reaches the tool as it was.
        let names =
            ["version", "sha256", "size", "urls", "url", "tool", "part", "home", "line", "value", "why", "cr", "spare"];
        for name in names {
            let said = ran(lab.command(shell, getter).args(["say", name]).env(name, "the caller's"));
            assert!(said.out.ends_with("the caller's"), "{shell:?} {name}: {said:?}");
        }
        let wrapper = lab.run(shell, getter, &["say", "RELOCATE_WRAPPER"]).out;
        assert!(wrapper.ends_with(lab.project.join("relocatew.properties").to_str().unwrap()), "{wrapper}");
        // Standard input is the tool's, also where it is fetched first.
        fs::remove_dir_all(lab.home()).unwrap();
        lab.pin(&one, &[&lab.file("tool", &one)]);
        let mut command = lab.command(shell, getter);
        let mut child =
            command.arg("read").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"all of it\n").unwrap();
        let out = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
        assert!(out.ends_with("<read>all of it\n"), "{out}");
    }
}

#[test]
fn it_needs_nothing_but_itself() {
    let one = tool("1.0");
    let serve = |bytes: &[u8]| {
        let bytes = bytes.to_vec();
        Server::start(move |_| Reply::new(200, &bytes))
    };
    let server = serve(&one);
    for shell in SHELLS {
        // One of three programs tells the digest; each getter does.
        for (at, sums) in ["sha256sum", "shasum", "openssl"].into_iter().enumerate() {
            let lab = Lab::new();
            lab.pin(&one, &[&server.url("tool")]);
            let path = lab.path(GETTERS[at], &[sums]);
            if sums == "shasum" {
                symlink(found("perl"), path.join("perl")).unwrap();
            }
            for _ in 0..2 {
                let done = ran(lab.command(shell, GETTERS[at]).env("PATH", &path));
                assert!(done.is_tool("1.0"), "{shell:?} {sums} {done:?}");
            }
            fs::remove_dir_all(lab.home()).unwrap();
            let useless = useless(&one);
            let dead = format!("http://127.0.0.1:{}/", dead_port());
            for (what, url) in useless.iter().map(|(what, server)| (*what, server.url("tool"))).chain([("dead", dead)])
            {
                lab.pin(&one, &[&url]);
                let ended = ran(lab.command(shell, GETTERS[at]).env("PATH", &path));
                let wanted = if what == "lying" { (1, "something else, of sha256") } else { (4, "no URL gave") };
                assert!(ended.expect(wanted.0, &[wanted.1]).out.is_empty() && lab.kept().is_empty(), "{what}");
            }
        }
        // Without any of them nothing is run, not even what is there.
        let lab = Lab::new();
        lab.pin(&one, &[&lab.file("tool", &one)]);
        assert!(lab.run(shell, Getter::Nothing, &[]).is_tool("1.0"));
        let none = lab.path(Getter::Curl, &[]);
        let ended = ran(lab.command(shell, Getter::Curl).env("PATH", &none));
        // The shell of busybox may bring its own sha256sum.
        assert!(shell == Shell::Busybox && ended.is_tool("1.0") || ended.code == Some(4), "{ended:?}");
        // Neither curl nor wget: a file will do, and a server is told to be out of reach.
        fs::remove_dir_all(lab.home()).unwrap();
        lab.pin(&one, &[&server.url("tool"), &lab.file("tool", &one)]);
        let done = lab.run(shell, Getter::Nothing, &[]);
        if shell != Shell::Busybox {
            assert!(done.err.contains("there is neither curl nor wget") && done.warnings() == 1, "{done:?}");
        }
        assert!(done.is_tool("1.0"), "{done:?}");
    }
}
