use super::*;

fn entry(database: &Path, name: &str, files: &[(&str, &str)]) {
    fs::create_dir_all(database.join(name)).unwrap();
    for (file, text) in files {
        fs::write(database.join(name).join(file), text).unwrap();
    }
}

#[test]
fn what_is_wrong_with_an_entry_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let (database, prefix) = (dir.path().join("db"), dir.path().join("p"));
    fs::create_dir_all(prefix.join("bin")).unwrap();
    fs::write(prefix.join("bin/there"), "").unwrap();
    let list = |text: &str| format!("@cwd {}\n@name x\n{text}", prefix.display());
    entry(&database, "lib-1", &[("+CONTENTS", &list("bin/there\n")), ("+REQUIRED_BY", "good-1\n")]);
    entry(
        &database,
        "good-1",
        &[("+CONTENTS", &list("@pkgdep lib>=1\n@ignore\n+X\n")), ("+INSTALLED_INFO", "automatic=yes\n")],
    );
    entry(&database, "unknown-1", &[("+CONTENTS", &list("@pkgdep lib>=1\n"))]);
    entry(&database, "half-1", &[("+CONTENTS", &list("bin/there\nbin/gone\n"))]);
    entry(&database, "empty-1", &[]);
    fs::write(database.join("pkgdb.byfile.db"), "").unwrap();
    let packages = read(&database).unwrap();
    let damage = |name: &str| packages[name].damage.clone();
    assert_eq!(damage("lib-1"), None);
    assert_eq!(damage("good-1"), None);
    assert!(packages["good-1"].is_automatic && !packages["lib-1"].is_automatic);
    assert_eq!(damage("unknown-1").unwrap(), "what it needs as lib>=1 does not know of it");
    assert_eq!((damage("half-1"), &packages["half-1"].absent), (None, &vec![prefix.join("bin/gone")]));
    assert!(packages["good-1"].absent.is_empty());
    assert_eq!(damage("empty-1").unwrap(), "+CONTENTS is missing");
    assert_eq!(packages.len(), 5);
    let kept = closure(&packages, &BTreeSet::from(["good-1".to_owned()]));
    assert_eq!(kept.into_iter().collect::<Vec<_>>(), ["good-1", "lib-1"]);
}

#[test]
fn a_database_that_is_not_there_holds_nothing() {
    assert!(read(Path::new("/nonexistent/db")).unwrap().is_empty());
}

#[test]
fn dates_are_those_of_the_calendar() {
    let rows = [
        (0, "1970-01-01 00:00:00 +0000"),
        (1_414_843_200, "2014-11-01 12:00:00 +0000"),
        (951_782_399, "2000-02-28 23:59:59 +0000"),
        (951_782_400, "2000-02-29 00:00:00 +0000"),
        (-1, "1969-12-31 23:59:59 +0000"),
    ];
    for (epoch, date) in rows {
        assert_eq!(fixed_date(epoch), date);
    }
    // Any number is some date.
    let _ = (fixed_date(i64::MAX), fixed_date(i64::MIN));
}
