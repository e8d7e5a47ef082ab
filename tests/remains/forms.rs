//! Text, compiled Python, manual pages, jars, two-byte characters: what grep finds, and what it does not.

use crate::fixtures::{OLD, look_as, look_in, only, path_of, run};
use relocate::remains::{Form, Hold, Place, Spelling};
use std::fs;

#[test]
fn text_is_told_by_line_and_use() {
    let text = format!("#!{OLD}/bin/python3\n# see {OLD}/doc\nx = \"{OLD}/etc\"\ny = \"{OLD}2\"\nz = /tmp/dest{OLD}\n");
    let looked = look_as("bin/x", text.as_bytes());
    let told: Vec<_> = looked.mentions.iter().map(|one| (one.line, one.place, one.hold)).collect();
    let expected = [
        (Some(1), Place::FirstLine, Hold::Whole),
        (Some(2), Place::Comment, Hold::Whole),
        (Some(3), Place::Somewhere, Hold::Whole),
        (Some(4), Place::Somewhere, Hold::LongerName),
        (Some(5), Place::Somewhere, Hold::TailOfAnother),
    ];
    assert_eq!(told, expected);
    assert!(looked.mentions.iter().all(|one| one.form == Form::Script && one.spelling == Spelling::Plain));
    assert_eq!(looked.mentions[3].hold.why_harmless(), Some("another path: the last name goes on"));
}

#[test]
fn escaped_and_encoded_spellings_are_found() {
    let dot = "/opt/app-1.2/root-q7";
    let wanted = relocate::remains::Wanted::new([(crate::fixtures::prefix(dot), relocate::remains::Origin::OldPrefix)]);
    let rows: [(String, Spelling, &str); 6] = [
        (format!("{{\"a\": \"{}\\/lib\"}}", dot.replace('/', "\\/")), Spelling::Escaped, "/lib"),
        (format!("s|{}/x|y|", dot.replace('.', "\\.")), Spelling::Escaped, "/x"),
        (format!("s/{}\\/x/y/", dot.replace('.', "\\.").replace('/', "\\/")), Spelling::Escaped, "/x"),
        (format!("\"{{\\\"a\\\": \\\"{}\\\\/b\\\"}}\"", dot.replace('/', "\\\\/")), Spelling::Escaped, "/b"),
        (format!("u=file%3A%2F%2F{}%2Fa", dot.replace('/', "%2F")), Spelling::Percent, "/a"),
        (format!("file://{dot}/a%20b"), Spelling::Plain, "/a"),
    ];
    for (text, spelling, rest) in rows {
        let looked = relocate::remains::look(&crate::fixtures::rel("etc/x"), text.as_bytes(), &wanted);
        let one = only(&looked);
        assert_eq!((one.spelling, one.hold), (spelling, Hold::Whole), "{text}");
        assert_eq!(path_of(one), format!("{dot}{rest}"), "{text}");
    }
}

#[test]
fn a_prefix_with_blanks_is_found_in_a_url() {
    let spaced = "/srv/our app/root";
    let wanted =
        relocate::remains::Wanted::new([(crate::fixtures::prefix(spaced), relocate::remains::Origin::OldPrefix)]);
    let text = b"Url=file:///srv/our%20app/root/share/doc\n";
    let looked = relocate::remains::look(&crate::fixtures::rel("x.desktop"), text, &wanted);
    assert_eq!((only(&looked).spelling, only(&looked).offset), (Spelling::Percent, 11));
}

#[test]
fn two_byte_characters_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let code = format!("open('x.reg', 'w', encoding='utf-16').write('a={OLD}/lib b={OLD}2')");
    run(dir.path(), "python3", &["-c", &code]);
    let looked = look_in(dir.path(), "x.reg");
    let told: Vec<_> = looked.mentions.iter().map(|one| (one.spelling, one.hold, path_of(one))).collect();
    let expected =
        [(Spelling::Utf16, Hold::Whole, format!("{OLD}/lib")), (Spelling::Utf16, Hold::LongerName, format!("{OLD}2"))];
    assert_eq!(told, expected);
}

#[test]
fn a_compressed_manual_page_is_read() {
    let dir = tempfile::tempdir().unwrap();
    for (tool, name) in [("gzip", "app.1.gz"), ("zstd", "app.1.zst")] {
        fs::write(dir.path().join("app.1"), format!(".TH APP 1\n.SH FILES\n\\fB{OLD}/etc/app.conf\\fP\n")).unwrap();
        run(dir.path(), tool, &["-q", "-f", "app.1"]);
        let looked = look_in(dir.path(), name);
        // Short literals stand in a zstd frame as they are, so that one is found twice.
        let inside: Vec<_> = looked.mentions.iter().filter(|one| one.inside.is_some()).collect();
        let [one] = inside[..] else { panic!("{looked:?}") };
        assert_eq!((one.inside.as_deref(), one.line, one.hold), (Some(&b"app.1"[..]), Some(3), Hold::Whole));
    }
}

#[test]
fn what_is_compressed_in_another_way_is_said_to_be_unread() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.1"), format!("{OLD}\n")).unwrap();
    run(dir.path(), "xz", &["a.1"]);
    let looked = look_in(dir.path(), "a.1.xz");
    let why: Vec<_> = looked.unread.iter().map(|unread| unread.why.to_string()).collect();
    assert_eq!(why, ["is compressed with xz, which is not looked into"]);
}

/// A jar with a compressed class, a stored text, and a jar in it.
const MAKE_JAR: &str = r#"
import sys, zipfile
old = sys.argv[1].encode()
with zipfile.ZipFile("inner.jar", "w", zipfile.ZIP_DEFLATED) as jar:
    jar.writestr("deep/conf.properties", b"home=" + old + b"/deep\n" + b"x" * 500)
with zipfile.ZipFile("outer.jar", "w", zipfile.ZIP_DEFLATED) as jar:
    jar.writestr("App.class", b"\xca\xfe\xba\xbe\0\0" + old + b"/lib\0" + b"y" * 500)
    jar.writestr("stored.txt", b"at " + old + b"/stored\n", zipfile.ZIP_STORED)
    jar.write("inner.jar", compress_type=zipfile.ZIP_STORED)
    jar.write("inner.jar", "packed.jar")
"#;

#[test]
fn a_jar_and_the_jars_in_it_are_read() {
    let dir = tempfile::tempdir().unwrap();
    run(dir.path(), "python3", &["-c", MAKE_JAR, OLD]);
    let looked = look_in(dir.path(), "outer.jar");
    let mut told: Vec<_> = looked
        .mentions
        .iter()
        .map(|one| (String::from_utf8_lossy(one.inside.as_deref().unwrap_or(b"-")).into_owned(), path_of(one)))
        .collect();
    told.sort();
    let expected = [
        ("-".to_owned(), format!("{OLD}/stored")),
        ("App.class".to_owned(), format!("{OLD}/lib")),
        ("inner.jar!deep/conf.properties".to_owned(), format!("{OLD}/deep")),
        ("packed.jar!deep/conf.properties".to_owned(), format!("{OLD}/deep")),
    ];
    assert_eq!(told, expected);
    assert!(looked.unread.is_empty(), "{:?}", looked.unread);
}

#[test]
fn a_compiled_module_tells_its_source_from_its_values() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("lib")).unwrap();
    fs::write(
        dir.path().join("lib/mod.py"),
        format!("HOME = '{OLD}/etc'\ndef f():\n    return HOME + '{OLD}/lib/x.py'\n"),
    )
    .unwrap();
    let code = format!("import py_compile; py_compile.compile('lib/mod.py', dfile='{OLD}/lib/mod.py')");
    run(dir.path(), "python3", &["-c", &code]);
    let cached = fs::read_dir(dir.path().join("lib/__pycache__")).unwrap().next().unwrap().unwrap().file_name();
    let looked = look_in(dir.path(), &format!("lib/__pycache__/{}", cached.to_str().unwrap()));
    let mut told: Vec<_> = looked.mentions.iter().map(|one| (one.place, path_of(one))).collect();
    told.sort_by(|a, b| a.1.cmp(&b.1));
    told.dedup();
    let expected = [
        (Place::Constant, format!("{OLD}/etc")),
        (Place::SourceName, format!("{OLD}/lib/mod.py")),
        (Place::Constant, format!("{OLD}/lib/x.py")),
    ];
    assert_eq!(told, expected);
    assert!(looked.mentions.iter().all(|one| one.form == Form::Pyc));
}
