//! Source archives fetched from servers on loopback that behave as servers do, and packages kept on some.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod closure;
mod proxies;
mod server;
mod stores;

use relocate::base::child::Cancel;
use relocate::base::digest::Digest;
use relocate::build::distfile::{
    Algorithm, Checksum, Distfile, Event, FetchError, FetchOptions, Fetched, Listener, Mirror, archive, fetch, present,
};
use relocate::web::{Settings, Web};
use server::{Reply, Server, dead_port};
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

const BYTES: &[u8] = b"an archive of some bytes, long enough to be cut in the middle of it";

#[derive(Default)]
pub(crate) struct Told(pub(crate) Mutex<Vec<Event>>);

impl Listener for Told {
    fn event(&self, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
}

/// A directory for archives, and how they are fetched there.
pub(crate) struct Lab {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) settings: Settings,
    mirrors: Vec<Mirror>,
    jobs: usize,
    cancel: Cancel,
    told: Told,
}

impl Lab {
    pub(crate) fn new() -> Self {
        let settings =
            Settings { connect: Duration::from_secs(2), idle: Duration::from_millis(400), ..Settings::default() };
        Self {
            dir: tempfile::tempdir().unwrap(),
            settings,
            mirrors: Vec::new(),
            jobs: 4,
            cancel: Cancel::default(),
            told: Told::default(),
        }
    }

    fn with<T>(&self, act: impl FnOnce(&FetchOptions<'_>) -> T) -> T {
        let web = Web::new(&self.settings).unwrap();
        act(&FetchOptions {
            distdir: self.dir.path(),
            mirrors: &self.mirrors,
            web: &web,
            jobs: self.jobs,
            per_host: 2,
            tries: 3,
            pause: Duration::from_millis(5),
            cancel: &self.cancel,
        })
    }

    pub(crate) fn fetch(&self, files: &[Distfile]) -> Result<Fetched, FetchError> {
        self.with(|options| fetch(files, options, &self.told))
    }

    fn place(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// What the directory holds.
    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(self.dir.path()).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn reasons(&self) -> Vec<String> {
        let told = self.told.0.lock().unwrap();
        let reason = |event: &Event| match event {
            Event::Again { reason, .. } => Some(format!("again: {reason}")),
            Event::Refused { reason, .. } => Some(format!("refused: {reason}")),
            _ => None,
        };
        told.iter().filter_map(reason).collect()
    }
}

/// A record of a file with these bytes at these addresses.
pub(crate) fn file(name: &str, bytes: &[u8], urls: &[String]) -> Distfile {
    Distfile {
        name: name.to_owned(),
        subdir: String::new(),
        size: Some(bytes.len() as u64),
        checksums: vec![Checksum { algorithm: Algorithm::SHA256, hash: Digest::of(bytes).to_string() }],
        urls: urls.to_vec(),
        needed_by: vec!["greet-1.2".to_owned()],
    }
}

pub(crate) fn missing(result: Result<Fetched, FetchError>) -> String {
    match result.unwrap_err() {
        error @ FetchError::Missing { .. } => error.to_string(),
        other => panic!("{other}"),
    }
}

#[test]
fn a_file_is_fetched_once_and_left_alone_then() {
    let (lab, server) = (Lab::new(), Server::of(BYTES));
    let mut wanted = file("a.tgz", BYTES, &[server.url("a.tgz")]);
    wanted.subdir = "sub".to_owned();
    let first = lab.fetch(&[wanted.clone()]).unwrap();
    assert_eq!(first.files[0].from.as_deref(), Some(server.url("a.tgz").as_str()));
    assert_eq!((first.files[0].sha256, first.files[0].size), (Digest::of(BYTES), BYTES.len() as u64));
    assert_eq!(fs::read(lab.place("sub/a.tgz")).unwrap(), BYTES);
    let again = lab.fetch(&[wanted]).unwrap();
    assert_eq!(again.files[0].from, None);
    assert_eq!(server.log().len(), 1);
    assert_eq!(server.log()[0].header("accept-encoding"), Some("identity"));
}

#[test]
fn a_cut_connection_is_resumed_where_it_broke() {
    let lab = Lab::new();
    let server = Server::start(|asked| {
        let reply = Reply::file(asked, BYTES, "\"one\"");
        if asked.nth < 2 { reply.cut(10) } else { reply }
    });
    lab.fetch(&[file("a", BYTES, &[server.url("a")])]).unwrap();
    let ranges: Vec<_> = server.log().iter().map(|asked| asked.header("range").map(str::to_owned)).collect();
    assert_eq!(ranges, [None, Some("bytes=10-".to_owned()), Some("bytes=20-".to_owned())]);
    assert_eq!(server.log()[1].header("if-range"), Some("\"one\""));
    assert_eq!(fs::read(lab.place("a")).unwrap(), BYTES);
    assert!(lab.reasons()[0].starts_with("again: the connection broke at byte 10 of 67"), "{:?}", lab.reasons());
}

#[test]
fn a_file_that_changes_between_two_tries_is_fetched_from_its_start() {
    let lab = Lab::new();
    let server = Server::start(|asked| match asked.nth {
        0 => Reply::file(asked, &[b'x'; 67], "\"old\"").cut(30),
        _ => Reply::file(asked, BYTES, "\"new\""),
    });
    lab.fetch(&[file("a", BYTES, &[server.url("a")])]).unwrap();
    assert_eq!(server.log()[1].header("if-range"), Some("\"old\""));
    assert_eq!(server.log().len(), 2);
}

#[test]
fn what_a_killed_run_left_is_continued_and_a_wrong_part_is_begun_again() {
    for (part, asked) in
        [(&BYTES[..20], 1), (b"not of this file at all", 2), (BYTES, 0), (&[b'x'; 67], 1), (&[0; 99], 1)]
    {
        let (lab, server) = (Lab::new(), Server::of(BYTES));
        fs::write(lab.place("a.part"), part).unwrap();
        lab.fetch(&[file("a", BYTES, &[server.url("a")])]).unwrap();
        assert_eq!(fs::read(lab.place("a")).unwrap(), BYTES);
        assert_eq!(server.log().len(), asked, "{}", String::from_utf8_lossy(part));
        assert_eq!(lab.names(), ["a"]);
    }
}

#[test]
fn a_server_that_ignores_or_misreads_ranges_is_no_obstacle() {
    for lie in [false, true] {
        let lab = Lab::new();
        let server = Server::start(move |asked| match asked.header("range") {
            Some(_) if lie => Reply::new(206, BYTES).with("content-range", "bytes 0-66/67"),
            _ => Reply::new(200, BYTES),
        });
        fs::write(lab.place("a.part"), &BYTES[..5]).unwrap();
        lab.fetch(&[file("a", BYTES, &[server.url("a")])]).unwrap();
        assert_eq!(server.log().len(), if lie { 2 } else { 1 });
    }
}

#[test]
fn a_site_that_lies_is_passed_over_and_what_it_sent_is_kept_for_a_look() {
    let lab = Lab::new();
    let wrong = BYTES.to_ascii_uppercase();
    let sent = wrong.clone();
    let liar = Server::start(move |_| Reply::new(200, &sent));
    let urls = [liar.url("a")];
    let said = missing(lab.fetch(&[file("a", BYTES, &urls)]));
    assert!(said.contains("its SHA256 is ") && said.contains("is recorded (kept as "), "{said}");
    assert_eq!(fs::read(lab.place("a.bad")).unwrap(), wrong);
    assert_eq!(lab.names(), ["a.bad"]);
    let honest = Server::of(BYTES);
    lab.fetch(&[file("a", BYTES, &[liar.url("a"), honest.url("a")])]).unwrap();
    assert_eq!(lab.names(), ["a"]);
}

#[test]
fn a_page_in_the_place_of_an_archive_is_not_even_read() {
    let lab = Lab::new();
    let server = Server::start(|_| Reply::new(200, b"<html>gone</html>").with("content-type", "text/html"));
    let endless = Server::start(|_| Reply::new(200, &[7; 9999]));
    let said = missing(lab.fetch(&[file("a", BYTES, &[server.url("a"), endless.url("a")])]));
    assert!(said.contains("it has 17 bytes of text/html, and 67 are recorded"), "{said}");
    assert!(said.contains("it has 9999 bytes of unknown kind"), "{said}");
    assert!(lab.names().is_empty());
}

#[test]
fn trouble_that_passes_is_waited_out_and_what_does_not_is_asked_once() {
    let lab = Lab::new();
    let server = Server::start(|asked| match (asked.target.as_str(), asked.nth) {
        ("/gone", _) => Reply::new(404, b""),
        ("/busy", 0) => Reply::new(503, b"").with("retry-after", "0"),
        ("/busy", 1) => Reply::new(429, b""),
        _ => Reply::file(asked, BYTES, "\"one\""),
    });
    lab.fetch(&[file("a", BYTES, &[server.url("gone"), server.url("busy")])]).unwrap();
    assert_eq!(server.log().len(), 4);
    assert_eq!(
        lab.reasons(),
        [
            "refused: the server says 404, it has no such file",
            "again: the server says 503, it has trouble of its own",
            "again: the server says 429, it is asked too often",
        ]
    );
}

#[test]
fn everything_that_is_missing_is_reported_at_once_with_its_places() {
    let mut lab = Lab::new();
    lab.mirrors = vec![Mirror::Directory("/nonexistent".into())];
    let server = Server::start(|_| Reply::new(404, b""));
    let mut second = file("b.tgz", BYTES, &[]);
    second.subdir = "sub".to_owned();
    let wanted = [
        file("a.tgz", BYTES, &["ftp://127.0.0.1/a.tgz".to_owned(), server.url("a.tgz")]),
        second,
        file("c.tgz", BYTES, &["http://u:secret@127.0.0.1:1/c?token=x".to_owned()]),
    ];
    fs::write(lab.place("a.tgz"), b"short").unwrap();
    let said = missing(lab.fetch(&wanted));
    let dir = lab.dir.path().display().to_string();
    let said = said.replace(&dir, "DISTDIR").replace(&server.url(""), "SERVER/");
    let known = said.split("cannot connect: ").collect::<Vec<_>>().join("");
    assert!(
        known.starts_with(
            "3 of 3 files are missing
  a.tgz, 67 bytes (needed by greet-1.2)
    DISTDIR/a.tgz: it has 5 bytes, and 67 are recorded
    file:///nonexistent/a.tgz: there is no such file
    ftp://127.0.0.1/a.tgz: ftp is not spoken here, only http, https and file
    SERVER/a.tgz: the server says 404, it has no such file
    help: put it at DISTDIR/a.tgz
  sub/b.tgz, 67 bytes (needed by greet-1.2)
    file:///nonexistent/sub/b.tgz: there is no such file
    help: put it at DISTDIR/sub/b.tgz
  c.tgz, 67 bytes (needed by greet-1.2)
    file:///nonexistent/c.tgz: there is no such file
    http://127.0.0.1:1/c?...: "
        ),
        "{said}"
    );
    assert!(!said.contains("secret"));
    // The wrong file stays until the right one is there.
    assert_eq!(fs::read(lab.place("a.tgz")).unwrap(), b"short");
    let states = present(&wanted, lab.dir.path()).unwrap();
    assert!(matches!(&states[..], [Some(Err(_)), None, None]));
}

#[test]
fn mirrors_of_the_recipe_come_first() {
    let mut lab = Lab::new();
    let (mirror, site, local) = (Server::of(BYTES), Server::of(BYTES), tempfile::tempdir().unwrap());
    lab.mirrors = vec![Mirror::Directory(local.path().to_owned()), Mirror::Url(mirror.url("pub"))];
    fs::write(local.path().join("b"), BYTES).unwrap();
    let mut wanted = file("a", BYTES, &[site.url("a")]);
    wanted.subdir = "s".to_owned();
    lab.fetch(&[wanted, file("b", BYTES, &[site.url("b")])]).unwrap();
    assert_eq!(mirror.log().iter().map(|asked| asked.target.as_str()).collect::<Vec<_>>(), ["/pub/s/a"]);
    assert!(site.log().is_empty());
}

#[test]
fn offline_connects_to_nothing_and_still_takes_local_files() {
    let mut lab = Lab::new();
    lab.settings.offline = true;
    let (server, local) = (Server::of(BYTES), tempfile::tempdir().unwrap());
    fs::write(local.path().join("b"), BYTES).unwrap();
    let there = format!("file://{}/b", local.path().display());
    let said = missing(lab.fetch(&[file("a", BYTES, &[server.url("a")]), file("b", BYTES, &[there])]));
    assert!(said.starts_with("1 of 2 files are missing\n  a, ") && said.contains("not asked: offline"), "{said}");
    assert_eq!(lab.names(), ["b"]);
    assert!(server.log().is_empty());
}

#[test]
fn a_server_that_says_nothing_is_left_in_time() {
    let lab = Lab::new();
    let slow = Server::start(|asked| Reply::file(asked, BYTES, "\"one\"").pause(Duration::from_secs(5)));
    let good = Server::of(BYTES);
    lab.fetch(&[file("a", BYTES, &[slow.url("a"), good.url("a")])]).unwrap();
    assert_eq!(good.log().len(), 1);
    assert_eq!(slow.log().len(), 3);
}

#[test]
fn a_server_that_cannot_be_reached_is_given_up_for_all_files() {
    let mut lab = Lab::new();
    lab.jobs = 1;
    let port = dead_port();
    let wanted: Vec<_> =
        (0..5).map(|at| file(&format!("f{at}"), BYTES, &[format!("http://127.0.0.1:{port}/f{at}")])).collect();
    let said = missing(lab.fetch(&wanted));
    assert_eq!(said.matches("cannot connect: ").count(), 5, "{said}");
    let started = lab.told.0.lock().unwrap().iter().filter(|event| matches!(event, Event::Started { .. })).count();
    assert_eq!(started, 3);
}

#[test]
fn no_server_is_asked_for_more_than_two_files_at_once() {
    let mut lab = Lab::new();
    lab.jobs = 8;
    let one = || Server::start(|asked| Reply::file(asked, BYTES, "\"one\"").pause(Duration::from_millis(40)));
    let (first, second) = (one(), one());
    let url = |at: usize| if at < 8 { first.url(&format!("f{at}")) } else { second.url(&format!("f{at}")) };
    let wanted: Vec<_> = (0..16).map(|at| file(&format!("f{at}"), BYTES, &[url(at)])).collect();
    let fetched = lab.fetch(&wanted).unwrap();
    assert_eq!((first.most(), second.most()), (2, 2));
    let places: Vec<_> = fetched.files.iter().map(|file| file.place.clone()).collect();
    assert_eq!(places, (0..16).map(|at| lab.place(&format!("f{at}"))).collect::<Vec<_>>());
}

#[test]
fn two_who_want_one_file_fetch_it_once() {
    let lab = Lab::new();
    let server = Server::start(|asked| Reply::file(asked, BYTES, "\"one\"").pause(Duration::from_millis(200)));
    let wanted = [file("a", BYTES, &[server.url("a")])];
    std::thread::scope(|scope| {
        let other = scope.spawn(|| lab.fetch(&wanted).unwrap());
        lab.fetch(&wanted).unwrap();
        other.join().unwrap();
    });
    assert_eq!(server.log().len(), 1);
    assert_eq!(lab.names(), ["a"]);
}

#[test]
fn a_wish_to_stop_ends_it_and_keeps_what_came() {
    let lab = Lab::new();
    let cancel = lab.cancel.clone();
    let server = Server::start(move |asked| {
        cancel.cancel();
        Reply::file(asked, BYTES, "\"one\"").cut(10)
    });
    let error = lab.fetch(&[file("a", BYTES, &[server.url("a")])]).unwrap_err();
    assert!(matches!(error, FetchError::Cancelled), "{error}");
    assert!(!lab.place("a").exists());
}

#[test]
fn an_archive_by_its_address_has_the_sum_that_was_asked_for() {
    let (lab, server) = (Lab::new(), Server::of(BYTES));
    let into = lab.place("trees/tree.tgz");
    let get = |sum: Option<Digest>| lab.with(|options| archive(&server.url("t"), sum, &into, options, &lab.told));
    assert_eq!(get(None).unwrap().sha256, Digest::of(BYTES));
    assert_eq!(get(Some(Digest::of(BYTES))).unwrap().from, None);
    let said = get(Some(Digest::of(b"other"))).unwrap_err().to_string();
    assert!(said.starts_with("1 of 1 file is missing\n  tree.tgz\n") && said.contains("its SHA256 is "), "{said}");
    assert_eq!(get(None).unwrap().from, Some(server.url("t")));
    let mut offline = Lab::new();
    offline.settings.offline = true;
    let kept = offline.with(|options| archive(&server.url("t"), None, &into, options, &offline.told)).unwrap();
    assert_eq!((kept.from, kept.sha256), (None, Digest::of(BYTES)));
}
