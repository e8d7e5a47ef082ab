//! Where a build happens: the tree, the prefix, the work directory, and the commands that are run there.
//!
//! Gives tasks with nothing of our own environment in them; runs none itself, and refuses nothing.

use crate::base::child::Task;
use crate::base::words::quoted;
use std::ffi::OsString;
use std::fs::File;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where a build happens.
#[derive(Debug, Clone)]
pub struct Site {
    /// The pkgsrc tree, absolute.
    pub tree: PathBuf,
    /// The prefix that is built, absolute.
    pub prefix: PathBuf,
    /// Our work directory, absolute: `logs/`, `obj/`, `packages/`, `scan/`.
    pub work: PathBuf,
    /// Variables of the recipe for every command; they win over ours.
    pub environment: Vec<(OsString, OsString)>,
    /// Variables for every make call, beside those that keep it in the work directory.
    pub variables: Vec<(String, String)>,
    /// The lock of the prefix, which commands hold on to until they are gone.
    pub held: Option<Arc<File>>,
}

impl Site {
    /// A question to make in the directory of a package, with the variables of one of its versions in the environment, as
    /// pbulk-index gives them.
    pub fn ask(&self, pkgpath: &str, multi: &[(String, String)], arguments: &[String]) -> Task {
        self.make(pkgpath, "questions", multi, arguments)
    }

    /// A make call for one package. Several may come from one directory of the tree: each has objects of its own name.
    pub fn make(&self, pkgpath: &str, pkgname: &str, multi: &[(String, String)], arguments: &[String]) -> Task {
        let mut task = self.task(self.tool("bmake"), self.tree.join(pkgpath));
        task.environment.extend(multi.iter().map(|(name, value)| (name.into(), value.into())));
        let fixed = [
            ("BATCH", OsString::from("1")),
            ("DEPENDS_TARGET", "/nonexistent".into()),
            ("PACKAGES", self.work.join("packages").into()),
            ("WRKOBJDIR", self.objects(pkgname).into()),
        ];
        task.arguments = arguments.iter().map(OsString::from).collect();
        let given = self.variables.iter().map(|(name, value)| (name.as_str(), value.into()));
        task.arguments.extend(fixed.into_iter().chain(given).map(|(name, value)| assignment(name, value)));
        task
    }

    /// A program of the prefix, such as `pkg_add`, started in the work directory.
    pub fn command<S: Into<OsString>>(&self, program: &str, arguments: impl IntoIterator<Item = S>) -> Task {
        let mut task = self.task(self.tool(program), self.work.clone());
        task.arguments = arguments.into_iter().map(Into::into).collect();
        task
    }

    /// Where commands keep what they forget to remove.
    pub fn temporary(&self) -> PathBuf {
        self.work.join("tmp")
    }

    /// Where the objects of one package are made.
    pub fn objects(&self, pkgname: &str) -> PathBuf {
        self.work.join("obj").join(pkgname)
    }

    /// The log of the n-th phase of a package.
    pub fn log(&self, pkgpath: &str, pkgname: &str, number: usize, phase: &str) -> PathBuf {
        let dir = self.work.join("logs").join(pkgpath.replace('/', "_")).join(pkgname);
        dir.join(format!("{number}-{phase}.log"))
    }

    /// A program of the prefix: in `sbin` where it is there, else in `bin`.
    pub fn tool(&self, name: &str) -> PathBuf {
        let sbin = self.prefix.join("sbin").join(name);
        if sbin.exists() { sbin } else { self.prefix.join("bin").join(name) }
    }

    fn task(&self, program: PathBuf, directory: PathBuf) -> Task {
        let mut environment = vec![
            ("PATH".into(), search_path(&self.prefix)),
            ("HOME".into(), self.work.clone().into()),
            ("LC_ALL".into(), "C".into()),
            ("TZ".into(), "UTC".into()),
            ("TMPDIR".into(), self.temporary().into()),
        ];
        environment.extend(self.environment.iter().cloned());
        Task { program, arguments: Vec::new(), environment, directory, held: self.held.clone() }
    }
}

fn search_path(prefix: &Path) -> OsString {
    let mut path = prefix.join("bin").into_os_string();
    for rest in [":".into(), prefix.join("sbin").into_os_string(), ":/usr/bin:/bin:/usr/sbin:/sbin".into()] {
        path.push(rest);
    }
    path
}

/// `NAME=VALUE` as make takes it: a dollar begins a variable there.
fn assignment(name: &str, value: OsString) -> OsString {
    let mut text = name.as_bytes().to_vec();
    text.push(b'=');
    for byte in value.into_vec() {
        text.push(byte);
        if byte == b'$' {
            text.push(b'$');
        }
    }
    OsString::from_vec(text)
}

/// The command line that does the same in a shell, for a person to paste.
pub fn pasteable(task: &Task) -> String {
    let word = |word: &OsString| quoted(word.as_bytes());
    let variables = task.environment.iter().map(|(name, value)| format!("{}={}", name.to_string_lossy(), word(value)));
    let words = variables.chain([quoted(task.program.as_os_str().as_bytes())]).chain(task.arguments.iter().map(word));
    let words: Vec<_> = words.collect();
    format!("cd {} && env -i {}", quoted(task.directory.as_os_str().as_bytes()), words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> Site {
        Site {
            tree: "/t".into(),
            prefix: "/p".into(),
            work: "/w".into(),
            environment: vec![("TZ".into(), "CET".into())],
            variables: vec![("DISTDIR".into(), "/d$x".into())],
            held: None,
        }
    }

    #[test]
    fn a_dollar_of_a_variable_is_one_for_make() {
        let task = site().make("misc/greet", "greet-1.2", &[("TOY".into(), "27".into())], &["all".into()]);
        let words: Vec<_> = task.arguments.iter().map(|word| word.to_string_lossy()).collect();
        let ours =
            ["all", "BATCH=1", "DEPENDS_TARGET=/nonexistent", "PACKAGES=/w/packages", "WRKOBJDIR=/w/obj/greet-1.2"];
        assert_eq!(words[..5], ours);
        assert_eq!(words[5..], ["DISTDIR=/d$$x"]);
        assert_eq!(task.directory, Path::new("/t/misc/greet"));
        assert!(task.environment.contains(&("TOY".into(), "27".into())));
    }

    #[test]
    fn a_command_is_told_so_that_a_shell_reads_it_back() {
        let told = pasteable(&site().command("pkg_add", ["it's here"]));
        assert!(told.ends_with("/p/bin/pkg_add 'it'\\''s here'"), "{told}");
        assert!(
            told.starts_with("cd /w && env -i PATH=/p/bin:/p/sbin:/usr/bin:/bin:/usr/sbin:/sbin HOME=/w"),
            "{told}"
        );
    }
}
