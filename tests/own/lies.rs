//! Servers that lie, stall, send on and break: whatever comes, the present version does its work, in time, with one line.

use crate::lab::Lab;
use crate::programs::{Programs, version};
use crate::repository::{Repository, honest, is_tool};
use crate::server::{Asked, Reply, Server};
use relocate::base::digest::Digest;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const WORK: [&str; 2] = ["elf", "--help"];

/// One start that is due, which must do its work within the limit and a little; what it said.
fn started(lab: &Lab, programs: &Programs, name: &str) -> String {
    lab.tomorrow();
    let begun = Instant::now();
    let ran = lab.call(&programs.path(0), &WORK).run();
    assert!(begun.elapsed() < Duration::from_secs(12), "{name}: {:?}", begun.elapsed());
    assert_eq!(ran.code, Some(0), "{name}: {}", ran.err);
    assert!(ran.out.contains("run-time path") && ran.err.lines().count() <= 1, "{name}: {}", ran.err);
    ran.err
}

type Lie = Box<dyn Fn(&Asked, &[u8]) -> Option<Reply> + Send + Sync>;

fn always(reply: Reply) -> Lie {
    Box::new(move |_, _| Some(reply.clone()))
}

/// Answers that are no metadata: each is one warning, and the present version runs.
#[test]
fn whatever_the_server_answers_the_present_version_runs() {
    let programs = Programs::all();
    let repository = Repository::with(&[(&version(1), &programs.bytes(1))]);
    let page = b"<!DOCTYPE html><title>log in</title>";
    let lies: Vec<(&str, Lie)> = vec![
        ("500", always(Reply::new(500, b"sorry"))),
        ("404", always(Reply::new(404, b"none"))),
        ("403", always(Reply::new(403, b"no"))),
        ("a page", always(Reply::new(200, page))),
        ("nothing", always(Reply::new(200, b""))),
        ("other bytes", always(Reply::new(200, b"{\"signed\":{}}"))),
        ("not modified, of nothing known", always(Reply::new(304, b""))),
        ("precondition failed, of nothing known", always(Reply::new(412, b""))),
        ("round and round", always(Reply::new(302, b"").with("location", "/repo/again"))),
        ("to nowhere", always(Reply::new(301, b"").with("location", "http://127.0.0.1:9/x"))),
        ("cut", Box::new(|_, bytes| Some(Reply::new(200, bytes).cut(bytes.len() / 2)))),
        ("endless", Box::new(|_, _| Some(Reply { endless: true, ..Reply::new(200, &[b'x'; 4096]) }))),
        ("slow", Box::new(|_, bytes| Some(Reply::new(200, bytes).pause(Duration::from_secs(60))))),
    ];
    for (name, lie) in lies {
        let server = repository.serve(move |asked, bytes| {
            if asked.target.ends_with("root.json") { None } else { lie(asked, bytes.unwrap_or_default()) }
        });
        let lab = Lab::of(&repository, &server, "auto");
        let said = started(&lab, &programs, name);
        assert!(said.starts_with("warning: could not look for a newer relocate"), "{name}: {said}");
        assert_eq!(lab.current(), None, "{name}");
        // Asked once that day, whatever came of it.
        let before = server.log().len();
        assert_eq!(lab.call(&programs.path(0), &WORK).run().err, "", "{name}");
        assert_eq!(server.log().len(), before, "{name}");
        // And once the server is well again, all is.
        let well = repository.serve(|_, _| None);
        lab.follow(&well.url("repo"), "auto");
        assert!(started(&lab, &programs, name).contains("takes the place"), "{name}");
    }
}

/// What comes in the place of the program itself.
#[test]
fn whatever_comes_in_the_place_of_the_program_is_not_entered() {
    let programs = Programs::all();
    let repository = Repository::with(&[(&version(1), &programs.bytes(1))]);
    let turned = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        bytes
    };
    let lies: Vec<(&str, Lie)> = vec![
        ("500", always(Reply::new(500, b"sorry"))),
        ("404", always(Reply::new(404, b"none"))),
        ("a page", always(Reply::new(200, b"<html>"))),
        ("nothing", always(Reply::new(200, b""))),
        ("a script", always(Reply::new(200, b"#!/bin/sh\necho hello\n"))),
        ("a bit turned", Box::new(move |_, bytes| Some(Reply::new(200, &turned(bytes))))),
        ("longer", Box::new(|_, bytes| Some(Reply::new(200, &[bytes, b"x"].concat())))),
        ("endless", Box::new(|_, bytes| Some(Reply { endless: true, ..Reply::new(200, bytes) }))),
        ("always cut", Box::new(|_, bytes| Some(Reply::new(200, bytes).cut(bytes.len() / 3)))),
        ("slow", Box::new(|_, bytes| Some(Reply::new(200, bytes).pause(Duration::from_secs(60))))),
    ];
    for (name, lie) in lies {
        let server =
            repository.serve(move |asked, bytes| if is_tool(&asked.target) { lie(asked, bytes?) } else { None });
        let lab = Lab::of(&repository, &server, "auto");
        let said = started(&lab, &programs, name);
        let is_slow = said.contains("is being fetched, and used when it is here");
        assert!(
            said.starts_with("warning: ") || (is_slow && ["slow", "always cut", "500"].contains(&name)),
            "{name}: {said}"
        );
        assert_eq!(lab.current(), None, "{name}");
        let well = repository.serve(|_, _| None);
        lab.follow(&well.url("repo"), "auto");
        assert!(started(&lab, &programs, name).contains("takes the place"), "{name}");
    }
}

#[test]
fn not_modified_and_precondition_failed_mean_the_same_and_a_weak_tag_or_none_does_no_harm() {
    let programs = Programs::all();
    let mut repository = Repository::with(&[(&version(1), &programs.bytes(1))]);
    let way = Arc::new(Mutex::new(304));
    let kept = way.clone();
    let server = repository.serve(move |asked, bytes| {
        let bytes = bytes.filter(|_| asked.target.ends_with("timestamp.json"))?;
        let tag = format!("\"{}\"", &Digest::of(bytes).to_string()[..16]);
        match *kept.lock().unwrap() {
            1 => Some(Reply::new(200, bytes)),
            2 => Some(Reply::new(200, bytes).with("etag", &format!("W/{tag}"))),
            code if asked.header("if-none-match").is_some_and(|known| known.ends_with(&tag)) => {
                Some(Reply::new(code, b""))
            }
            _ => Some(honest(asked, Some(bytes))),
        }
    });
    let lab = Lab::of(&repository, &server, "notify");
    let says = |way_now: u16| {
        *way.lock().unwrap() = way_now;
        started(&lab, &programs, &way_now.to_string())
    };
    let available = format!("note: relocate {} is available; 'relocate self update' takes it\n", version(1));
    for code in [304, 304, 412, 1, 412, 304, 2, 304, 412] {
        assert_eq!(says(code), available, "{code}");
    }
    repository.add(&version(2), b"#!/bin/sh\n", None);
    repository.sign();
    let available = available.replace(&version(1), &version(2));
    for code in [304, 412, 1, 2, 304] {
        assert_eq!(says(code), available, "{code}");
    }
}

#[test]
fn an_old_list_an_expired_one_and_one_of_others_are_refused_and_the_present_version_runs() {
    let programs = Programs::all();
    let mut repository = Repository::with(&[(&version(1), &programs.bytes(1))]);
    let old = repository.files.lock().unwrap().clone();
    repository.add(&version(2), &programs.bytes(2), None);
    repository.sign();
    let server = repository.serve(|_, _| None);
    let lab = Lab::of(&repository, &server, "notify");
    assert!(started(&lab, &programs, "new").contains(&version(2)));
    let new = repository.files.lock().unwrap().clone();
    *repository.files.lock().unwrap() = old;
    let said = started(&lab, &programs, "old");
    assert!(said.starts_with("warning: ") && said.contains("would go back"), "{said}");
    *repository.files.lock().unwrap() = new;
    assert!(started(&lab, &programs, "new again").contains(&version(2)));
    repository.days = -1;
    repository.sign();
    let said = started(&lab, &programs, "expired");
    assert!(said.starts_with("warning: ") && said.contains("was good until"), "{said}");
    // Somebody else's repository, signed by other keys for the same names.
    let other = Server::start(|asked| Reply::new(200, asked.target.as_bytes()));
    lab.follow(&other.url("repo"), "auto");
    assert!(started(&lab, &programs, "other").starts_with("warning: "));
    assert_eq!(lab.current(), None);
}

#[test]
fn a_server_that_drips_or_never_answers_costs_five_seconds_once() {
    let programs = Programs::all();
    let repository = Repository::with(&[(&version(1), &programs.bytes(1))]);
    // One that takes connections and says nothing at all.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let lab = Lab::following(&repository, &format!("http://{}/repo", silent.local_addr().unwrap()), "notify");
    let begun = Instant::now();
    let said = started(&lab, &programs, "silent");
    assert!(said.contains("gave no answer within 5 seconds"), "{said}");
    assert!(begun.elapsed() >= Duration::from_secs(4));
    let begun = Instant::now();
    assert_eq!(lab.call(&programs.path(0), &WORK).run().err, "");
    assert!(begun.elapsed() < Duration::from_secs(2));
    // A byte every half second would never end.
    let dripping = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = dripping.local_addr().unwrap();
    std::thread::spawn(move || {
        use std::io::Write;
        for stream in dripping.incoming().flatten() {
            std::thread::spawn(move || {
                let mut stream = stream;
                let _ = stream.write_all(b"HTTP/1.1 200 x\r\ncontent-length: 100000\r\n\r\n");
                while stream.write_all(b" ").is_ok() {
                    std::thread::sleep(Duration::from_millis(500));
                }
            });
        }
    });
    lab.follow(&format!("http://{address}/repo"), "auto");
    assert!(started(&lab, &programs, "dripping").contains("gave no answer within 5 seconds"));
}

#[test]
fn a_download_that_is_slow_is_gone_on_with_the_next_time_and_never_from_its_first_byte() {
    let programs = Programs::all();
    let repository = Repository::with(&[(&version(1), &programs.bytes(1))]);
    let length = programs.bytes(1).len();
    let server = repository.serve(move |asked, bytes| {
        // Each connection ends after a quarter of the whole.
        (is_tool(&asked.target) && asked.nth < 3).then(|| honest(asked, bytes).cut(length / 4))
    });
    let lab = Lab::of(&repository, &server, "auto");
    // Retries within one start go on where it broke off.
    let said = started(&lab, &programs, "quarters");
    let ranges = |server: &Server| -> Vec<_> {
        server
            .log()
            .into_iter()
            .filter(|asked| is_tool(&asked.target))
            .map(|asked| asked.header("range").map(str::to_owned))
            .collect()
    };
    if said.contains("is being fetched") {
        // The day's look is over; what broke off is gone on with all the same, some minutes later.
        let asked = lab.state()["asked"].as_i64().unwrap();
        assert!(lab.state()["fetching"].is_object());
        lab.change(|state| state["asked"] = (asked - 601).into());
        assert!(lab.call(&programs.path(0), &WORK).run().err.contains("takes the place"));
    } else {
        assert!(said.contains("takes the place"), "{said}");
    }
    assert_eq!(lab.current(), Some(version(1)));
    let ranges = ranges(&server);
    assert!(ranges[0].is_none() && ranges[1..].iter().all(Option::is_some), "{ranges:?}");
}
