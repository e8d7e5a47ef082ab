//! `relocate demo`: the whole story on a small prefix that is compiled here: it runs, it is moved and fails, it is
//! relocated, it is moved and runs.

use super::args::DemoArgs;
use super::exit::Exit;
use super::failure::{Failure, Json};
use super::progress::Progress;
use super::report;
use crate::base::child::{self, Finished};
use crate::base::path::RelPath;
use crate::base::write::{NewFile, Scratch, whole};
use crate::pack::{Format, Options};
use crate::pipeline::{self, Job, archive};
use report::{BOLD, GREEN, RED, bytes, paint, say};
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The sources; the `cc` arguments say how each is linked, with `@` for the prefix.
const SOURCES: [(&str, &str, &[&str]); 4] = [
    (
        "word.c",
        "const char *word(void) { return \"moved\"; }\n",
        &["-shared", "-fPIC", "-Wl,-soname,libword.so.1", "-o", "@/lib/deep/libword.so.1"],
    ),
    (
        "greet.c",
        "#include <stdio.h>\nextern const char *word(void);\nvoid greet(const char *who) { printf(\"%s can be %s\\n\", who, word()); }\n",
        &[
            "-shared",
            "-fPIC",
            "-Wl,-soname,libgreet.so.1",
            "-Wl,-rpath,@/lib/deep",
            "-Wl,--no-as-needed",
            "@/lib/deep/libword.so.1",
            "-o",
            "@/lib/libgreet.so.1",
        ],
    ),
    // Its run-time path, seen from where it lies, is longer than the absolute one: the string must grow.
    (
        "plugin.c",
        "extern void greet(const char *);\nvoid plugin(void) { greet(\"a plugin\"); }\n",
        &["-shared", "-fPIC", "-Wl,-rpath,@/lib", "-Wl,--no-as-needed", "@/lib/libgreet.so.1", "-o", "@/%/hello.so"],
    ),
    (
        "main.c",
        "#include <dlfcn.h>\n#include <stdio.h>\n#include <stdlib.h>\nextern void greet(const char *);\n\
         int main(int argc, char **argv) {\n  greet(\"a program\");\n  void *h = dlopen(argc > 1 ? argv[1] : \"\", RTLD_NOW);\n\
         if (!h) { fprintf(stderr, \"%s\\n\", dlerror()); return 1; }\n  void (*p)(void) = (void (*)(void))dlsym(h, \"plugin\");\n\
         p();\n  return 0;\n}\n",
        &[
            "-Wl,-rpath,@/lib",
            "-Wl,--no-as-needed",
            "@/lib/libgreet.so.1",
            "-ldl",
            "-Wl,-rpath-link,@/lib/deep",
            "-o",
            "@/bin/hello-bin",
        ],
    ),
];

/// A script that finds the tree by its own place.
const SCRIPT: &str =
    "#!/bin/sh\nhere=$(dirname -- \"$(readlink -f -- \"$0\")\")\nexec \"$here/hello-bin\" \"$here/../%/hello.so\"\n";

/// Runs the demonstration.
pub(super) fn run(args: &DemoArgs) -> Exit {
    report::colour(args.common.color);
    let scratch = match Scratch::create("d") {
        Ok(scratch) => scratch,
        Err(error) => {
            report::error(&error.to_string(), Some("set TMPDIR to a place you can write to"));
            return Exit::Environment;
        }
    };
    let exit = Demo { scratch: scratch.path().to_owned(), quiet: args.common.quiet }.tell();
    if args.keep {
        let kept = scratch.keep();
        report::talk(&format!("kept {}\n", kept.display()));
    }
    exit
}

struct Demo {
    scratch: PathBuf,
    quiet: bool,
}

/// Why the demonstration stopped: the exit code, what happened, what to do.
type Stop = (Exit, String, Option<String>);

impl Demo {
    fn tell(&self) -> Exit {
        match self.story() {
            Ok(()) => Exit::Done,
            Err((exit, message, help)) => {
                if !message.is_empty() {
                    report::error(&message, help.as_deref());
                }
                exit
            }
        }
    }

    fn story(&self) -> Result<(), Stop> {
        let (prefix, moved) = (self.scratch.join("p"), self.scratch.join("moved"));
        self.step(&format!("compile a small prefix for {}", prefix.display()));
        self.build(&prefix)?;
        self.show(&prefix, true)?;
        self.step(&format!("move it to {}", moved.display()));
        fs::rename(&prefix, &moved).map_err(environment)?;
        self.show(&moved, false)?;
        self.step(&format!("relocate {}", moved.display()));
        let out = self.scratch.join("demo.tar.gz");
        self.relocate(&moved, &out)?;
        let elsewhere = self.scratch.join("some where else");
        self.step(&format!("unpack it in '{}' and run", elsewhere.display()));
        fs::create_dir(&elsewhere).map_err(environment)?;
        fs::rename(&moved, self.scratch.join("hidden")).map_err(environment)?;
        let tar: Vec<_> =
            ["tar", "xzf"].map(PathBuf::from).into_iter().chain([out, "-C".into(), elsewhere.clone()]).collect();
        Self::must(&tar)?;
        self.show(&elsewhere.join("demo"), true)?;
        self.line(&paint(GREEN, "done: same files, another place, nothing installed"));
        Ok(())
    }

    fn build(&self, prefix: &Path) -> Result<(), Stop> {
        let plugins = plugin_directory(prefix);
        for directory in ["bin", "lib/deep", &plugins] {
            fs::create_dir_all(prefix.join(directory)).map_err(environment)?;
        }
        for (name, source, arguments) in SOURCES {
            let file = self.scratch.join(name);
            whole(&file, source.as_bytes(), 0o644).map_err(|error| (Exit::Environment, error.to_string(), None))?;
            let at = |text: &str| PathBuf::from(text.replace('%', &plugins).replace('@', &prefix.to_string_lossy()));
            let command = [PathBuf::from("cc"), file].into_iter().chain(arguments.iter().map(|text| at(text)));
            Self::must(&command.collect::<Vec<_>>())?;
        }
        let script = prefix.join("bin/hello");
        whole(&script, SCRIPT.replace('%', &plugins).as_bytes(), 0o755)
            .map_err(|error| (Exit::Environment, error.to_string(), None))?;
        let link = prefix.join("lib/libgreet.so");
        std::os::unix::fs::symlink(prefix.join("lib/libgreet.so.1"), link).map_err(environment)
    }

    fn relocate(&self, root: &Path, out: &Path) -> Result<(), Stop> {
        let job = Job { root: root.to_owned(), ..Job::default() };
        let listener = Progress::new(self.quiet);
        let failed = |error| (Failure::from(error).tell("demo", Json::None), String::new(), None);
        let prepared = pipeline::prepare(&job, &listener).map_err(failed)?;
        for (path, rewrite) in &prepared.plan.rewrites {
            let before = prepared
                .inventory
                .entries
                .get(path)
                .and_then(|entry| entry.elf())
                .and_then(|facts| facts.object.run_path());
            let text = |path: Option<&[u8]>| String::from_utf8_lossy(path.unwrap_or_default()).into_owned();
            let after = text(rewrite.wanted.runpath.as_deref().or(rewrite.wanted.rpath.as_deref()));
            let rung = prepared.fits.get(path).map_or(String::new(), |fit| format!("  ({})", fit.rung));
            self.line(&format!(
                "  {path}\n    before  {}\n    after   {after}{rung}",
                text(before.map(|(_, path)| path))
            ));
        }
        for (path, target) in &prepared.plan.links {
            self.line(&format!("  {path} -> {}", String::from_utf8_lossy(target)));
        }
        let options = Options { format: Format::TarGz, level: None, jobs: 2, top_dir: RelPath::root().join(b"demo") };
        let new = NewFile::create(out).map_err(|error| failed(error.into()))?;
        let judged = archive::write(&job, &prepared, new, &options, true, &listener).map_err(failed)?;
        let Some(verified) = judged.verdict.verified() else {
            return Err((Exit::Bug, "the demonstration's own tree could not be proven".to_owned(), None));
        };
        let archive = judged.packed.publish(&verified).map_err(|error| failed(error.into()))?;
        self.line(&format!("  {}, {}, proven", archive.path.display(), bytes(archive.size)));
        Ok(())
    }

    /// Runs the program of the prefix and prints what it says; it must succeed or fail as expected.
    fn show(&self, prefix: &Path, works: bool) -> Result<(), Stop> {
        let finished = child::run(&[prefix.join("bin/hello")]).map_err(environment)?;
        let mut text = String::new();
        for line in String::from_utf8_lossy(&finished.output).lines() {
            let _ = writeln!(text, "  {line}");
        }
        let (code, word) = if finished.success { (GREEN, "runs") } else { (RED, "fails") };
        let _ = write!(text, "  {}", paint(code, &format!("-> it {word}")));
        self.line(&text);
        if finished.success == works {
            return Ok(());
        }
        let expected = if works { "should have run" } else { "should have failed" };
        Err((Exit::Bug, format!("{} {expected}", prefix.join("bin/hello").display()), None))
    }

    /// Runs a tool that must succeed.
    fn must(command: &[PathBuf]) -> Result<(), Stop> {
        let name = command[0].display().to_string();
        match child::run(command) {
            Ok(Finished { success: true, .. }) => Ok(()),
            Ok(finished) => {
                Err((Exit::Environment, format!("{name} failed:\n{}", String::from_utf8_lossy(&finished.output)), None))
            }
            Err(error) => Err((
                Exit::Environment,
                format!("cannot run {name}: {error}"),
                Some("the demonstration needs a C compiler named cc, and tar".to_owned()),
            )),
        }
    }

    fn step(&self, text: &str) {
        self.line(&paint(BOLD, &format!("== {text}")));
    }

    fn line(&self, text: &str) {
        if !self.quiet {
            say(&format!("{text}\n"));
        }
    }
}

/// A directory so deep that the way up from it, `$ORIGIN/..` and so on, is longer than the prefix: 7 bytes and 3 for each
/// level, against the prefix and `/lib`.
fn plugin_directory(prefix: &Path) -> String {
    let levels = (prefix.as_os_str().len() / 3).max(2);
    format!("lib/plugins{}", "/x".repeat(levels))
}

#[expect(clippy::needless_pass_by_value, reason = "map_err hands errors over by value")]
fn environment(error: io::Error) -> Stop {
    (Exit::Environment, error.to_string(), None)
}
