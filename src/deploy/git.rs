//! What git is asked: which refs there are, which commit one is, what that commit has.
//!
//! Each call is one program with a list of words and an environment of its own, ended when its time is up. Names that come from a
//! request are full names by then (`refs/heads/...`) and looked up as nothing else, or whole commit ids. Objects that stand in for
//! others (git-replace(1)) do not count: what is deployed is what the log says.

use super::error::DeployError;
use crate::base::child::{Answer, Cancel, End, Task};
use crate::base::host;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long git may take to look something up or to write an archive.
const LIMIT: Duration = Duration::from_secs(300);
/// How much of what it says is told, in bytes.
const TAIL: usize = 2 << 10;

/// A repository.
pub(super) struct Repository<'a> {
    pub(super) git: &'a Path,
    pub(super) path: &'a Path,
    pub(super) cancel: &'a Cancel,
}

impl Repository<'_> {
    /// Fetches from a remote as the repository's configuration says.
    pub(super) fn fetch(&self, remote: &str) -> Result<(), DeployError> {
        self.must(&["fetch", "--quiet", "--prune", "--", remote]).map(drop)
    }

    /// Refuses one that others than root and this user own: its configuration says what programs git runs.
    pub(super) fn owned(&self, user: u32) -> Result<(), DeployError> {
        for path in [self.path.to_owned(), self.path.join("config")] {
            let owner = fs::metadata(&path).map_err(DeployError::io("look at", &path))?.uid();
            if owner != 0 && owner != user {
                let why = format!("it belongs to user {owner}, who is neither root nor this one ({user})");
                return Err(DeployError::Policy { path, why });
            }
        }
        Ok(())
    }

    /// The commit that a full name leads to; none where there is no such ref. Where it is not there, rev-parse(1) would try other
    /// names, and take `x-gID` for a commit id.
    pub(super) fn of_ref(&self, name: &str) -> Result<Option<String>, DeployError> {
        let words = ["show-ref", "--verify", "--hash", "--", name];
        let answer = self.ask(&words)?;
        let id = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
        match answer.ended.end {
            End::Exited(0) if super::request::is_commit(&id) => self.commit(&id),
            End::Exited(1 | 128) if is_no_ref(&answer.stderr) => Ok(None),
            _ => Err(self.failed(&words, &answer)),
        }
    }

    /// The commit of a whole id, which may be a tag's; none where there is no such.
    pub(super) fn commit(&self, name: &str) -> Result<Option<String>, DeployError> {
        let answer = self.ask(&["rev-parse", "--verify", "--quiet", &format!("{name}^{{commit}}")])?;
        let text = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
        match answer.ended.end {
            End::Exited(0) if super::request::is_commit(&text) => Ok(Some(text)),
            // Quiet about what is not there, and not about what is wrong.
            End::Exited(1) if answer.stderr.is_empty() => Ok(None),
            End::Exited(128) if is_unknown_object(&answer.stderr) => Ok(None),
            _ => Err(self.failed(&["rev-parse"], &answer)),
        }
    }

    /// The full name of the branch that the repository calls its own.
    pub(super) fn head(&self) -> Result<String, DeployError> {
        let answer = self.must(&["symbolic-ref", "HEAD"])?;
        Ok(String::from_utf8_lossy(&answer.stdout).trim().to_owned())
    }

    /// The full names of all branches and tags.
    pub(super) fn refs(&self) -> Result<Vec<String>, DeployError> {
        let answer = self.must(&["for-each-ref", "--format=%(refname)"])?;
        Ok(String::from_utf8_lossy(&answer.stdout).lines().map(str::to_owned).collect())
    }

    /// Whether a ref has a commit in its history.
    pub(super) fn reaches(&self, reference: &str, commit: &str) -> Result<bool, DeployError> {
        let answer = self.ask(&["merge-base", "--is-ancestor", commit, reference])?;
        match answer.ended.end {
            End::Exited(0) => Ok(true),
            // 128: a tag of what is no commit.
            End::Exited(1 | 128) => Ok(false),
            _ => Err(self.failed(&["merge-base"], &answer)),
        }
    }

    /// When a commit was made, in seconds since 1970, as its maker says.
    pub(super) fn time(&self, commit: &str) -> Result<i64, DeployError> {
        let answer = self.must(&["log", "-1", "--format=%ct", commit, "--"])?;
        Ok(String::from_utf8_lossy(&answer.stdout).trim().parse().unwrap_or_default())
    }

    /// The repositories inside it that a commit names, which no archive has.
    pub(super) fn submodules(&self, commit: &str) -> Result<Vec<String>, DeployError> {
        let answer = self.must(&["ls-tree", "-r", "-z", commit])?;
        let text = String::from_utf8_lossy(&answer.stdout).into_owned();
        let lines = text.split('\0').filter(|line| line.starts_with("160000 "));
        Ok(lines.filter_map(|line| Some(line.split_once('\t')?.1.to_owned())).collect())
    }

    /// Writes all files of a commit to a new tar.
    pub(super) fn archive(&self, commit: &str, to: &Path) -> Result<(), DeployError> {
        let mut words: Vec<OsString> = ["-c", "tar.umask=0022", "archive", "--format=tar"].map(Into::into).into();
        let mut output = OsString::from("--output=");
        output.push(to);
        words.extend([output, commit.into()]);
        let answer = self.run(words)?;
        if answer.ended.end.is_success() { Ok(()) } else { Err(self.failed(&["archive"], &answer)) }
    }

    fn must(&self, words: &[&str]) -> Result<Answer, DeployError> {
        let answer = self.ask(words)?;
        if answer.ended.end.is_success() { Ok(answer) } else { Err(self.failed(words, &answer)) }
    }

    fn ask(&self, words: &[&str]) -> Result<Answer, DeployError> {
        self.run(words.iter().map(Into::into).collect())
    }

    fn run(&self, words: Vec<OsString>) -> Result<Answer, DeployError> {
        let mut git_dir = OsString::from("--git-dir=");
        git_dir.push(self.path);
        let task = Task {
            program: self.git.to_owned(),
            arguments: std::iter::once(git_dir).chain(words).collect(),
            environment: environment(),
            directory: PathBuf::from("/"),
            held: None,
        };
        let answer = task.ask_within(LIMIT, self.cancel);
        answer.map_err(|source| DeployError::Git { doing: "start".to_owned(), why: source.to_string() })
    }

    fn failed(&self, words: &[&str], answer: &Answer) -> DeployError {
        if answer.ended.end == End::Cancelled {
            return DeployError::Cancelled;
        }
        let from = answer.stderr.len().saturating_sub(TAIL);
        let said = String::from_utf8_lossy(&answer.stderr[from..]);
        let said = said.trim().replace('\n', "; ");
        let doing = words.first().copied().unwrap_or_default().to_owned();
        let why = format!("in '{}': {}", self.path.display(), if said.is_empty() { "it said nothing" } else { &said });
        DeployError::Git { doing, why }
    }
}

/// What show-ref(1) says of a name that is not there.
fn is_no_ref(stderr: &[u8]) -> bool {
    String::from_utf8_lossy(stderr).contains("not a valid ref")
}

/// What rev-parse(1) says of a commit id that the repository does not have, quiet or not.
fn is_unknown_object(stderr: &[u8]) -> bool {
    let said = String::from_utf8_lossy(stderr);
    said.is_empty() || said.contains("Needed a single revision") || said.contains("bad object")
}

/// Nothing of ours but who the user is: variables such as GIT_DIR, which hooks have, would lead elsewhere.
fn environment() -> Vec<(OsString, OsString)> {
    let said = [
        ("PATH", "/usr/local/bin:/usr/bin:/bin"),
        ("LC_ALL", "C"),
        ("GIT_NO_REPLACE_OBJECTS", "1"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("GIT_SSH_COMMAND", "ssh -oBatchMode=yes"),
    ];
    let kept = ["HOME", "USER", "LOGNAME", "SSH_AUTH_SOCK"];
    let kept = kept.into_iter().filter_map(|name| Some((name.into(), host::variable(name)?)));
    said.into_iter().map(|(name, value)| (name.into(), value.into())).chain(kept).collect()
}
