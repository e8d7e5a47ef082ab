//! `relocate fix`: after tar, and after a move.

use crate::call::relocate;
use crate::packed::{Made, runs_at, settled};
use crate::place::{USER, is_root, succeed, tool};
use crate::state::exact;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const CLEAN: &str = "every byte is as its manifest says";

/// A tree that is installed as `one`.
fn installed() -> Made {
    let made = Made::new();
    made.pack();
    relocate(made.place.dir(), ["install", "app.tar.gz", "one"]).expect(0, &["installed to"], &[]);
    made
}

fn moved(made: &Made, from: &str, to: &str) -> PathBuf {
    let to = made.place.at(to);
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::rename(made.place.at(from), &to).unwrap();
    to
}

#[test]
fn twenty_moves_give_the_same_bytes_as_one() {
    let made = installed();
    let mut here = "one".to_owned();
    for number in 0..20 {
        let next = format!("{}place{number}", "d/".repeat(number % 4));
        let to = moved(&made, &here, &next);
        relocate(made.place.dir(), ["fix", &next]).expect(0, &["it is at", "5 of them changed"], &[]);
        runs_at(&to, &to);
        here = next;
    }
    let to = moved(&made, &here, "last");
    relocate(made.place.dir(), ["fix", "last"]).expect(0, &["it is at"], &[]);
    relocate(made.place.dir(), ["verify", "last"]).expect(0, &[CLEAN], &[]);
    let after_many = settled(&to);
    fs::rename(&to, made.place.at("kept")).unwrap();
    relocate(made.place.dir(), ["install", "app.tar.gz", "last"]).expect(0, &["installed to"], &[]);
    assert_eq!(after_many, settled(&to));
}

#[test]
fn a_tree_that_is_where_it_says_is_not_written_to() {
    let made = installed();
    let before = exact(&made.place.at("one"));
    for arguments in [["fix", "one"], ["fix", "one/"], ["fix", "./one/../one"]] {
        relocate(made.place.dir(), arguments).expect(0, &["already at"], &[]);
    }
    relocate(made.place.dir(), ["fix", "--check", "one"]).expect(0, &["already at"], &[]);
    assert_eq!(exact(&made.place.at("one")), before);
}

#[test]
fn check_says_what_fix_would_do_and_does_nothing() {
    let made = installed();
    let to = moved(&made, "one", "two");
    let before = exact(&to);
    relocate(made.place.dir(), ["fix", "--dry-run", "two"]).expect(
        0,
        &["would be brought to", "5 of them would be"],
        &[],
    );
    let ran = relocate(made.place.dir(), ["fix", "--check", "--json", "two"]).expect(1, &["{"], &[]);
    let json = ran.json();
    assert_eq!((&json["settled"], &json["was"]["at"]), (&false.into(), &made.place.at("one").to_str().unwrap().into()));
    assert_eq!(json["files"].as_array().unwrap().len(), 5);
    assert_eq!(exact(&to), before);
    // A record of an installed tree is compared as the archive had it, wherever the tree is.
    relocate(made.place.dir(), ["verify", "two"]).expect(0, &[CLEAN], &[]);
}

#[test]
fn everything_but_the_bytes_stays_and_hard_links_stay_one_file() {
    let made = installed();
    let to = moved(&made, "one", "two");
    tool(&[&"setfattr", &"-n", &"user.note", &"-v", &"kept", &to.join("bin/reads")]);
    if is_root() {
        std::os::unix::fs::chown(to.join("etc/app.conf"), Some(1234), Some(4321)).unwrap();
    }
    let of = |name: &str| fs::symlink_metadata(to.join(name)).unwrap();
    let kept = |found: &fs::Metadata| (found.mode(), found.uid(), found.gid(), found.mtime(), found.mtime_nsec());
    let files = ["bin/reads", "bin/calls", "etc/app.conf", "share/doc/README", "lib/data.bin"];
    let before = files.map(|name| kept(&of(name)));
    relocate(made.place.dir(), ["fix", "two"]).expect(0, &["it is at"], &[]);
    assert_eq!(files.map(|name| kept(&of(name))), before);
    assert_eq!((of("bin/reads").ino(), of("bin/reads").nlink()), (of("bin/same").ino(), 2));
    assert_eq!(tool(&[&"getfattr", &"--only-values", &"-n", &"user.note", &to.join("bin/same")]), b"kept");
    runs_at(&to, &to);
}

#[test]
fn configuration_that_was_edited_goes_along() {
    let made = installed();
    let one = made.place.at("one");
    let own = format!("# mine\nroot {0};\ninclude {0}/etc/mine.conf;\nnot {0}2\n", one.display());
    fs::write(one.join("etc/app.conf"), own).unwrap();
    fs::write(one.join("share/doc/README"), "other words").unwrap_or_else(|_| {
        fs::remove_file(one.join("share/doc/README")).unwrap();
    });
    let to = moved(&made, "one", "one/two".replace('/', "-").as_str());
    let told = ["etc/app.conf: it was edited; the old path is replaced in 2 places", "share/doc/README"];
    relocate(made.place.dir(), ["fix", "one-two"]).expect(0, &["it is at"], &told);
    let text = fs::read_to_string(to.join("etc/app.conf")).unwrap();
    let wanted = format!("# mine\nroot {0};\ninclude {0}/etc/mine.conf;\nnot {1}2\n", to.display(), one.display());
    assert_eq!(text, wanted);
    // And again, now that the edited file names a path that begins with the first one.
    let three = moved(&made, "one-two", "three");
    relocate(made.place.dir(), ["fix", "three"]).expect(0, &["it is at"], &["replaced in 2 places"]);
    let text = fs::read_to_string(three.join("etc/app.conf")).unwrap();
    assert_eq!(text, wanted.replace(to.to_str().unwrap(), three.to_str().unwrap()));
}

#[test]
fn a_move_to_a_path_below_the_old_one_and_back_loses_nothing() {
    let made = installed();
    let one = made.place.at("one");
    fs::write(one.join("etc/app.conf"), format!("root {0};\n", one.display())).unwrap();
    let before = settled(&one);
    for next in ["one/below", "one"] {
        fs::rename(&one, made.place.at("aside")).unwrap_or_else(|_| {
            fs::rename(made.place.at("one/below"), made.place.at("aside")).unwrap();
            fs::remove_dir(&one).unwrap();
        });
        let to = moved(&made, "aside", next);
        relocate(made.place.dir(), ["fix", next]).expect(0, &["it is at"], &["was edited"]);
        assert_eq!(fs::read_to_string(to.join("etc/app.conf")).unwrap(), format!("root {};\n", to.display()));
        if next == "one/below" {
            fs::rename(&to, made.place.at("aside")).unwrap();
            fs::remove_dir(&one).unwrap();
            fs::rename(made.place.at("aside"), &one).unwrap();
        }
    }
    assert_eq!(settled(&one), before);
}

#[test]
fn programs_that_somebody_changed_are_left_and_named() {
    let made = installed();
    let one = made.place.at("one");
    let mut data = fs::read(one.join("lib/data.bin")).unwrap();
    data.insert(0, 7);
    fs::write(one.join("lib/data.bin"), &data).unwrap();
    fs::remove_file(one.join("bin/calls")).unwrap();
    std::os::unix::fs::symlink("/bin/true", one.join("bin/calls")).unwrap();
    fs::remove_file(one.join("etc/app.conf")).unwrap();
    moved(&made, "one", "two");
    let told = [
        "error: lib/data.bin: it was changed since it was packed, and still names another path in 1 place",
        "error: bin/calls: it is no regular file any more",
        "note: etc/app.conf: it is not there any more",
    ];
    for _ in 0..2 {
        relocate(made.place.dir(), ["fix", "two"]).expect(1, &["not all of it is at"], &[told[0]]);
    }
    let ran = relocate(made.place.dir(), ["fix", "two"]).run();
    assert!(told.iter().all(|text| ran.err.contains(text.trim_start_matches("error: "))), "{}", ran.err);
    assert_eq!(fs::read(made.place.at("two/lib/data.bin")).unwrap(), data);
}

#[test]
fn nothing_outside_the_tree_is_reached_through_its_symlinks() {
    let made = installed();
    let one = made.place.at("one");
    fs::rename(one.join("etc"), made.place.at("outside")).unwrap();
    std::os::unix::fs::symlink("../outside", one.join("etc")).unwrap();
    let before = exact(&made.place.at("outside"));
    moved(&made, "one", "two");
    let told = ["etc/app.conf: the way to it leads through the symlink 'etc'"];
    relocate(made.place.dir(), ["fix", "two"]).expect(1, &["not all of it"], &told);
    assert_eq!(exact(&made.place.at("outside")), before);
    // Neither is a record that is a symlink, nor written through one.
    let two = made.place.at("two");
    fs::write(made.place.at("victim"), "{\"format\": 1, \"tool\": \"x\"}").unwrap();
    fs::remove_file(two.join(".relocate/place.json")).unwrap();
    std::os::unix::fs::symlink("../../victim", two.join(".relocate/place.json")).unwrap();
    relocate(made.place.dir(), ["fix", "two"]).expect(4, &[], &["place.json': it is a symlink"]);
}

#[test]
fn the_path_that_is_typed_is_the_path_that_is_written() {
    let made = installed();
    let two = moved(&made, "one", "releases/two");
    std::os::unix::fs::symlink("releases/two", made.place.at("current")).unwrap();
    relocate(made.place.dir(), ["fix", "current"]).expect(0, &["it is at"], &[]);
    runs_at(&two, &made.place.at("current"));
    relocate(&made.place.at("current"), ["fix", "."]).expect(0, &["it is at"], &[]);
    runs_at(&two, &two);
    // For a place that it is not at yet.
    let later = made.place.at("later");
    relocate(made.place.dir(), ["fix", "releases/two", "--at", later.to_str().unwrap()]).expect(0, &["it is at"], &[]);
    fs::rename(&two, &later).unwrap();
    runs_at(&later, &later);
    relocate(made.place.dir(), ["fix", "later"]).expect(0, &["already at"], &[]);
}

#[test]
fn a_tree_that_was_copied_without_its_hard_links_is_brought_along_whole() {
    let made = installed();
    tool(&[&"cp", &"-r", &made.place.at("one"), &made.place.at("copy")]);
    let copy = made.place.at("copy");
    assert_ne!(fs::metadata(copy.join("bin/reads")).unwrap().ino(), fs::metadata(copy.join("bin/same")).unwrap().ino());
    relocate(made.place.dir(), ["fix", "copy"]).expect(0, &["it is at", "6 of them changed"], &[]);
    runs_at(&copy, &copy);
    runs_at(&made.place.at("one"), &made.place.at("one"));
    relocate(made.place.dir(), ["verify", "copy"]).expect(0, &[CLEAN], &[]);
}

#[test]
fn names_outside_the_record_are_told_of() {
    let made = installed();
    let two = moved(&made, "one", "two");
    fs::hard_link(two.join("bin/calls"), made.place.at("mine")).unwrap();
    let before = exact(&made.place.at("mine"));
    let told = ["bin/calls: 1 name of it outside the record keep the old bytes"];
    relocate(made.place.dir(), ["fix", "two"]).expect(0, &["it is at"], &told);
    assert_ne!(exact(&made.place.at("mine")), before);
    runs_at(&two, &two);
}

/// The user who may not write finds out before anything is changed.
#[test]
fn who_may_not_change_everything_changes_nothing() {
    let made = installed();
    made.place.give_to_user();
    let two = moved(&made, "one", "two");
    let user = |arguments: [&str; 2]| relocate(made.place.dir(), arguments).by_user();
    fs::set_permissions(two.join("etc"), std::os::unix::fs::PermissionsExt::from_mode(0o555)).unwrap();
    let before = exact(&two);
    user(["fix", "two"]).expect(
        4,
        &[],
        &["cannot replace", "etc/app.conf': Permission denied", "help: run as a user who"],
    );
    assert_eq!(exact(&two), before);
    fs::set_permissions(two.join("etc"), std::os::unix::fs::PermissionsExt::from_mode(0o750)).unwrap();
    if is_root() {
        std::os::unix::fs::chown(two.join("lib/data.bin"), Some(1234), Some(4321)).unwrap();
        let before = exact(&two);
        user(["fix", "two"]).expect(4, &[], &["its owner 1234:4321 cannot be kept", "help: run as root"]);
        assert_eq!(exact(&two), before);
        std::os::unix::fs::chown(two.join("lib/data.bin"), Some(USER), Some(USER)).unwrap();
    }
    user(["fix", "two"]).expect(0, &["it is at"], &[]);
    runs_at(&two, &two);
}

/// Only root can mount one read-only; an ordinary user's directories without w are the same to that user.
#[test]
fn a_read_only_tree_is_refused_before_anything_is_written_and_runs_where_it_says() {
    let made = installed();
    let two = moved(&made, "one", "two");
    if is_root() && Command::new("unshare").args(["-m", "true"]).status().is_ok_and(|status| status.success()) {
        let script = "mount --bind two two; mount -o remount,bind,ro two; \"$0\" fix two 2>told && exit 99; [ $? = 4 ]; \
                      \"$0\" fix --check two >check && exit 98; [ $? = 1 ]";
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-ec", script, crate::call::PROGRAM]).current_dir(made.place.dir());
        succeed(&mut command);
        let told = fs::read_to_string(made.place.at("told")).unwrap();
        assert!(told.contains("Read-only file system") && told.contains("help: name a place"), "{told}");
        assert!(fs::read_to_string(made.place.at("check")).unwrap().contains("would be brought to"));
    } else {
        fs::set_permissions(two.join(".relocate"), std::os::unix::fs::PermissionsExt::from_mode(0o555)).unwrap();
        relocate(made.place.dir(), ["fix", "two"]).expect(4, &[], &["Permission denied"]);
    }
    relocate(made.place.dir(), ["verify", "two"]).expect(0, &[CLEAN], &[]);
}

#[test]
fn a_directory_without_a_record_says_so() {
    let made = installed();
    fs::create_dir(made.place.at("bare")).unwrap();
    relocate(made.place.dir(), ["fix", "bare"]).expect(2, &[], &["has no .relocate/manifest.json", "--old-prefix"]);
    relocate(made.place.dir(), ["fix", "app.tar.gz"]).expect(2, &[], &["is no directory", "relocate install"]);
    relocate(made.place.dir(), ["fix", "nowhere"]).expect(2, &[], &["cannot read nowhere"]);
}

#[test]
fn two_runs_at_once_do_not_meet() {
    let made = installed();
    moved(&made, "one", "two");
    let lock = fs::File::open(made.place.at("two/.relocate")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    relocate(made.place.dir(), ["fix", "two"]).expect(4, &[], &["another process is at work on this tree"]);
    drop(lock);
    relocate(made.place.dir(), ["fix", "two"]).expect(0, &["it is at"], &[]);
    assert!(Path::new(&made.place.at("two")).exists());
}

/// A prefix that relocate never saw is moved, and moved again without being told what it was built for.
#[test]
fn a_tree_without_a_record_gets_one_by_its_old_prefix() {
    let made = Made::new();
    let prefix = made.prefix.display().into_owned();
    let one = made.place.at("one");
    tool(&[&"cp", &"-a", &made.root(), &one]);
    made.pack();
    let before = exact(&one);
    let fix = |more: &[&str]| relocate(made.place.dir(), [&["fix"], more].concat());
    fix(&["one", "--old-prefix", &prefix, "--check"]).expect(1, &["would be brought to", "5 of them would be"], &[]);
    let long = made.place.at("x".repeat(200));
    fix(&["one", "--old-prefix", &prefix, "--at", long.to_str().unwrap()]).expect(
        3,
        &[],
        &["there is room for a path"],
    );
    assert_eq!(exact(&one), before);
    fix(&["one", "--old-prefix", &prefix]).expect(0, &["it is at", "5 of them changed"], &[]);
    runs_at(&one, &one);
    let two = moved(&made, "one", "two");
    fix(&["two"]).expect(0, &["it is at"], &[]);
    runs_at(&two, &two);
    relocate(made.place.dir(), ["verify", "two"]).expect(0, &[CLEAN], &[]);
    fix(&["two", "--old-prefix", &prefix]).expect(0, &["already at"], &[]);
    fix(&["two", "--old-prefix", "/other"]).expect(2, &[], &["it was built for", "help: leave the option out"]);
}

/// What only a rewrite makes right is told of, with the command that does it.
#[test]
fn run_time_paths_and_symlinks_of_a_tree_without_a_record_are_told_of() {
    let place = crate::place::Place::small();
    let root = place.root();
    std::os::unix::fs::symlink(root.join("lib"), root.join("lib64")).unwrap();
    place.hide();
    let prefix = root.to_str().unwrap();
    let told = ["bin/say: leads to", "lib64: leads to", "help: run 'relocate pack --in-place DIR' first"];
    relocate(place.dir(), ["fix", "hidden/root", "--old-prefix", prefix]).expect(1, &["not all of it"], &told);
}

#[test]
fn a_killed_first_fix_of_a_tree_without_a_record_is_finished_by_the_same_command() {
    let made = Made::new();
    let prefix = made.prefix.display().into_owned();
    tool(&[&"cp", &"-a", &made.root(), &made.place.at("fresh")]);
    made.pack();
    let two = made.place.at("two");
    let call = || relocate(made.place.dir(), ["fix", "two", "--old-prefix", &prefix]);
    let mut points = 0;
    loop {
        tool(&[&"rm", &"-rf", &two]);
        tool(&[&"cp", &"-a", &made.place.at("fresh"), &two]);
        let went = crate::step::kill_at(&call(), points);
        call().run();
        runs_at(&two, &two);
        relocate(made.place.dir(), ["verify", "two"]).expect(0, &[CLEAN], &[]);
        if went == crate::step::Went::Ended(0) {
            break;
        }
        points += 3;
    }
    assert!(points > 30, "{points}");
}
