//! Who may deploy what: a file that whoever owns the machine wrote.
//!
//! Takes its path; gives applications with their rules. Refused: a file that others than its owner can write to, or that belongs to
//! somebody who is neither root nor this user, or that lies where others can put another one in its place; fields that are not known; rules that
//! would mean something else than they look like.

use super::caller::Caller;
use super::error::DeployError;
use crate::base::path::RelPath;
use crate::release::{Argv, Hooks, is_app};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A policy that is longer is none, in bytes.
const LONGEST: u64 = 1 << 20;

/// Who may deploy what.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Policy {
    /// The log that gets a line for each request.
    pub audit: PathBuf,
    /// Git.
    #[serde(default = "git")]
    pub git: PathBuf,
    /// The applications.
    #[serde(default, rename = "app")]
    pub apps: BTreeMap<String, App>,
}

fn git() -> PathBuf {
    PathBuf::from("git")
}

/// One application.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct App {
    /// Its directory of releases.
    pub root: PathBuf,
    /// The git repository that it comes from.
    pub repository: PathBuf,
    /// What its releases begin with: a directory of releases, whose current one is taken, or a tree that was installed.
    pub base: Option<PathBuf>,
    /// Where in a release the commit is checked out.
    #[serde(default = "into")]
    pub into: String,
    /// What to deploy where the request does not say: a full name.
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    /// The remote that is fetched from first.
    pub fetch: Option<String>,
    /// How many releases stay.
    #[serde(default = "keep")]
    pub keep: usize,
    /// What builds the documentation.
    #[serde(default)]
    pub docs: Vec<Argv>,
    /// Where in a release that goes.
    #[serde(default = "docs_into")]
    pub docs_into: String,
    /// How long it may take, in seconds.
    #[serde(default = "docs_seconds")]
    pub docs_seconds: u32,
    /// The refs that a push deploys.
    #[serde(default)]
    pub on_push: Patterns,
    /// Whether a push builds the documentation.
    #[serde(default)]
    pub docs_on_push: bool,
    /// What takes a release into use, and asks whether it is well.
    pub hooks: Option<Hooks>,
    /// Who may deploy it.
    #[serde(default)]
    pub allow: Vec<Rule>,
}

fn into() -> String {
    "app".to_owned()
}

fn docs_into() -> String {
    "share/doc/app".to_owned()
}

fn keep() -> usize {
    3
}

fn docs_seconds() -> u32 {
    600
}

/// Who may deploy which refs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rule {
    who: Vec<String>,
    refs: Patterns,
    /// Whether with documentation.
    #[serde(default)]
    docs: bool,
}

/// Full names of refs, with `*` for any part between slashes and `**` for any.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub struct Patterns(GlobSet);

impl Patterns {
    /// Whether a full name is meant.
    pub fn has(&self, reference: &str) -> bool {
        self.0.is_match(reference)
    }
}

impl TryFrom<Vec<String>> for Patterns {
    type Error = String;

    fn try_from(patterns: Vec<String>) -> Result<Self, String> {
        let mut set = GlobSetBuilder::new();
        for pattern in &patterns {
            if !pattern.starts_with("refs/") {
                return Err(format!("'{pattern}' is no full name of a ref, such as refs/heads/{pattern}"));
            }
            let glob = GlobBuilder::new(pattern).literal_separator(true).build();
            set.add(glob.map_err(|error| error.to_string())?);
        }
        set.build().map(Self).map_err(|error| error.to_string())
    }
}

impl Policy {
    /// Reads it.
    pub fn read(path: &Path, user: u32) -> Result<Self, DeployError> {
        let wrong = |why: String| DeployError::Policy { path: path.to_owned(), why };
        let failed = |error: std::io::Error| wrong(error.to_string());
        let real = fs::canonicalize(path).map_err(failed)?;
        let file = fs::File::open(&real).map_err(failed)?;
        let mut place = Some(real.as_path());
        let mut looks = file.metadata().map_err(failed)?;
        while let Some(at) = place {
            if let Some(why) = loose(&looks, user) {
                return Err(wrong(format!("{} {why}", at.display())));
            }
            place = at.parent();
            if let Some(dir) = place {
                looks = fs::metadata(dir).map_err(failed)?;
            }
        }
        let mut text = String::new();
        file.take(LONGEST).read_to_string(&mut text).map_err(failed)?;
        let policy: Self = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        policy.check().map_err(wrong)?;
        Ok(policy)
    }

    fn check(&self) -> Result<(), String> {
        if !self.audit.is_absolute() {
            return Err("audit must be an absolute path".to_owned());
        }
        for (name, app) in &self.apps {
            app.check().map_err(|why| format!("app {name}: {why}"))?;
            if !is_app(name) {
                return Err(format!("app '{name}': small letters, digits, '.', '_' and '-' make a name"));
            }
        }
        Ok(())
    }
}

/// Why what a file or directory looks like is not trusted: others could have written it, or put another one in its place. A
/// directory where all may write and nobody may touch what is another's (mode 1777) is trusted, as sudo(8) does.
fn loose(looks: &Metadata, user: u32) -> Option<String> {
    let (mode, owner) = (looks.mode(), looks.uid());
    if owner != 0 && owner != user {
        return Some(format!("belongs to user {owner}, who is neither root nor this one ({user})"));
    }
    let is_sticky = looks.is_dir() && mode & 0o1000 != 0;
    (mode & 0o022 != 0 && !is_sticky).then(|| format!("may be written by others (mode {:04o})", mode & 0o7777))
}

impl App {
    fn check(&self) -> Result<(), String> {
        for (name, path) in
            [("root", Some(&self.root)), ("repository", Some(&self.repository)), ("base", self.base.as_ref())]
        {
            if path.is_some_and(|path| !path.is_absolute()) {
                return Err(format!("{name} must be an absolute path"));
            }
        }
        let (into, docs) = (self.checkout()?, self.documentation()?);
        if into.is_root() && self.base.is_some() {
            return Err("into = \".\" leaves no room for a base".to_owned());
        }
        if !self.docs.is_empty() && !into.is_root() && (into.starts_with(&docs) || docs.starts_with(&into)) {
            return Err("into and docs-into lie in each other".to_owned());
        }
        if let Some(argv) = self.docs.iter().find(|argv| argv.program().is_none()) {
            return Err(format!(
                "docs: '{argv}' names no program of the release, such as bin/python3, nor an absolute path"
            ));
        }
        if self.reference.as_ref().is_some_and(|reference| !reference.starts_with("refs/")) {
            return Err("ref must be a full name, such as refs/heads/main".to_owned());
        }
        if self.fetch.as_ref().is_some_and(|remote| remote.starts_with('-')) {
            return Err("fetch must be the name of a remote".to_owned());
        }
        if self.docs_seconds == 0 || self.keep == 0 {
            return Err("docs-seconds and keep are at least 1".to_owned());
        }
        Ok(())
    }

    /// Where the commit is checked out.
    pub fn checkout(&self) -> Result<RelPath, String> {
        if self.into == "." { Ok(RelPath::root()) } else { inside("into", &self.into) }
    }

    /// Where its documentation goes.
    pub fn documentation(&self) -> Result<RelPath, String> {
        inside("docs-into", &self.docs_into)
    }

    /// Whether somebody may deploy this ref, by its full name.
    pub fn permits(&self, caller: &Caller, reference: &str, docs: bool) -> bool {
        let is_meant = |rule: &&Rule| rule.who.iter().any(|word| caller.is(word));
        self.allow.iter().filter(is_meant).any(|rule| rule.refs.has(reference) && (rule.docs || !docs))
    }

    /// Whether somebody may deploy anything of it.
    pub fn knows(&self, caller: &Caller) -> bool {
        self.allow.iter().any(|rule| rule.who.iter().any(|word| caller.is(word)))
    }
}

fn inside(name: &str, path: &str) -> Result<RelPath, String> {
    let clean = RelPath::new(path.as_bytes()).filter(|clean| !clean.is_root());
    let clean = clean.filter(|clean| clean.parts().next() != Some(crate::manifest::DIRECTORY.as_bytes()));
    clean.ok_or_else(|| format!("{name} = '{path}' is no path in a release"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    const GOOD: &str = r#"
audit = "/var/log/deploy.jsonl"
[app.web]
root = "/srv/web"
repository = "/srv/git/web.git"
[[app.web.allow]]
who = ["alice"]
refs = ["refs/heads/*", "refs/tags/v*"]
docs = true
[[app.web.allow]]
who = ["bob"]
refs = ["refs/heads/main"]
"#;

    fn read(text: &str) -> Result<Policy, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deploy.toml");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        Policy::read(&path, crate::base::host::uid()).map_err(|error| error.to_string())
    }

    fn named(name: &str) -> Caller {
        Caller { name: Some(name.to_owned()), key: None, uid: None, address: None }
    }

    #[test]
    fn each_may_deploy_what_their_rule_says_and_nothing_else() {
        let policy = read(GOOD).unwrap();
        let web = &policy.apps["web"];
        let (alice, bob, eve) = (named("alice"), named("bob"), named("eve"));
        assert!(web.permits(&alice, "refs/heads/topic", true));
        assert!(web.permits(&alice, "refs/tags/v1", false));
        assert!(!web.permits(&alice, "refs/heads/a/b", false), "a star does not cross a slash");
        assert!(!web.permits(&alice, "refs/notes/x", false));
        assert!(web.permits(&bob, "refs/heads/main", false));
        assert!(!web.permits(&bob, "refs/heads/main", true));
        assert!(!web.permits(&bob, "refs/heads/feature/main", false));
        assert!(!web.permits(&eve, "refs/heads/main", false) && !web.knows(&eve) && web.knows(&bob));
    }

    #[test]
    fn a_policy_that_means_something_else_than_it_looks_like_is_refused() {
        for (from, to, why) in [
            ("refs/heads/*", "main", "full name"),
            ("root = \"/srv/web\"", "root = \"srv/web\"", "absolute"),
            ("[app.web]", "[app.web]\ninto = \"../x\"", "no path in a release"),
            ("[app.web]", "[app.web]\ninto = \".relocate\"", "no path in a release"),
            ("[app.web]", "[app.web]\ninto = \".\"\nbase = \"/x\"", "no room"),
            ("[app.web]", "[app.web]\ninto = \"a\"\ndocs-into = \"a/doc\"\ndocs = [[\"/bin/true\"]]", "in each other"),
            ("[app.web]", "[app.web]\ndocs = [[]]", "names no program"),
            ("[app.web]", "[app.web]\ndocs = [[\"../x\"]]", "names no program"),
            ("[app.web]", "[app.web]\nref = \"main\"", "full name"),
            ("[app.web]", "[app.web]\nfetch = \"--upload-pack=x\"", "remote"),
            ("[app.web]", "[app.web]\nkeep = 0", "at least 1"),
            ("[app.web]", "[app.web]\nshell = \"x\"", "unknown field"),
            ("refs = [\"refs/heads/main\"]", "refs = []\n[app.web.hooks]\nactivate = [[\"x/../../y\"]]", "no program"),
            ("[app.web]", "[app.Web]\nroot = \"/x\"\nrepository = \"/y\"\n[app.web]", "make a name"),
            ("audit = \"/var", "audit = \"var", "absolute"),
        ] {
            let error = read(&GOOD.replacen(from, to, 1)).map(|_| ()).unwrap_err();
            assert!(error.contains(why), "{to}: {error}");
        }
    }

    #[test]
    fn a_policy_that_others_can_change_is_not_trusted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deploy.toml");
        fs::write(&path, GOOD).unwrap();
        let user = crate::base::host::uid();
        let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        for (file, directory, good) in [
            (0o644, 0o755, true),
            (0o664, 0o755, false),
            (0o646, 0o755, false),
            (0o644, 0o777, false),
            (0o600, 0o1777, true),
        ] {
            mode(&path, file);
            mode(dir.path(), directory);
            assert_eq!(Policy::read(&path, user).is_ok(), good, "{file:o} in {directory:o}");
        }
        mode(dir.path(), 0o755);
        let looks = fs::metadata(&path).unwrap();
        assert_eq!(loose(&looks, user + 1).is_some(), user != 0, "that of another user than root");
    }
}
