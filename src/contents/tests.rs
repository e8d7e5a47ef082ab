use super::sbom::{Subject, cyclonedx};
use super::vulnerable::{List, ListError};
use super::{Contents, Kind, Why};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A database as pkg_add leaves it: a library, a program that needs it, and what the bootstrap brought.
fn tree(database: &str, cwd: &str, way: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let entry = |name: &str, file: &str, text: &str| write(dir.path(), &format!("{database}/{name}/{file}"), text);
    write(dir.path(), "lib/libpcre.so.1", "0123456789");
    write(dir.path(), "sbin/nginx", "0123");
    write(dir.path(), "bin/bmake", "01");
    write(dir.path(), "stray", "1");
    entry("pcre-8.36", "+CONTENTS", &format!("@cwd {cwd}\n@name pcre-8.36\n{way}lib/libpcre.so.1\n@comment MD5:00\n"));
    entry("pcre-8.36", "+BUILD_INFO", "PKGPATH=devel/pcre\nLICENSE=modified-bsd\nPKG_OPTIONS=\n");
    entry("pcre-8.36", "+INSTALLED_INFO", "automatic=yes\n");
    entry(
        "nginx-1.4.7nb5",
        "+CONTENTS",
        &format!(
            "@cwd {cwd}\n@name nginx-1.4.7nb5\n@pkgdep pcre>=8.0\n{way}sbin/nginx\n{way}share/gone\n@ignore\n+DISPLAY\n"
        ),
    );
    entry(
        "nginx-1.4.7nb5",
        "+BUILD_INFO",
        "PKGPATH=www/nginx\nPKG_OPTIONS=uwsgi ssl\nREQUIRES=/opt/a/lib/libpcre.so.1\nREQUIRES=/lib/x86_64-linux-gnu/libcrypt.so.1\n",
    );
    entry("nginx-1.4.7nb5", "+COMMENT", "Lightweight HTTP server\n");
    entry("bmake-20140314", "+CONTENTS", &format!("@cwd {cwd}\n@name bmake-20140314\n{way}bin/bmake\n"));
    entry("bmake-20140314", "+PRESERVE", "");
    write(dir.path(), &format!("{database}/pkgdb.byfile.db"), "index");
    dir
}

#[test]
fn packages_are_told_with_what_they_are_and_why_they_are_there() {
    for (database, cwd, way) in [("var/db/pkg", "/opt/a", ""), ("pkgdb", "/opt/a", ""), ("pkgdb", ".", "../../")] {
        let dir = tree(database, cwd, way);
        let contents = Contents::read(dir.path()).unwrap();
        assert_eq!(contents.findings, []);
        let names: Vec<_> = contents.packages.iter().map(super::Package::full_name).collect();
        assert_eq!(names, ["bmake-20140314", "nginx-1.4.7nb5", "pcre-8.36"], "{database}");
        assert_eq!(contents.unowned, 1, "the stray file");
        let nginx = contents.package("nginx-1.4.7nb5").unwrap();
        assert_eq!((nginx.files, nginx.bytes, nginx.missing, nginx.programs), (1, 4, 1, true));
        assert_eq!(nginx.pkgpath.as_deref(), Some("www/nginx"));
        assert_eq!(nginx.options.iter().collect::<Vec<_>>(), ["ssl", "uwsgi"]);
        assert_eq!(nginx.why, Why::Requested);
        assert!(nginx.depends.contains("pcre-8.36"));
        assert!(nginx.host_libraries.contains("/lib/x86_64-linux-gnu/libcrypt.so.1"));
        let pcre = contents.package("pcre-8.36").unwrap();
        assert_eq!(pcre.why, Why::NeededBy(["nginx-1.4.7nb5".to_owned()].into()));
        assert_eq!((pcre.license.as_deref(), pcre.bytes), (Some("modified-bsd"), 10));
        assert_eq!(contents.package("bmake-20140314").unwrap().why, Why::Bootstrap);
    }
}

#[test]
fn libraries_of_the_prefix_itself_are_not_the_hosts() {
    let dir = tree("var/db/pkg", "/opt/a", "");
    let contents = Contents::read(dir.path()).unwrap();
    assert_eq!(contents.package("nginx-1.4.7nb5").unwrap().host_libraries.len(), 1);
}

#[test]
fn an_entry_that_cannot_be_read_is_told_and_the_others_too() {
    let dir = tree("pkgdb", "/opt/a", "");
    write(dir.path(), "pkgdb/half-1.0/+CONTENTS", "bin/half\n");
    fs::remove_dir_all(dir.path().join("pkgdb/pcre-8.36")).unwrap();
    let contents = Contents::read(dir.path()).unwrap();
    let kinds: Vec<_> = contents.findings.iter().map(|finding| finding.kind.as_str()).collect();
    assert!(kinds.contains(&"package-unreadable") && kinds.contains(&"dependency-missing"), "{kinds:?}");
    assert_eq!(contents.packages.len(), 2);
}

#[test]
fn a_name_that_leads_out_of_the_tree_is_no_file_of_it() {
    let dir = tree("pkgdb", "/opt/a", "");
    write(dir.path(), "pkgdb/evil-1/+CONTENTS", "@name evil-1\n@cwd /opt/a\n../../etc/passwd\n@cwd /etc\npasswd\n");
    let contents = Contents::read(dir.path()).unwrap();
    assert_eq!(contents.package("evil-1").unwrap().files, 0);
}

#[test]
fn wheels_are_told_unless_a_package_brought_them() {
    let dir = tree("pkgdb", "/opt/a", "");
    let site = "lib/python3.11/site-packages";
    let metadata = "Metadata-Version: 2.1\nName: Py_Thing\nVersion: 2.0\nLicense: UNKNOWN\nClassifier: License :: OSI Approved :: MIT License\nSummary: A thing\n\nName: no\n";
    write(dir.path(), &format!("{site}/py_thing-2.0.dist-info/METADATA"), metadata);
    write(
        dir.path(),
        &format!("{site}/py_thing-2.0.dist-info/RECORD"),
        "py_thing.py,sha256=x,3\npy_thing-2.0.dist-info/METADATA,,\n",
    );
    write(dir.path(), &format!("{site}/py_thing.py"), "one");
    let contents = Contents::read(dir.path()).unwrap();
    let wheel = contents.package("Py_Thing-2.0").unwrap();
    assert_eq!((wheel.kind, wheel.files, wheel.license.as_deref()), (Kind::Wheel, 2, Some("MIT License")));
    assert_eq!(contents.unowned, 2, "the stray file and RECORD itself, which lists itself in real ones");
    write(
        dir.path(),
        "pkgdb/py-thing-2.0/+CONTENTS",
        &format!("@name py-thing-2.0\n@cwd /opt/a\n{site}/py_thing-2.0.dist-info/METADATA\n"),
    );
    let contents = Contents::read(dir.path()).unwrap();
    assert!(contents.package("Py_Thing-2.0").is_none() && contents.package("py-thing-2.0").is_some());
}

#[test]
fn the_bill_of_materials_is_the_same_every_time_and_leads_from_part_to_part() {
    let dir = tree("pkgdb", "/opt/a", "");
    let bill = |dir: &TempDir| {
        cyclonedx(&Contents::read(dir.path()).unwrap(), Subject { name: "app", tool_version: "1" }).unwrap()
    };
    assert_eq!(bill(&dir), bill(&tree("pkgdb", "/opt/a", "")));
    let bill: serde_json::Value = serde_json::from_slice(&bill(&dir)).unwrap();
    assert_eq!((&bill["bomFormat"], &bill["specVersion"]), (&"CycloneDX".into(), &"1.5".into()));
    assert!(bill.get("serialNumber").is_none() && bill["metadata"].get("timestamp").is_none());
    let purl = "pkg:generic/pkgsrc/nginx@1.4.7nb5?pkgpath=www%2Fnginx";
    let dependency =
        |of: &str| bill["dependencies"].as_array().unwrap().iter().find(|row| row["ref"] == of).unwrap().clone();
    assert_eq!(dependency(purl)["dependsOn"], serde_json::json!(["pkg:generic/pkgsrc/pcre@8.36?pkgpath=devel%2Fpcre"]));
    assert_eq!(dependency("tree")["dependsOn"], serde_json::json!([purl]));
    let references: Vec<_> =
        bill["components"].as_array().unwrap().iter().map(|row| row["bom-ref"].as_str().unwrap()).collect();
    let rows = bill["dependencies"].as_array().unwrap();
    assert!(
        rows.iter()
            .flat_map(|row| row["dependsOn"].as_array().into_iter().flatten())
            .all(|to| references.contains(&to.as_str().unwrap()))
    );
}

const LIST: &str = "# $NetBSD: pkg-vulnerabilities,v 1.1 2014/11/01 00:00:00 x Exp $\n#\n#FORMAT 1.1.0\n\n\
    nginx<1.4.8\tdenial-of-service\thttp://example.org/1\npcre<8.36\tsensitive\thttp://example.org/2\n\
    nginx-1.4.[0-9]*\teol\thttp://example.org/3\n#old entry\n";

#[test]
fn a_package_meets_the_patterns_that_pkg_admin_would_meet() {
    let dir = tree("pkgdb", "/opt/a", "");
    let contents = Contents::read(dir.path()).unwrap();
    let list = List::parse(LIST.as_bytes()).unwrap();
    assert_eq!((list.len(), list.is_signed), (3, false));
    let urls = |ignored: &[String], end_of_life| {
        let found = list.matches(&contents.packages, ignored, end_of_life);
        found.into_iter().map(|found| format!("{} {}", found.package, found.url)).collect::<Vec<_>>()
    };
    assert_eq!(urls(&[], false), ["nginx-1.4.7nb5 http://example.org/1"]);
    assert_eq!(urls(&[], true).len(), 2);
    assert_eq!(urls(&["http://example.org/1".to_owned()], false), Vec::<String>::new());
}

#[test]
fn a_list_that_is_none_or_cut_short_is_refused() {
    let parse = |text: &str| List::parse(text.as_bytes()).unwrap_err();
    assert_eq!(parse(""), ListError::NotAList);
    assert_eq!(parse("<html>\n"), ListError::NotAList);
    assert_eq!(parse("a\tb\thttp://c\n#FORMAT 1.1.0\n"), ListError::NotAList);
    assert_eq!(parse("#FORMAT 2.0.0\n"), ListError::Format("2.0.0".to_owned()));
    assert_eq!(parse(&LIST[..LIST.len() - 1]), ListError::Cut);
    assert_eq!(parse("#FORMAT 1.1.0\nnginx<1\n"), ListError::Line(2, "has no class"));
    assert_eq!(parse("#FORMAT 1.1.0\nnginx<1\tx\n"), ListError::Line(2, "has no address"));
}

#[test]
fn the_lists_own_sums_are_checked() {
    // As sha1sum and sha512sum tell them of these two lines.
    let body = "#FORMAT 1.1.0\na<1\tx\thttp://u\n";
    let sum = "e327cc753cca380bc71fff9ca832a953d03ec672";
    let long = "98a8d110262d1d78be69d691d7185549d08ad037e6227b83bf26d818aeff1cc41a1d47fd6c09a90aef13669ddef9fbd744bcb2de44009fc77351f846dd683ac9";
    let right = format!("# $NetBSD: x $\n{body}\n#CHECKSUM SHA1 {sum}\n#CHECKSUM SHA512 {long}\n");
    assert_eq!(List::parse(right.as_bytes()).unwrap().sums, ["SHA1", "SHA512"]);
    let wrong = format!("{body}b<1\tx\thttp://u\n#CHECKSUM SHA1 {sum}\n");
    assert_eq!(List::parse(wrong.as_bytes()).unwrap_err(), ListError::Sum("SHA1"));
    assert_eq!(List::parse(format!("{body}#CHECKSUM SHA1\n").as_bytes()).unwrap_err(), ListError::Line(3, "is no sum"));
    let unknown = format!("{body}#CHECKSUM BLAKE9 00\n");
    assert_eq!(List::parse(unknown.as_bytes()).unwrap().sums, Vec::<&str>::new());
}

#[test]
fn only_what_was_signed_counts() {
    let signed = |before: &str, body: &str, after: &str| {
        format!(
            "{before}-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n{body}-----BEGIN PGP SIGNATURE-----\n\nx\n-----END PGP SIGNATURE-----\n{after}"
        )
    };
    let list = List::parse(signed("", LIST, "").as_bytes()).unwrap();
    assert_eq!((list.len(), list.is_signed), (3, true));
    for (before, after) in [("evil\n", ""), ("", "evil<9\tx\thttp://u\n")] {
        assert_eq!(List::parse(signed(before, LIST, after).as_bytes()).unwrap_err(), ListError::Outside);
    }
    let twice = signed("", LIST, &signed("", LIST, ""));
    assert_eq!(List::parse(twice.as_bytes()).unwrap_err(), ListError::Outside);
    assert_eq!(
        List::parse(signed("", LIST, "").split("-----BEGIN PGP SIGNATURE").next().unwrap().as_bytes()).unwrap_err(),
        ListError::Cut
    );
}

proptest::proptest! {
    #[test]
    fn no_list_makes_it_panic(text in "(-----BEGIN PGP SIGNED MESSAGE-----\n|-----BEGIN PGP SIGNATURE-----\n|-----END PGP SIGNATURE-----\n|#FORMAT 1.1.0\n|#CHECKSUM SHA1 00\n|a<1\tb\tc\n|[ -~\n]{0,9}){0,12}") {
        let _ = List::parse(text.as_bytes());
    }

    #[test]
    fn no_database_entry_makes_it_panic(text in "(@cwd |@name |@pkgdep |@comment MD5:|@ignore\n|\\.\\./|/|[ -~\n]{0,9}){0,12}") {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "pkgdb/x-1/+CONTENTS", &text);
        let _ = Contents::read(dir.path()).unwrap();
    }
}
