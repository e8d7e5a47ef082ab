//! By commands alone, from a prefix to a machine that follows its releases: over a directory and over nginx.

use crate::pack::{archive, runs};
use crate::place::{Place, succeed};
use std::fmt::Write as _;
use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

/// A repository that the commands made, at `repo` of its place.
pub(crate) struct Made(pub(crate) Place);

impl Made {
    pub(crate) fn new() -> Self {
        let new = Self(Place::new());
        let keys = ["--root-key-out", "keys/1.pem", "--root-key-out", "keys/2.pem", "--root-key-out", "keys/3.pem"];
        fs::create_dir(new.0.at("keys")).unwrap();
        new.done(&[&["repo", "init", "repo", "--no-passphrase"], &keys[..]].concat());
        new
    }

    pub(crate) fn done(&self, arguments: &[&str]) -> String {
        let ran = crate::call::relocate(self.0.dir(), arguments).run();
        assert_eq!(ran.code, Some(0), "{arguments:?}: {}{}", ran.out, ran.err);
        ran.out
    }

    pub(crate) fn publish(&self, serial: u32) {
        self.publish_with(serial, &[]);
    }

    pub(crate) fn publish_with(&self, serial: u32, more: &[&str]) {
        fs::write(self.0.at("new.tar.zst"), archive(serial)).unwrap();
        let version = format!("1.{serial}");
        let what = ["publish", "new.tar.zst", "repo", "--app", "app", "--version", &version, "--level", "3"];
        self.done(&[&what[..], &["--release-key", "keys/release.pem"], more].concat());
    }
}

#[test]
fn releases_that_were_published_are_followed_by_what_is_different() {
    let made = Made::new();
    made.publish(1);
    made.done(&["update", "app", "--from", "repo", "--root-key", "repo/tuf/1.root.json"]);
    let app = made.0.at("app");
    // What a release says that it takes is what it takes, with the tool it carries.
    let status: serde_json::Value = serde_json::from_str(&made.done(&["repo", "status", "repo", "--json"])).unwrap();
    let said = status["releases"][0]["installed_bytes"].as_u64().unwrap();
    let used = String::from_utf8(succeed(Command::new("du").args(["-s", "-B1"]).arg(app.join("r/1")))).unwrap();
    let used: u64 = used.split_whitespace().next().unwrap().parse().unwrap();
    assert!(used.abs_diff(said) <= 64 << 10, "{said} bytes were said, {used} are used");
    for serial in 2..=4 {
        made.publish(serial);
        let said = made.done(&["update", "app"]);
        // From whichever of those that are here it is least.
        assert!(said.contains("as a change from release "), "{said}");
        assert_eq!(runs(&app), serial);
    }
    made.done(&["verify", "app", "--all"]);
    // From an older one too, and back.
    made.done(&["rollback", "app", "--to", "2"]);
    made.publish(5);
    let said = made.done(&["update", "app"]);
    assert!(said.contains("(release 5) is current in the place of 2"), "{said}");
    made.done(&["repo", "refresh", "repo"]);
    assert!(made.done(&["update", "app"]).contains("up to date"));
    assert_eq!(runs(&app), 5);
}

#[test]
fn what_was_for_a_few_comes_to_all_as_what_is_different_too() {
    let made = Made::new();
    made.publish(1);
    made.done(&["update", "app", "--from", "repo", "--root-key", "repo/tuf/1.root.json"]);
    made.publish_with(2, &["--channel", "canary"]);
    assert!(made.done(&["update", "app"]).contains("up to date"));
    let promote = ["promote", "repo", "--app", "app", "--serial", "2", "--channel", "stable"];
    made.done(&[&promote[..], &["--release-key", "keys/release.pem"]].concat());
    let said = made.done(&["update", "app"]);
    assert!(
        said.contains("(release 2) is current in the place of 1") && said.contains("as a change from release 1"),
        "{said}"
    );
    assert_eq!(runs(&made.0.at("app")), 2);
}

/// nginx with a directory, on a port of its own; it ends with its handle.
struct Nginx {
    child: Child,
    port: u16,
    log: std::path::PathBuf,
}

impl Nginx {
    fn start(place: &Place, root: &Path) -> Self {
        let (port, dir) = (crate::server::dead_port(), place.at("nginx"));
        fs::create_dir(&dir).unwrap();
        let mut text = String::from("daemon off; master_process off; worker_processes 1; error_log stderr crit;\n");
        writeln!(text, "pid {0}/pid; events {{ worker_connections 64; }} http {{ access_log {0}/log;", dir.display())
            .unwrap();
        for name in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
            writeln!(text, "{name}_temp_path {}/{name};", dir.display()).unwrap();
        }
        writeln!(text, "server {{ listen 127.0.0.1:{port}; root {}; }} }}", root.display()).unwrap();
        fs::write(dir.join("conf"), text).unwrap();
        let program =
            ["/usr/sbin/nginx", "/usr/bin/nginx"].into_iter().find(|path| Path::new(path).exists()).unwrap_or("nginx");
        let mut command = Command::new(program);
        let child = command.arg("-c").arg(dir.join("conf")).arg("-p").arg(&dir).stderr(Stdio::null()).spawn();
        let new = Self { child: child.unwrap_or_else(|error| panic!("nginx: {error}")), port, log: dir.join("log") };
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return new;
            }
            thread::sleep(Duration::from_millis(25));
        }
        panic!("nginx does not listen");
    }

    /// Requests with their answers' codes, after so many others.
    fn asked(&self, after: usize) -> Vec<String> {
        let text = fs::read_to_string(&self.log).unwrap();
        let short = |line: &str| {
            let (_, rest) = line.split_once('"').unwrap();
            let (request, rest) = rest.split_once('"').unwrap();
            let mut words = request.split(' ');
            let (method, name) = (words.next().unwrap(), words.next().unwrap().rsplit('/').next().unwrap());
            format!("{method} {} {}", name, &rest[1..4])
        };
        text.lines().skip(after).map(short).collect()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn over_nginx_nothing_new_is_two_requests_without_a_body_and_an_update_five() {
    let made = Made::new();
    made.publish(1);
    let nginx = Nginx::start(&made.0, made.0.dir());
    let url = format!("http://127.0.0.1:{}/repo", nginx.port);
    let sum = relocate::base::digest::Digest::of(&fs::read(made.0.at("repo/tuf/1.root.json")).unwrap()).to_string();
    made.done(&["update", "app", "--from", &url, "--root-key", &sum]);
    assert_eq!(nginx.asked(0).len(), 6, "{:?}", nginx.asked(0));
    let before = nginx.asked(0).len();
    assert!(made.done(&["update", "app"]).contains("up to date"));
    assert_eq!(nginx.asked(before), ["HEAD 2.root.json 404", "GET timestamp.json 304"]);
    // nginx tells states of a file apart by its length and the second of its last change.
    thread::sleep(Duration::from_millis(1100));
    made.publish(2);
    let before = nginx.asked(0).len();
    made.done(&["update", "app"]);
    let asked = nginx.asked(before);
    assert_eq!(asked.len(), 5, "{asked:?}");
    assert!(asked[4].ends_with(".app-2.from-1.delta 200"), "{asked:?}");
    assert_eq!(runs(&made.0.at("app")), 2);
    // A delta that got lost on the server.
    thread::sleep(Duration::from_millis(1100));
    made.publish(3);
    succeed(Command::new("sh").args(["-c", "rm t/*.from-*.delta"]).current_dir(made.0.at("repo")));
    let ran = crate::call::relocate(made.0.dir(), ["update", "app"]).run();
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(
        ran.err.contains("the repository does not have it") && ran.out.contains("as a whole"),
        "{}{}",
        ran.out,
        ran.err
    );
    assert_eq!(runs(&made.0.at("app")), 3);
}

/// Nobody asked the repository since before three of its keys were replaced.
#[test]
fn a_machine_that_slept_through_three_rotations_follows() {
    let made = Made::new();
    made.publish(1);
    made.done(&["update", "app", "--from", "repo", "--root-key", "repo/tuf/1.root.json"]);
    let rotate =
        ["repo", "rotate-key", "repo", "--no-passphrase", "--root-key", "keys/1.pem", "--root-key", "keys/2.pem"];
    let new = [
        &["--role", "release", "--key-out", "keys/release2.pem", "--release-key", "keys/release.pem"][..],
        &["--role", "online", "--key-out", "keys/online2.pem", "--release-key", "keys/release2.pem"],
        &["--role", "root", "--key-out", "keys/4.pem", "--online-key", "keys/online2.pem"],
    ];
    for words in new {
        made.done(&[&rotate[..], words].concat());
    }
    fs::write(made.0.at("new.tar.zst"), archive(2)).unwrap();
    let what = ["publish", "new.tar.zst", "repo", "--app", "app", "--level", "3", "--online-key", "keys/online2.pem"];
    made.done(&[&what[..], &["--release-key", "keys/release2.pem"]].concat());
    assert!(made.0.at("repo/tuf/4.root.json").exists());
    assert!(made.done(&["update", "app"]).contains("(release 2) is current in the place of 1"));
    assert_eq!(runs(&made.0.at("app")), 2);
}

#[test]
fn a_release_comes_when_it_is_promoted_and_one_that_is_taken_back_leaves_what_runs() {
    let made = Made::new();
    made.publish(1);
    made.done(&["update", "app", "--from", "repo", "--root-key", "repo/tuf/1.root.json"]);
    fs::write(made.0.at("new.tar.zst"), archive(2)).unwrap();
    let keys = ["--release-key", "keys/release.pem"];
    let canary = ["publish", "new.tar.zst", "repo", "--app", "app", "--level", "3", "--channel", "canary"];
    made.done(&[&canary[..], &keys].concat());
    assert!(made.done(&["update", "app"]).contains("up to date"));
    made.done(&[&["promote", "repo", "--app", "app", "--serial", "2", "--channel", "stable"], &keys[..]].concat());
    assert!(made.done(&["update", "app"]).contains("(release 2) is current"));
    made.done(&[&["retire", "repo", "--app", "app", "--serial", "2"], &keys[..]].concat());
    let said = made.done(&["update", "app"]);
    assert!(said.contains("release 2 of app stays: the newest release there is 1, and 2 was here already"), "{said}");
    made.done(&["rollback", "app"]);
    assert!(made.done(&["update", "app"]).contains("up to date"));
    assert_eq!(runs(&made.0.at("app")), 1);
}
