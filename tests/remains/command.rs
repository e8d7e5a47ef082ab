//! `relocate check` on whole trees.

use crate::fixtures::run;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The program under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_relocate");

fn check(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(PROGRAM).arg("check").args(arguments).current_dir(dir).output().unwrap()
}

fn json(dir: &Path, arguments: &[&str]) -> (Value, i32) {
    let output = check(dir, &[&["--json"], arguments].concat());
    (serde_json::from_slice(&output.stdout).unwrap(), output.status.code().unwrap())
}

fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// A tree that was built for `old`: a program, a page, names of one file, names that are no text.
fn tree(dir: &Path, old: &str) -> PathBuf {
    let root = dir.join("app");
    let source = format!(
        "#include <stdio.h>\nint main(void) {{ return puts(\"{old}/etc/app.conf\") + puts(\"{old}\") + puts(\"{old}x\"); }}\n"
    );
    write(&dir.join("main.c"), source);
    fs::create_dir_all(root.join("bin")).unwrap();
    run(dir, "cc", &["main.c", "-g", "-o", "app/bin/app"]);
    write(&root.join("etc/app.conf"), format!("# in {old}/doc\nhome = {old}\nother = {old}2\nstage = /tmp/x{old}/y\n"));
    write(&root.join("share/man/man1/app.1"), format!(".TH APP 1\n{old}/etc\n"));
    run(dir, "gzip", &["-k", "app/share/man/man1/app.1"]);
    write(&root.join("share/a:b\n\u{e4}"), format!("\0{old}\0{old}2\0"));
    fs::hard_link(root.join("etc/app.conf"), root.join("etc/Again.conf")).unwrap();
    root
}

#[test]
fn the_list_and_grep_agree_in_both_directions() {
    let dir = tempfile::tempdir().unwrap();
    let old = "/home/ourapp/root-q7";
    let root = tree(dir.path(), old);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/agrees-with-grep");
    let output = Command::new(script).arg(&root).arg(old).arg(PROGRAM).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(text.lines().filter(|line| line.starts_with("ok ")).count(), 2, "{text}");
    assert!(text.contains("| other-path | another path: the last name goes on |"), "{text}");
    assert!(text.contains("| documentation | not seen by grep: plain, packed |"), "{text}");
}

#[test]
fn a_path_that_others_could_create_is_said_once_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let old = "/home/ourapp/root-q7";
    let root = tree(dir.path(), old);
    fs::remove_file(dir.path().join("main.c")).unwrap();
    let output = check(dir.path(), &["app", "--old-prefix", old]);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    // The string that goes on with a letter cannot be written anew.
    assert_eq!(output.status.code(), Some(1), "{out}{err}");
    assert!(err.contains(&format!("error: bin/app: names {old}x (offset ")), "{err}");
    assert!(err.contains("--allow-old-path"), "{err}");
    let until = format!(
        "until then what lies below {old} is loaded as code (named by 2 files), configuration (named by 1 file)"
    );
    assert!(err.contains(&until), "{err}");
    assert!(out.contains("what is left") && out.contains("longest new path: 20 bytes"), "{out}");
    let output = check(dir.path(), &["app", "--old-prefix", old, "--allow-old-path", "bin/app"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(root.is_dir());
}

#[test]
fn json_has_every_field_of_a_finding() {
    let dir = tempfile::tempdir().unwrap();
    let old = "/opt/app-q7";
    tree(dir.path(), old);
    let (report, exit) = json(dir.path(), &["app", "--old-prefix", old]);
    assert_eq!(exit, 0, "{report:#}");
    let findings = report["left"]["findings"].as_array().unwrap();
    let string = findings
        .iter()
        .find(|one| {
            one["path"] == "bin/app" && one["kind"] == "string" && one["sample"] == format!("{old}/etc/app.conf")
        })
        .unwrap();
    assert_eq!(string["severity"], "warning");
    assert_eq!(string["section"], ".rodata");
    assert_eq!(string["in_tree"], true);
    assert_eq!(string["fixable"], serde_json::json!({"how": "pad", "longest": old.len()}));
    assert_eq!(string["offset"], string["offsets"][0]);
    let page = findings.iter().find(|one| one["inside"] == "app.1").unwrap();
    assert_eq!((page["path"].as_str(), page["line"].as_u64()), (Some("share/man/man1/app.1.gz"), Some(2)));
    assert!(page["harmless_because"].is_string());
    assert_eq!(report["left"]["wanted"][0]["creatable"], Value::Null);
    assert_eq!(report["left"]["longest_new_path"], old.len());
}

#[test]
fn the_build_directory_is_looked_for_where_it_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("app");
    write(&root.join("etc/mk.conf"), "LOCALBASE= /opt/app-q7\nWRKOBJDIR= /var/tmp/work-q7\n");
    write(&root.join("lib/x.la"), "dependency_libs='-L/var/tmp/work-q7/x/.libs -L/build/typed-q7'\n");
    let (report, _) = json(dir.path(), &["app", "--build-dir", "/build/typed-q7"]);
    let origins: Vec<_> =
        report["left"]["wanted"].as_array().unwrap().iter().map(|one| one["origin"].clone()).collect();
    assert_eq!(origins, ["build-directory", "build-directory"]);
    let named = report["left"]["findings"].as_array().unwrap().iter().filter(|one| one["path"] == "lib/x.la").count();
    assert_eq!(named, 2);
    let output = check(dir.path(), &["app", "--build-dir", "relative"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn where_a_prefix_leads_through_symlinks_is_looked_for_too() {
    let dir = tempfile::tempdir().unwrap();
    let real = dir.path().canonicalize().unwrap().join("real-q7");
    fs::create_dir(&real).unwrap();
    std::os::unix::fs::symlink(&real, dir.path().join("old-q7")).unwrap();
    let old = dir.path().join("old-q7");
    write(&dir.path().join("app/etc/a.conf"), format!("a = {}/x\n", real.display()));
    let (report, _) = json(dir.path(), &["app", "--old-prefix", old.to_str().unwrap()]);
    assert_eq!(report["left"]["wanted"][1]["origin"], "real-path");
    assert_eq!(report["left"]["findings"][0]["wanted"], 1);
}

#[test]
fn a_script_of_the_old_prefix_does_not_hold_until_it_is_rewritten() {
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("app/bin/run");
    write(&script, "#!/opt/app-q7/bin/sh\n");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let output = check(dir.path(), &["app", "--old-prefix", "/opt/app-q7"]);
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(
        err.contains("error: bin/run: names #!/opt/app-q7/bin/sh (line 1): the kernel looks for the interpreter"),
        "{err}"
    );
}

#[test]
fn certificates_that_a_target_has_elsewhere_are_told_with_the_variable() {
    let dir = tempfile::tempdir().unwrap();
    let source = "#include <stdio.h>\nint main(void) { return puts(\"/etc/ssl/certs/ca-certificates.crt\"); }\n";
    write(&dir.path().join("main.c"), source);
    fs::create_dir_all(dir.path().join("app/bin")).unwrap();
    run(dir.path(), "cc", &["main.c", "-o", "app/bin/app"]);
    let (report, _) = json(dir.path(), &["app", "--target", "el9"]);
    let taken = &report["host_data"][0];
    assert_eq!((taken["sort"].as_str(), taken["needs_help"].as_bool()), (Some("certificates"), Some(true)));
    assert_eq!(taken["elsewhere"][0]["paths"][0], "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem");
    assert_eq!(taken["variables"][0]["name"], "SSL_CERT_FILE");
    let output = check(dir.path(), &["app", "--target", "el9"]);
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(err.contains("which is not where el9 has it") && err.contains("set SSL_CERT_FILE"), "{err}");
    let (report, _) = json(dir.path(), &["app", "--target", "debian-13"]);
    assert_eq!(report["host_data"][0]["needs_help"], false);
}

#[test]
fn every_target_has_its_row_of_host_data() {
    let rows: Vec<_> = relocate::remains::host_data::known_targets().collect();
    let targets: Vec<_> = relocate::verify::targets::known_names().collect();
    let (mut sorted, mut wanted) = (rows.clone(), targets);
    sorted.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(sorted, wanted);
}
