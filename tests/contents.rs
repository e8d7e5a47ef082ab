//! What is in a tree, as the command line tells it: of a directory, of the archive made of it, and beside a list of
//! vulnerabilities whose signature gpg made.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

const LIST: &str =
    "#FORMAT 1.1.0\nnginx<1.4.8\tdenial-of-service\thttp://example.org/1\npcre<8.36\tx\thttp://example.org/2\n";

fn write(path: impl AsRef<Path>, text: &str) {
    fs::create_dir_all(path.as_ref().parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A prefix with two packages, one of which needs the other, and a file of nobody's.
fn prefix() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    let entry = |name: &str, file: &str, text: &str| write(root.join("var/db/pkg").join(name).join(file), text);
    let old = "/opt/relocate-test/prefix";
    write(root.join("lib/pkgconfig/libpcre.pc"), &format!("prefix={old}\nlibdir=${{prefix}}/lib\n"));
    write(root.join("share/nginx/index"), "hello\n");
    write(root.join("share/stray"), "stray\n");
    entry("pcre-8.36", "+CONTENTS", &format!("@cwd {old}\n@name pcre-8.36\nlib/pkgconfig/libpcre.pc\n"));
    entry("pcre-8.36", "+BUILD_INFO", "PKGPATH=devel/pcre\nLICENSE=modified-bsd\n");
    entry("pcre-8.36", "+INSTALLED_INFO", "automatic=yes\n");
    let contents = format!("@cwd {old}\n@name nginx-1.4.7nb5\n@pkgdep pcre>=8.0\nshare/nginx/index\n");
    entry("nginx-1.4.7nb5", "+CONTENTS", &contents);
    entry("nginx-1.4.7nb5", "+BUILD_INFO", "PKGPATH=www/nginx\nPKG_OPTIONS=uwsgi ssl\n");
    entry("nginx-1.4.7nb5", "+COMMENT", "A web server\n");
    dir
}

fn relocate(dir: &TempDir, line: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_relocate"));
    command.args(line.split_whitespace()).current_dir(dir.path()).output().unwrap()
}

fn said(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

fn pack(dir: &TempDir) {
    let (code, _, stderr) = said(&relocate(dir, "root --old-prefix /opt/relocate-test/prefix -o app.tar.gz --quiet"));
    assert_eq!(code, 0, "{stderr}");
}

#[test]
fn a_directory_and_the_archive_made_of_it_tell_the_same_packages() {
    let dir = prefix();
    pack(&dir);
    let list = "nginx-1.4.7nb5 [ssl uwsgi]  licence not told   6 B  requested\n\
                pcre-8.36                   modified-bsd      54 B  needed by nginx-1.4.7nb5\n";
    let (code, stdout, stderr) = said(&relocate(&dir, "inspect root"));
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(stdout.starts_with(list), "{stdout}");
    assert!(stdout.ends_with("2 packages, 333 B in 9 files; 1 belongs to no package\n"), "{stdout}");
    let (code, stdout, stderr) = said(&relocate(&dir, "inspect app.tar.gz"));
    assert_eq!((code, stderr.as_str()), (0, ""));
    let names: Vec<_> = stdout.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names[..2], ["nginx-1.4.7nb5", "pcre-8.36"]);
    assert!(stdout.ends_with("1 belongs to no package\n"), "{stdout}");
}

#[test]
fn one_package_is_told_whole_and_an_unknown_one_is_an_answer_of_no() {
    let dir = prefix();
    let (code, stdout, _) = said(&relocate(&dir, "inspect root --package nginx"));
    assert_eq!(code, 0);
    for line in ["A web server", "www/nginx", "ssl uwsgi", "pcre-8.36", "requested", "var/db/pkg/nginx-1.4.7nb5"] {
        assert!(stdout.contains(line), "{line}: {stdout}");
    }
    let (code, stdout, stderr) = said(&relocate(&dir, "inspect root --package apache"));
    assert_eq!((code, stdout.as_str()), (1, ""));
    assert_eq!(stderr, "error: no package here is named apache\nhelp: there are nginx-1.4.7nb5, pcre-8.36\n");
}

#[test]
fn json_says_the_same() {
    let dir = prefix();
    let (code, stdout, stderr) = said(&relocate(&dir, "inspect root --json"));
    assert_eq!((code, stderr.as_str()), (0, ""));
    let told: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(told["packages"][0]["name"], "nginx");
    assert_eq!(told["packages"][1]["why"], serde_json::json!({"needed-by": ["nginx-1.4.7nb5"]}));
    assert_eq!(told["unowned"], 1);
}

#[test]
fn the_bill_of_materials_is_in_the_archive_and_is_the_same_twice() {
    let dir = prefix();
    pack(&dir);
    fs::rename(dir.path().join("app.tar.gz"), dir.path().join("first.tar.gz")).unwrap();
    pack(&dir);
    assert_eq!(fs::read(dir.path().join("first.tar.gz")).unwrap(), fs::read(dir.path().join("app.tar.gz")).unwrap());
    let (code, stdout, stderr) = said(&relocate(&dir, "inspect root --sbom bill.json --quiet"));
    assert_eq!((code, stdout.as_str(), stderr.as_str()), (0, "", ""));
    let bill = fs::read_to_string(dir.path().join("bill.json")).unwrap();
    let name = format!("{}/.relocate/sbom.cdx.json", "app");
    let unpacked = Command::new("tar").args(["-xzOf", "app.tar.gz", &name]).current_dir(dir.path()).output().unwrap();
    assert!(unpacked.status.success());
    assert_eq!(String::from_utf8(unpacked.stdout).unwrap(), bill);
    let (_, printed, _) = said(&relocate(&dir, "inspect root --sbom -"));
    assert_eq!(printed, bill);
    let (code, _, stderr) = said(&relocate(&dir, "verify app.tar.gz"));
    assert_eq!(code, 0, "{stderr}");
}

#[test]
fn a_tree_without_packages_has_no_bill_in_its_archive() {
    let dir = prefix();
    fs::remove_dir_all(dir.path().join("root/var")).unwrap();
    pack(&dir);
    let listed = Command::new("tar").args(["-tzf", "app.tar.gz"]).current_dir(dir.path()).output().unwrap();
    assert!(!String::from_utf8(listed.stdout).unwrap().contains("sbom"));
    let (code, stdout, _) = said(&relocate(&dir, "inspect root"));
    assert_eq!(code, 0);
    assert!(stdout.starts_with("no package database and no Python distribution here\n"), "{stdout}");
}

#[test]
fn a_vulnerable_package_ends_with_one_and_names_the_advisory() {
    let dir = prefix();
    write(dir.path().join("list"), LIST);
    let (code, stdout, stderr) = said(&relocate(&dir, "audit root --vulnerabilities list"));
    assert_eq!((code, stderr.as_str()), (1, ""));
    assert_eq!(
        stdout,
        "nginx-1.4.7nb5 has a denial-of-service vulnerability, see http://example.org/1\n\
         2 packages beside 2 patterns (not signed, no sum): 1 vulnerability found\n"
    );
    let (code, stdout, _) = said(&relocate(&dir, "audit root --vulnerabilities list --ignore http://example.org/1"));
    assert_eq!(code, 0);
    assert!(stdout.ends_with("none of them is known to be vulnerable\n"), "{stdout}");
    for packer in ["gzip -k list", "zstd -q list"] {
        assert!(Command::new("sh").args(["-c", packer]).current_dir(dir.path()).status().unwrap().success());
    }
    for file in ["list.gz", "list.zst"] {
        let (code, ..) = said(&relocate(&dir, &format!("audit root --vulnerabilities {file} --json")));
        assert_eq!(code, 1, "{file}");
    }
}

#[test]
fn a_list_that_is_none_is_no_good_news() {
    let dir = prefix();
    write(dir.path().join("list"), "<html>404</html>\n");
    let (code, stdout, stderr) = said(&relocate(&dir, "audit root --vulnerabilities list"));
    assert_eq!((code, stdout.as_str()), (4, ""));
    assert_eq!(stderr, "error: list: this is no list of vulnerabilities: it does not begin with '#FORMAT 1.1.0'\n");
}

#[test]
fn only_a_signature_of_the_given_keys_is_good() {
    let dir = prefix();
    write(dir.path().join("list"), LIST);
    let sh = |line: &str| {
        let done = Command::new("sh").args(["-ec", line]).current_dir(dir.path()).output().unwrap();
        assert!(done.status.success(), "{line}: {}", String::from_utf8_lossy(&done.stderr));
    };
    for who in ["good", "other"] {
        sh(&format!(
            "mkdir -m 700 {who}; export GNUPGHOME=$PWD/{who}; gpg -q --batch --passphrase '' --quick-generate-key {who}@example.org ed25519 sign; \
             gpg -q --batch --export {who}@example.org > {who}.gpg; gpg -q --batch --armor --export {who}@example.org > {who}.asc; \
             gpg -q --batch --output {who}.list --clear-sign list; gpgconf --kill all"
        ));
    }
    for keys in ["good.gpg", "good.asc"] {
        let (code, stdout, stderr) =
            said(&relocate(&dir, &format!("audit root --vulnerabilities good.list --keyring {keys}")));
        assert_eq!(code, 1, "{stderr}");
        assert!(stdout.contains("(signature good, no sum)"), "{stdout}");
    }
    for (list, keys, why) in [
        ("other.list", "good.gpg", "other.list: the signature is not good, or not by a key of good.gpg"),
        ("list", "good.gpg", "list: the list is not signed, and a keyring was given"),
    ] {
        let (code, stdout, stderr) =
            said(&relocate(&dir, &format!("audit root --vulnerabilities {list} --keyring {keys}")));
        assert_eq!((code, stdout.as_str()), (4, ""));
        assert!(stderr.contains(why), "{stderr}");
    }
    sh("sed 's/nginx<1.4.8/nginx<1.4.1/' good.list > forged.list");
    let (code, ..) = said(&relocate(&dir, "audit root --vulnerabilities forged.list --keyring good.gpg"));
    assert_eq!(code, 4);
}
