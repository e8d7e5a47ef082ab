//! Archives made by other programs, and our own, unpacked by us.

use crate::tree::{Handmade, awkward, awkward_and_large, expected, on_disk, options};
use relocate::base::event::Silent;
use relocate::base::path::RelPath;
use relocate::pack::{Format, Limits, Options, unpack};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn run(line: &str, dir: &Path) {
    let output = Command::new("sh").args(["-c", line]).current_dir(dir).env("LC_ALL", "C.UTF-8").output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
}

fn unpacked(archive: &Path, dir: &Path) -> PathBuf {
    let into = dir.join("into");
    fs::create_dir(&into).unwrap();
    let unpacked = unpack(archive, &into, &Limits::default(), &Silent).unwrap_or_else(|error| panic!("{error}"));
    unpacked.top.under(&into)
}

#[test]
fn what_we_pack_we_unpack() {
    let tree = awkward_and_large();
    for format in [Format::Tar, Format::TarGz, Format::TarZst] {
        for top_dir in ["ourapp-1.0", "opt/ourapp", ""] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("archive");
            let top = RelPath::new(top_dir.as_bytes()).unwrap();
            let options = Options { top_dir: top.clone(), ..options(format, 2) };
            tree.pack(&path, &options).unwrap().publish_unproven().unwrap();
            unpacked(&path, dir.path());
            assert_eq!(on_disk(&top.under(&dir.path().join("into"))), expected(&tree));
        }
    }
}

/// Makes the awkward tree on disk by our own unpacker, to be packed by others.
fn source(dir: &Path, top: &str) -> Handmade {
    let tree = awkward();
    let path = dir.join("ours.tar");
    let options = Options { top_dir: RelPath::new(top.as_bytes()).unwrap(), ..options(Format::Tar, 1) };
    tree.pack(&path, &options).unwrap().publish_unproven().unwrap();
    let into = dir.join("source");
    fs::create_dir(&into).unwrap();
    unpack(&path, &into, &Limits::default(), &Silent).unwrap();
    fs::remove_dir_all(into.join(top).join(".relocate")).unwrap();
    tree
}

#[test]
fn what_others_pack_we_unpack() {
    let rows = [
        "tar --format=gnu -cf ../theirs root",
        "tar --format=oldgnu -cf ../theirs root",
        "tar --format=posix -cf ../theirs root",
        "tar --format=posix --xattrs -czf ../theirs root",
        "tar --format=gnu -cf ../theirs ./root",
        "bsdtar --format=pax -cf ../theirs root",
        "bsdtar --format=gnutar -czf ../theirs root",
        "bsdtar --zstd -cf ../theirs root",
        "python3 -W ignore -c 'import tarfile; t = tarfile.open(\"../theirs\", \"w\", format=tarfile.PAX_FORMAT); t.add(\"root\"); t.close()'",
        "python3 -W ignore -c 'import tarfile; t = tarfile.open(\"../theirs\", \"w:gz\", format=tarfile.GNU_FORMAT); t.add(\"root\"); t.close()'",
        "busybox tar -cf ../theirs root",
        "tar -c root | pigz > ../theirs",
        "tar -c root > ../t; { head -c 70000 ../t | gzip; tail -c +70001 ../t | gzip; } > ../theirs",
        "tar -c root | zstd -q > ../theirs",
        "tar -c root > ../t; { head -c 70000 ../t | zstd -q; tail -c +70001 ../t | zstd -q; } > ../theirs",
    ];
    let dir = tempfile::tempdir().unwrap();
    let tree = source(dir.path(), "root");
    for line in rows {
        fs::remove_dir_all(dir.path().join("into")).unwrap_or_default();
        run(line, &dir.path().join("source"));
        let top = unpacked(&dir.path().join("theirs"), dir.path());
        assert!(top.ends_with("root"), "{line}");
        let (found, mut wanted) = (on_disk(&top), expected(&tree));
        // This writer of the old format stores only the first 100 bytes of such a name's tail elsewhere.
        if line.starts_with("busybox") {
            wanted.retain(|path, _| found.contains_key(path));
        }
        for (path, what) in &wanted {
            assert_eq!(found.get(path), Some(what), "{line}: {path}");
        }
        assert_eq!(found.len(), wanted.len(), "{line}");
    }
}

#[test]
fn an_archive_of_the_place_itself_has_no_top_directory() {
    let dir = tempfile::tempdir().unwrap();
    let tree = source(dir.path(), "");
    run("tar -cf ../theirs .", &dir.path().join("source"));
    let top = unpacked(&dir.path().join("theirs"), dir.path());
    assert!(top.ends_with("into"));
    assert_eq!(on_disk(&top), expected(&tree));
}

#[test]
fn a_sparse_file_of_gnu_tar_is_read_and_one_of_pax_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path();
    run("truncate -s 10M hole; printf x | dd of=hole bs=1 seek=5000000 conv=notrunc 2>/dev/null", path);
    run("tar -S --format=gnu -cf gnu.tar hole; tar -S --format=posix -cf pax.tar hole", path);
    let into = unpacked(&path.join("gnu.tar"), path);
    assert_eq!(fs::read(into.join("hole")).unwrap(), fs::read(path.join("hole")).unwrap());
    let other = path.join("other");
    fs::create_dir(&other).unwrap();
    let error = unpack(&path.join("pax.tar"), &other, &Limits::default(), &Silent).unwrap_err().to_string();
    assert!(error.contains("a sparse file in a form that is not read"), "{error}");
}

#[test]
fn a_release_of_git_archive_is_read() {
    let dir = tempfile::tempdir().unwrap();
    run(
        "git init -q repo && cd repo && echo x > file && git add file && \
         git -c user.name=a -c user.email=a@b commit -qm m && git archive --prefix=app/ -o ../theirs.tar.gz HEAD",
        dir.path(),
    );
    let top = unpacked(&dir.path().join("theirs.tar.gz"), dir.path());
    assert_eq!(fs::read(top.join("file")).unwrap(), b"x\n");
}

#[test]
fn a_place_that_is_not_empty_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let archive = dir.path().join("a.tar");
    Handmade::default()
        .file("a", 0o644, "x")
        .pack(&archive, &options(Format::Tar, 1))
        .unwrap()
        .publish_unproven()
        .unwrap();
    let error = unpack(&archive, dir.path(), &Limits::default(), &Silent).unwrap_err().to_string();
    assert!(error.contains("a directory that is not empty"), "{error}");
}

#[test]
fn an_archive_in_bzip2_or_xz_is_read_and_a_cut_or_changed_one_refused() {
    let tree = awkward();
    for (program, flags) in
        [("bzip2", "-k"), ("xz", "-k -T1"), ("xz", "-k --check=sha256 -9"), ("xz", "-k --block-size=4096")]
    {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("archive");
        tree.pack(&path, &options(Format::Tar, 1)).unwrap().publish_unproven().unwrap();
        run(&format!("{program} {flags} --stdout archive >archive.small"), dir.path());
        let small = dir.path().join("archive.small");
        let place = unpacked(&small, dir.path());
        assert_eq!(on_disk(&place), expected(&tree), "{program} {flags}");
        let whole = fs::read(&small).unwrap();
        let mut changed = whole.clone();
        let middle = whole.len() / 2;
        changed[middle] ^= 0x10;
        for bytes in [&whole[..whole.len() - 5], &whole[..middle], &changed] {
            fs::write(&small, bytes).unwrap();
            let into = tempfile::tempdir().unwrap();
            let refused = unpack(&small, into.path(), &Limits::default(), &Silent).unwrap_err().to_string();
            assert!(refused.contains("damaged"), "{program} {flags}: {refused}");
        }
    }
}

/// A stream's header may claim a dictionary of gigabytes; `xz --lzma2=dict=1GiB` does.
#[test]
fn an_xz_stream_that_asks_for_too_much_memory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    run("tar cf - --files-from=/dev/null | xz --format=xz --lzma2=preset=0,dict=1GiB >a.tar.xz", dir.path());
    let into = tempfile::tempdir().unwrap();
    let refused = unpack(&dir.path().join("a.tar.xz"), into.path(), &Limits::default(), &Silent).unwrap_err();
    assert!(refused.to_string().contains("memory"), "{refused}");
}
