//! `--cache` on a server: what one machine made the next one does not make, and a server that fails costs a warning.

use crate::lab::{Lab, Ran};
use crate::server::{Asked, Reply, Server};
use relocate::base::digest::Digest;
use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex};

const PACKAGES: &str = "\"misc/greet\", \"www/web\"";

/// What a server does with a package that is asked for.
type Answer = fn(&Asked, &[u8]) -> Reply;

type Files = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

/// A server that keeps what is put, and answers for what it has as it is told to.
fn server(files: &Files, answer: Answer) -> Server {
    let kept = Arc::clone(files);
    Server::start(move |asked| {
        let path = asked.target.split('?').next().unwrap().to_owned();
        let mut files = kept.lock().unwrap();
        match (asked.method.as_str(), files.get(&path)) {
            ("PUT", _) => {
                files.insert(path, asked.body.clone());
                Reply::new(201, b"")
            }
            (_, Some(bytes)) => answer(asked, bytes),
            (_, None) => Reply::new(404, b""),
        }
    })
}

/// A lab whose source archives come from a directory beside, so that each build has its own and gets only what it needs.
fn lab() -> Lab {
    let lab = Lab::new();
    fs::rename(lab.dir.join("distfiles"), lab.dir.join("mirror")).unwrap();
    lab.recipe(PACKAGES, "");
    let text = fs::read_to_string(lab.recipe_file()).unwrap();
    fs::write(lab.recipe_file(), text.replace("offline = true", "mirrors = [\"../mirror\"]")).unwrap();
    lab
}

/// Builds from nothing with a cache; gives what was told and the archive.
fn build(lab: &Lab, server: &Server, cache: &str) -> (Ran, Digest) {
    lab.begin_again();
    fs::remove_dir_all(lab.dir.join("distfiles")).unwrap_or_default();
    let mut command = lab.build_command(&["--cache", cache]);
    command.env("SOURCE_DATE_EPOCH", "1400000000");
    for (name, value) in [("AWS_ACCESS_KEY_ID", "key"), ("AWS_SECRET_ACCESS_KEY", "word"), ("AWS_REGION", "here")] {
        command.env(name, value);
    }
    command.env("AWS_ENDPOINT_URL_S3", server.url("").trim_end_matches('/'));
    let ran = Ran::of(&mut command).expect(0, &["ready: "], &[]);
    (ran, lab.digest())
}

/// How many packages a build made.
fn made(ran: &Ran) -> usize {
    ran.err.matches(": built in ").count()
}

#[test]
fn what_is_on_a_server_is_not_made_again_and_its_source_archives_are_not_fetched() {
    for scheme in ["http", "s3"] {
        let (lab, files) = (lab(), Files::default());
        let server = server(&files, |_, bytes| Reply::new(200, bytes));
        let cache = if scheme == "http" { server.url("packages") } else { "s3://bucket/packages".to_owned() };
        let (first, archive) = build(&lab, &server, &cache);
        let packages = made(&first);
        assert!(packages >= 4, "{}", first.all());
        assert_eq!(files.lock().unwrap().len(), 2 * packages, "a package and a note for each");

        let (second, again) = build(&lab, &server, &cache);
        assert_eq!((made(&second), again), (0, archive), "{}", second.all());
        assert!(!second.err.contains("going on without it"), "{}", second.all());
        assert_eq!(fs::read_dir(lab.dir.join("distfiles")).map_or(0, Iterator::count), 0, "{}", second.all());
    }
}

#[test]
fn a_server_that_fails_costs_a_warning_and_the_build_makes_what_it_lacks() {
    let rows: [(&str, Answer, &str); 4] = [
        ("every answer is an error", |_, _| Reply::new(500, b""), "500"),
        ("packages end in the middle", |asked, bytes| cut(asked, bytes), "going on without it"),
        ("packages have other bytes", |asked, bytes| changed(asked, bytes), "it is damaged"),
        (
            "a note is no note",
            |asked, bytes| Reply::new(200, if is_note(asked) { b"x" } else { bytes }),
            "does not name a package",
        ),
    ];
    let (lab, files) = (lab(), Files::default());
    let good = server(&files, |_, bytes| Reply::new(200, bytes));
    let (first, archive) = build(&lab, &good, &good.url("packages"));
    for (what, answer, told) in rows {
        let bad = server(&Arc::new(Mutex::new(files.lock().unwrap().clone())), answer);
        let (ran, again) = build(&lab, &bad, &bad.url("packages"));
        assert_eq!((made(&ran), again), (made(&first), archive), "{what}: {}", ran.all());
        assert!(ran.err.contains("warning: ") && ran.err.contains(told), "{what}: {}", ran.all());
        // It is not asked for ever.
        assert!(ran.err.matches("going on without it").count() <= made(&first), "{what}: {}", ran.all());
    }
}

fn is_note(asked: &Asked) -> bool {
    asked.target.ends_with(".sha256")
}

fn cut(asked: &Asked, bytes: &[u8]) -> Reply {
    let reply = Reply::new(200, bytes);
    if is_note(asked) { reply } else { reply.cut(bytes.len() / 2) }
}

fn changed(asked: &Asked, bytes: &[u8]) -> Reply {
    let mut bytes = bytes.to_vec();
    if !is_note(asked) {
        bytes[40] ^= 1;
    }
    Reply::new(200, &bytes)
}
