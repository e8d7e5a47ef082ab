//! What a finding weighs, and what can be done about it.

use crate::fixtures::{OLD, look_as, prefix, rel};
use relocate::base::finding::Severity;
use relocate::base::glob::Globs;
use relocate::base::path::RelPath;
use relocate::loader::tree::{Node, Tree};
use relocate::remains::{
    About, Accepted, Finding, Fixable, Kind, Load, Looked, Mention, Origin, Packages, Remains, Wanted, judge, look,
    owner,
};

/// A tree that has these files and the directories they lie in.
fn tree(files: &[&str]) -> Tree {
    let mut nodes = Vec::new();
    for file in files.iter().map(|file| rel(file)) {
        let mut above = file.parent();
        while let Some(directory) = above {
            above = directory.parent();
            nodes.push((directory, Node::Dir));
        }
        nodes.push((file, Node::File(None)));
    }
    Tree::new(nodes, vec![prefix(OLD)])
}

struct Case<'a> {
    wanted: Wanted,
    tree: Tree,
    fixed: &'a dyn Fn(&RelPath, u64) -> bool,
    allow: Globs,
}

impl<'a> Case<'a> {
    fn new(old: &str, fixed: &'a dyn Fn(&RelPath, u64) -> bool) -> Self {
        let wanted = Wanted::new([(prefix(old), Origin::OldPrefix)]);
        Self { wanted, tree: tree(&["etc/app.conf", "lib/x.so", "bin/app"]), fixed, allow: Globs::default() }
    }

    fn judge(&self, files: Vec<(RelPath, Looked)>) -> Remains {
        let about = About {
            wanted: &self.wanted,
            tree: &self.tree,
            packages: &Packages::default(),
            fixed_at_final_path: self.fixed,
            allow: &self.allow,
        };
        judge(files, &about)
    }

    fn of_bytes(&self, path: &str, bytes: &[u8]) -> Remains {
        let looked = look(&rel(path), bytes, &self.wanted);
        assert!(!looked.mentions.is_empty(), "{path}");
        self.judge(vec![(rel(path), looked)])
    }
}

fn only(remains: &Remains) -> &Finding {
    let [one] = remains.findings.as_slice() else { panic!("one finding: {remains:#?}") };
    one
}

const FIXED: &dyn Fn(&RelPath, u64) -> bool = &|_, _| true;
const KEPT: &dyn Fn(&RelPath, u64) -> bool = &|_, _| false;

/// An ELF file by its first bytes alone, with a string in it; it has no headers to name a section by.
fn elf_with(string: &str) -> Mention {
    let mut mentions = look_as("bin/app", format!("\0{string}\0").as_bytes()).mentions;
    mentions[0].form = relocate::remains::Form::Elf;
    mentions[0].section = Some(Box::from(&b".rodata"[..]));
    mentions.remove(0)
}

fn elf_case(case: &Case<'_>, string: &str) -> Remains {
    let looked = Looked { mentions: vec![elf_with(string)], ..Looked::default() };
    case.judge(vec![(rel("bin/app"), looked)])
}

#[test]
fn a_string_that_will_be_written_anew_is_a_warning_with_its_room() {
    let remains = elf_case(&Case::new(OLD, FIXED), &format!("{OLD}/etc/app.conf"));
    let one = only(&remains);
    assert_eq!((one.kind, one.severity, one.in_tree), (Kind::ElfString, Severity::Warning, true));
    assert_eq!(one.fixable, Fixable::Pad(OLD.len() as u64));
    assert_eq!(one.risk.unwrap().0, Load::Configuration);
    assert_eq!(remains.longest_new_path, Some(OLD.len() as u64));
    assert!(!remains.has_errors());
    assert_eq!(remains.summary, format!("1 ELF (fixed at the final path); longest new path: {} bytes", OLD.len()));
}

#[test]
fn a_string_that_nothing_writes_anew_is_an_error_where_others_could_create_its_path() {
    let kept = elf_case(&Case::new(OLD, KEPT), &format!("{OLD}/lib/plugins"));
    assert_eq!((only(&kept).severity, only(&kept).fixable), (Severity::Error, Fixable::Rebuild));
    let data = elf_case(&Case::new(OLD, KEPT), &format!("{OLD}/share/locale"));
    assert_eq!((only(&data).severity, only(&data).risk), (Severity::Warning, None));
    assert_eq!(kept.summary, "1 ELF (errors)");
}

#[test]
fn where_only_an_administrator_could_create_it_what_the_tree_has_is_an_error_and_the_rest_a_warning() {
    for (path, severity) in [("etc/app.conf", Severity::Error), ("lib/plugins", Severity::Warning)] {
        let mut case = Case::new("/opt/app-q7", KEPT);
        case.tree = Tree::new([(rel("etc"), Node::Dir), (rel("etc/app.conf"), Node::File(None))], Vec::new());
        let looked = look(&rel("bin/app"), format!("\0/opt/app-q7/{path}\0").as_bytes(), &case.wanted);
        let mut mention = looked.mentions.into_iter().next().unwrap();
        mention.form = relocate::remains::Form::Elf;
        mention.section = Some(Box::from(&b".rodata"[..]));
        let remains = case.judge(vec![(rel("bin/app"), Looked { mentions: vec![mention], ..Looked::default() })]);
        assert_eq!((only(&remains).severity, only(&remains).risk), (severity, None), "{path}");
    }
}

#[test]
fn the_prefix_alone_is_a_warning_and_nothing_in_python() {
    let of = |path: &str, old: &str| {
        let case = Case::new(old, KEPT);
        let mut mentions = look(&rel(path), format!("\0{old}\0").as_bytes(), &case.wanted).mentions;
        mentions[0].form = relocate::remains::Form::Elf;
        mentions[0].section = Some(Box::from(&b".rodata"[..]));
        let remains = case.judge(vec![(rel(path), Looked { mentions, ..Looked::default() })]);
        (only(&remains).kind, only(&remains).severity)
    };
    assert_eq!(of("bin/app", "/opt/app-q7"), (Kind::ElfString, Severity::Warning));
    assert_eq!(of("bin/app", OLD), (Kind::ElfString, Severity::Error));
    for path in ["lib/libpython3.11.so.1.0", "bin/python3.11"] {
        assert_eq!(of(path, OLD), (Kind::PythonFallback, Severity::Note), "{path}");
    }
}

#[test]
fn what_the_user_allows_is_a_note_that_says_so() {
    let mut case = Case::new(OLD, KEPT);
    case.allow = Globs::new(&["bin/*".to_owned()]).unwrap();
    let remains = elf_case(&case, &format!("{OLD}/lib/plugins"));
    assert_eq!((only(&remains).severity, only(&remains).accepted), (Severity::Note, Some(Accepted::Allowed)));
}

#[test]
fn a_split_constant_and_an_unbounded_string_are_never_taken_for_fixed() {
    let split = Mention::split(0, OLD.as_bytes(), 0x40);
    let case = Case::new(OLD, FIXED);
    let remains = case.judge(vec![(rel("bin/app"), Looked { mentions: vec![split], ..Looked::default() })]);
    assert_eq!((only(&remains).kind, only(&remains).severity), (Kind::ElfSplit, Severity::Error));
    let remains = elf_case(&case, &format!("{OLD}fs"));
    assert_eq!((only(&remains).kind, only(&remains).severity), (Kind::ElfUnbounded, Severity::Error));
    let away = Case::new("/opt/app-q7", FIXED);
    let split = Mention::split(0, b"/opt/app-q7", 0x40);
    let remains = away.judge(vec![(rel("bin/app"), Looked { mentions: vec![split], ..Looked::default() })]);
    assert_eq!(only(&remains).severity, Severity::Warning);
}

#[test]
fn each_kind_of_file_is_known() {
    let line = format!("x {OLD}/lib/x.so y");
    let rows: &[(&str, &str, Kind, Severity)] = &[
        ("lib/pkgconfig/z.pc", "", Kind::PkgConfig, Severity::Warning),
        ("lib/libz.la", "", Kind::Libtool, Severity::Warning),
        ("lib/cmake/Z/ZConfig.cmake", "", Kind::Cmake, Severity::Warning),
        ("bin/z-config", "#!/bin/sh\n", Kind::ConfigScript, Severity::Warning),
        ("lib/python3.11/_sysconfigdata__linux_.py", "", Kind::Sysconfigdata, Severity::Warning),
        ("lib/python3.11/config-3.11/Makefile", "", Kind::Makefile, Severity::Warning),
        ("etc/app.conf", "", Kind::Configuration, Severity::Warning),
        ("etc/app.conf", "# ", Kind::Comment, Severity::Note),
        ("bin/run", "#!/bin/sh\n", Kind::Script, Severity::Warning),
        ("lib/perl5/Config.pm", "", Kind::Script, Severity::Warning),
        ("pkgdb/z-1.0/+BUILD_INFO", "", Kind::PackageDatabase, Severity::Warning),
        ("lib/python3.11/site-packages/z-1.dist-info/direct_url.json", "", Kind::PackageDatabase, Severity::Warning),
        ("include/z.h", "", Kind::Header, Severity::Note),
        ("share/man/man1/z.1", "", Kind::Documentation, Severity::Note),
        ("share/doc/z/x", "", Kind::Documentation, Severity::Note),
        ("lib/libz.a", "!<arch>\n", Kind::StaticArchive, Severity::Note),
        ("share/locale/de/LC_MESSAGES/z.mo", "\0", Kind::Messages, Severity::Note),
        ("share/terminfo/a/ansi", "\0", Kind::Data, Severity::Warning),
        ("share/z/table", "", Kind::Text, Severity::Warning),
        (".relocate/manifest.json", "", Kind::Record, Severity::Note),
    ];
    for (path, before, kind, severity) in rows {
        let remains = Case::new(OLD, FIXED).of_bytes(path, format!("{before}{line}").as_bytes());
        assert_eq!((only(&remains).kind, only(&remains).severity), (*kind, *severity), "{path}");
        assert_eq!(only(&remains).fixable == Fixable::Ignore, *severity == Severity::Note, "{path}");
    }
}

#[test]
fn a_first_line_that_stays_is_an_error() {
    let script = format!("#!{OLD}/bin/sh\n");
    let one = Case::new(OLD, KEPT).of_bytes("bin/run", script.as_bytes());
    assert_eq!((only(&one).kind, only(&one).severity), (Kind::Shebang, Severity::Error));
    let one = Case::new(OLD, FIXED).of_bytes("bin/run", script.as_bytes());
    assert_eq!((only(&one).severity, only(&one).fixable), (Severity::Warning, Fixable::Auto));
}

#[test]
fn another_path_is_a_note_with_the_reason() {
    let remains = Case::new(OLD, FIXED).of_bytes("etc/a.conf", format!("a={OLD}2\nb=/tmp{OLD}/x\n").as_bytes());
    let reasons: Vec<_> = remains.findings.iter().map(|one| one.first.hold.why_harmless().unwrap()).collect();
    assert_eq!(reasons, ["another path: the last name goes on", "another path: it has more before it"]);
    assert!(remains.findings.iter().all(|one| one.severity == Severity::Note && one.kind == Kind::OtherPath));
    assert_eq!(remains.summary, "no file names an old path");
}

#[test]
fn a_program_with_a_variable_says_which() {
    let remains = elf_case(&Case::new("/home/ourapp/root-q7", KEPT), &format!("{OLD}/libexec/git-core"));
    assert_eq!(
        (only(&remains).variable, only(&remains).fixable),
        (Some("GIT_EXEC_PATH"), Fixable::Env("GIT_EXEC_PATH"))
    );
}

#[test]
fn findings_name_the_package() {
    let contents = format!("@name z-1.0\n@cwd {OLD}\nlib/libz.la\n");
    let claims = owner::claims(&rel("pkgdb/z-1.0/+CONTENTS"), contents.as_bytes(), &[prefix(OLD)]);
    let case = Case::new(OLD, FIXED);
    let looked = look(&rel("lib/libz.la"), format!("libdir='{OLD}/lib'\n").as_bytes(), &case.wanted);
    let about = About {
        wanted: &case.wanted,
        tree: &case.tree,
        packages: &Packages::new(claims),
        fixed_at_final_path: FIXED,
        allow: &case.allow,
    };
    let remains = judge(vec![(rel("lib/libz.la"), looked)], &about);
    assert_eq!(only(&remains).package.as_deref(), Some("z-1.0"));
}

#[test]
fn the_summary_counts_files_by_sort_and_fate() {
    let case = Case::new(OLD, &|path, _| path.name() != b"b.la");
    let file = |path: &str, text: String| (rel(path), look(&rel(path), text.as_bytes(), &case.wanted));
    let remains = case.judge(vec![
        file("lib/a.la", format!("libdir='{OLD}/lib' {OLD}\n")),
        file("lib/b.la", format!("libdir='{OLD}/lib'\n")),
        file("share/doc/a", format!("{OLD}\n")),
    ]);
    assert_eq!(remains.summary, "2 libtool (1 left, 1 fixed at the final path), 1 documentation (harmless)");
    assert_eq!(remains.longest_new_path, None);
}
