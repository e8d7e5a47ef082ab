//! A directory of its own for one recipe: its source archives, its prefix, its work, its output.

use relocate::base::digest::Digest;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// What runs where the tests have no terminal, and nothing of the machine is in the environment.
const PROGRAM: &str = env!("CARGO_BIN_EXE_relocate");
/// The length of a build prefix: room for the paths that archives are installed at.
const LENGTH: usize = 64;

/// A recipe and its surroundings; removed at the end.
pub(crate) struct Lab {
    _own: tempfile::TempDir,
    pub(crate) dir: PathBuf,
    pub(crate) prefix: PathBuf,
    /// The tree of the recipe.
    pub(crate) tree: PathBuf,
}

/// How a run ended.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// The fixture tree.
pub(crate) fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/pkgsrc")
}

/// Whether the tests run as root.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

impl Lab {
    pub(crate) fn new() -> Self {
        let own = tempfile::Builder::new().prefix("rb").tempdir().unwrap();
        let dir = fs::canonicalize(own.path()).unwrap();
        let short = dir.join("p").display().to_string();
        let prefix = PathBuf::from(format!("{short}{}", "q".repeat(LENGTH.saturating_sub(short.len()))));
        let made = Command::new(fixture().join("make-distfiles")).arg(dir.join("distfiles")).status().unwrap();
        assert!(made.success());
        fs::create_dir(dir.join("recipe")).unwrap();
        Self { _own: own, dir, prefix, tree: fixture() }
    }

    /// Writes the recipe: the packages as TOML has them, and more sections.
    pub(crate) fn recipe(&self, packages: &str, more: &str) {
        self.recipe_with(packages, "", more);
    }

    /// The same with more lines of `[bootstrap]`.
    pub(crate) fn recipe_with(&self, packages: &str, bootstrap: &str, more: &str) {
        let text = format!(
            "schema = 1\nname = \"toy\"\npackages = [{packages}]\n\n[tree]\nfrom = \"{}\"\n\n[bootstrap]\nprefix = \"{}\"\n\
             jobs = 2\n{bootstrap}\n\n[fetch]\noffline = true\n\n[output]\nfile = \"../out/toy.tar.gz\"\n{more}\n",
            self.tree.display(),
            self.prefix.display()
        );
        fs::write(self.recipe_file(), text).unwrap();
    }

    pub(crate) fn recipe_file(&self) -> PathBuf {
        self.dir.join("recipe/toy.toml")
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.dir.join("recipe/toy.lock")
    }

    pub(crate) fn archive(&self) -> PathBuf {
        self.dir.join("out/toy.tar.gz")
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.dir.join("work")
    }

    /// `relocate` with these arguments, in an environment that says nothing.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).current_dir(&self.dir).stdin(Stdio::null()).env_clear();
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin").env("HOME", &self.dir);
        command.env("TMPDIR", &self.dir);
        command
    }

    /// `relocate build` of the recipe.
    pub(crate) fn build_command(&self, more: &[&str]) -> Command {
        let work = self.work().display().to_string();
        let distfiles = self.dir.join("distfiles").display().to_string();
        let typed = ["build", "recipe/toy.toml", "--work", &work, "--distfiles", &distfiles];
        self.command(&[&typed[..], more].concat())
    }

    pub(crate) fn build(&self, more: &[&str]) -> Ran {
        Ran::of(&mut self.build_command(more))
    }

    /// Starts it in a process group of its own and lets it run.
    pub(crate) fn start(&self, more: &[&str]) -> Child {
        let mut command = self.build_command(more);
        command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// The archive, by its digest.
    pub(crate) fn digest(&self) -> Digest {
        Digest::of(&fs::read(self.archive()).unwrap())
    }

    /// Installs the archive at another place and gives that.
    pub(crate) fn install(&self, name: &str) -> PathBuf {
        let place = self.dir.join(name);
        let archive = self.archive().display().to_string();
        Ran::of(&mut self.command(&["install", &archive, &place.display().to_string()])).expect(0, &[], &[]);
        place
    }

    /// Hides the prefix from who runs what was installed; it comes back when `run` is done.
    pub(crate) fn without_prefix<T>(&self, run: impl FnOnce() -> T) -> T {
        let aside = self.dir.join("aside");
        fs::rename(&self.prefix, &aside).unwrap();
        let result = run();
        fs::rename(&aside, &self.prefix).unwrap();
        result
    }

    /// Everything below the lab but the work directory and its source archives, without times: to see that nothing changed.
    pub(crate) fn outside(&self) -> BTreeMap<PathBuf, Digest> {
        let is_ours = |path: &Path| path != self.work() && path != self.dir.join("distfiles");
        let entries = walkdir::WalkDir::new(&self.dir).into_iter().filter_entry(|entry| is_ours(entry.path()));
        let files = entries.filter_map(Result::ok).filter(|entry| !entry.file_type().is_dir());
        files.map(|entry| (entry.path().to_owned(), Digest::of(&fs::read(entry.path()).unwrap_or_default()))).collect()
    }

    /// Removes all that builds have made.
    pub(crate) fn begin_again(&self) {
        for path in [self.work(), self.prefix.clone(), self.dir.join("out")] {
            fs::remove_dir_all(path).unwrap_or_default();
        }
        fs::remove_file(self.lock()).unwrap_or_default();
    }
}

impl Ran {
    pub(crate) fn of(command: &mut Command) -> Self {
        let ended = command.output().unwrap();
        Self::ended(ended.status.code(), &ended.stdout, &ended.stderr)
    }

    /// The end of a process that was started.
    pub(crate) fn wait(child: Child) -> Self {
        let ended = child.wait_with_output().unwrap();
        Self::ended(ended.status.code(), &ended.stdout, &ended.stderr)
    }

    fn ended(code: Option<i32>, out: &[u8], err: &[u8]) -> Self {
        Self { code, out: String::from_utf8_lossy(out).into_owned(), err: String::from_utf8_lossy(err).into_owned() }
    }

    /// Must have ended with `code`, with every text of `out` on standard output and every text of `err` on standard error.
    #[track_caller]
    pub(crate) fn expect(self, code: i32, out: &[&str], err: &[&str]) -> Self {
        let all = self.all();
        assert_eq!(self.code, Some(code), "{all}");
        for text in out {
            assert!(self.out.contains(text), "not on standard output: {text}\n{all}");
        }
        for text in err {
            assert!(self.err.contains(text), "not on standard error: {text}\n{all}");
        }
        self
    }

    pub(crate) fn all(&self) -> String {
        format!("exit {:?}\nstdout: {}\nstderr: {}", self.code, self.out, self.err)
    }
}
