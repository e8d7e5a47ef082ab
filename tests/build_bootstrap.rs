//! The fixture tree's bootstrap of four eras, driven by ours: options, refusals, kits, kills. With `RELOCATE_PKGSRC=DIR` what
//! can be asked without building is asked of a real tree too.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use relocate::base::child::{Cancel, Task};
use relocate::base::event::Silent;
use relocate::base::path::Prefix;
use relocate::build::bootstrap::{self, BootstrapError, Bootstrapped, How, Refusal, Request, Step};
use relocate::build::host::{Environment, Toolchain, environment, toolchain};
use relocate::build::mkconf::{Assignment, How as Add, Settings, install, render};
use relocate::build::tree::{Base, Source, Tree, digest};
use relocate::build::usage::Usage;
use std::cell::RefCell;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const BASH: &str = "/bin/bash";

/// A place with a work directory, and what most requests have in common.
struct Lab {
    dir: PathBuf,
    /// Removed at the end, where it is this process that made it.
    _removed: Option<tempfile::TempDir>,
    tree: Tree,
    environment: Environment,
    toolchain: Toolchain,
    arguments: Vec<String>,
    jobs: Option<u32>,
    kits: bool,
}

fn fixture() -> Source {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/pkgsrc");
    Source { base: Base::Directory(fixture), overlays: Vec::new() }
}

impl Lab {
    fn new(era: &str) -> Self {
        Self::of(&fixture(), era)
    }

    fn of(source: &Source, era: &str) -> Self {
        let removed = tempfile::Builder::new().prefix("bootstrap").tempdir().unwrap();
        let lab = Self::inside(removed.path(), source, era);
        Self { _removed: Some(removed), ..lab }
    }

    fn inside(dir: &Path, source: &Source, era: &str) -> Self {
        let (dir, work) = (dir.to_owned(), dir.join("work"));
        fs::create_dir_all(&work).unwrap();
        let tree = Tree::open(source, &work, &Silent).unwrap_or_else(|error| panic!("{error}"));
        let environment = environment(&work, Some(1), [("FIXTURE_ERA", era)]);
        let toolchain = toolchain("gcc", &environment, &dir).unwrap();
        let (arguments, jobs, kits) = (Vec::new(), Some(2), false);
        Self { dir, _removed: None, tree, environment, toolchain, arguments, jobs, kits }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn usage(&self) -> Usage {
        bootstrap::usage(&self.tree, Path::new(BASH), &self.environment).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Hands a request for the prefix `name` to `take`.
    fn with<R>(&self, name: &str, take: impl FnOnce(&Request<'_>) -> R) -> R {
        let prefix = Prefix::new(self.at(name).as_os_str().as_bytes()).unwrap();
        let (work, kits) = (self.at("work"), self.at("kits"));
        take(&Request {
            tree: &self.tree,
            prefix: &prefix,
            unprivileged: true,
            prefer_pkgsrc: Some("yes"),
            shell: Path::new(BASH),
            jobs: self.jobs,
            arguments: &self.arguments,
            environment: &self.environment,
            toolchain: &self.toolchain,
            kits: self.kits.then_some(kits.as_path()),
            work: &work,
        })
    }

    fn run(&self, name: &str) -> Result<Bootstrapped, BootstrapError> {
        self.run_watched(name).0
    }

    fn run_watched(&self, name: &str) -> (Result<Bootstrapped, BootstrapError>, Vec<String>) {
        let steps = RefCell::new(Vec::new());
        let watch = |step: Step<'_>| steps.borrow_mut().push(format!("{step:?}"));
        let result = self.with(name, |request| request.run(&self.usage(), &watch, &Cancel::default()));
        (result, steps.into_inner())
    }

    fn refusals(&self, name: &str) -> Vec<Refusal> {
        self.with(name, |request| request.refusals(&self.usage()))
    }
}

/// The first refusal, which must be the only one.
fn only(refusals: &[Refusal]) -> (String, String) {
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    (refusals[0].to_string(), refusals[0].help().unwrap_or_default())
}

fn made(result: Result<Bootstrapped, BootstrapError>) -> Bootstrapped {
    result.unwrap_or_else(|error| panic!("{error}"))
}

fn refused(result: Result<Bootstrapped, BootstrapError>) -> (String, String) {
    match result {
        Err(BootstrapError::Refused(refusals)) => only(&refusals),
        other => panic!("{other:?}"),
    }
}

/// What bmake in a package of the tree makes of a variable. A kit is unpacked by this process, and what was just written may
/// be "busy" through another test's fork: a task waits for that.
fn value(prefix: &Path, package: &Path, variable: &str) -> String {
    let task = Task {
        program: prefix.join("bin/bmake"),
        arguments: vec!["-V".into(), format!("${{{variable}}}").into()],
        environment: vec![("PATH".into(), "/usr/bin:/bin".into())],
        directory: package.to_owned(),
        held: None,
    };
    let answer = task.ask(&Cancel::default()).unwrap();
    assert!(answer.ended.end.is_success(), "{}", String::from_utf8_lossy(&answer.stderr));
    String::from_utf8(answer.stdout).unwrap().trim().to_owned()
}

#[test]
fn every_era_is_bootstrapped_and_gets_only_options_it_knows() {
    for (era, lost) in [("2011", "prefer-pkgsrc make-jobs"), ("2014", "make-jobs"), ("2016", ""), ("2024", "")] {
        let lab = Lab::new(era);
        let (result, steps) = lab.run_watched("prefix");
        let made = made(result);
        assert_eq!(made.how, How::Made);
        assert_eq!(made.lost.iter().map(|lost| lost.option).collect::<Vec<_>>().join(" "), lost, "{era}");
        assert!(lab.at("prefix/bin/bmake").is_file() && lab.at("prefix/sbin/pkg_add").is_file());
        assert!(steps.iter().any(|step| step == "Heading(\"Bootstrapping bmake\")"), "{steps:?}");
        assert!(!steps.iter().any(|step| step.contains("running:")), "{steps:?}");
        assert!(!lab.at("work/bootstrap").exists() && lab.at("work/logs/bootstrap.log").is_file());
    }
}

#[test]
fn a_finished_prefix_is_found_and_not_made_again() {
    let mut lab = Lab::new("2016");
    let first = made(lab.run("prefix"));
    let bmake = lab.at("prefix/bin/bmake").metadata().unwrap().modified().unwrap();
    lab.jobs = Some(7);
    let second = made(lab.run("prefix"));
    assert_eq!((second.how, second.key), (How::Found, first.key), "the number of jobs changes nothing");
    assert_eq!(lab.at("prefix/bin/bmake").metadata().unwrap().modified().unwrap(), bmake);
    assert!(lab.refusals("prefix").is_empty());
}

#[test]
fn a_prefix_bootstrapped_with_something_else_is_refused_by_what_differs() {
    let mut lab = Lab::new("2016");
    made(lab.run("prefix"));
    lab.environment.insert("CFLAGS".into(), "-O1".into());
    lab.arguments.push("--abi=64".to_owned());
    let (text, help) = refused(lab.run("prefix"));
    assert!(text.contains("variable CFLAGS was '' and is '-O1'") && text.contains("--abi=64"), "{text}");
    assert!(help.contains("rm -rf"), "{help}");
    assert!(lab.at("prefix/bin/bmake").is_file());
}

#[test]
fn an_overlay_that_bootstrap_does_not_read_leaves_the_prefix_good() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/pkgsrc");
    let overlay = tempfile::tempdir().unwrap();
    let source = Source { base: Base::Directory(fixture), overlays: vec![overlay.path().to_owned()] };
    let write = |name: &str, text: &str| {
        fs::create_dir_all(overlay.path().join(name).parent().unwrap()).unwrap();
        fs::write(overlay.path().join(name), text).unwrap();
    };
    let mut lab = Lab::of(&source, "2016");
    let first = made(lab.run("prefix"));
    write("misc/extra/Makefile", "PKGNAME= extra-1\n");
    lab.tree = Tree::open(&source, &lab.at("work"), &Silent).unwrap();
    assert_eq!(made(lab.run("prefix")).key, first.key);
    write("mk/extra.mk", "X= 1\n");
    lab.tree = Tree::open(&source, &lab.at("work"), &Silent).unwrap();
    assert!(refused(lab.run("prefix")).0.contains("tree was"));
}

#[test]
fn a_prefix_of_somebody_else_is_never_touched() {
    let lab = Lab::new("2014");
    fs::create_dir(lab.at("prefix")).unwrap();
    fs::write(lab.at("prefix/letter"), "mine").unwrap();
    let (text, _) = refused(lab.run("prefix"));
    assert!(text.contains("is no bootstrap and not empty: it has letter"), "{text}");
    assert_eq!(fs::read(lab.at("prefix/letter")).unwrap(), b"mine");

    made(lab.run("second"));
    let other = Lab::new("2014");
    fs::rename(lab.at("second"), other.at("second")).unwrap();
    let (text, help) = refused(other.run("second"));
    assert!(text.contains("not made from this work directory") && help.contains("work directory"), "{text}");
    // A record that speaks of the name, but not of this directory.
    fs::copy(lab.at("work/bootstrap.json"), other.at("work/bootstrap.json")).unwrap();
    fs::create_dir(other.at("moved")).unwrap();
    let record = fs::read_to_string(other.at("work/bootstrap.json")).unwrap().replace("finished", "begun");
    fs::write(other.at("work/bootstrap.json"), record).unwrap();
    fs::write(other.at("moved/letter"), "mine").unwrap();
    refused(other.run("moved"));
    assert_eq!(fs::read(other.at("moved/letter")).unwrap(), b"mine");
}

#[test]
fn what_a_killed_run_left_is_removed_and_made_again() {
    let lab = Lab::new("2014");
    made(lab.run("prefix"));
    let record = fs::read_to_string(lab.at("work/bootstrap.json")).unwrap();
    fs::write(lab.at("work/bootstrap.json"), record.replace("finished", "begun")).unwrap();
    fs::remove_dir_all(lab.at("prefix/sbin")).unwrap();
    fs::write(lab.at("prefix/half"), "").unwrap();
    fs::create_dir(lab.at("work/bootstrap")).unwrap();
    let (result, steps) = lab.run_watched("prefix");
    assert_eq!(made(result).how, How::Made);
    assert!(steps.iter().any(|step| step.starts_with("Removing") && step.contains("prefix/half")), "{steps:?}");
    assert!(!lab.at("prefix/half").exists() && lab.at("prefix/sbin/pkg_add").is_file());
}

#[test]
fn stopped_half_way_it_leaves_no_process_and_the_next_run_succeeds() {
    let lab = Lab::new("2014");
    let cancel = Cancel::default();
    let stop = cancel.clone();
    let watch = move |step: Step<'_>| {
        if matches!(step, Step::Heading(text) if text.contains("Installing packages") || text.contains("pkgtools")) {
            stop.cancel();
        }
    };
    let result = lab.with("prefix", |request| request.run(&lab.usage(), &watch, &cancel));
    assert!(matches!(result, Err(BootstrapError::Cancelled)) || result.is_ok(), "{result:?}");
    let again = made(lab.run("prefix"));
    assert!(matches!(again.how, How::Made | How::Found));
    assert!(lab.at("prefix/sbin/pkg_add").is_file());
}

const TO_BE_KILLED: &str = "BOOTSTRAP_TO_BE_KILLED";

/// Nothing by itself: the process that the next test kills.
#[test]
fn bootstraps_where_it_is_told_to() {
    if let Some(dir) = std::env::var_os(TO_BE_KILLED) {
        let mut lab = Lab::inside(Path::new(&dir), &fixture(), "2014");
        lab.kits = true;
        made(lab.run("prefix"));
    }
}

#[test]
fn killed_at_any_moment_it_leaves_no_process_and_the_next_run_succeeds() {
    let dir = tempfile::tempdir().unwrap();
    for moment in [150, 300, 450, 600, 900, 1200] {
        let mut killed = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "bootstraps_where_it_is_told_to"])
            .env(TO_BE_KILLED, dir.path())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(moment));
        killed.kill().unwrap();
        killed.wait().unwrap();
        let lab = Lab::inside(dir.path(), &fixture(), "2014");
        made(lab.run("prefix"));
        assert!(lab.at("prefix/sbin/pkg_add").is_file() && lab.at("prefix/etc/mk.conf").is_file(), "{moment}");
        assert!(!lab.at("work/bootstrap").exists(), "{moment}");
        fs::remove_dir_all(lab.at("prefix")).unwrap();
    }
}

#[test]
fn a_kit_saves_the_bootstrap_and_a_damaged_one_does_not_harm() {
    let mut lab = Lab::new("2016");
    lab.kits = true;
    let (first, steps) = lab.run_watched("prefix");
    let first = made(first);
    assert!(steps.iter().any(|step| step.starts_with("KitKept")), "{steps:?}");
    let before = digest::digest_of(&lab.at("prefix"), None).unwrap();
    fs::remove_dir_all(lab.at("prefix")).unwrap();
    let unpacked = made(lab.run("prefix"));
    assert_eq!((unpacked.how, unpacked.key), (How::Unpacked, first.key));
    assert_eq!(digest::digest_of(&lab.at("prefix"), None).unwrap(), before);
    assert_eq!(made(lab.run("prefix")).how, How::Found);

    let kit = fs::read_dir(lab.at("kits")).unwrap().next().unwrap().unwrap().path();
    let bytes = fs::read(&kit).unwrap();
    fs::write(&kit, &bytes[..bytes.len() / 2]).unwrap();
    fs::remove_dir_all(lab.at("prefix")).unwrap();
    let (result, steps) = lab.run_watched("prefix");
    assert_eq!(made(result).how, How::Made);
    assert!(steps.iter().any(|step| step.starts_with("KitRefused")), "{steps:?}");
    fs::remove_dir_all(lab.at("prefix")).unwrap();
    assert_eq!(made(lab.run("prefix")).how, How::Unpacked, "the kit was made again");
}

#[test]
fn everything_wrong_is_refused_before_the_start_with_a_remedy() {
    let mut lab = Lab::new("2014");
    fs::create_dir(lab.at("real")).unwrap();
    std::os::unix::fs::symlink("real", lab.at("link")).unwrap();
    let real = fs::canonicalize(lab.at("real")).unwrap();
    let (text, help) = only(&lab.refusals("link/prefix"));
    assert!(text.contains("leads through a symlink"), "{text}");
    assert_eq!(help, format!("name the prefix '{}'", real.join("prefix").display()));
    assert!(only(&lab.refusals("a b")).0.contains("characters other than"));
    assert!(only(&lab.refusals("work/..")).0.contains("lies inside the prefix"));
    fs::write(lab.at("file"), "").unwrap();
    assert!(only(&lab.refusals("file/prefix")).0.contains("cannot be made in"));
    fs::create_dir(lab.at("work/bootstrap")).unwrap();
    assert!(only(&lab.refusals("prefix")).0.contains("is there and not ours"));
    lab.environment.insert("PKG_PATH".into(), "/x".into());
    lab.arguments.push("--cwrappers=yes".to_owned());
    let texts: Vec<_> = lab.refusals("prefix").iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(texts[0].contains("sets PKG_PATH") && texts[1].contains("no option '--cwrappers=yes'"), "{texts:?}");
    assert!(!lab.at("prefix").exists(), "nothing was made");
}

#[test]
fn an_old_tree_tells_its_usage_only_in_a_fit_shell() {
    let lab = Lab::new("2014");
    let error = bootstrap::usage(&lab.tree, Path::new("/bin/dash"), &lab.environment).unwrap_err();
    assert!(error.to_string().contains("echo command is not BSD-compatible"), "{error}");
    assert!(lab.usage().knows("pkginfodir") && !lab.usage().knows("make-jobs"));
}

#[test]
fn a_failure_shows_its_cause_its_log_and_a_command_that_runs_it_again() {
    let overlay = tempfile::tempdir().unwrap();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/pkgsrc");
    let makefile = overlay.path().join("devel/bmake/Makefile");
    fs::create_dir_all(makefile.parent().unwrap()).unwrap();
    fs::write(&makefile, "install:\n\t@echo 'main.c:3:1: error: no such thing'; false\n").unwrap();
    fs::create_dir(overlay.path().join("devel/bmake/files")).unwrap();
    let files = "devel/bmake/files/bmake.sh";
    fs::copy(fixture.join(files), overlay.path().join(files)).unwrap();
    let source = Source { base: Base::Directory(fixture), overlays: vec![overlay.path().to_owned()] };
    let lab = Lab::of(&source, "2014");
    let Err(BootstrapError::Failed(failure)) = lab.run("prefix") else { panic!("it did not fail") };
    assert_eq!(failure.ended, "exited with status 1");
    assert_eq!(failure.cause.as_deref(), Some("main.c:3:1: error: no such thing"));
    assert!(failure.last.iter().any(|line| line == "aborted."), "{:?}", failure.last);
    assert_eq!(failure.log, lab.at("work/logs/bootstrap.log"));
    assert!(lab.at("work/bootstrap").exists(), "what it was working on is kept");
    // What is to be pasted into a shell does fail in the same way.
    let again = Command::new("sh").args(["-c", &failure.command]).output().unwrap();
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stdout).contains("no such thing"));
    // The next run starts over by itself.
    assert!(matches!(lab.run("prefix"), Err(BootstrapError::Failed(_))));
}

#[test]
fn settings_reach_the_packages_and_win_over_bootstraps() {
    let lab = Lab::new("2016");
    let made = made(lab.run("prefix"));
    let assignment = |name: &str, how, value: &str| Assignment { name: name.to_owned(), how, value: value.to_owned() };
    let variables = [
        assignment("PREFER_PKGSRC", Add::Set, "no"),
        assignment("MY_FLAGS", Add::Append, "-Wl,-z,origin,-rpath,'$ORIGIN/#'"),
    ];
    let options = [("PKG_OPTIONS.greet".to_owned(), vec!["shy".to_owned(), "-loud".to_owned()])];
    let settings = Settings { make_jobs: Some(5), options: &options, variables: &variables, ..Settings::default() };
    let text = render(&settings).unwrap();
    assert_eq!(install(&made.etc, &text).unwrap().len(), 2);
    assert!(install(&made.etc, &text).unwrap().is_empty());
    let (prefix, package) = (lab.at("prefix"), lab.tree.path().join("misc/greet"));
    assert_eq!(value(&prefix, &package, "PREFER_PKGSRC"), "no");
    assert_eq!(value(&prefix, &package, "MAKE_JOBS"), "5");
    assert_eq!(value(&prefix, &package, "MY_FLAGS"), "-Wl,-z,origin,-rpath,'$ORIGIN/#'");
    let told = lab.tree.options_of("misc/greet", &prefix.join("bin/bmake"), &lab.environment).unwrap();
    assert_eq!(told.variable.as_deref(), Some("PKG_OPTIONS.greet"));
    assert_eq!(told.supported, lab.tree.options_written("misc/greet").supported);
    assert_eq!(told.effective.unwrap().into_iter().collect::<Vec<_>>(), ["shy"]);
}

#[test]
fn the_fixture_tells_which_variables_nobody_reads() {
    let lab = Lab::new("2014");
    let names = ["PREFER_PKGSRC", "PKG_OPTIONS.greet", "ACCEPTABLE_LICENSES", "ACCEPTABLE_LICENCES"].map(str::to_owned);
    let unread = lab.tree.unread(&names).unwrap();
    assert_eq!(unread.len(), 1, "{unread:?}");
    assert_eq!(unread[0].nearest.as_deref(), Some("ACCEPTABLE_LICENSES"));
}

/// Only asks: a bootstrap of a real tree takes minutes.
#[test]
fn a_real_tree_is_understood_where_one_is_at_hand() {
    let Some(path) = std::env::var_os("RELOCATE_PKGSRC") else { return };
    let lab = Lab::of(&Source { base: Base::Directory(path.into()), overlays: Vec::new() }, "");
    let usage = lab.usage();
    for option in ["prefix", "workdir", "pkgdbdir", "varbase", "sysconfdir", "mk-fragment", "gzip-binary-kit"] {
        assert!(usage.knows(option), "{option}");
    }
    assert!(usage.knows("unprivileged") && lab.refusals("prefix").is_empty(), "{:?}", lab.refusals("prefix"));
    let dash = bootstrap::usage(&lab.tree, Path::new("/bin/dash"), &lab.environment);
    assert!(dash.is_ok() || dash.unwrap_err().to_string().contains("BSD-compatible"));
    let pkgpaths = lab.tree.pkgpaths().unwrap();
    assert!(pkgpaths.len() > 5000, "{}", pkgpaths.len());
    assert!(lab.tree.era().is_some_and(|era| era.year >= 2005));
    let nginx = lab.tree.options_written("www/nginx");
    assert!(nginx.variable.as_deref() == Some("PKG_OPTIONS.nginx") && nginx.supported.contains("uwsgi"), "{nginx:?}");
    let names = ["PREFER_PKGSRC", "ACCEPTABLE_LICENSES", "PKG_OPTIONS.nginx", "PREFERR_PKGSRC"].map(str::to_owned);
    let unread = lab.tree.unread(&names).unwrap();
    assert_eq!(unread.len(), 1, "{unread:?}");
    assert_eq!(unread[0].nearest.as_deref(), Some("PREFER_PKGSRC"));
    assert_eq!(lab.environment.get(OsStr::new("FIXTURE_ERA")).map(|era| era.len()), Some(0));
}
