//! Over HTTP on loopback: how few requests there are, and servers that break off, lie, stall or send web pages.

use crate::pack::{pack, runs};
use crate::repository::{Repository, files};
use crate::server::{Asked, Reply, Server};
use relocate::base::digest::Digest;
use std::sync::{Arc, Mutex};
use std::time::Duration;

type Files = Arc<Mutex<std::collections::BTreeMap<String, Vec<u8>>>>;

/// A server of files that may change; `lie` may answer in its own way.
fn serving(files: Files, lie: impl Fn(&Asked, &[u8]) -> Option<Reply> + Send + Sync + 'static) -> Server {
    Server::start(move |asked| match files.lock().unwrap().get(asked.target.trim_start_matches("/repo/")) {
        None => Reply::new(404, b"none"),
        Some(bytes) => lie(asked, bytes).unwrap_or_else(|| {
            let tag = format!("\"{}\"", &Digest::of(bytes).to_string()[..16]);
            if asked.header("if-none-match") == Some(&tag) {
                return Reply::new(304, b"").with("etag", &tag);
            }
            Reply::file(asked, bytes, &tag)
        }),
    })
}

fn shared(repository: &Repository) -> Files {
    Arc::new(Mutex::new(files(repository)))
}

fn is_pack(asked: &Asked) -> bool {
    asked.method == "GET" && asked.target.ends_with(".full.tar.zst")
}

fn first(repository: &Repository, server: &Server) -> crate::call::Call {
    repository.relocate(["update", "app", "--from", &server.url("repo"), "--root-key", "root.json"])
}

fn asked(server: &Server, from: usize) -> Vec<String> {
    let short = |target: &str| match target.rsplit('/').next().unwrap() {
        name if name.len() > 65 && name.as_bytes()[64] == b'.' => name[65..].to_owned(),
        name => name.to_owned(),
    };
    server.log()[from..].iter().map(|asked| format!("{} {}", asked.method, short(&asked.target))).collect()
}

#[test]
fn nothing_new_is_two_requests_and_an_update_five() {
    let mut repository = Repository::with(&[1]);
    let files = shared(&repository);
    let server = serving(files.clone(), |_, _| None);
    first(&repository, &server).expect(0, &["updated"], &[]);
    let all = [
        "HEAD 2.root.json",
        "GET timestamp.json",
        "GET 1.snapshot.json",
        "GET 1.targets.json",
        "GET app-1.full.tar.zst",
    ];
    assert_eq!(asked(&server, 0), all);
    let before = server.log().len();
    repository.update().expect(0, &["up to date"], &[]);
    assert_eq!(asked(&server, before), ["HEAD 2.root.json", "GET timestamp.json"]);
    assert!(server.log()[before + 1].header("if-none-match").is_some());
    repository.release(2);
    *files.lock().unwrap() = crate::repository::files(&repository);
    let before = server.log().len();
    repository.update().expect(0, &["updated"], &[]);
    assert_eq!(asked(&server, before).len(), 5);
    assert_eq!(runs(&repository.releases()), 2);
}

#[test]
fn a_pack_that_breaks_off_goes_on_where_it_ended_also_in_the_next_run() {
    let repository = Repository::with(&[1]);
    let length = pack(1).full.len();
    // Twice it breaks off in this run, and the third time all is well.
    let server = serving(shared(&repository), move |asked, bytes| {
        let tag = "\"one\"";
        (is_pack(asked) && asked.nth < 2)
            .then(|| Reply::file(asked, bytes, tag).cut(length / 4))
            .or_else(|| is_pack(asked).then(|| Reply::file(asked, bytes, tag)))
    });
    first(&repository, &server).expect(0, &["updated"], &[]);
    let ranges: Vec<_> = server
        .log()
        .iter()
        .filter(|asked| is_pack(asked))
        .map(|asked| asked.header("range").map(str::to_owned))
        .collect();
    assert_eq!(ranges.len(), 3);
    assert!(ranges[0].is_none() && ranges[1].is_some() && ranges[2].is_some() && ranges[1] != ranges[2], "{ranges:?}");
    assert_eq!(runs(&repository.releases()), 1);
    // It breaks off five times, and the next run goes on.
    let repository = Repository::with(&[1]);
    let server = serving(shared(&repository), move |asked, bytes| {
        is_pack(asked).then(|| {
            Reply::file(asked, bytes, "\"one\"").cut(if asked.nth < 5 { 1000 } else { usize::MAX }.min(bytes.len()))
        })
    });
    first(&repository, &server).expect(
        4,
        &[],
        &["app-1.full.tar.zst broke off at byte 5000", "goes on where it broke off"],
    );
    let server = serving(shared(&repository), |_, _| None);
    let fine =
        serving(shared(&repository), move |asked, bytes| is_pack(asked).then(|| Reply::file(asked, bytes, "\"one\"")));
    first(&repository, &fine).expect(0, &["updated"], &[]);
    let range = fine.log().iter().find(|asked| is_pack(asked)).unwrap().header("range").map(str::to_owned);
    assert_eq!(range.as_deref(), Some("bytes=5000-"));
    drop(server);
    assert_eq!(runs(&repository.releases()), 1);
}

#[test]
fn a_server_that_ignores_ranges_or_has_another_file_now_gives_the_right_one_or_none() {
    for status in [200, 206, 416] {
        let repository = Repository::with(&[1]);
        let server = serving(shared(&repository), move |asked, bytes| {
            if !is_pack(asked) {
                return None;
            }
            if asked.nth == 0 {
                return Some(Reply::new(200, bytes).with("etag", "\"one\"").cut(500));
            }
            match (status, asked.header("range")) {
                // The wrong part of it.
                (206, Some(_)) => Some(
                    Reply::new(206, &bytes[7..])
                        .with("content-range", &format!("bytes 7-{}/{}", bytes.len() - 1, bytes.len())),
                ),
                (416, Some(_)) => Some(Reply::new(416, b"")),
                _ => Some(Reply::new(200, bytes).with("etag", "\"two\"")),
            }
        });
        first(&repository, &server).expect(0, &["updated"], &[]);
        assert_eq!(runs(&repository.releases()), 1, "{status}");
    }
}

#[test]
fn a_pack_that_is_wrong_is_fetched_once_more_and_then_refused() {
    let repository = Repository::with(&[1]);
    let wrong = |bytes: &[u8]| {
        let mut wrong = bytes.to_vec();
        wrong[100] ^= 1;
        wrong
    };
    let server = serving(shared(&repository), move |asked, bytes| {
        (is_pack(asked) && asked.nth == 0).then(|| Reply::new(200, &wrong(bytes)))
    });
    first(&repository, &server).expect(0, &["updated"], &[]);
    assert_eq!(server.log().iter().filter(|asked| is_pack(asked)).count(), 2);
    let repository = Repository::with(&[1]);
    let server =
        serving(shared(&repository), move |asked, bytes| is_pack(asked).then(|| Reply::new(200, &wrong(bytes))));
    first(&repository, &server).expect(1, &[], &["is not what was signed: sha256", "twice"]);
    assert_eq!(server.log().iter().filter(|asked| is_pack(asked)).count(), 2);
    let longer = serving(shared(&repository), move |asked, bytes| {
        is_pack(asked).then(|| Reply::new(200, &[bytes, b"more"].concat()))
    });
    first(&repository, &longer).expect(1, &[], &["bytes, and", "were signed"]);
    assert!(!repository.releases().join("current").exists());
}

#[test]
fn a_web_page_in_the_place_of_metadata_or_of_a_pack_is_told_as_such() {
    let repository = Repository::with(&[1]);
    let page = b"<!DOCTYPE html><html>Please log in</html>";
    for what in ["timestamp.json", "snapshot.json", "targets.json", ".full.tar.zst"] {
        let server = serving(shared(&repository), move |asked, _| {
            asked.target.ends_with(what).then(|| Reply::new(200, page).with("content-type", "text/html"))
        });
        first(&repository, &server).expect(1, &[], &["a web page came in the place of http", what, "log in"]);
    }
    let all = Server::start(move |_| Reply::new(200, page));
    first(&repository, &all).expect(1, &[], &["a web page came in the place of"]);
    assert!(!repository.releases().join("current").exists());
    let server = serving(shared(&repository), |_, _| None);
    first(&repository, &server).expect(0, &["updated"], &[]);
}

#[test]
fn a_server_in_trouble_is_asked_again_and_then_told() {
    let repository = Repository::with(&[1]);
    let server =
        serving(shared(&repository), |asked, _| (is_pack(asked) && asked.nth < 3).then(|| Reply::new(503, b"later")));
    first(&repository, &server).expect(0, &["updated"], &[]);
    let metadata = serving(shared(&repository), |asked, _| {
        asked.target.ends_with("timestamp.json").then(|| Reply::new(503, b"later"))
    });
    let ran = repository.relocate(["update", "app", "--from", &metadata.url("repo")]).run();
    assert_eq!(ran.code, Some(4), "{}", ran.err);
    assert!(ran.err.contains("the server says 503"), "{}", ran.err);
    let gone = Repository::with(&[1]);
    let server = serving(shared(&gone), |asked, _| is_pack(asked).then(|| Reply::new(404, b"")));
    first(&gone, &server).expect(1, &[], &["is signed, and the repository does not have it"]);
    assert_eq!(runs(&repository.releases()), 1);
}

#[test]
fn a_slow_server_is_waited_for() {
    let repository = Repository::with(&[1]);
    let server = serving(shared(&repository), |asked, bytes| {
        Some(Reply::file(asked, bytes, "\"one\"").pause(Duration::from_millis(300)))
    });
    first(&repository, &server).expect(0, &["updated"], &[]);
    assert_eq!(runs(&repository.releases()), 1);
}

#[test]
fn a_body_without_an_end_is_cut_and_one_that_ends_too_early_goes_on() {
    for (what, told) in [
        (".full.tar.zst", "goes on after the"),
        ("timestamp.json", "is longer than 1048576 bytes"),
        ("targets.json", "is longer than"),
    ] {
        let repository = Repository::with(&[1]);
        let server = serving(shared(&repository), move |asked, bytes| {
            asked.target.ends_with(what).then(|| Reply { endless: true, ..Reply::new(200, &bytes.repeat(10)) })
        });
        first(&repository, &server).expect(1, &[], &[told]);
    }
    let repository = Repository::with(&[1]);
    // Each answer is a thousand bytes less than the rest, and says that it is all.
    let short = serving(shared(&repository), |asked, bytes| {
        is_pack(asked).then(|| {
            let mut reply = Reply::file(asked, bytes, "\"one\"");
            reply.body.truncate(reply.body.len().saturating_sub(1000));
            reply
        })
    });
    first(&repository, &short).expect(1, &[], &["bytes, and", "were signed"]);
    assert!(!repository.releases().join("current").exists());
}

#[test]
fn a_server_without_tags_or_with_weak_ones_gives_the_same() {
    for tag in [None, Some("W/\"one\"")] {
        let mut repository = Repository::with(&[1]);
        let files = shared(&repository);
        let server = serving(files.clone(), move |asked, bytes| {
            let reply = Reply::new(200, bytes);
            let reply = tag.map_or(reply.clone(), |tag| reply.with("etag", tag));
            let is_cut = is_pack(asked) && asked.nth == 0;
            Some(if is_cut { reply.cut(700) } else { reply })
        });
        first(&repository, &server).expect(0, &["updated"], &[]);
        repository.update().expect(0, &["up to date"], &[]);
        repository.release(2);
        *files.lock().unwrap() = crate::repository::files(&repository);
        repository.update().expect(0, &["updated: app 1.2"], &[]);
        let ranges = server.log().iter().filter(|asked| asked.header("range").is_some()).count();
        assert_eq!((ranges, runs(&repository.releases())), (0, 2));
    }
}
