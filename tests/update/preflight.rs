//! What would stop releases is said before anything is installed: on made-up machines with each fault, on this one, on real mounts.

use crate::place::{Place, chmod, is_root, names, tool};
use crate::repository::{Repository, day};
use relocate::base::child::Cancel;
use relocate::base::event::Silent;
use relocate::base::finding::Severity;
use relocate::client::RootKey;
use relocate::live::Wait;
use relocate::loader::floor::{Demand, Floor};
use relocate::objects::{Directory, Objects};
use relocate::preflight::{Machine, Seen, Wants, label, look};
use relocate::tuf::Freshness;
use relocate::update::{Outcome, Task, Typed, UpdateError, Wish, update};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;

/// A moment in 2026.
const NOW: i64 = 1_795_300_000;

/// A machine that is made up, on which all is well, and a directory of releases.
struct Lab {
    place: Place,
}

impl Lab {
    fn new() -> Self {
        let lab = Self { place: Place::new() };
        lab.says("proc/self/mountinfo", "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n");
        lab.says("proc/self/status", "Name:\tx\nUmask:\t0022\n");
        lab.says("proc/sys/kernel/osrelease", "3.10.0-1160.el7.x86_64\n");
        lab.says("proc/cpuinfo", "flags\t\t: fpu cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3\n");
        lab.says("etc/passwd", &format!("root:x:0:0::/root:/bin/sh\nme:x:{}:1::/:/bin/sh\n", me()));
        lab.says("etc/ld.so.conf", "include ld.so.conf.d/*.conf\n");
        lab.says("etc/ld.so.conf.d/a.conf", "/opt/compiler/lib\n");
        lab.says("lib64/libc.so.6", "\0GLIBC_2.2.5\0GLIBC_2.17\0GLIBC_PRIVATE\0");
        lab.says("opt/compiler/lib/libstdc++.so.6", "\0GLIBCXX_3.4.19\0CXXABI_1.3.7\0");
        lab.says("bin/sh", "");
        fs::create_dir(lab.place.at("app")).unwrap();
        lab
    }

    fn says(&self, name: &str, text: &str) {
        let path = self.place.at("machine").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A program of the made-up machine.
    fn program(&self, name: &str, script: &str) {
        fs::create_dir_all(self.place.at("bin")).unwrap();
        crate::program::write(self.place.at("bin").join(name), format!("#!/bin/sh\n{script}\n"), 0o755);
    }

    fn machine(&self) -> Machine {
        Machine { sysroot: self.place.at("machine"), path: self.place.at("bin").into(), uid: me() }
    }

    fn look(&self) -> Seen {
        self.look_for(&Wants::default())
    }

    fn look_for(&self, wants: &Wants) -> Seen {
        self.look_as(&self.machine(), wants, NOW)
    }

    /// All that is said but the note about the kernel that the tests run on.
    fn look_as(&self, machine: &Machine, wants: &Wants, now: i64) -> Seen {
        let mut seen = look(machine, &self.place.at("app"), wants, now);
        seen.findings.retain(|finding| finding.kind != "probe-tmpfile" || has_tmpfile());
        seen
    }

    /// The one finding there is: its kind, how bad it is, what it says and what helps.
    fn only(&self, wants: &Wants) -> (String, Severity, String) {
        let findings = self.look_for(wants).findings;
        assert_eq!(findings.len(), 1, "{findings:#?}");
        let finding = &findings[0];
        (finding.kind.clone(), finding.severity, format!("{} | {}", finding.found, finding.help.clone().unwrap()))
    }

    /// A command of the help, with the directory of releases in it.
    fn at(&self, text: &str) -> String {
        text.replace('@', self.place.at("app").to_str().unwrap())
    }
}

/// Whether the kernel makes files without a name; before 3.11 it takes them for directories.
fn has_tmpfile() -> bool {
    use rustix::fs::{Mode, OFlags};
    let opened = rustix::fs::open(std::env::temp_dir(), OFlags::TMPFILE | OFlags::RDWR, Mode::from_raw_mode(0o600));
    opened.map_err(|error| assert_eq!(error, rustix::io::Errno::ISDIR)).is_ok()
}

fn me() -> u32 {
    rustix::process::geteuid().as_raw()
}

fn floor(kind: &str, name: &str, version: &str) -> Wants {
    let demand = json!({ "version": version, "name": name, "file": "bin/program" });
    let demand: Demand = serde_json::from_value(demand).unwrap();
    let floor: Floor = serde_json::from_value(json!({ kind: demand })).unwrap();
    Wants { floor, hooks: false }
}

#[test]
fn a_machine_on_which_all_is_well_has_no_findings_and_nothing_is_left_of_what_was_tried() {
    let lab = Lab::new();
    let seen = lab.look_for(&floor("glibc", "GLIBC_2.17", "2.17"));
    assert_eq!(seen.findings, []);
    assert!(seen.is_well());
    let row = |what: &str| seen.rows.iter().find(|(row, _)| *row == what).map(|(_, how)| how.clone()).unwrap();
    assert_eq!(row("file system"), "ext4 mounted at /");
    assert_eq!((row("SELinux"), row("fapolicyd")), ("off".to_owned(), "not running".to_owned()));
    assert_eq!(row("glibc"), "GLIBC_2.17; releases need GLIBC_2.17");
    let tried = "write, rename, symlink, lock, mode, exec, case, link, sync";
    let last = if has_tmpfile() { ", tmpfile" } else { "" };
    assert_eq!(row("tried there"), format!("{tried}{last}"));
    // Where it does not, that is said, as a note.
    let all = look(&lab.machine(), &lab.place.at("app"), &Wants::default(), NOW).findings;
    let said = all.iter().map(|finding| (finding.kind.as_str(), finding.severity)).collect::<Vec<_>>();
    let expected = [("probe-tmpfile", Severity::Note)];
    assert_eq!(said, expected[usize::from(has_tmpfile())..]);
    assert_eq!(names(&lab.place.at("app")), [] as [&str; 0]);
    // The same where nothing is there yet.
    fs::remove_dir(lab.place.at("app")).unwrap();
    assert_eq!(lab.look().findings, []);
    assert_eq!(names(lab.place.dir()), ["machine"]);
}

#[test]
fn each_mount_that_stops_releases_is_named_with_the_command_that_ends_it() {
    let lab = Lab::new();
    let dir = lab.place.dir().to_str().unwrap().to_owned();
    for (options, kind, found, help) in [
        ("rw,nosuid,noexec", "mount-noexec", "mounted noexec: no program", "mount -o remount,exec "),
        ("ro", "mount-read-only", "mounted read-only", "mount -o remount,rw "),
    ] {
        lab.says("proc/self/mountinfo", &format!("1 0 8:1 / / rw - ext4 d rw\n2 1 8:2 / {dir} {options} - xfs d rw\n"));
        let (is, severity, text) = lab.only(&Wants::default());
        assert_eq!((is.as_str(), severity), (kind, Severity::Error));
        assert!(text.contains(found) && text.contains(&format!("{help}{dir}")), "{text}");
    }
    for (kind, expected) in [("tmpfs", "mount-volatile"), ("nfs4", "mount-shared")] {
        lab.says("proc/self/mountinfo", &format!("1 0 8:1 / / rw - {kind} d rw\n"));
        let (is, severity, _) = lab.only(&Wants::default());
        assert_eq!((is.as_str(), severity), (expected, Severity::Warning));
    }
    fs::remove_file(lab.place.at("machine/proc/self/mountinfo")).unwrap();
    assert_eq!(lab.only(&Wants::default()).0, "no-proc");
}

#[test]
fn selinux_says_which_label_stops_services_and_how_to_give_another() {
    let lab = Lab::new();
    lab.says("sys/fs/selinux/enforce", "1");
    for (label, expected) in [
        ("system_u:object_r:bin_t:s0", None),
        ("system_u:object_r:usr_t:s0", None),
        ("system_u:object_r:shop_exec_t:s0", None),
        ("system_u:object_r:default_t:s0", Some(Severity::Error)),
        ("unconfined_u:object_r:user_home_t:s0", Some(Severity::Warning)),
    ] {
        lab.program("matchpathcon", &format!("[ \"$1\" = -n ] && echo '{label}'"));
        let seen = lab.look();
        assert_eq!(seen.findings.first().map(|finding| finding.severity), expected, "{label}");
        assert!(seen.rows.iter().any(|(_, how)| how == &format!("enforcing; releases get {label}")));
    }
    let (kind, _, text) = lab.only(&Wants::default());
    assert_eq!(kind, "selinux-label");
    let (app, pattern) = (lab.at("@"), lab.at("@/r").replace('.', "\\."));
    let command = format!("semanage fcontext -a -t bin_t '{pattern}(/.*)?' && restorecon -R {app}");
    assert!(text.ends_with(&command), "{text}\n{command}");
    lab.program("matchpathcon", "echo 'system_u:object_r:var_t:s0'");
    lab.says("sys/fs/selinux/enforce", "0");
    assert_eq!(lab.only(&Wants::default()).1, Severity::Warning);
}

#[test]
fn fapolicyd_stops_what_it_was_not_told_of() {
    let lab = Lab::new();
    lab.says("proc/77/comm", "fapolicyd\n");
    lab.says("etc/fapolicyd/fapolicyd.conf", "# comment\npermissive = 0\n");
    let (kind, severity, text) = lab.only(&Wants::default());
    assert_eq!((kind.as_str(), severity), ("fapolicyd", Severity::Error));
    assert!(text.contains(&lab.at("fapolicyd-cli --file add @/r/ && fapolicyd-cli --update")), "{text}");
    lab.says("etc/fapolicyd/fapolicyd.conf", "permissive = 1\n");
    assert_eq!(lab.look().findings, []);
    lab.says("etc/fapolicyd/fapolicyd.conf", "permissive = 0\n");
    lab.says("etc/fapolicyd/rules.d/39-relocate.rules", &lab.at("allow perm=any all : dir=@/r/\n"));
    assert_eq!(lab.look().findings, []);
    fs::remove_dir_all(lab.place.at("machine/proc/77")).unwrap();
    lab.says("etc/fapolicyd/rules.d/39-relocate.rules", "deny_audit perm=execute all : all\n");
    assert_eq!(lab.look().findings, []);
    lab.says("run/fapolicyd/fapolicyd.fifo", "");
    assert_eq!(lab.only(&Wants::default()).0, "fapolicyd");
}

#[test]
fn what_a_release_needs_of_its_host_is_compared_with_what_there_is() {
    let lab = Lab::new();
    for (kind, name, version, is_well) in [
        ("glibc", "GLIBC_2.17", "2.17", true),
        ("glibc", "GLIBC_2.34", "2.34", false),
        ("glibcxx", "GLIBCXX_3.4.19", "3.4.19", true),
        ("glibcxx", "GLIBCXX_3.4.20", "3.4.20", false),
        ("cxxabi", "CXXABI_1.3.8", "1.3.8", false),
        ("gcc", "GCC_3.0", "3.0", false),
        ("kernel", "Linux 2.6.32", "2.6.32", true),
        ("kernel", "Linux 4.18.0", "4.18.0", false),
        ("isa_level", "x86-64-v2", "2", true),
        ("isa_level", "x86-64-v3", "3", false),
    ] {
        let wants = floor(kind, name, version);
        if is_well {
            assert_eq!(lab.look_for(&wants).findings, [], "{name}");
        } else {
            let (is, severity, text) = lab.only(&wants);
            assert_eq!((is.as_str(), severity), ("floor", Severity::Error), "{name}");
            assert!(text.contains(name) && text.contains("'bin/program' does"), "{text}");
        }
    }
    assert!(lab.only(&floor("gcc", "GCC_3.0", "3.0")).2.contains("libgcc_s.so.1 is not here"));
    fs::remove_file(lab.place.at("machine/bin/sh")).unwrap();
    assert_eq!(lab.only(&Wants::default()).1, Severity::Warning);
    let wants = Wants { hooks: true, ..Wants::default() };
    assert_eq!(lab.only(&wants).1, Severity::Error);
}

#[test]
fn a_clock_an_umask_and_an_owner_that_stand_in_the_way_are_said() {
    let lab = Lab::new();
    let clock = lab.look_as(&lab.machine(), &Wants::default(), 0);
    assert_eq!(clock.findings[0].kind, "clock");
    lab.says("proc/self/status", "Umask:\t0077\n");
    assert_eq!(lab.look().findings, []);
    fs::remove_dir(lab.place.at("app")).unwrap();
    assert!(lab.only(&Wants::default()).2.contains(&lab.at("the umask is 0077")));
    lab.says("proc/self/status", "Umask:\t0022\n");
    // Somebody else's.
    fs::create_dir(lab.place.at("app")).unwrap();
    let machine = Machine { uid: me() + 1, ..lab.machine() };
    let seen = lab.look_as(&machine, &Wants::default(), NOW);
    assert_eq!((seen.findings[0].kind.as_str(), seen.findings.len()), ("other-owner", 1));
    assert!(seen.findings[0].help.as_deref().unwrap().contains("run it as"));
    chmod(lab.place.at("app"), 0o777);
    assert_eq!(lab.only(&Wants::default()).0, "open-to-all");
    fs::remove_dir(lab.place.at("app")).unwrap();
    fs::write(lab.place.at("app"), "").unwrap();
    assert!(lab.look().findings.iter().any(|finding| finding.kind == "no-directory"));
}

/// The kinds of what was found, and the report.
fn kinds(repository: &Repository, code: i32, more: &[&str]) -> (Vec<String>, Value) {
    let ran = repository.relocate([&["update", "app", "--preflight", "--json"][..], more].concat()).run();
    assert_eq!(ran.code, Some(code), "{}{}", ran.out, ran.err);
    let report = ran.json();
    let findings = report["findings"].as_array().unwrap();
    (findings.iter().map(|finding| finding["kind"].as_str().unwrap().to_owned()).collect(), report)
}

const FROM: [&str; 4] = ["--from", "repo", "--root-key", "root.json"];

#[test]
fn the_newest_release_is_held_against_this_machine_and_nothing_is_changed() {
    let mut repository = Repository::with(&[1]);
    let before = names(repository.place.dir());
    let arguments = [&["update", "app", "--preflight"][..], &FROM].concat();
    repository.relocate(arguments).expect(0, &["release", "1 (1.1)", "as a whole", "ready: nothing"], &[]);
    let (found, report) = kinds(&repository, 0, &FROM);
    assert_eq!((&report["newest"]["serial"], &report["app"], &report["exit"]), (&1.into(), &"app".into(), &0.into()));
    let is_probe = |kind: &String| kind.starts_with("probe") && (kind != "probe-tmpfile" || has_tmpfile());
    assert!(!found.iter().any(is_probe), "{found:?}");
    assert!(report["needs"]["bytes"].as_u64().unwrap() > 300_000 && report["needs"]["inodes"] == 12, "{report:#}");
    let seen = report["seen"].as_array().unwrap();
    assert!(seen.iter().any(|row| row["what"] == "glibc"), "{seen:?}");
    assert_eq!(names(repository.place.dir()), before);
    // What is wrong with the release, one after the other.
    for (field, value, expected) in [
        ("capacity", json!(5), "path-too-long"),
        ("installed_bytes", json!(1_u64 << 60), "room"),
        ("installed_entries", json!(1_u64 << 50), "room"),
        ("min_tool", json!("99.0.0"), "tool"),
    ] {
        let mut repository = Repository::new();
        repository.add(1);
        repository.say(1, field, &value);
        repository.sign();
        let (found, report) = kinds(&repository, 1, &FROM);
        assert!(found.iter().any(|kind| kind == expected), "{field}: {report:#}");
        repository.relocate([&["update", "app", "--preflight"][..], &FROM].concat()).expect(
            1,
            &["error:", "help:", "not ready:"],
            &[],
        );
    }
    // And of a machine that follows it.
    repository.first().expect(0, &["updated"], &[]);
    let state = fs::read(repository.releases().join(".relocate/state.json")).unwrap();
    assert_eq!(kinds(&repository, 0, &[]).1["newest"]["serial"], 1);
    repository.release(2);
    assert_eq!(kinds(&repository, 0, &[]).1["newest"]["serial"], 2);
    assert_eq!(fs::read(repository.releases().join(".relocate/state.json")).unwrap(), state);
    let left = names(&repository.releases().join(".relocate"));
    assert!(!left.iter().any(|name| name.contains("probe")), "{left:?}");
}

#[test]
fn a_repository_that_cannot_be_followed_is_one_finding_among_others() {
    let repository = Repository::with(&[1]);
    let (found, _) = kinds(&repository, 0, &[]);
    assert!(found.contains(&"no-repository".to_owned()), "{found:?}");
    let (found, _) = kinds(&repository, 1, &["--from", "repo"]);
    assert!(found.contains(&"repository".to_owned()), "{found:?}");
    let mut old = Repository::new();
    old.days = -1;
    old.release(1);
    let (found, report) = kinds(&old, 1, &FROM);
    assert!(found.contains(&"repository".to_owned()), "{report}");
    repository.relocate(["update", "app", "--preflight", "--check"]).expect(2, &[], &["cannot be used with"]);
}

#[test]
fn who_may_not_write_there_is_told_what_the_administrator_is_to_do() {
    let repository = Repository::with(&[1]);
    fs::create_dir(repository.releases()).unwrap();
    chmod(repository.releases(), 0o555);
    let arguments = [&["update", "app", "--preflight"][..], &FROM].concat();
    let ran =
        repository.relocate(arguments).by_user().expect(1, &["may not write in", "help: chown -R", "not ready:"], &[]);
    assert!(!ran.out.contains("ready: nothing"));
    chmod(repository.releases(), 0o755);
}

/// The words before a command that is to have mounts of its own, where this machine lets us.
fn alone() -> Option<&'static [&'static str]> {
    let ways: [&[&str]; 2] = [&["unshare", "-m"], &["unshare", "-rm"]];
    let works = |way: &&&[&str]| {
        let mut command = Command::new(way[0]);
        command.args(&way[1..]).args(["sh", "-c", "mount -t tmpfs none /mnt"]);
        command.output().is_ok_and(|ended| ended.status.success())
    };
    ways.iter().find(works).copied()
}

#[test]
fn a_real_mount_that_forbids_programs_is_seen() {
    let repository = Repository::with(&[1]);
    let (at, program) = (repository.place.at("mounted"), env!("CARGO_BIN_EXE_relocate"));
    fs::create_dir(&at).unwrap();
    let Some(way) = alone() else {
        // Nobody lets an ordinary user mount here; there is one mount that all may write to, and how it is is known.
        assert!(!is_root(), "root may mount");
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        let shared = mounts.lines().find(|line| line.split(' ').nth(1) == Some("/dev/shm"));
        let is_noexec = shared.is_some_and(|line| line.contains("noexec"));
        let ran = repository.relocate(["update", "/dev/shm/relocate-tests/app", "--preflight"]).run();
        assert_eq!(ran.out.contains("is on /dev/shm, which is mounted noexec"), is_noexec, "{}", ran.out);
        return;
    };
    let run = |options: &str| {
        let script = "mount -t tmpfs -o \"$1\" none \"$2\" && exec \"$3\" update \"$2/app\" --preflight";
        let mut command = Command::new(way[0]);
        command.args(&way[1..]).args(["sh", "-c", script, "sh", options]).arg(&at).arg(program);
        let ended = command.output().unwrap();
        (ended.status.code(), String::from_utf8(ended.stdout).unwrap(), String::from_utf8(ended.stderr).unwrap())
    };
    let (code, out, err) = run("noexec");
    assert_eq!(code, Some(1), "{out}{err}");
    let at = at.display();
    for text in [
        format!("is on {at}, which is mounted noexec"),
        format!("help: mount -o remount,exec {at}"),
        "cannot start a program: Permission denied".to_owned(),
        "in memory (tmpfs)".to_owned(),
    ] {
        assert!(out.contains(&text), "{text}\n{out}");
    }
    let (code, out, err) = run("ro");
    assert!(code == Some(1) && out.contains("mounted read-only"), "{out}{err}");
    let (code, out, err) = run("size=64k,nr_inodes=20");
    assert!(out.contains("bytes free"), "{code:?} {out}{err}");
    let (code, out, err) = run("size=1g");
    assert_eq!(code, Some(0), "{out}{err}");
}

#[test]
fn a_release_gets_the_label_of_its_path_before_it_is_current() {
    let lab = Lab::new();
    let repository = Repository::with(&[1]);
    let (app, log) = (repository.releases(), lab.place.at("log"));
    let script = format!("echo \"$@\" $(readlink {}/current || echo none) >> {}", app.display(), log.display());
    lab.program("restorecon", &script);
    let take = |said: &mut Vec<String>| {
        let told = std::cell::RefCell::new(Vec::new());
        let machine = lab.machine();
        let key = RootKey::read(&repository.at("tuf/1.root.json")).unwrap();
        let open = |from: &str, _: Option<&Path>| -> Result<Box<dyn Objects>, UpdateError> {
            Ok(Box::new(Directory::new(Path::new(from))))
        };
        let typed = Typed { from: repository.place.at("repo").to_str().map(str::to_owned), ..Typed::default() };
        let wish = Wish {
            root: &app,
            task: Task::Update,
            typed,
            once: false,
            root_key: Some(&key),
            freshness: Freshness::Required,
            wait: Wait::No,
            hooks: true,
            retry: None,
            platform: "x86_64-linux",
            machine: &machine,
            tool: env!("CARGO_PKG_VERSION"),
            open: &open,
            clock: &|| day(0),
            warn: &|text| told.borrow_mut().push(text),
            listener: &Silent,
            cancel: &Cancel::default(),
        };
        let done = update(&wish).unwrap();
        said.append(&mut told.borrow_mut());
        assert!(matches!(done.outcome, Outcome::Updated { .. }), "{done:?}");
        tool(&[&"chmod", &"-R", &"u+w", &app]);
        tool(&[&"rm", &"-rf", &app]);
    };
    let mut said = Vec::new();
    // SELinux is off there: nobody is asked.
    take(&mut said);
    assert!(!log.exists());
    lab.says("sys/fs/selinux/enforce", "1");
    take(&mut said);
    let real = fs::canonicalize(repository.place.dir()).unwrap().join("app/r/1");
    assert_eq!(fs::read_to_string(&log).unwrap(), format!("-R {} none\n", real.display()));
    assert_eq!(said, [] as [&str; 0]);
    // The release is as good without.
    lab.program("restorecon", "echo no policy >&2; exit 1");
    take(&mut said);
    assert!(
        said.len() == 1 && said[0].contains("keeps the SELinux label") && said[0].contains("no policy"),
        "{said:?}"
    );
    fs::remove_file(lab.place.at("bin/restorecon")).unwrap();
    assert_eq!(label(&lab.machine(), &lab.place.at("app")), Ok(()));
}
