//! A project that follows a signed repository: over HTTP and from a directory, with mirrors, lied to, and never back by itself.

use crate::call::{Call, relocate};
use crate::lab::{Getter, Lab, SHELLS, Shell};
use crate::program;
use crate::server::{Reply, Server};
use relocate::base::digest::Digest;
use relocate::wrapper::Properties;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A repository that has relocate, and a project.
struct Signed {
    lab: Lab,
    root: String,
}

impl Signed {
    fn new() -> Self {
        let lab = Lab::called("project");
        fs::remove_file(lab.project.join("relocatew")).unwrap();
        fs::create_dir(lab.place.at("keys")).unwrap();
        let keys = ["--root-key-out", "keys/a.pem", "--root-key-out", "keys/b.pem", "--root-key-out", "keys/c.pem"];
        let words = [&["repo", "init", "re po", "--no-passphrase", "--json"], &keys[..]].concat();
        let made = relocate(lab.place.dir(), words).expect(0, &["{"], &[]).json();
        Self { lab, root: made["root_sha256"].as_str().unwrap().to_owned() }
    }

    /// Publishes a version, which is a program that says so.
    fn publish(&self, version: &str, channel: &str) -> Vec<u8> {
        let text = format!(
            "#!/bin/sh\n[ \"$1\" != --self-test ] || {{ echo 'relocate {version}: self-test passed'; exit; }}\necho \"tool {version}, process $$\"\n"
        );
        program::write(self.lab.place.at("new"), &text, 0o755);
        let key = self.lab.place.at("keys/release.pem");
        let words = ["self", "publish", "new", "re po", "--channel", channel];
        relocate(self.lab.place.dir(), words).env("RELOCATE_RELEASE_KEY", key).expect(0, &["published"], &[]);
        text.into_bytes()
    }

    fn repository(&self) -> PathBuf {
        self.lab.place.at("re po")
    }

    fn wrapper(&self, words: &[&str]) -> Call {
        relocate(&self.lab.project, [&["wrapper"], words].concat())
    }

    fn pinned(&self) -> Properties {
        Properties::parse(&fs::read(self.lab.project.join("relocatew.properties")).unwrap()).unwrap()
    }

    /// Serves the repository as it is then; what is asked for can be refused.
    fn serve(&self, refuses: Arc<AtomicBool>) -> Server {
        let dir = self.repository();
        Server::start(move |asked| {
            let found = fs::read(dir.join(asked.target.trim_start_matches("/r/")));
            found
                .ok()
                .filter(|_| !refuses.load(Ordering::SeqCst))
                .map_or(Reply::new(404, b""), |bytes| Reply::new(200, &bytes))
        })
    }
}

#[test]
fn a_project_follows_a_repository_and_its_mirrors_stay() {
    let signed = Signed::new();
    let one = signed.publish("0.1.0", "stable");
    let (down, mirror_down) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (base, mirror) = (signed.serve(down.clone()), signed.serve(mirror_down.clone()));
    let (from, near) = (base.url("r"), mirror.url("r/"));
    signed.wrapper(&["init", "--from", &from]).expect(2, &[], &["nothing is trusted here yet", "--root-key"]);
    let wrong = Digest::of(b"").to_string();
    signed.wrapper(&["init", "--from", &from, "--root-key", &wrong]).expect(1, &[], &["1.root.json"]);
    let words = ["init", "--from", &from, "--root-key", &signed.root, "--url", &near];
    signed.wrapper(&words).expect(0, &["relocate 0.1.0", "commit relocatew"], &[]);
    let pinned = signed.pinned();
    let at = |tool: &[u8], serial: u32| format!("t/{}.relocate-{serial}.tool", Digest::of(tool));
    assert_eq!(pinned.urls, [format!("{near}{}", at(&one, 1)), format!("{from}/{}", at(&one, 1))]);
    assert_eq!(
        (pinned.repository.as_deref(), pinned.root_key.as_deref()),
        (Some(from.as_str()), Some(signed.root.as_str()))
    );
    assert_eq!((pinned.size, pinned.sha256), (Some(one.len() as u64), Digest::of(&one)));
    for (shell, getter) in SHELLS.into_iter().zip(crate::lab::GETTERS) {
        assert!(signed.lab.run(shell, getter, &[]).is_tool("0.1.0"));
    }
    signed.wrapper(&["bump"]).expect(0, &["nothing: all is so already"], &[]);
    // Another channel's is not taken, and one of ours is; the mirror leads to it, in its place.
    signed.publish("0.3.0", "canary");
    let two = signed.publish("0.2.0", "stable");
    let before = signed.pinned();
    signed.wrapper(&["bump", "--dry-run"]).expect(0, &["would write", "relocate 0.2.0"], &[]);
    assert_eq!(signed.pinned(), before);
    signed.wrapper(&["bump"]).expect(0, &["relocate 0.2.0", &near], &[]);
    assert_eq!(signed.pinned().urls, [format!("{near}{}", at(&two, 3)), format!("{from}/{}", at(&two, 3))]);
    mirror_down.store(true, Ordering::SeqCst);
    let done = signed.lab.run(Shell::Bash, Getter::Curl, &[]);
    assert!(done.is_tool("0.2.0") && done.warnings() == 1, "{done:?}");
    // A version that is named comes from any channel, also an older one; nothing goes back by itself.
    signed.wrapper(&["bump", "0.3.0"]).expect(0, &["relocate 0.3.0"], &[]);
    signed.wrapper(&["bump"]).expect(
        1,
        &[],
        &["0.3.0 is pinned, and the channel stable has 0.2.0", "help: to go back, say"],
    );
    signed.wrapper(&["bump", "0.1.0"]).expect(0, &["relocate 0.1.0"], &[]);
    signed.wrapper(&["bump", "0.9.9"]).expect(
        1,
        &[],
        &["has no relocate 0.9.9 for ", "help: there are 0.1.0, 0.2.0, 0.3.0"],
    );
    // Where the repository cannot be reached, what is pinned stays.
    down.store(true, Ordering::SeqCst);
    let before = signed.pinned();
    let ended = signed.wrapper(&["bump"]).run();
    assert!(matches!(ended.code, Some(1 | 4)), "{}", ended.err);
    assert_eq!(signed.pinned(), before);
    assert!(signed.lab.run(Shell::Dash, Getter::Curl, &[]).is_tool("0.1.0"));
}

#[test]
fn what_a_repository_serves_must_be_what_was_signed() {
    let signed = Signed::new();
    let one = signed.publish("0.1.0", "stable");
    let dir = signed.repository();
    let words = ["init", "--from", dir.to_str().unwrap(), "--root-key", &signed.root];
    // Another file under the name of the signed one.
    let tool = dir.join(format!("t/{}.relocate-1.tool", Digest::of(&one)));
    fs::write(&tool, "something else").unwrap();
    signed.wrapper(&words).expect(1, &[], &["serves something else: sha256 "]);
    fs::write(&tool, &one).unwrap();
    // A list that somebody changed.
    let list = fs::read_dir(dir.join("tuf")).unwrap().map(|entry| entry.unwrap().path());
    let list = list.filter(|path| path.to_str().unwrap().ends_with("targets.json")).max().unwrap();
    let good = fs::read_to_string(&list).unwrap();
    fs::write(&list, good.replace("0.1.0", "9.9.9")).unwrap();
    signed.wrapper(&words).expect(1, &[], &["targets.json"]);
    fs::write(&list, &good).unwrap();
    assert_eq!(fs::read_dir(&signed.lab.project).unwrap().count(), 0);
    signed.wrapper(&[&words[..], &["--sha256", &Digest::of(b"").to_string()]].concat()).expect(
        1,
        &[],
        &["was signed with the sha256"],
    );
    signed.wrapper(&[&words[..], &["--channel", "beta"]].concat()).expect(
        1,
        &[],
        &["the channel beta of ", "help: there are 0.1.0"],
    );
    let password = ["init", "--from", "https://me:word@h/r", "--root-key", &signed.root];
    let ran =
        signed.wrapper(&password).expect(2, &[], &["https://h/r would have a password in a file that is committed"]);
    assert!(!ran.err.contains("word@"));
    let bucket = ["init", "--from", "s3://b/d", "--root-key", &signed.root];
    assert_ne!(signed.wrapper(&bucket).env("AWS_ENDPOINT_URL", "http://127.0.0.1:9").run().code, Some(0));
    // A directory with a blank is a URL the script understands; a root of the project will do as well.
    fs::create_dir(signed.lab.project.join("keys")).unwrap();
    fs::copy(dir.join("tuf/1.root.json"), signed.lab.project.join("keys/root.json")).unwrap();
    let words = ["init", "--from", dir.to_str().unwrap(), "--root-key", "keys/root.json", "--channel", "stable"];
    signed.wrapper(&words).expect(0, &["re%20po/t/"], &[]);
    let text = fs::read_to_string(signed.lab.project.join("relocatew.properties")).unwrap();
    assert!(text.contains(&format!("root-key={}\nchannel=stable\n", signed.root)), "{text}");
    assert!(signed.lab.run(Shell::Busybox, Getter::Nothing, &[]).is_tool("0.1.0"));
    fs::write(signed.lab.project.join("relocatew.properties"), text.replace(&signed.root, "keys/root.json")).unwrap();
    let two = signed.publish("0.2.0", "stable");
    signed.wrapper(&["bump", "--json"]).expect(0, &["\"version\": \"0.2.0\""], &[]);
    assert_eq!(
        (signed.pinned().sha256, signed.pinned().root_key.as_deref()),
        (Digest::of(&two), Some("keys/root.json"))
    );
    assert!(signed.lab.run(Shell::Dash, Getter::Nothing, &[]).is_tool("0.2.0"));
}
