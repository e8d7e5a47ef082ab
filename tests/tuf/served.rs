//! The same decisions over HTTP, whatever a server says of what it has not changed.

use crate::publisher::{Publisher, day};
use crate::server::{Asked, Reply, Server, dead_port};
use relocate::objects;
use relocate::tuf::{Freshness, Kept, News, Refused, Trusted, Why, follow};
use relocate::web::{Settings, Web};
use std::sync::Arc;

fn follow_at(url: &str, kept: &Kept) -> Result<Trusted, Refused> {
    let web = Arc::new(Web::new(&Settings::default()).unwrap());
    follow(&objects::Server::new(web, url, None), kept, day(0), Freshness::Required)
}

/// Serves a repository; `stamp` answers for its timestamp.
fn serving(publisher: &Publisher, stamp: impl Fn(&Asked, &[u8]) -> Reply + Send + Sync + 'static) -> Server {
    let files = publisher.shelf.files.clone();
    Server::start(move |asked| match files.get(asked.target.trim_start_matches("/repo/")) {
        None => Reply::new(404, b"<html>not here</html>"),
        Some(file) if asked.target.ends_with("timestamp.json") => stamp(asked, file),
        Some(file) => Reply::new(200, file),
    })
}

type Stamp = fn(&Asked, &[u8]) -> Reply;

/// A file with a tag; who knows the tag gets a code.
fn tagged(asked: &Asked, file: &[u8], tag: &str, status: u16) -> Reply {
    if asked.header("if-none-match") == Some(tag) {
        Reply::new(status, b"")
    } else {
        Reply::new(200, file).with("etag", tag)
    }
}

#[test]
fn unchanged_is_the_same_decision_however_a_server_says_it() {
    let publisher = Publisher::new();
    let ways: [(&str, Stamp, bool); 5] = [
        ("304", |asked, file| tagged(asked, file, "\"a\"", 304), true),
        ("412", |asked, file| tagged(asked, file, "\"a\"", 412), true),
        ("weak", |asked, file| tagged(asked, file, "W/\"a\"", 304), true),
        ("deaf", |_, file| Reply::new(200, file).with("etag", "\"a\""), true),
        ("none", |_, file| Reply::new(200, file), false),
    ];
    for (way, stamp, has_state) in ways {
        let server = serving(&publisher, stamp);
        let first = follow_at(&server.url("repo"), &publisher.begin()).unwrap();
        assert_eq!((first.news(), first.kept().state.is_some()), (News::Targets, has_state), "{way}");
        let before = server.log().len();
        let again = follow_at(&server.url("repo/"), first.kept()).unwrap();
        assert_eq!((again.news(), again.kept()), (News::Nothing, first.kept()), "{way}");
        let asked: Vec<_> =
            server.log()[before..].iter().map(|asked| format!("{} {}", asked.method, asked.target)).collect();
        assert_eq!(asked, ["HEAD /repo/tuf/2.root.json", "GET /repo/tuf/timestamp.json"], "{way}");
    }
}

#[test]
fn a_server_that_cannot_be_asked_whether_it_has_a_root_is_asked_for_it() {
    let mut publisher = Publisher::new();
    publisher.rotate(|draft| draft.edition.expires = day(400), &[1, 2]);
    let files = publisher.shelf.files.clone();
    let server = Server::start(move |asked| match files.get(asked.target.trim_start_matches("/repo/")) {
        _ if asked.method == "HEAD" => Reply::new(405, b""),
        None => Reply::new(404, b""),
        Some(file) => Reply::new(200, file),
    });
    let trusted = follow_at(&server.url("repo"), &publisher.begin()).unwrap();
    assert_eq!(trusted.root().edition().version, 2);
}

#[test]
fn a_server_in_trouble_is_not_one_without_a_newer_root() {
    let publisher = Publisher::new();
    for status in [500, 503] {
        let files = publisher.shelf.files.clone();
        let server = Server::start(move |asked| match files.get(asked.target.trim_start_matches("/repo/")) {
            None => Reply::new(status, b"trouble"),
            Some(file) => Reply::new(200, file),
        });
        let refused = follow_at(&server.url("repo"), &publisher.begin()).unwrap_err();
        assert!(refused.to_string().contains(&format!("2.root.json: the server says {status}")), "{refused}");
        assert!(refused.why.is_unreached());
    }
}

#[test]
fn a_gateway_that_answers_everything_with_its_own_page_is_told() {
    let publisher = Publisher::new();
    let page = b"<!DOCTYPE html><html><body>Please log in</body></html>";
    let server = Server::start(move |_| Reply::new(200, page).with("content-type", "text/html"));
    let refused = follow_at(&server.url("repo"), &publisher.kept()).unwrap_err();
    assert!(refused.to_string().starts_with("a web page came in the place of http://127.0.0.1:"), "{refused}");
    assert!(matches!(refused.why, Why::Page { .. }) && refused.keep.is_none());
}

#[test]
fn a_timestamp_that_breaks_off_and_a_server_that_is_gone_are_told_as_such() {
    let publisher = Publisher::new();
    let server = serving(&publisher, |_, file| Reply::new(200, file).cut(100));
    let refused = follow_at(&server.url("repo"), &publisher.begin()).unwrap_err();
    assert!(matches!(refused.why, Why::Cut { .. }), "{refused}");
    let refused = follow_at(&format!("http://127.0.0.1:{}/repo", dead_port()), &publisher.begin()).unwrap_err();
    assert!(matches!(refused.why, Why::Unreached(_)) && refused.to_string().contains("cannot connect"), "{refused}");
}
