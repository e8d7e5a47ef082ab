//! A scratch place: an old prefix that is compiled at its own path, room beside it, and what programs of it say when run.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// The ordinary user that parts of these tests run as where the tests themselves run as root.
pub(crate) const USER: u32 = 65534;

/// Whether the tests run as root.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A scratch directory that is gone with it, whatever the modes in it.
pub(crate) struct Place(TempDir);

pub(crate) const WORD: &str = "const char *word(void) { return \"moved\"; }\n";
pub(crate) const SAY: &str =
    "#include <stdio.h>\nextern const char *word(void);\nint main(void) { puts(word()); return 0; }\n";

impl Place {
    /// An empty one that every user may look into.
    pub(crate) fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("files-").tempdir().unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
        Self(dir)
    }

    /// One with `lib/libword.so.1` and `bin/say`, which needs it and has the prefix's `lib` as its run-time path.
    pub(crate) fn small() -> Self {
        let place = Self::new();
        place.library("lib/libword.so.1", &[]);
        place.say("bin/say", &["-Wl,-rpath,@/lib"]);
        place
    }

    pub(crate) fn dir(&self) -> &Path {
        self.0.path()
    }

    /// A path beside the prefix.
    pub(crate) fn at(&self, name: impl AsRef<Path>) -> PathBuf {
        self.dir().join(name)
    }

    /// The prefix, and where it lies until [`Place::hide`].
    pub(crate) fn root(&self) -> PathBuf {
        self.at("old/root")
    }

    /// A path in the prefix.
    pub(crate) fn inside(&self, name: impl AsRef<Path>) -> PathBuf {
        self.root().join(name)
    }

    /// Writes a file of the prefix and the directories it lies in.
    pub(crate) fn write(&self, name: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.inside(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Compiles `source` into the prefix; `@` in an argument is the prefix.
    pub(crate) fn cc(&self, name: &str, source: &str, arguments: &[&str]) -> PathBuf {
        let path = self.inside(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let file = self.at("source.c");
        fs::write(&file, source).unwrap();
        let root = self.root();
        let arguments = arguments.iter().map(|text| text.replace('@', root.to_str().unwrap()));
        let mut command = Command::new("cc");
        command.arg("-o").arg(&path).arg(&file).args(arguments);
        succeed(&mut command);
        path
    }

    /// Compiles a library that says `moved`; its soname is its file name.
    pub(crate) fn library(&self, name: &str, arguments: &[&str]) -> PathBuf {
        let soname = format!("-Wl,-soname,{}", name.rsplit('/').next().unwrap());
        self.cc(name, WORD, &[&["-shared", "-fPIC", &soname][..], arguments].concat())
    }

    /// Compiles a program that prints what `lib/libword.so.1` says.
    pub(crate) fn say(&self, name: &str, arguments: &[&str]) -> PathBuf {
        self.cc(name, SAY, &[&["@/lib/libword.so.1"], arguments].concat())
    }

    /// Gives everything to the ordinary user, so that a program run as that user owns it.
    pub(crate) fn give_to_user(&self) {
        if is_root() {
            succeed(Command::new("chown").args(["-Rh", &format!("{USER}:{USER}")]).arg(self.dir()));
        }
    }

    /// Takes the prefix away from its path.
    pub(crate) fn hide(&self) {
        fs::rename(self.at("old"), self.at("hidden")).unwrap();
    }

    /// Unpacks an archive into a new directory with a blank in its name and tells where its top directory is.
    pub(crate) fn unpack(&self, archive: impl AsRef<Path>) -> PathBuf {
        let archive = archive.as_ref();
        let name = archive.file_name().unwrap().to_str().unwrap();
        let place = self.at(format!("a new place of {name}"));
        fs::create_dir(&place).unwrap();
        succeed(Command::new("tar").arg("xpf").arg(archive).arg("-C").arg(&place));
        place.join(name.split(".tar").next().unwrap())
    }

    /// Names of what lies beside the prefix, sorted.
    pub(crate) fn beside(&self) -> Vec<String> {
        names(self.dir())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Directories without w cannot be emptied by an ordinary user.
        let _ = Command::new("chmod").args(["-R", "u+rwX"]).arg(self.dir()).stderr(Stdio::null()).status();
    }
}

/// The names in a directory, sorted.
pub(crate) fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Runs a tool that must succeed, and gives its standard output.
pub(crate) fn succeed(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Runs a tool by its words.
pub(crate) fn tool(words: &[&dyn AsRef<OsStr>]) -> Vec<u8> {
    succeed(Command::new(words[0].as_ref()).args(words[1..].iter().map(AsRef::as_ref)))
}

/// Sets a mode.
pub(crate) fn chmod(path: impl AsRef<Path>, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Gives a file another owner; root only.
pub(crate) fn give(path: impl AsRef<Path>, uid: u32, gid: u32) {
    chown(path, Some(uid), Some(gid)).unwrap();
}

/// What a program says in an empty environment: exit code and both outputs together.
pub(crate) fn run(program: impl AsRef<OsStr>) -> (Option<i32>, String) {
    let output = Command::new(program).env_clear().stdin(Stdio::null()).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

/// A program of a moved tree must say `moved`.
pub(crate) fn says_moved(program: impl AsRef<OsStr>) {
    assert_eq!(run(program), (Some(0), "moved\n".to_owned()));
}

/// The run-time path of a file as readelf prints it, `none` where it has none.
pub(crate) fn run_path(file: impl AsRef<Path>) -> String {
    let text = tool(&[&"readelf", &"-Wd", &file.as_ref()]);
    let text = String::from_utf8_lossy(&text).into_owned();
    let line = text.lines().find(|line| line.contains("(RUNPATH)") || line.contains("(RPATH)"));
    let between = line.and_then(|line| Some(line.split_once('[')?.1.split_once(']')?.0.to_owned()));
    between.unwrap_or_else(|| "none".to_owned())
}
