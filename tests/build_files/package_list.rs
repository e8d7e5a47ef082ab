//! pkgsrc's package database: what `pkg_admin check` reads says the truth about the copy, wherever it is.

use crate::disk::Disk;
use crate::moved::{output, relocate};
use relocate::base::digest::Digest;
use relocate::base::path::{Prefix, RelPath};
use relocate::base::sums::Sums;
use relocate::text::class::{Answer, Subject, package_list::PackageList};
use relocate::text::ledger::{Fate, Ledger};
use relocate::text::occurrence::Names;
use relocate::text::rewrite::Outcome;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

fn md5(path: &Path) -> String {
    output(Command::new("md5sum").arg(path)).trim_start_matches('\\').split(' ').next().unwrap().to_owned()
}

/// A package with a file that will change, one that will not, a symlink and one that will go; the database lies at `database`.
fn install(root: &Path, database: &str, more: &str) {
    for directory in ["bin", "lib", "share/greet", database] {
        fs::create_dir_all(root.join(directory)).unwrap();
    }
    fs::write(root.join("bin/greet"), "old bytes\n").unwrap();
    fs::write(root.join("share/greet/text"), "hello\n").unwrap();
    fs::write(root.join("lib/libgreet.la"), "going\n").unwrap();
    symlink(root.join("bin/greet"), root.join("bin/hello")).unwrap();
    let list = format!(
        "@name greet-1.0\n@comment $NetBSD$\n@pkgdep libx>=1\n@blddep libx-1.2\n{more}@cwd {root}\n\
         bin/greet\n@comment MD5:{}\nbin/hello\n@comment Symlink:{root}/bin/greet\n\
         lib/libgreet.la\n@comment MD5:{}\n@pkgdir share/greet\n@cwd {root}/share\ngreet/text\n@comment MD5:{}\n\
         @cwd .\n@ignore\n+COMMENT\n@ignore\n+DESC\n",
        md5(&root.join("bin/greet")),
        md5(&root.join("lib/libgreet.la")),
        md5(&root.join("share/greet/text")),
        root = root.display(),
    );
    fs::write(root.join(database).join("+CONTENTS"), list).unwrap();
}

/// Reads a list as `pkg_admin check` does and gives the problems; `checked` counts the files.
fn check(package: &Path, checked: &mut usize) -> Vec<String> {
    let text = fs::read_to_string(package.join("+CONTENTS")).unwrap();
    let mut lines = text.lines().peekable();
    let (mut directory, mut problems) = (None, Vec::new());
    while let Some(line) = lines.next() {
        if let Some(cwd) = line.strip_prefix("@cwd ") {
            directory = Some(if cwd == "." { package.to_owned() } else { cwd.into() });
        } else if line == "@ignore" {
            lines.next();
        } else if !line.starts_with('@') {
            let file = directory.as_ref().unwrap().join(line);
            if !file.exists() {
                problems.push(format!("{line} is in +CONTENTS but not on filesystem"));
                continue;
            }
            *checked += 1;
            let said = lines.peek().and_then(|next| next.strip_prefix("@comment ")).unwrap();
            let is = match said.split_once(':').unwrap().0 {
                "MD5" => format!("MD5:{}", md5(&file)),
                _ => format!("Symlink:{}", fs::read_link(&file).unwrap().display()),
            };
            if is != said {
                problems.push(format!("{line}: {is} is not {said}"));
            }
        }
    }
    problems
}

/// Does to the tree what the main job would do, and tells the ledger.
fn change(new: &Path, list: &RelPath, prefixes: &[Prefix]) -> Answer {
    fs::write(new.join("bin/greet"), "new bytes\n").unwrap();
    fs::remove_file(new.join("lib/libgreet.la")).unwrap();
    fs::remove_file(new.join("bin/hello")).unwrap();
    symlink("greet", new.join("bin/hello")).unwrap();
    let digits = md5(&new.join("bin/greet"));
    let md5 = std::array::from_fn(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap());
    let sums = Sums { size: 10, md5, sha256: Digest::of(b"new bytes\n") };
    let fate = |path: &RelPath| match path.as_bytes() {
        b"bin/greet" => Fate::Changed(sums),
        b"bin/hello" => Fate::Link(b"greet".to_vec()),
        b"lib/libgreet.la" => Fate::Removed,
        _ => Fate::Same,
    };
    let (disk, names) = (Disk::new(new), Names::new(prefixes));
    let bytes = fs::read(list.under(new)).unwrap();
    let subject = Subject { path: list, mode: 0o644, bytes: &bytes, prefixes, names: &names, around: &disk };
    let mut spoken = PackageList.speaks_of(&subject).unwrap();
    spoken.sort();
    spoken.dedup();
    let wanted = ["bin/greet", "bin/hello", "lib/libgreet.la", "share/greet/text"];
    assert_eq!(spoken, wanted.map(|path| RelPath::new(path.as_bytes()).unwrap()));
    PackageList.rewrite(&subject, &fate)
}

#[test]
fn the_list_is_true_of_the_copy_wherever_it_is() {
    for database in ["pkgdb/greet-1.0", "var/db/pkg/greet-1.0"] {
        let scratch = tempfile::tempdir().unwrap();
        let (old, new) = (scratch.path().join("old"), scratch.path().join("new place"));
        install(&old, database, "");
        let mut before = 0;
        assert_eq!(check(&old.join(database), &mut before), [""; 0]);
        let outcomes = relocate(&old, &new, &[&old]);
        assert!(matches!(outcomes.values().next(), Some(Outcome::New(_))), "{outcomes:?}");
        let list = RelPath::new(format!("{database}/+CONTENTS").as_bytes()).unwrap();
        let prefixes = [Prefix::new(old.as_os_str().as_encoded_bytes()).unwrap()];
        let Answer::New(answer) = change(&new, &list, &prefixes) else { panic!("the ledger has nothing to say") };
        assert_eq!(answer.changes.len(), 3);
        fs::write(list.under(&new), &answer.bytes).unwrap();
        let again = scratch.path().join("again");
        fs::rename(&new, &again).unwrap();
        let mut after = 0;
        assert_eq!(check(&again.join(database), &mut after), [""; 0]);
        assert_eq!((before, after), (4, 3));
        assert!(!String::from_utf8(answer.bytes).unwrap().contains(old.to_str().unwrap()));
    }
}

#[test]
fn commands_keep_their_directory_and_the_sums_are_still_made_true() {
    let scratch = tempfile::tempdir().unwrap();
    let (old, new) = (scratch.path().join("old"), scratch.path().join("new"));
    install(&old, "pkgdb/greet-1.0", "@unexec rm -f %D/share/greet/cache\n");
    let outcomes = relocate(&old, &new, &[&old]);
    assert!(matches!(outcomes.values().next(), Some(Outcome::Refused("package-list", _))), "{outcomes:?}");
    let list = RelPath::new(b"pkgdb/greet-1.0/+CONTENTS").unwrap();
    let prefixes = [Prefix::new(old.as_os_str().as_encoded_bytes()).unwrap()];
    let Answer::New(answer) = change(&new, &list, &prefixes) else { panic!("the ledger has nothing to say") };
    assert!(String::from_utf8(answer.bytes).unwrap().contains(&format!("@cwd {}\n", old.display())));
}
