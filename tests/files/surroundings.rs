//! Surroundings that software meets and a build machine has not: no /proc, files larger than 4 GiB.

use crate::call::{PROGRAM, PROVEN, relocate};
use crate::place::{Place, chmod, is_root, run_path, says_moved, succeed, tool};
use crate::program;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Copies a program's interpreter and libraries into a root directory for it, to where they are here.
fn copy_libraries(program: &Path, root: &Path) {
    let text = tool(&[&"ldd", &program]);
    for word in String::from_utf8(text).unwrap().split_whitespace().filter(|word| word.starts_with('/')) {
        let place = root.join(word.trim_start_matches('/'));
        if word.contains("libword") || place.exists() {
            continue;
        }
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        program::write(place, fs::read(word).unwrap(), 0o755);
    }
}

/// What runs in a root directory of its own: as root by chroot(1), else in a user namespace.
fn chroot(root: &Path, line: &[&str]) -> (Option<i32>, String) {
    let mut command = if is_root() { Command::new("chroot") } else { Command::new("unshare") };
    if !is_root() {
        command.args(["-Ur", "chroot"]);
    }
    let output = command.arg(root).args(line).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

/// Whether [`chroot`] works: root always can, others where user namespaces are allowed, which a container forbids.
fn can_chroot() -> bool {
    is_root() || Command::new("unshare").args(["-Ur", "true"]).output().unwrap().status.success()
}

/// glibc finds a program's own `$ORIGIN` through /proc/self/exe. Without it the program does not start, and says so.
#[test]
fn without_proc_a_relocated_program_does_not_start_and_relocate_itself_works() {
    let place = Place::small();
    relocate(place.dir(), ["old/root", "-o", "x.tar.gz"]).expect(0, &[PROVEN], &[]);
    let jail = place.at("jail");
    fs::create_dir_all(jail.join("tmp")).unwrap();
    chmod(jail.join("tmp"), 0o1777);
    tool(&[&"tar", &"xf", &place.at("x.tar.gz"), &"-C", &jail]);
    tool(&[&"cp", &"-a", &place.root(), &jail.join("root")]);
    copy_libraries(&place.inside("bin/say"), &jail);
    copy_libraries(Path::new(PROGRAM), &jail);
    program::write(jail.join("relocate"), fs::read(PROGRAM).unwrap(), 0o755);
    // Kernels before 3.17 have no getrandom(2), and give random bytes by this file alone.
    fs::create_dir(jail.join("dev")).unwrap();
    tool(&[
        &"dd",
        &"if=/dev/urandom",
        &"bs=65536",
        &"count=1",
        &"status=none",
        &format!("of={}", jail.join("dev/urandom").display()),
    ]);
    place.give_to_user();
    says_moved(jail.join("x/bin/say"));
    if !can_chroot() {
        // What is left to see is that the same program finds nothing where its $ORIGIN is another.
        program::write(place.at("say"), fs::read(jail.join("x/bin/say")).unwrap(), 0o755);
        return assert_eq!(crate::place::run(place.at("say")).0, Some(127));
    }
    let (code, text) = chroot(&jail, &["/x/bin/say"]);
    assert_eq!(code, Some(127), "{text}");
    assert!(text.contains("libword.so.1: cannot open shared object file"), "{text}");
    // Named by the loader's own option it is found, /proc or not.
    let loader = ["/lib64/ld-linux-x86-64.so.2", "--library-path", "/x/lib", "/x/bin/say"];
    assert_eq!(chroot(&jail, &loader), (Some(0), "moved\n".to_owned()));
    let prefix = place.root();
    let prefix = ["--old-prefix", prefix.to_str().unwrap()];
    for (out, left) in [("/y.tar.gz", "y.tar.gz"), ("/y/", "y")] {
        let (code, text) = chroot(&jail, &[&["/relocate", "/root", "-o", out][..], &prefix].concat());
        assert!(code == Some(0) && text.contains(PROVEN), "{text}");
        assert!(jail.join(left).exists());
    }
    let (code, text) = chroot(&jail, &[&["/relocate", "--in-place", "/root"][..], &prefix].concat());
    assert!(code == Some(0) && text.contains(PROVEN), "{text}");
    let partial =
        crate::state::bytes(&jail).into_keys().find(|path| path.to_string_lossy().contains("relocate-partial"));
    assert_eq!(partial, None);
    relocate(&jail, ["verify", "y.tar.gz"]).expect(0, &["every byte"], &[]);
}

#[test]
fn a_directory_for_temporary_files_that_is_not_there_stops_nothing() {
    let place = Place::small();
    place.write("old/root/bin/script", format!("#!{}/bin/say\n", place.root().display()));
    let packed = relocate(place.dir(), ["old/root", "-o", "x.tar.gz"]).env("TMPDIR", place.at("nosuch"));
    packed.expect(0, &[PROVEN], &[]);
    relocate(place.dir(), ["verify", "x.tar.gz"]).expect(0, &["every byte"], &[]);
    assert!(!place.at("nosuch").exists());
}

/// A program of more than 4 GiB, nearly all of it a hole behind what ELF knows of.
#[test]
fn a_file_over_four_gibibytes_is_rewritten_and_packed_whole() {
    const SIZE: u64 = (4 << 30) + 1_234_567;
    let place = Place::small();
    fs::File::options().write(true).open(place.inside("bin/say")).unwrap().set_len(SIZE).unwrap();
    let arguments = ["old/root", "-o", "x.tar.zst", "--level", "1"];
    relocate(place.dir(), arguments).expect(0, &[PROVEN, "1 rewritten (1 S1 in place)"], &[]);
    assert!(fs::metadata(place.at("x.tar.zst")).unwrap().len() < 4 << 20);
    let line = "zstd -dcq x.tar.zst | tar tv";
    let text = succeed(Command::new("sh").args(["-ec", line]).current_dir(place.dir()));
    let text = String::from_utf8(text).unwrap();
    assert!(text.lines().any(|line| line.contains(&format!(" {SIZE} ")) && line.ends_with("x/bin/say")), "{text}");
    let line = "zstd -dcq x.tar.zst | tar xO x/bin/say | head -c 100000 > say";
    succeed(Command::new("sh").args(["-ec", line]).current_dir(place.dir()));
    assert_eq!(run_path(place.at("say")), "$ORIGIN/../lib");
    place.hide();
    fs::create_dir(place.at("bin")).unwrap();
    fs::rename(place.at("say"), place.at("bin/say")).unwrap();
    chmod(place.at("bin/say"), 0o755);
    fs::rename(place.at("hidden/root/lib"), place.at("lib")).unwrap();
    says_moved(place.at("bin/say"));
}
