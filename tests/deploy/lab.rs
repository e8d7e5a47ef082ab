//! A machine that deploys: a repository of git, a base with programs that know their path, a policy, and one request at a time.

use crate::call::{Call, Ran, relocate};
use crate::place::{Place, chmod, succeed};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How much room a path has in the base.
const LONG: &str =
    "a-prefix-whose-name-is-so-long-that-there-is-room-for-each-path-where-a-test-puts-releases-of-it/base";

/// The machine.
pub(crate) struct Lab {
    pub(crate) place: Place,
}

/// How a request ended, and what was said before.
pub(crate) struct Answer {
    pub(crate) ran: Ran,
    pub(crate) log: Vec<String>,
    pub(crate) end: Value,
}

impl Lab {
    /// With a branch `main` of one commit, and a base.
    pub(crate) fn new() -> Self {
        let lab = Self { place: Place::new() };
        for dir in ["tmp", "home", "etc"] {
            fs::create_dir(lab.place.at(dir)).unwrap();
        }
        lab.git(&["init", "-q", "--bare", "-b", "main", "web.git"]);
        lab.git(&["init", "-q", "-b", "main", "work"]);
        lab.git(&["-C", "work", "remote", "add", "origin", "../web.git"]);
        lab.commit("main", "one");
        lab.base();
        lab.policy("");
        lab
    }

    /// Runs git as a developer.
    pub(crate) fn git(&self, words: &[&str]) -> String {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "protocol.file.allow=always"]);
        git.args(words).current_dir(self.place.dir()).env("HOME", self.place.at("home")).stdin(Stdio::null());
        let ran = git.env("GIT_CONFIG_NOSYSTEM", "1").output().unwrap();
        assert!(ran.status.success(), "git {words:?}: {}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).unwrap().trim().to_owned()
    }

    /// Commits a page that says `word` to a branch and pushes it; the commit.
    pub(crate) fn commit(&self, branch: &str, word: &str) -> String {
        self.git(&["-C", "work", "checkout", "-q", "-B", branch]);
        let work = self.place.at("work");
        fs::write(work.join("page.html"), format!("{word}\n")).unwrap();
        fs::write(work.join(".hidden"), "a file whose name begins with a dot\n").unwrap();
        fs::create_dir_all(work.join("bin")).unwrap();
        fs::write(work.join("bin/run"), format!("#!/bin/sh\necho {word}\n")).unwrap();
        chmod(work.join("bin/run"), 0o755);
        self.git(&["-C", "work", "add", "-A"]);
        self.git(&["-C", "work", "commit", "-q", "-m", word]);
        self.git(&["-C", "work", "push", "-q", "-f", "origin", branch]);
        self.git(&["-C", "work", "rev-parse", "HEAD"])
    }

    /// An installed tree: a program that says where it is by a path in its bytes, one that makes pages, a large file.
    fn base(&self) {
        let root = self.place.at(LONG);
        for dir in ["bin", "share"] {
            fs::create_dir_all(root.join(dir)).unwrap();
        }
        let source = self.place.at("where.c");
        let code = format!("#include <stdio.h>\nint main(void) {{ puts(\"{}\"); return 0; }}\n", root.display());
        fs::write(&source, code).unwrap();
        succeed(Command::new("cc").arg("-o").arg(root.join("bin/where")).arg(&source));
        let script = "#!/bin/sh\necho making pages\ncp page.html \"$1/index.html\" && echo \"$SOURCE_DATE_EPOCH\" >\"$1/time\"\n";
        fs::write(root.join("bin/pages"), script).unwrap();
        chmod(root.join("bin/pages"), 0o755);
        fs::write(root.join("share/data"), vec![7; 100_000]).unwrap();
        let dir = self.place.dir();
        let packed = ["-o", "base.tar.gz", "--quiet", "--old-prefix", root.to_str().unwrap()];
        let ran = relocate(dir, [&[root.to_str().unwrap()][..], &packed].concat()).run();
        assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
        relocate(dir, ["install", "base.tar.gz", "base", "--quiet"]).expect(0, &[], &[]);
        fs::remove_dir_all(root).unwrap();
    }

    pub(crate) fn root(&self) -> PathBuf {
        fs::canonicalize(self.place.dir()).unwrap().join("srv")
    }

    /// A file of the current release.
    pub(crate) fn current(&self, name: &str) -> PathBuf {
        self.root().join("current").join(name)
    }

    /// What the page of the current release says; nothing where none is current.
    pub(crate) fn page(&self) -> String {
        fs::read_to_string(self.current("app/page.html")).unwrap_or_default().trim().to_owned()
    }

    /// Writes the policy, with more lines for the application.
    pub(crate) fn policy(&self, more: &str) {
        let at = |name: &str| fs::canonicalize(self.place.dir()).unwrap().join(name).to_str().unwrap().to_owned();
        let text = format!(
            r#"audit = "{}"
[app.web]
root = "{}"
repository = "{}"
{more}
[[app.web.allow]]
who = ["alice"]
refs = ["refs/heads/**", "refs/tags/v*"]
docs = true
[[app.web.allow]]
who = ["bob"]
refs = ["refs/heads/main"]
"#,
            at("etc/audit.jsonl"),
            at("srv"),
            at("web.git")
        );
        fs::write(self.place.at("etc/deploy.toml"), text).unwrap();
        chmod(self.place.at("etc/deploy.toml"), 0o644);
    }

    /// A line of the policy for the base.
    pub(crate) fn on_base(&self) -> String {
        format!("base = \"{}\"", fs::canonicalize(self.place.at("base")).unwrap().display())
    }

    /// `serve-deploy` behind a forced command of this name, with these bytes to read.
    pub(crate) fn serve(&self, name: &str, input: &[u8]) -> Call {
        self.serving(&["--as", name], input)
    }

    pub(crate) fn serving(&self, words: &[&str], input: &[u8]) -> Call {
        let policy = self.place.at("etc/deploy.toml");
        let words = [&["serve-deploy", "--policy", policy.to_str().unwrap()][..], words].concat();
        let mut call = relocate(self.place.dir(), words);
        let file = self.place.at("request");
        fs::write(&file, input).unwrap();
        call.0.stdin(File::open(file).unwrap());
        call.env("TMPDIR", self.place.at("tmp")).env("HOME", self.place.at("home"))
    }

    /// One request by somebody.
    pub(crate) fn ask(&self, name: &str, request: &Value) -> Answer {
        answer(self.serve(name, format!("{request}\n").as_bytes()))
    }

    /// Deploys a ref as alice; it must become current.
    pub(crate) fn deploy(&self, reference: &str) -> Answer {
        self.ask("alice", &request(reference)).expect(0, "is release")
    }

    /// The lines of the log of requests.
    pub(crate) fn audit(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.place.at("etc/audit.jsonl")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The last line of it says this.
    pub(crate) fn expect_audit(&self, wanted: &[(&str, Value)]) {
        let last = self.audit().pop().unwrap();
        for (name, value) in wanted {
            assert_eq!(last[name], *value, "{last}");
        }
    }

    /// The numbers of the releases that are there.
    pub(crate) fn releases(&self) -> Vec<String> {
        if self.root().join("r").is_dir() { crate::place::names(&self.root().join("r")) } else { Vec::new() }
    }
}

impl Answer {
    pub(crate) fn expect(self, code: i32, message: &str) -> Self {
        let all = format!("{}\n{}\n{}", self.log.join("\n"), self.end, self.ran.err);
        assert_eq!(self.ran.code, Some(code), "{all}");
        assert!(self.end["message"].as_str().unwrap().contains(message), "{all}");
        self
    }
}

/// Runs it and reads what it said.
pub(crate) fn answer(call: Call) -> Answer {
    let ran = call.run();
    let mut events: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let end = events.pop().unwrap_or_else(|| panic!("no event: {}", ran.err));
    assert_eq!(end["event"], "end", "{}", ran.out);
    assert_eq!(end["exit"], json!(ran.code), "{}", ran.out);
    let log = events.iter().map(|event| event["text"].as_str().unwrap().to_owned()).collect();
    Answer { ran, log, end }
}

/// A request of the application.
pub(crate) fn request(reference: &str) -> Value {
    json!({ "format": 1, "app": "web", "ref": reference })
}

/// What a file says.
pub(crate) fn text(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path.as_ref()).unwrap_or_else(|error| panic!("{}: {error}", path.as_ref().display()))
}
