//! Locks: what is written reads back, and two of them differ in named fields.

use relocate::base::digest::Digest;
use relocate::recipe::{
    LOCK_SCHEMA, Lock, LockedBootstrap, LockedDistfile, LockedPackage, LockedToolchain, LockedTree, package_id,
};
use std::collections::BTreeMap;

pub(crate) fn package(pkgpath: &str, pkgname: &str, variables: &[(&str, &str)]) -> (String, LockedPackage) {
    let variables: BTreeMap<_, _> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let distfile = LockedDistfile { sha256: Digest::of(pkgname.as_bytes()), size: 123 };
    let package = LockedPackage {
        pkgpath: pkgpath.to_owned(),
        pkgname: pkgname.to_owned(),
        options: vec!["uwsgi".to_owned()],
        depends: vec!["pcre-8.38".to_owned(), "zlib-1.2.8".to_owned()],
        key: Digest::of(b"key"),
        distfiles: BTreeMap::from([(format!("{pkgname}.tar.gz"), distfile)]),
        variables: variables.clone(),
    };
    (package_id(pkgpath, &variables), package)
}

pub(crate) fn lock() -> Lock {
    Lock {
        schema: LOCK_SCHEMA,
        source_date_epoch: 1_459_468_800,
        tree: LockedTree {
            from: "https://host/pkgsrc.tar.gz".to_owned(),
            digest: Digest::of(b"tree"),
            sha256: Some(Digest::of(b"archive")),
            overlays: vec!["overlay".to_owned()],
        },
        bootstrap: LockedBootstrap {
            arguments: vec!["--prefix=/home/ourapp/root".to_owned(), "--unprivileged".to_owned()],
            environment: BTreeMap::from([("CFLAGS".to_owned(), "-std=gnu89 \"x\"\\".to_owned())]),
        },
        toolchain: LockedToolchain {
            compiler: "gcc".to_owned(),
            version: "10.2.1".to_owned(),
            linker: "GNU ld 2.35.2".to_owned(),
            libc: "glibc 2.31".to_owned(),
            cflags: "-O2 -march=x86-64".to_owned(),
            cxxflags: "-O2 -march=x86-64".to_owned(),
            ldflags: String::new(),
        },
        packages: BTreeMap::from([
            package("www/nginx", "nginx-1.8.1", &[]),
            package("devel/py-pip", "py27-pip-8.1.1", &[("PYTHON_VERSION_REQD", "27")]),
            package("devel/py-pip", "py34-pip-8.1.1", &[("PYTHON_VERSION_REQD", "34")]),
        ]),
    }
}

#[test]
fn a_lock_reads_back_as_it_was_written() {
    let lock = lock();
    let text = lock.to_text();
    assert_eq!(Lock::parse(&text).as_ref(), Ok(&lock), "{text}");
    for line in [
        "[packages.\"devel/py-pip PYTHON_VERSION_REQD=27\"]",
        "[packages.\"www/nginx\".distfiles.\"nginx-1.8.1.tar.gz\"]",
        "pkgname = \"nginx-1.8.1\"",
        "    \"pcre-8.38\",",
        "size = 123",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    let least = Lock { packages: BTreeMap::new(), ..lock };
    assert_eq!(Lock::parse(&least.to_text()), Ok(least));
}

#[test]
fn a_changed_field_is_one_changed_line() {
    let (old, mut new) = (lock(), lock());
    new.packages.get_mut("www/nginx").unwrap().depends[1] = "zlib-1.2.9".to_owned();
    let (old, new) = (old.to_text(), new.to_text());
    let changed = old.lines().zip(new.lines()).filter(|(old, new)| old != new).count();
    assert_eq!((changed, old.lines().count()), (1, new.lines().count()));
}

#[test]
fn differences_name_their_fields() {
    let (old, mut new) = (lock(), lock());
    assert_eq!(old.differences(&old), []);
    let nginx = new.packages.get_mut("www/nginx").unwrap();
    nginx.distfiles.get_mut("nginx-1.8.1.tar.gz").unwrap().sha256 = Digest::of(b"other");
    nginx.options.push("-ipv6".to_owned());
    new.packages.remove("devel/py-pip PYTHON_VERSION_REQD=34");
    new.packages.extend([package("textproc/libxml2", "libxml2-2.9.3", &[])]);
    new.bootstrap.environment.insert("LIBS".to_owned(), "-lfl".to_owned());
    new.tree.sha256 = None;
    new.toolchain.version = "12.2.0".to_owned();
    let told: Vec<_> = old.differences(&new).iter().map(ToString::to_string).collect();
    let archive = Digest::of(b"archive");
    let (was, is) = (Digest::of(b"nginx-1.8.1"), Digest::of(b"other"));
    assert_eq!(
        told,
        [
            "bootstrap.environment.LIBS is not in the lock and '-lfl' now".to_owned(),
            "packages.\"devel/py-pip PYTHON_VERSION_REQD=34\" is 'py34-pip-8.1.1' in the lock and not there now"
                .to_owned(),
            "packages.\"textproc/libxml2\" is not in the lock and 'libxml2-2.9.3' now".to_owned(),
            format!(
                "packages.\"www/nginx\".distfiles.\"nginx-1.8.1.tar.gz\".sha256 is '{was}' in the lock and '{is}' now"
            ),
            "packages.\"www/nginx\".options is [uwsgi] in the lock and [uwsgi -ipv6] now".to_owned(),
            "toolchain.version is '10.2.1' in the lock and '12.2.0' now".to_owned(),
            format!("tree.sha256 is '{archive}' in the lock and not there now"),
        ]
    );
}

#[test]
fn a_whole_environment_is_told_variable_by_variable() {
    let (old, mut new) = (lock(), lock());
    new.bootstrap.environment.clear();
    new.packages.get_mut("www/nginx").unwrap().distfiles.clear();
    let fields: Vec<_> = old.differences(&new).into_iter().map(|difference| difference.field).collect();
    assert_eq!(fields, ["bootstrap.environment.CFLAGS", "packages.\"www/nginx\".distfiles.\"nginx-1.8.1.tar.gz\""]);
}

#[test]
fn a_lock_that_is_none_is_refused_with_its_place() {
    let text = lock().to_text();
    for (broken, told) in [
        (text.replace("schema = 1", "schema = 2"), "line 2, column 10: the lock has schema 2"),
        (text.replace("schema = 1\n", ""), "schema"),
        (text.replace("size = 123", "size = -1"), "`-1`"),
        (text.replace("libc = ", "lbc = "), "lbc"),
        (
            text.replace("pkgpath = \"www/nginx\"", "pkgpath = \"www/ngix\""),
            "packages.\"www/nginx\" is the entry of 'www/ngix'",
        ),
        (text.replacen("sha256 = \"", "sha256 = \"x", 1), "64 hexadecimal digits"),
        (format!("<<<<<<< HEAD\n{text}"), "line 1, column 9"),
        (String::new(), "schema"),
    ] {
        let error = Lock::parse(&broken).unwrap_err().to_string();
        assert!(error.contains(told), "{told}: {error}");
    }
}
