//! Every common extractor unpacks our archives to the same tree.

use crate::tree::{Handmade, TIME, awkward, awkward_and_large, expected, on_disk, options};
use relocate::pack::Format;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs a shell line in `dir` with the archive on its standard input.
fn run(line: &str, archive: &Path, dir: &Path) -> String {
    let output = Command::new("sh")
        .args(["-c", line])
        .current_dir(dir)
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::from(File::open(archive).unwrap()))
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complaint.is_empty(), "{line}: {} {complaint}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

fn archive(tree: &Handmade, format: Format, dir: &Path) -> std::path::PathBuf {
    let path = dir.join("archive");
    tree.pack(&path, &options(format, 2)).unwrap().publish_unproven().unwrap();
    path
}

const PYTHON: &str = "python3 -W ignore -c '
import sys, tarfile
archive = tarfile.open(fileobj=sys.stdin.buffer, mode=\"MODE\")
archive.extractall(\".\", numeric_owner=True)'";

#[test]
fn every_extractor_gets_the_same_tree() {
    let tree = awkward();
    let rows = [
        (Format::Tar, "tar -xpf -"),
        (Format::Tar, "bsdtar -xpf -"),
        (Format::Tar, "busybox tar -xpf -"),
        (Format::Tar, &PYTHON.replace("MODE", "r|")),
        (Format::TarGz, "tar -xzpf -"),
        (Format::TarGz, "bsdtar -xpf -"),
        (Format::TarGz, "busybox tar -xzpf -"),
        (Format::TarGz, "busybox gunzip -c | tar -xpf -"),
        (Format::TarGz, &PYTHON.replace("MODE", "r|gz")),
        (Format::TarGz, "pigz -dc | tar -xpf -"),
        (Format::TarZst, "tar --zstd -xpf -"),
        (Format::TarZst, "bsdtar -xpf -"),
        (Format::TarZst, "zstd -dc | busybox tar -xpf -"),
    ];
    for (format, line) in rows {
        let dir = tempfile::tempdir().unwrap();
        let archive = archive(&tree, format, dir.path());
        let target = dir.path().join("target");
        fs::create_dir(&target).unwrap();
        run(line, &archive, &target);
        let found = on_disk(&target.join("ourapp-1.0"));
        // Busybox gives directories no times, and as an ordinary user not the modes of the archive either.
        let ordinary = !rustix::process::geteuid().is_root();
        let busybox = line.contains("busybox tar");
        let seen = |what: &String| match what.split_once(' ') {
            Some((kind, _)) if busybox && ordinary && kind == "dir" => kind.to_owned(),
            _ if busybox && what.starts_with("dir") => {
                what.rsplit_once(' ').map_or(what.clone(), |(what, _)| what.to_owned())
            }
            _ => what.clone(),
        };
        for (path, what) in expected(&tree) {
            assert_eq!(found.get(&path).map(seen), Some(seen(&what)), "{line}: {path}");
        }
        assert_eq!(found.len(), tree.items.len() - 1, "{line}");
        let about = fs::read(target.join("ourapp-1.0/.relocate/about.json")).unwrap();
        assert_eq!(about, b"{\"about\": true}\n");
        let manifest = fs::read_to_string(target.join("ourapp-1.0/.relocate/manifest.json")).unwrap();
        assert_eq!(manifest.lines().count(), tree.bytes.len());
    }
}

#[test]
fn the_compressed_stream_is_sound_to_its_own_tools() {
    let tree = awkward_and_large();
    for (format, line) in [
        (Format::TarGz, "gzip -t"),
        (Format::TarGz, "pigz -t"),
        (Format::TarGz, "tar -tzf -"),
        (Format::TarZst, "zstd -dc | tar -tf -"),
        (Format::TarGz, "test $(gzip -dc | tail -c 1024 | tr -d '\\0' | wc -c) = 0"),
        (Format::TarZst, "zstd -q -t"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        run(line, &archive(&tree, format, dir.path()), dir.path());
    }
}

/// Ruby's reader of gems knows no long names, but it must read all else to the end.
#[test]
fn ruby_reads_the_one_gzip_member_to_its_end() {
    let mut tree = Handmade::default().dir("");
    for number in 0..400 {
        tree = tree.file(format!("f{number:03}"), 0o644, crate::tree::plausible(3000, number));
    }
    let dir = tempfile::tempdir().unwrap();
    let archive = archive(&tree, Format::TarGz, dir.path());
    let line = "ruby -rzlib -rrubygems/package -e '
        gzip = Zlib::GzipReader.new($stdin)
        puts Gem::Package::TarReader.new(gzip).map { |entry| \"#{entry.full_name} #{entry.read.to_s.size}\" }'";
    let seen = run(line, &archive, dir.path());
    assert_eq!(seen.lines().count(), 400 + 4);
    assert_eq!(seen.lines().next(), Some("ourapp-1.0/.relocate/about.json 16"));
    assert_eq!(seen.lines().nth(402), Some("ourapp-1.0/f399 3000"));
    assert!(seen.lines().last().unwrap().starts_with("ourapp-1.0/.relocate/manifest.json "));
}

#[test]
fn the_listing_is_sorted_and_the_records_are_first_and_last() {
    let tree = Handmade::default().dir("").dir("a").file("a/b", 0o644, "x").file("a-c", 0o755, "y");
    let dir = tempfile::tempdir().unwrap();
    let archive = archive(&tree, Format::Tar, dir.path());
    let seen = run("TZ=UTC tar --full-time --numeric-owner -tvf -", &archive, dir.path());
    let expected = "\
-rw-r--r-- 0/0              16 2020-09-13 12:26:40 ourapp-1.0/.relocate/about.json
drwxr-xr-x 0/0               0 2020-09-13 12:26:40 ourapp-1.0/
drwxr-xr-x 0/0               0 2020-09-13 12:26:40 ourapp-1.0/.relocate/
drwxr-xr-x 0/0               0 2020-09-13 12:26:40 ourapp-1.0/a/
-rw-r--r-- 0/0               1 2020-09-13 12:26:40 ourapp-1.0/a/b
-rwxr-xr-x 0/0               1 2020-09-13 12:26:40 ourapp-1.0/a-c
-rw-r--r-- 0/0             130 2020-09-13 12:26:40 ourapp-1.0/.relocate/manifest.json
";
    assert_eq!(seen, expected);
    assert_eq!(TIME, 1_600_000_000);
}

#[test]
fn without_a_top_directory_the_tree_itself_has_no_entry() {
    let tree = Handmade::default().dir("").file("a", 0o644, "x");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("flat.tar");
    let options = relocate::pack::Options { top_dir: relocate::base::path::RelPath::root(), ..options(Format::Tar, 1) };
    tree.pack(&path, &options).unwrap().publish_unproven().unwrap();
    let seen = run("tar -tf -", &path, dir.path());
    assert_eq!(seen, ".relocate/about.json\n.relocate/\na\n.relocate/manifest.json\n");
}

/// Owners, times and sizes that need base-256, as the other readers see them.
#[test]
fn numbers_that_octal_cannot_say_are_read_by_others() {
    let mut tree = Handmade::default().dir("").file("old", 0o644, "x").file("owned", 0o644, "y");
    tree.items[1].mtime = -86_400;
    (tree.items[2].uid, tree.items[2].gid) = (4_000_000_000, 3_000_000);
    let dir = tempfile::tempdir().unwrap();
    let archive = archive(&tree, Format::Tar, dir.path());
    for line in ["TZ=UTC tar --full-time --numeric-owner -tvf -", "TZ=UTC bsdtar --numeric-owner -tvf -"] {
        let seen = run(line, &archive, dir.path());
        assert!(seen.contains("4000000000") && seen.contains("3000000") && seen.contains("1969"), "{seen}");
    }
    let python = "python3 -c '
import sys, tarfile
for entry in tarfile.open(fileobj=sys.stdin.buffer, mode=\"r|\"):
    print(entry.name, entry.uid, entry.gid, entry.mtime)'";
    let seen = run(python, &archive, dir.path());
    assert!(seen.contains("ourapp-1.0/old 0 0 -86400\nourapp-1.0/owned 4000000000 3000000 1600000000\n"), "{seen}");
}
