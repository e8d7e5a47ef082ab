use super::*;

const LEAST: &str = "schema = 1\nname = 'ourapp'\npackages = ['www/nginx']\n[tree]\nfrom = 'pkgsrc'\n";

#[track_caller]
fn good(text: &str) -> Recipe {
    Recipe::parse(text).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

/// The problems as `line:column what; help`.
fn problems(text: &str) -> Vec<String> {
    let errors = Recipe::parse(text).expect_err(text);
    errors.iter().map(|error| format!("{}:{} {}", error.line, error.column, error.sentence())).collect()
}

/// The problems of the least recipe with more at its end, whose first line is 1 here.
fn more(text: &str) -> Vec<String> {
    let errors = Recipe::parse(&format!("{LEAST}{text}")).expect_err(text);
    errors.iter().map(|error| format!("{}:{} {}", error.line - 5, error.column, error.sentence())).collect()
}

#[test]
fn the_least_recipe_has_all_defaults() {
    let recipe = good(LEAST);
    assert_eq!(recipe.tree.from, Source::Path("pkgsrc".into()));
    assert_eq!(recipe.bootstrap.prefix, propose_prefix("ourapp"));
    assert!(recipe.bootstrap.unprivileged);
    assert_eq!((recipe.bootstrap.prefer_pkgsrc.as_str(), recipe.bootstrap.jobs), ("yes", 0));
    assert_eq!(recipe.bootstrap.shell.to_str(), Some("/bin/bash"));
    assert_eq!((recipe.toolchain.cflags.as_str(), recipe.toolchain.cxxflags.as_str()), (CFLAGS, CFLAGS));
    assert_eq!(recipe.toolchain.mneeded, Mneeded::Auto);
    assert_eq!(recipe.output.file.to_str(), Some("ourapp.tar.gz"));
    assert_eq!((recipe.output.format, recipe.output.owner), (Format::TarGz, None));
    assert_eq!(recipe.packages.len(), 1);
}

#[test]
fn every_problem_is_told_at_its_place() {
    let text = "schema = 2\nname = 'a b'\npackages = ['nginx', 'www/nginx', 'www/nginx', 7]\nmirors = []\n\n[tree]\nfrm = 'x'\n";
    let told = [
        "6:1 nothing says where the pkgsrc tree is; write from = \"URL, directory or archive\" below [tree]",
        "1:10 schema: schema 2 is not known; this version of relocate reads 1; take a newer one",
        "2:8 name: 'a b' is no name; letters, digits, '.', '_', '+' and '-' make one",
        "3:13 packages[0]: 'nginx' is no path of a package; write category/name, the package's directory in the tree, such \
         as www/nginx",
        "3:35 packages[2]: www/nginx is there twice; keep one of them",
        "3:48 packages[3]: it is the number 7; a string is expected",
        "4:1 there is no key 'mirors'; the keys are schema, name, packages, tree, bootstrap, toolchain, mk, options, links, \
         keep, pack, smoke, fetch, output",
        "7:1 there is no key 'frm' in [tree]; did you mean 'from'?",
    ];
    let found = problems(text);
    for told in told {
        let told = told.split_once(' ').unwrap();
        let line = found.iter().find(|found| found.ends_with(told.1)).unwrap_or_else(|| panic!("{told:?} {found:#?}"));
        assert!(line.starts_with(told.0), "{line}");
    }
    assert_eq!(found.len(), told.len(), "{found:#?}");
}

#[test]
fn what_is_no_toml_is_told_with_what_stands_before_it() {
    let found = problems("name = 'a b'\n[tree]\nfrom = \"x\nsha256 = 1\n");
    assert!(
        found
            .iter()
            .all(|problem| problem.starts_with("2:") || problem.starts_with("3:") || problem.starts_with("1:8 name")),
        "{found:?}"
    );
    assert!(found.len() >= 2, "{found:?}");
    let twice = problems(&format!("{LEAST}from = 'y'\n"));
    assert!(twice[0].starts_with("6:1 duplicate key"), "{twice:?}");
    assert!(!problems("").is_empty());
}

#[test]
fn a_key_of_the_top_below_a_section_says_where_it_belongs() {
    assert_eq!(
        more("name = 'x'\n"),
        ["1:1 there is no key 'name' in [tree]; 'name' stands at the top, above the first [section]"]
    );
    let found = more("[options]\npackages = ['www/nginx']\n");
    assert!(found[0].contains("'packages' stands at the top"), "{found:?}");
}

#[test]
fn a_prefix_that_does_not_work_is_refused_with_the_reason() {
    let long = format!("/opt/{}", "x".repeat(120));
    for (prefix, told) in [
        ("relative", "not absolute"),
        ("/", "root directory"),
        ("/usr", "directory of the system"),
        ("/opt/a/../b", "write /opt/b"),
        ("/opt//a", "write /opt/a"),
        ("/opt/a/", "write /opt/a"),
        ("/opt/./a", "write /opt/a"),
        ("/opt/a b", "' '"),
        ("/opt/$x", "'$'"),
        ("/opt/a#b", "'#'"),
        ("/opt/a:b", "':'"),
        ("/opt/it's", "\\'"),
        ("/opt/a\\\\b", "make and libtool"),
        ("/opt/k\u{e4}se", "make and libtool"),
        ("/opt/a\\nb", "'\\n'"),
        ("/opt/a\\u0000", "'\\u{0}'"),
        (&long, "125 bytes"),
    ] {
        let found = more(&format!("[bootstrap]\nprefix = \"{prefix}\"\n"));
        assert!(found.len() == 1 && found[0].starts_with("2:10 bootstrap.prefix: "), "{found:?}");
        assert!(found[0].contains(told), "{prefix}: {found:?}");
    }
    assert_eq!(
        good(&format!("{LEAST}[bootstrap]\nprefix = '/home/ourapp/root'\n")).bootstrap.prefix.as_bytes(),
        b"/home/ourapp/root"
    );
}

#[test]
fn a_tree_comes_from_an_address_a_file_or_a_directory() {
    let from =
        |text: &str| Recipe::parse(&LEAST.replace("'pkgsrc'", &format!("'{text}'"))).map(|recipe| recipe.tree.from);
    for url in ["https://host/pkgsrc.tar.bz2", "http://u:p@host:80/x?y", "HTTPS://h"] {
        assert_eq!(from(url), Ok(Source::Url(url.to_owned())));
    }
    for path in ["../fixtures/pkgsrc", "/usr/pkgsrc", "pkgsrc.tar.gz", "a b"] {
        assert_eq!(from(path), Ok(Source::Path(path.into())));
    }
    assert_eq!(from("file:///usr/pkg%20src"), Ok(Source::Path("/usr/pkg src".into())));
    assert_eq!(from("file://localhost/usr"), Ok(Source::Path("/usr".into())));
    for (wrong, told) in [
        ("ftp://host/x", "https://"),
        ("rsync://host/x", "no http or https"),
        ("https://", "names no host"),
        ("https:///x", "names no host"),
        ("https://h/a b", "%XX"),
        ("file:x", "file:///PATH"),
        ("file://host/x", "no local file"),
        ("file:///%zz", "no local file"),
        ("file:///%00", "no local file"),
        ("", "empty"),
    ] {
        let errors = from(wrong).unwrap_err();
        assert!(errors.len() == 1 && errors[0].sentence().contains(told), "{wrong}: {errors:?}");
    }
}

#[test]
fn sums_and_overlays_of_a_tree() {
    let sum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let tree = good(&format!("{LEAST}sha256 = '{sum}'\noverlays = ['a', '../b']\n")).tree;
    assert_eq!(tree.sha256.unwrap().to_string(), sum);
    assert_eq!(tree.overlays, [std::path::PathBuf::from("a"), "../b".into()]);
    assert!(more("sha256 = 'ba78'\n")[0].contains("64 hexadecimal digits"));
}

#[test]
fn what_the_recipe_has_keys_for_is_said_once() {
    let found = more("[bootstrap]\narguments = ['--make-jobs=4', '--prefix', '--workdir=x', '--abi=64']\n");
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found[0].contains("say it with 'jobs' in [bootstrap]"), "{found:?}");
    let found = more("[mk.set]\nPREFER_PKGSRC = 'yes'\nPKG_OPTIONS.nginx = 'uwsgi'\nWRKOBJDIR = '/x'\nX = true\n");
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found[0].contains("[bootstrap] prefer-pkgsrc"), "{found:?}");
    assert!(found[1].contains("nginx = \"...\" below [options]"), "{found:?}");
    let found = more("[bootstrap.environment]\nPKG_PATH = 'x'\nSH = 'x'\n'a-b' = 'x'\nPATH = 'x'\nA = \"x\\ny\"\n");
    assert_eq!(found.len(), 5, "{found:?}");
    assert!(more("[toolchain]\nldflags = '-Wl,-rpath,$ORIGIN/../lib'\n")[0].contains("wrappers drop it"));
}

#[test]
fn values_of_variables_are_texts_numbers_flags_and_lists() {
    let text = "[mk.set]\nA = 'x y'\nB = 4\nC = true\nD = ['p', 'q']\nE.f.g = '${LOCALBASE}'\n'H.i' = ''\n[mk.append]\nACCEPTABLE_LICENSES = 'mine'\n";
    let mk = good(&format!("{LEAST}{text}")).mk;
    let set: Vec<_> = mk.set.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(set, ["A=x y", "B=4", "C=yes", "D=p q", "E.f.g=${LOCALBASE}", "H.i="]);
    assert_eq!(mk.append["ACCEPTABLE_LICENSES"], "mine");
    assert_eq!(more("[mk.set]\n'E.f' = 'x'\nE.f = 'y'\n").len(), 1);
    assert!(more("[mk.set]\n'A B' = 'x'\n")[0].starts_with("2:1 'A B' is no name of a make variable"));
    assert!(more("[mk.set]\nA = 1.5\n")[0].contains("a string is expected"));
}

#[test]
fn packages_may_have_multi_version_variables() {
    let text = LEAST.replace("['www/nginx']", "['www/nginx', { path = 'devel/py-pip', with = { PYTHON_VERSION_REQD = '27' } }, { path = 'devel/py-pip', with = { PYTHON_VERSION_REQD = 36 } }]");
    let packages = good(&text).packages;
    assert_eq!(packages[1].path.as_str(), "devel/py-pip");
    assert_eq!(packages[1].with["PYTHON_VERSION_REQD"], "27");
    assert_eq!(packages[2].with["PYTHON_VERSION_REQD"], "36");
    for (list, told) in [
        ("[]", "the list is empty"),
        ("'www/nginx'", "a list, such as"),
        ("['/usr/pkgsrc/www/nginx']", "did you mean 'www/nginx'?"),
        ("['www/nginx/']", "did you mean 'www/nginx'?"),
        ("['../x/..']", "category/name"),
        ("[{ with = {} }]", "it has no path"),
        ("[{ path = 'a/b', wiht = {} }]", "did you mean 'with'?"),
        ("[{ path = 'a/b', with = 'x' }]", "a table of keys is expected"),
    ] {
        let found = problems(&LEAST.replace("['www/nginx']", list));
        assert!(found.len() == 1 && found[0].contains(told), "{list}: {found:?}");
    }
}

#[test]
fn options_are_words_each_once() {
    let recipe = good(&format!("{LEAST}[options]\nnginx = 'uwsgi  -ipv6'\n'py27-x' = ['a', '-b c']\n"));
    assert_eq!(recipe.options["nginx"], ["uwsgi", "-ipv6"]);
    assert_eq!(recipe.options["py27-x"], ["a", "-b", "c"]);
    for (line, told) in [
        ("nginx = 'a a'", "'a' is there twice"),
        ("nginx = 'a -a'", "both 'a' and '-a'"),
        ("nginx = '--a'", "'--a' is no option"),
        ("nginx = 'a,b'", "'a,b' is no option"),
        ("'www/nginx' = 'a'", "mostly 'nginx'"),
        ("nginx = true", "a string is expected"),
    ] {
        let found = more(&format!("[options]\n{line}\n"));
        assert!(found.len() == 1 && found[0].starts_with("2:") && found[0].contains(told), "{line}: {found:?}");
    }
}

#[test]
fn links_stay_inside_the_prefix() {
    let links = good(&format!("{LEAST}[links]\n'bin/python' = 'python2.7'\n'lib/a/b' = '../../share/./x'\n")).links;
    assert_eq!(links[&RelPath::new(b"bin/python").unwrap()], b"python2.7");
    for (line, told) in [
        (
            "'bin/python' = '/home/ourapp/root/bin/python2.7'",
            "is absolute; write the way from the directory of bin/python",
        ),
        ("'bin/python' = '../../x'", "leads out of the prefix"),
        ("'bin/python' = 'a/../../../b'", "leads out of the prefix"),
        ("'bin/python' = '..'", "it is the prefix itself"),
        ("'/bin/python' = 'x'", "no path inside the prefix"),
        ("'bin//python' = 'x'", "not written plainly"),
        ("'../x' = 'x'", "not written plainly"),
        ("'bin/python' = ''", "empty"),
        ("'bin/python' = 'python'", "leads back to it"),
    ] {
        let found = more(&format!("[links]\n{line}\n"));
        assert!(found.len() == 1 && found[0].starts_with("2:") && found[0].contains(told), "{line}: {found:?}");
    }
    assert_eq!(more("[links]\na = 'b'\nb = 'c'\nc = 'b'\nd = 'e'\n").len(), 3);
}

#[test]
fn smoke_commands_are_words_of_a_program_inside() {
    let smoke = good(&format!("{LEAST}[smoke]\ntimeout = 5\ncommands = [\"bin/nginx -V\", ['bin/python', '-c', 'print(\"a b\")'], \"bin/x 'a b'\"]\n")).smoke;
    assert_eq!(
        smoke.commands,
        [vec!["bin/nginx", "-V"], vec!["bin/python", "-c", "print(\"a b\")"], vec!["bin/x", "a b"]]
    );
    assert_eq!(smoke.timeout, 5);
    for (line, told) in [
        ("commands = []", "the list is empty"),
        ("commands = ['']", "no program to run"),
        ("commands = [[]]", "no program to run"),
        ("commands = [\"bin/x 'a\"]", "not closed"),
        ("commands = ['/usr/bin/env x']", "no path inside the prefix"),
        ("commands = [\"bin/x a\\u0000\"]", "NUL"),
        ("timeout = 0", "a number from 1 to 86400"),
    ] {
        let found = more(&format!("[smoke]\n{line}\n"));
        assert!(found.len() == 1 && found[0].contains(told), "{line}: {found:?}");
    }
}

#[test]
fn the_output_says_what_it_is_and_whose() {
    let output = |text: &str| good(&format!("{LEAST}[output]\n{text}\n")).output;
    assert_eq!(output("file = 'x.tar.zst'").format, Format::TarZst);
    assert_eq!(output("file = 'x.tgz'").format, Format::TarGz);
    assert_eq!(output("file = 'x'\nformat = 'tar'").format, Format::Tar);
    assert_eq!(output("owner = 'like:..'").owner, Some(OutputOwner::Like("..".into())));
    assert_eq!(output("owner = '1000:100'").owner, Some(OutputOwner::Ids { uid: 1000, gid: 100 }));
    for (line, told) in [
        ("file = 'x'", "does not say what to write"),
        ("file = 'x.tar.gz'\nformat = 'tar'", "the name of the file says tar.gz"),
        ("file = 'dir/'", "no name of a file"),
        ("file = '..'", "no name of a file"),
        ("format = 'zip'", "the formats are"),
        ("owner = 'me'", "like:DIR"),
        ("owner = 'like:'", "empty"),
        ("owner = '+1:1'", "no owner"),
        ("owner = '4294967295:1'", "no owner"),
    ] {
        let found = more(&format!("[output]\n{line}\n"));
        assert!(found.len() == 1 && found[0].contains(told), "{line}: {found:?}");
    }
}

#[test]
fn the_pack_section_has_the_keys_of_the_main_job() {
    let text = "prune = ['docs', 'man']\nallow-lib = 'libX*'\ntarget = 'debian-11'\ntag = 'rpath'\nlevel = 9\nowner = 'keep'\n";
    let pack = Pack::parse(text).unwrap();
    assert_eq!(good(&format!("{LEAST}[pack]\n{text}")).pack, pack);
    assert_eq!((pack.prune.len(), pack.tag, pack.level), (2, Some(TagWord::Rpath), Some(9)));
    for (line, told) in [
        ("allow_lib = 'x'", "did you mean 'allow-lib'?"),
        ("exclude = ['[']", "["),
        ("tag = 'path'", "the tags are"),
        ("level = 20", "a number from 1 to 19"),
        ("owner = 'root'", "0:0"),
        ("chmod = 'rwz'", "u+rwX"),
        ("old-prefix = 'x'", "not absolute"),
    ] {
        let found = more(&format!("[pack]\n{line}\n"));
        assert!(found.len() == 1 && found[0].starts_with("2:") && found[0].contains(told), "{line}: {found:?}");
    }
}

#[test]
fn mirrors_and_places_of_source_archives() {
    let fetch = good(&format!(
        "{LEAST}[fetch]\nmirrors = ['https://h/d', '/srv/distfiles', 'file:///x']\noffline = true\ndistfiles = 'd'\n"
    ))
    .fetch;
    assert_eq!(
        fetch.mirrors,
        [Source::Url("https://h/d".into()), Source::Path("/srv/distfiles".into()), Source::Path("/x".into())]
    );
    assert!(fetch.offline);
    assert_eq!(fetch.distfiles, Some("d".into()));
    assert!(more("[fetch]\noffline = 'yes'\n")[0].contains("true or false is expected"));
}
