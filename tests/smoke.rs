//! Programs run with their old prefix hidden: by every system call, by every way to a path, with every kind of end.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod program;

use relocate::base::path::Prefix;
use relocate::verify::smoke::{End, Note, Observed, Run, SmokeError, Witness, run};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const WAYS: &str = include_str!("smoke/ways.c");
const ENOENT: &str = "2\n";

/// A tree, an old prefix that still exists, and a place elsewhere.
struct Scene {
    dir: TempDir,
    tree: PathBuf,
    old: PathBuf,
    elsewhere: PathBuf,
    timeout: Duration,
    hide: bool,
}

impl Scene {
    /// The tree has `bin/ways`; the old prefix has `lib/file`.
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(dir.path()).unwrap();
        let [tree, old, elsewhere] = ["tree", "home/old", "elsewhere"].map(|name| root.join(name));
        fs::create_dir_all(tree.join("bin")).unwrap();
        fs::create_dir_all(old.join("lib")).unwrap();
        fs::create_dir_all(&elsewhere).unwrap();
        fs::write(old.join("lib/file"), "old").unwrap();
        let scene = Self { dir, tree, old, elsewhere, timeout: Duration::from_secs(60), hide: true };
        scene.compile("ways", WAYS, &["-pthread"]);
        scene
    }

    /// Compiles a program into `bin`.
    fn compile(&self, name: &str, source: &str, flags: &[&str]) -> PathBuf {
        let file = self.dir.path().join(format!("{name}.c"));
        fs::write(&file, source).unwrap();
        let output = self.tree.join("bin").join(name);
        cc(&[&["-o", text(&output), text(&file)], flags].concat());
        output
    }

    /// Puts a script into the tree or elsewhere.
    fn script(path: &Path, text: &str) {
        program::write(path, text, 0o755);
    }

    fn observe(&self, command: &[&str]) -> Result<Observed, SmokeError> {
        let command: Vec<OsString> = command.iter().map(OsString::from).collect();
        let hidden = if self.hide { vec![prefix(&self.old)] } else { Vec::new() };
        run(&Run { tree: &self.tree, command: &command, hidden: &hidden, timeout: self.timeout, env: &[] })
    }

    /// Runs `bin/ways` and checks what it prints.
    fn way(&self, arguments: &[&str], printed: &str) -> Observed {
        let seen = self.observe(&[&["bin/ways"], arguments].concat()).unwrap();
        assert_eq!(stdout(&seen), printed, "{arguments:?} {seen:?}");
        assert_eq!(seen.end, End::Exited(0), "{seen:?}");
        seen
    }
}

fn cc(arguments: &[&str]) {
    let output = Command::new("cc").args(["-w", "-O1"]).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn prefix(path: &Path) -> Prefix {
    Prefix::new(path.as_os_str().as_bytes()).unwrap()
}

fn stdout(seen: &Observed) -> String {
    String::from_utf8(seen.stdout.bytes.clone()).unwrap()
}

/// The asked paths with the ways to them, as text.
fn asked(seen: &Observed) -> Vec<(String, &'static str, Option<String>, u64)> {
    let words = |bytes: &Vec<u8>| String::from_utf8(bytes.clone()).unwrap();
    seen.asked
        .iter()
        .map(|asked| (words(&asked.path), asked.call, asked.via.as_ref().map(words), asked.count))
        .collect()
}

/// The one asked path.
#[track_caller]
fn the_asked(seen: &Observed) -> (String, &'static str, Option<String>, u64) {
    let asked = asked(seen);
    assert_eq!(asked.len(), 1, "{seen:?}");
    asked.into_iter().next().unwrap()
}

#[test]
fn every_call_that_takes_a_path_is_answered_and_recorded() {
    let scene = Scene::new();
    scene.compile("every", include_str!("smoke/every_call.c"), &[]);
    let file = scene.old.join("lib/file");
    let seen = scene.observe(&["bin/every", text(&file)]).unwrap();
    assert_eq!(seen.end, End::Exited(0));
    let printed = stdout(&seen);
    let results: BTreeMap<_, _> = printed.lines().map(|line| line.split_once(' ').unwrap()).collect();
    let refused: BTreeSet<_> = results.keys().copied().collect();
    assert!(results.values().all(|errno| *errno == "2"), "{results:?}");
    let recorded: BTreeSet<_> = seen.asked.iter().map(|asked| asked.call).collect();
    assert_eq!(recorded, refused);
    assert!(seen.asked.iter().all(|asked| asked.path == text(&file).as_bytes() && asked.count == 1), "{seen:?}");
    assert_eq!(fs::read(&file).unwrap(), b"old");
}

#[test]
fn without_a_hidden_prefix_the_same_calls_reach_the_file() {
    let scene = Scene { hide: false, ..Scene::new() };
    scene.compile("every", include_str!("smoke/every_call.c"), &[]);
    let file = scene.old.join("lib/file");
    let seen = scene.observe(&["bin/every", text(&file)]).unwrap();
    for call in ["open", "openat", "openat2", "stat", "lstat", "newfstatat", "statx", "access", "unlink"] {
        assert!(stdout(&seen).contains(&format!("{call} 0\n")), "{call}: {}", stdout(&seen));
    }
    assert_eq!(seen.asked, []);
    assert_eq!(seen.witness, Witness::Ptrace);
}

#[test]
fn a_32_bit_program_is_watched_too() {
    let scene = Scene::new();
    let source = r#"
        #include <sys/syscall.h>
        static long call(long n, long a, long b, long c) {
            long r;
            __asm__ volatile("int $0x80" : "=a"(r) : "a"(n), "b"(a), "c"(b), "d"(c) : "memory");
            return r;
        }
        static char un[112] = {1, 0};
        void _start(void) {
            char *p = PATH;
            int i;
            for (i = 0; p[i]; i++) un[i + 2] = p[i];
            long s[3] = {1, 1, 0}, fd = call(102, 1, (long)s, 0), c[3] = {fd, (long)un, 110};
            int bad = (call(5, (long)p, 0, 0) != -2) + (call(195, (long)p, (long)un, 0) != -2) * 2
                + (call(295, -100, (long)p, 0) != -2) * 4 + (call(102, 3, (long)c, 0) != -2) * 8;
            call(1, bad, 0, 0);
        }"#;
    let file = scene.old.join("lib/file");
    let path = format!("-DPATH=\"{}\"", text(&file));
    scene.compile("small", source, &["-m32", "-nostdlib", "-static", "-fno-pic", "-fno-stack-protector", &path]);
    let seen = scene.observe(&["bin/small"]).unwrap();
    assert_eq!(seen.end, End::Exited(0), "{seen:?}");
    let calls: Vec<_> = seen.asked.iter().map(|asked| asked.call).collect();
    assert_eq!(calls, ["open", "openat", "socketcall", "stat64"]);
}

#[test]
fn int_0x80_in_64_bit_code_is_told_apart_from_the_same_number_of_x86_64() {
    let scene = Scene::new();
    let source = r#"
        int main(void) {
            static char path[] = PATH;
            long r;
            __asm__ volatile("int $0x80" : "=a"(r) : "a"(5L), "b"(path), "c"(0L) : "memory", "r8", "r9", "r10", "r11");
            return r == -2 ? 0 : 1;
        }"#;
    let path = format!("-DPATH=\"{}\"", text(&scene.old.join("lib/file")));
    scene.compile("gate", source, &["-static", "-no-pie", &path]);
    let seen = scene.observe(&["bin/gate"]).unwrap();
    assert_eq!((seen.end, the_asked(&seen).1), (End::Exited(0), "open"), "{seen:?}");
}

#[test]
fn relative_paths_are_resolved_from_the_current_directory() {
    let scene = Scene::new();
    let parent = scene.old.parent().unwrap();
    let seen = scene.way(&["chdir", text(parent), "old/lib/file"], ENOENT);
    assert_eq!(the_asked(&seen), (format!("{}/lib/file", text(&scene.old)), "openat", None, 1));
    scene.way(&["chdir", text(&scene.tree), "../home/./old//lib/file"], ENOENT);
}

#[test]
fn paths_relative_to_a_directory_descriptor_are_resolved_from_it() {
    let scene = Scene::new();
    let seen = scene.way(&["dirfd", text(scene.old.parent().unwrap()), "old/lib/file"], "2\n2\n");
    let calls: Vec<_> = seen.asked.iter().map(|asked| asked.call).collect();
    assert_eq!(calls, ["newfstatat", "openat"]);
}

#[test]
fn a_symlink_elsewhere_that_leads_below_the_prefix_is_followed() {
    let scene = Scene::new();
    let link = scene.elsewhere.join("link");
    symlink(scene.old.join("lib"), &link).unwrap();
    let file = link.join("file");
    let seen = scene.way(&["open", text(&file)], ENOENT);
    let wanted = format!("{}/lib/file", text(&scene.old));
    assert_eq!(the_asked(&seen), (wanted, "openat", Some(text(&file).to_owned()), 1));
    // The link itself is no part of the prefix.
    assert_eq!(scene.way(&["lstat", text(&link)], "0\n").asked, []);
    // With a trailing slash it is looked through.
    scene.way(&["lstat", &format!("{}/", text(&link))], ENOENT);
}

#[test]
fn a_symlink_below_the_prefix_that_leads_out_of_it_is_hidden() {
    let scene = Scene::new();
    let outside = scene.elsewhere.join("file");
    fs::write(&outside, "").unwrap();
    symlink(&outside, scene.old.join("out")).unwrap();
    symlink(scene.old.join("out"), scene.elsewhere.join("detour")).unwrap();
    scene.way(&["open", text(&scene.old.join("out"))], ENOENT);
    scene.way(&["open", text(&scene.elsewhere.join("detour"))], ENOENT);
}

#[test]
fn dots_neither_hide_the_prefix_nor_make_one() {
    let scene = Scene::new();
    let [old, elsewhere] = [&scene.old, &scene.elsewhere].map(|path| text(path));
    fs::write(scene.elsewhere.join("file"), "").unwrap();
    scene.way(&["open", &format!("{elsewhere}/../home/old/lib/file")], ENOENT);
    scene.way(&["open", &format!("{elsewhere}/nothing/../../home/old/lib/file")], ENOENT);
    // Without the old prefix there is nothing to go up from.
    let seen = scene.way(&["open", &format!("{old}/../../elsewhere/file")], ENOENT);
    assert_eq!(the_asked(&seen).0, old);
    assert_eq!(scene.way(&["open", &format!("{elsewhere}/../elsewhere/file")], "0\n").asked, []);
}

#[test]
fn a_longer_name_is_not_hidden() {
    let scene = Scene::new();
    let longer = scene.dir.path().join("home/oldX");
    fs::write(&longer, "").unwrap();
    assert_eq!(scene.way(&["open", text(&longer)], "0\n").asked, []);
}

#[test]
fn a_prefix_that_does_not_exist_is_recorded_all_the_same() {
    let scene = Scene::new();
    fs::remove_dir_all(scene.old.parent().unwrap()).unwrap();
    let file = format!("{}/etc/conf", text(&scene.old));
    let seen = scene.way(&["open", &file], ENOENT);
    assert_eq!(the_asked(&seen), (file.clone(), "openat", None, 1));
    assert_eq!(seen.witness, Witness::Ptrace);
    let link = scene.elsewhere.join("dangling");
    symlink(&file, &link).unwrap();
    let seen = scene.way(&["open", text(&link)], ENOENT);
    assert_eq!(the_asked(&seen).0, file);
}

#[test]
fn a_prefix_that_is_a_symlink_hides_both_its_names() {
    let mut scene = Scene::new();
    let other = scene.dir.path().join("other-name");
    symlink(&scene.old, &other).unwrap();
    let real = std::mem::replace(&mut scene.old, other);
    scene.way(&["open", text(&scene.old.join("lib/file"))], ENOENT);
    scene.way(&["open", text(&real.join("lib/file"))], ENOENT);
}

#[test]
fn a_tree_below_the_hidden_prefix_stays_visible() {
    let scene = Scene::new();
    let home = prefix(scene.tree.parent().unwrap());
    let outside = scene.elsewhere.join("file");
    fs::write(&outside, "").unwrap();
    let command: Vec<OsString> = ["bin/ways", "open", text(&outside)].map(OsString::from).into();
    let hidden = [home.clone()];
    let seen = run(&Run { tree: &scene.tree, command: &command, hidden: &hidden, timeout: scene.timeout, env: &[] });
    let seen = seen.unwrap();
    assert_eq!((stdout(&seen).as_str(), the_asked(&seen).0.as_str()), (ENOENT, text(&outside)));
    assert_eq!(seen.witness, Witness::Ptrace);
    assert!(seen.notes.contains(&Note::NotMasked { prefix: home.as_bytes().to_vec() }), "{seen:?}");
}

#[test]
fn a_script_whose_interpreter_lies_below_the_prefix_does_not_start() {
    let scene = Scene::new();
    program::write(scene.old.join("sh"), fs::read("/bin/sh").unwrap(), 0o755);
    let interpreter = scene.old.join("sh");
    let script = scene.tree.join("bin/script");
    Scene::script(&script, &format!("#! {} -e\necho hello\n", text(&interpreter)));
    let found = (text(&interpreter).to_owned(), "execve", Some(text(&script).to_owned()), 1);
    // Started by us, by a program, and by a script that a program starts.
    let seen = scene.observe(&["bin/script"]).unwrap();
    assert_eq!((seen.end, the_asked(&seen)), (End::NotStarted(2), found.clone()));
    let seen = scene.way(&["exec", text(&script)], ENOENT);
    assert_eq!(the_asked(&seen), found);
    let outer = scene.tree.join("bin/outer");
    Scene::script(&outer, &format!("#!{}\n", text(&script)));
    assert_eq!(the_asked(&scene.way(&["exec", text(&outer)], ENOENT)), found);
    // By a descriptor, without a path.
    let seen = scene.way(&["fexec", text(&script)], ENOENT);
    assert_eq!((the_asked(&seen).0, the_asked(&seen).1), (found.0, "execveat"));
}

#[test]
fn a_program_whose_loader_lies_below_the_prefix_does_not_start() {
    let scene = Scene::new();
    let loader = scene.old.join("lib/ld.so");
    program::write(&loader, fs::read("/lib64/ld-linux-x86-64.so.2").unwrap(), 0o755);
    let flag = format!("-Wl,--dynamic-linker,{}", text(&loader));
    let program = scene.compile("loaded", "int main(void) { return 0; }", &[&flag]);
    let seen = scene.observe(&["bin/loaded"]).unwrap();
    assert_eq!(seen.end, End::NotStarted(2));
    assert_eq!(the_asked(&seen), (text(&loader).to_owned(), "execve", Some(text(&program).to_owned()), 1));
    assert_eq!(Scene { hide: false, ..scene }.observe(&["bin/loaded"]).unwrap().end, End::Exited(0));
}

#[test]
fn a_library_below_the_prefix_is_neither_linked_nor_opened() {
    let scene = Scene::new();
    let source = scene.dir.path().join("lib.c");
    fs::write(&source, "int seven(void) { return 7; }").unwrap();
    let library = scene.old.join("lib/libseven.so");
    cc(&["-shared", "-fPIC", "-o", text(&library), text(&source)]);
    let seen = scene.observe(&["bin/ways", "dlopen", text(&library)]).unwrap();
    assert!(stdout(&seen).contains("No such file"), "{seen:?}");
    assert_eq!(the_asked(&seen).0, text(&library));
    let lib = text(&scene.old).to_owned() + "/lib";
    scene.compile(
        "linked",
        "int seven(void); int main(void) { return seven(); }",
        &[&format!("-L{lib}"), "-lseven", &format!("-Wl,-rpath,{lib}")],
    );
    let seen = scene.observe(&["bin/linked"]).unwrap();
    assert_eq!(seen.end, End::Exited(127));
    assert!(asked(&seen).iter().any(|asked| asked.0 == text(&library)), "{seen:?}");
    assert_eq!(Scene { hide: false, ..scene }.observe(&["bin/linked"]).unwrap().end, End::Exited(7));
}

#[test]
fn threads_and_children_are_followed() {
    let scene = Scene::new();
    let file = scene.old.join("lib/file");
    let seen = scene.way(&["threads", text(&file)], &ENOENT.repeat(8));
    assert_eq!(the_asked(&seen).3, 8);
    let seen = scene.way(&["children", text(&file)], "50\n");
    assert_eq!(the_asked(&seen).3, 50);
}

#[test]
fn a_program_started_by_another_thread_than_the_first_is_followed() {
    let scene = Scene::new();
    scene.compile("starter", include_str!("smoke/thread_exec.c"), &["-pthread"]);
    let (ways, file) = (scene.tree.join("bin/ways"), scene.old.join("lib/file"));
    let seen = scene.observe(&["bin/starter", text(&ways), "open", text(&file)]).unwrap();
    assert_eq!((seen.end, stdout(&seen).as_str(), the_asked(&seen).3), (End::Exited(0), ENOENT, 1));
}

#[test]
fn signals_and_stops_reach_the_program() {
    Scene::new().way(&["signals"], "stopped 1\nended 5\n");
}

#[test]
fn the_end_is_told_as_it_was() {
    let scene = Scene::new();
    assert_eq!(scene.observe(&["bin/ways", "no-such-way"]).unwrap().end, End::Exited(98));
    assert_eq!(scene.observe(&["bin/ways", "die"]).unwrap().end, End::Signalled(11));
    assert!(
        matches!(scene.observe(&["bin/absent"]), Err(SmokeError::NoProgram { path }) if path.ends_with("bin/absent"))
    );
    assert!(matches!(scene.observe(&[]), Err(SmokeError::NoCommand)));
    fs::write(scene.tree.join("bin/plain"), "no program").unwrap();
    assert_eq!(scene.observe(&["bin/plain"]).unwrap().end, End::NotStarted(13));
    let at_home = Scene { old: scene.tree.clone(), ..scene };
    assert!(matches!(at_home.observe(&["bin/ways"]), Err(SmokeError::NotMoved { .. })));
}

/// Processes whose command line names something in the directory.
fn running_in(dir: &Path) -> Vec<PathBuf> {
    let processes = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    let named = |path: &PathBuf| {
        fs::read(path.join("cmdline")).is_ok_and(|line| String::from_utf8_lossy(&line).contains(text(dir)))
    };
    processes.filter(named).collect()
}

#[test]
fn time_up_ends_everything() {
    let scene = Scene { timeout: Duration::from_secs(1), ..Scene::new() };
    let start = Instant::now();
    let seen = scene.observe(&["bin/ways", "sleep"]).unwrap();
    assert_eq!(seen.end, End::TimedOut);
    assert!(start.elapsed() < Duration::from_secs(10));
    assert_eq!(running_in(&scene.tree), Vec::<PathBuf>::new());
}

#[test]
fn what_outlives_the_command_is_killed_and_noted() {
    let scene = Scene { timeout: Duration::from_secs(1), ..Scene::new() };
    let seen = scene.observe(&["bin/ways", "daemon"]).unwrap();
    assert_eq!(seen.end, End::Exited(0));
    assert!(seen.notes.contains(&Note::LeftRunning { processes: 1 }), "{seen:?}");
    assert_eq!(running_in(&scene.tree), Vec::<PathBuf>::new());
}

#[test]
fn much_output_neither_blocks_nor_fills_memory() {
    let seen = Scene::new().observe(&["bin/ways", "flood"]).unwrap();
    assert_eq!(seen.end, End::Exited(0));
    for output in [&seen.stdout, &seen.stderr] {
        assert_eq!((output.bytes.len(), output.cut), (1 << 20, true));
    }
}

#[test]
fn io_uring_is_refused_because_it_cannot_be_watched() {
    let seen = Scene::new().way(&["uring"], "38\n");
    assert!(seen.notes.contains(&Note::IoUringRefused), "{seen:?}");
}

#[test]
fn calls_by_an_unknown_abi_are_noted() {
    let scene = Scene::new();
    let seen = scene.way(&["x32", text(&scene.old.join("lib/file"))], "");
    assert!(seen.notes.contains(&Note::ForeignAbi), "{seen:?}");
}

#[test]
fn a_program_that_may_not_be_looked_into_is_noted() {
    let scene = Scene::new();
    let seen = scene.observe(&["bin/ways", "opaque", text(&scene.old.join("lib/file"))]).unwrap();
    let noted = seen.notes.iter().any(|note| matches!(note, Note::Opaque { call: "openat" }));
    // Who has CAP_SYS_PTRACE may look everywhere.
    assert!(noted || the_asked(&seen).1 == "openat", "{seen:?}");
}

#[test]
fn another_root_directory_is_no_way_round() {
    let scene = Scene::new();
    let parent = text(scene.old.parent().unwrap()).to_owned();
    let seen = scene.way(&["in_root", &parent, "/../old/lib/file"], ENOENT);
    assert_eq!(the_asked(&seen).0, format!("{parent}/old/lib/file"));
    symlink("/old/lib", scene.old.parent().unwrap().join("link")).unwrap();
    scene.way(&["in_root", &parent, "link/file"], ENOENT);
    if nix::unistd::geteuid().is_root() {
        let seen = scene.way(&["chroot", &parent, "/link/../lib/file"], ENOENT);
        assert!(the_asked(&seen).0.starts_with(text(&scene.old)), "{seen:?}");
    } else {
        scene.way(&["chroot", &parent, "/"], "1\n");
    }
}

#[test]
fn wild_arguments_get_the_kernels_own_errors() {
    let seen = Scene::new().way(&["wild"], "14\n14\n2\n9\n36\n");
    assert_eq!((seen.asked, seen.notes), (vec![], vec![]));
}

#[test]
fn a_setuid_program_is_noted() {
    let scene = Scene::new();
    fs::set_permissions(scene.tree.join("bin/ways"), fs::Permissions::from_mode(0o4755)).unwrap();
    let seen = scene.observe(&["bin/ways"]).unwrap();
    assert!(matches!(seen.notes.as_slice(), [Note::PrivilegesDropped { program }] if program.ends_with(b"bin/ways")));
}

#[test]
fn the_death_of_the_supervisor_ends_everything() {
    let scene = Scene::new();
    let mut supervisor = Command::new(env!("CARGO_BIN_EXE_relocate"))
        .arg("check")
        .arg(&scene.tree)
        .args(["--old-prefix", "/no/such/prefix", "--run", "bin/ways sleep"])
        .env("TMPDIR", &scene.elsewhere)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    wait_until(|| running_in(&scene.elsewhere).len() == 3);
    supervisor.kill().unwrap();
    supervisor.wait().unwrap();
    wait_until(|| running_in(&scene.elsewhere).is_empty());
}

#[track_caller]
fn wait_until(holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(20), "this never came to be");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_environment_is_clean_and_the_scratch_directory_goes() {
    let scene = Scene::new();
    Scene::script(&scene.tree.join("bin/env"), "#!/bin/sh\npwd\necho \"$HOME\"\nexec /usr/bin/env\n");
    let command = [OsString::from("bin/env")];
    let env = [(OsString::from("EXTRA"), OsString::from("1"))];
    let run = run(&Run { tree: &scene.tree, command: &command, hidden: &[], timeout: scene.timeout, env: &env });
    let printed = stdout(&run.unwrap());
    let (place, rest) = printed.split_once('\n').unwrap();
    let scratch = Path::new(place).parent().unwrap();
    let (home, variables) = rest.split_once('\n').unwrap();
    assert_eq!(home, text(&scratch.join("home")));
    let mut names: Vec<_> = variables.lines().filter_map(|line| line.split('=').next()).collect();
    names.sort_unstable();
    // PWD and _ are the shell's own.
    names.retain(|name| !["PWD", "_", "OLDPWD", "SHLVL"].contains(name));
    assert_eq!(names, ["EXTRA", "HOME", "LC_ALL", "PATH", "TERM", "TMPDIR"]);
    assert!(variables.contains(&format!("PATH={}/bin:/usr/bin:/bin\n", text(&scene.tree))));
    assert!(!scratch.exists());
}

#[test]
fn files_read_outside_the_tree_are_listed() {
    let scene = Scene::new();
    let (inside, outside) = (scene.tree.join("inside"), scene.elsewhere.join("outside"));
    fs::write(&inside, "").unwrap();
    fs::write(&outside, "").unwrap();
    symlink(&outside, scene.tree.join("link")).unwrap();
    assert!(!reads(&scene.way(&["open", text(&inside)], "0\n")).iter().any(|path| path.contains("inside")));
    let seen = scene.way(&["open", text(&scene.tree.join("link"))], "0\n");
    let reads = reads(&seen);
    assert!(reads.contains(&text(&outside).to_owned()), "{reads:?}");
    assert!(reads.iter().any(|path| path.contains("/libc.so.6")), "{reads:?}");
    assert!(reads.iter().any(|path| path.contains("/ld-linux")), "{reads:?}");
    let seen = scene.way(&["open", "/proc/self/status"], "0\n");
    assert!(seen.kernel_reads.iter().any(|path| path.ends_with(b"/status")), "{seen:?}");
}

fn reads(seen: &Observed) -> Vec<String> {
    seen.host_reads.iter().map(|path| String::from_utf8(path.clone()).unwrap()).collect()
}

#[test]
fn the_program_sees_itself_in_proc() {
    let scene = Scene::new();
    scene.way(&["open", "/proc/self/exe"], "0\n");
    // Through the program's own root and directory as well.
    scene.way(&["open", &format!("/proc/self/root{}/lib/file", text(&scene.old))], ENOENT);
    scene.way(&["chdir", text(scene.old.parent().unwrap()), "/proc/self/cwd/old/lib/file"], ENOENT);
}

#[test]
fn runs_at_the_same_time_do_not_meet() {
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let scene = Scene::new();
                let seen = scene.way(&["children", text(&scene.old.join("lib/file"))], "50\n");
                assert_eq!(the_asked(&seen).3, 50);
            });
        }
    });
}

#[test]
fn an_ordinary_user_can_do_all_this() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    // This binary may lie where only root may look.
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let copy = dir.path().join("smoke");
    program::write(&copy, fs::read(std::env::current_exe().unwrap()).unwrap(), 0o755);
    let scratch = dir.path().join("tmp");
    fs::create_dir(&scratch).unwrap();
    fs::set_permissions(&scratch, fs::Permissions::from_mode(0o777)).unwrap();
    let output = Command::new("setpriv")
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups", text(&copy)])
        .env("TMPDIR", &scratch)
        .current_dir("/")
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}{}", String::from_utf8_lossy(&output.stderr));
    assert!(!printed.contains(" 0 passed"), "{printed}");
}
