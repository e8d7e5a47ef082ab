use super::*;
use crate::base::child::run;

fn assignment(name: &str, how: How, value: &str) -> Assignment {
    Assignment { name: name.to_owned(), how, value: value.to_owned() }
}

/// What bmake makes of a makefile: the value of the variable.
fn value_of(makefile: &Path, variable: &str) -> String {
    let arguments = ["bmake", "-r", "-f", makefile.to_str().unwrap(), "-V", &format!("${{{variable}}}")];
    let finished = run(&arguments).unwrap();
    let text = String::from_utf8(finished.output).unwrap();
    assert!(finished.success, "{text}");
    text.trim_end_matches('\n').to_owned()
}

#[test]
fn bmake_sees_the_values_as_they_were_given() {
    let etc = tempfile::tempdir().unwrap();
    let values = ["a#b", "-Wl,-z,origin '$ORIGIN/../lib' \"q\"", "${NOT_A_VARIABLE}", "back\\slash", "tab\there", ""];
    let variables: Vec<_> =
        values.iter().enumerate().map(|(at, value)| assignment(&format!("VALUE.{at}"), How::Set, value)).collect();
    let text = render(&Settings { variables: &variables, ..Settings::default() }).unwrap();
    fs::write(etc.path().join("mk.conf"), "BSD_PKG_MK=1\n").unwrap();
    install(etc.path(), &text).unwrap();
    for (at, value) in values.iter().enumerate() {
        assert_eq!(value_of(&etc.path().join("mk.conf"), &format!("VALUE.{at}")), *value);
    }
}

#[test]
fn the_recipe_wins_over_bootstrap_and_read_twice_nothing_is_added_twice() {
    let etc = tempfile::tempdir().unwrap();
    let variables = [
        assignment("PREFER_PKGSRC", How::Set, "no"),
        assignment("CFLAGS", How::Append, "-g"),
        assignment("LIST", How::Set, "a"),
        assignment("LIST", How::Append, "b"),
    ];
    let settings = Settings { make_jobs: Some(3), variables: &variables, ..Settings::default() };
    let text = render(&settings).unwrap();
    let conf = ".ifdef BSD_PKG_MK\t# begin pkgsrc settings\nPREFER_PKGSRC=\tyes\n.endif\t# end pkgsrc settings\n";
    fs::write(etc.path().join("mk.conf"), conf).unwrap();
    install(etc.path(), &text).unwrap();
    let top = etc.path().join("Makefile");
    fs::write(&top, "BSD_PKG_MK=1\nCFLAGS=-O\n.include \"mk.conf\"\n.include \"mk.conf\"\n").unwrap();
    assert_eq!(value_of(&top, "CFLAGS"), "-O -g");
    assert_eq!(value_of(&top, "PREFER_PKGSRC"), "no");
    assert_eq!(value_of(&top, "LIST"), "a b");
    assert_eq!(value_of(&top, "MAKE_JOBS"), "3");
}

#[test]
fn outside_of_pkgsrc_nothing_is_set() {
    let etc = tempfile::tempdir().unwrap();
    let variables = [assignment("CFLAGS", How::Set, "-g")];
    let text = render(&Settings { variables: &variables, ..Settings::default() }).unwrap();
    install(etc.path(), &text).unwrap();
    assert_eq!(value_of(&etc.path().join("mk.conf"), "CFLAGS"), "");
}

#[test]
fn a_second_time_nothing_changes_and_what_others_wrote_stays() {
    let etc = tempfile::tempdir().unwrap();
    let conf = etc.path().join("mk.conf");
    fs::write(&conf, "A=1\n.sinclude \"relocate.mk\"\nB=2").unwrap();
    assert_eq!(install(etc.path(), "X=1\n").unwrap().len(), 2);
    assert_eq!(fs::read_to_string(&conf).unwrap(), "A=1\nB=2\n.sinclude \"relocate.mk\"\n");
    assert!(install(etc.path(), "X=1\n").unwrap().is_empty());
    assert_eq!(install(etc.path(), "X=2\n").unwrap(), BTreeSet::from([etc.path().join(NAME)]));
}

#[test]
fn a_last_line_that_goes_on_does_not_swallow_ours() {
    assert_eq!(with_include(b"A= 1 \\\n"), b"A= 1 \\\n\n.sinclude \"relocate.mk\"\n");
    assert_eq!(with_include(b"A= 1 \\"), b"A= 1 \\\n\n.sinclude \"relocate.mk\"\n");
    assert_eq!(with_include(b""), b".sinclude \"relocate.mk\"\n");
}

#[test]
fn what_no_makefile_line_can_hold_is_refused_all_at_once() {
    let variables = [
        assignment("A", How::Set, "x\nB=y"),
        assignment("A B", How::Set, ""),
        assignment("C", How::Set, "ends in \\"),
        assignment("D", How::Set, "\\#"),
        assignment("LOCALBASE", How::Set, "/x"),
        assignment("E+", How::Set, "x"),
        assignment(".if", How::Set, "x"),
        assignment("F", How::Set, "\0"),
    ];
    let wrong = render(&Settings { variables: &variables, ..Settings::default() }).unwrap_err();
    let said: Vec<_> = wrong.iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 8, "{said:?}");
    assert!(said[0].contains("a line break") && said[4].contains("LOCALBASE"), "{said:?}");
}

#[test]
fn options_and_licences_are_lists() {
    let licenses = ["mongo-license".to_owned(), "ruby-license".to_owned()];
    let options = [("PKG_OPTIONS.nginx".to_owned(), vec!["uwsgi".to_owned(), "-inet6".to_owned()])];
    let settings = Settings { distdir: Some("/d"), licenses: &licenses, options: &options, ..Settings::default() };
    let text = render(&settings).unwrap();
    assert!(text.contains("\nACCEPTABLE_LICENSES+=\tmongo-license ruby-license\n.endif\nDISTDIR=\t/d\n"), "{text}");
    assert!(text.contains("\nPKG_OPTIONS.nginx=\tuwsgi -inet6\n"), "{text}");
}
