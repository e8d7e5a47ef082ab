//! Servers that give something else, nothing, or no end of it: one line of warning, and the next URL.

use crate::lab::{GETTERS, Getter, Lab, Ran, SHELLS, Shell, ran, tool};
use crate::server::{Proxy, Reply, Server};
use std::time::{Duration, Instant};

/// What a server does, how the script ends where it is the only one, and whether that has a name of its own.
fn lies(tool: &[u8]) -> Vec<(&'static str, i32, Server)> {
    let page = b"<!DOCTYPE html><html>Please log in</html>";
    let (wrong, longer) = ([tool, b"#"].concat(), tool.repeat(50));
    vec![
        ("other bytes", 1, Server::start(move |_| Reply::new(200, &wrong))),
        ("a web page", 1, Server::start(|_| Reply::new(200, page).with("content-type", "text/html"))),
        ("nothing", 1, Server::start(|_| Reply::new(200, b""))),
        ("no end", 4, Server::start(move |_| Reply { endless: true, ..Reply::new(200, &longer) })),
        ("404", 4, Server::start(|_| Reply::new(404, page))),
        ("500", 4, Server::start(|_| Reply::new(500, page))),
        ("a loop", 4, Server::start(|_| Reply::new(302, b"").with("location", "/tool"))),
    ]
}

#[test]
fn a_server_that_lies_is_passed_over_with_one_line() {
    let one = tool("1.0");
    let bytes = one.clone();
    let honest = Server::start(move |_| Reply::new(200, &bytes));
    std::thread::scope(|scope| {
        for (shell, getter) in SHELLS.into_iter().zip(GETTERS) {
            let (one, honest) = (&one, &honest);
            scope.spawn(move || {
                for (what, code, server) in lies(one) {
                    let lab = Lab::new();
                    lab.pin(one, &[&server.url("tool")]);
                    let begun = Instant::now();
                    let ended = lab.run(shell, getter, &["x"]);
                    assert_eq!(ended.code, Some(code), "{what} {shell:?} {getter:?} {ended:?}");
                    assert!(ended.out.is_empty() && lab.kept().is_empty(), "{what} {:?}", lab.kept());
                    assert_eq!((ended.warnings(), ended.err.lines().count()), (1, 4), "{what} {ended:?}");
                    assert!(begun.elapsed() < Duration::from_secs(20), "{what} {getter:?}");
                    lab.pin(one, &[&server.url("tool"), &honest.url("tool")]);
                    let done = lab.run(shell, getter, &[]);
                    assert!(done.is_tool("1.0") && done.warnings() == 1, "{what} {shell:?} {done:?}");
                }
            });
        }
    });
}

#[test]
fn a_server_that_sends_elsewhere_is_followed() {
    let one = tool("1.0");
    for getter in GETTERS {
        let (lab, bytes) = (Lab::new(), one.clone());
        let server = Server::start(move |asked| match asked.target.as_str() {
            "/old" => Reply::new(302, b"").with("location", "/new"),
            _ => Reply::new(200, &bytes),
        });
        lab.pin(&one, &[&server.url("old")]);
        assert!(lab.run(Shell::Dash, getter, &[]).is_tool("1.0"), "{getter:?}");
    }
}

#[test]
fn an_answer_without_an_end_is_cut_where_no_size_is_said_and_everywhere_else() {
    let lab = Lab::new();
    let text = |size: &str| format!("version=1\nsha256={}\n{size}urls=file:///dev/zero\n", "0".repeat(64));
    lab.properties(&text("size=1000000\n"));
    for shell in SHELLS {
        lab.run(shell, Getter::Nothing, &[]).expect(4, &["warning: file:///dev/zero: "]);
    }
    // A size that is none is as good as none: a gibibyte then.
    for size in ["size=0\n", "size=08\n", "size=99999999999999999999\n", "size=1+a[$(id)]\n"] {
        lab.properties(&text(size).replace("file:///dev/zero", "file:///dev/null"));
        lab.run(Shell::Bash, Getter::Nothing, &[]).expect(1, &["something else"]);
    }
}

#[test]
fn the_proxy_of_the_environment_is_used_and_further_urls_are_tried_first() {
    let one = tool("1.0");
    for getter in GETTERS {
        let (lab, proxy, bytes) = (Lab::new(), Proxy::start(), one.clone());
        let server = Server::start(move |_| Reply::new(200, &bytes));
        let url = server.url("tool").replace("127.0.0.1", "files.test");
        lab.pin(&one, &["http://127.0.0.1:9/never"]);
        let mut command = lab.command(Shell::Dash, getter);
        command.env("http_proxy", format!("http://127.0.0.1:{}", proxy.port())).env("RELOCATE_WRAPPER_URLS", &url);
        let done: Ran = ran(&mut command);
        assert!(done.is_tool("1.0") && done.warnings() == 0, "{getter:?} {done:?}");
        assert!(proxy.log().iter().any(|asked| asked.target == url), "{getter:?} {:?}", proxy.log());
    }
}
