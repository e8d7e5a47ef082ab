//! The recipes below `recipes/`.

use relocate::base::path::RelPath;
use relocate::recipe::{Format, OutputOwner, Recipe, Source};
use std::fs;
use std::path::{Path, PathBuf};

fn recipe(name: &str) -> Recipe {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes").join(name);
    let text = fs::read_to_string(&path).unwrap();
    Recipe::parse(&text).unwrap_or_else(|errors| panic!("{}: {errors:#?}", path.display()))
}

#[test]
fn every_recipe_that_comes_with_the_program_is_valid() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes");
    let mut names: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    assert!(names.len() >= 2);
    for path in names {
        recipe(path.file_name().unwrap().to_str().unwrap());
    }
}

#[test]
fn ourapp_says_what_its_script_said() {
    let recipe = recipe("ourapp.toml");
    let url = "https://ftp.netbsd.org/pub/pkgsrc/pkgsrc-2016Q1/pkgsrc-2016Q1.tar.bz2";
    assert_eq!(recipe.tree.from, Source::Url(url.to_owned()));
    assert_eq!(recipe.bootstrap.prefix.as_bytes(), b"/home/ourapp/root");
    assert!(recipe.bootstrap.unprivileged);
    assert_eq!((recipe.bootstrap.jobs, recipe.bootstrap.prefer_pkgsrc.as_str()), (4, "yes"));
    assert_eq!(recipe.bootstrap.shell, Path::new("/bin/bash"));
    let packages: Vec<_> = recipe.packages.iter().map(|package| package.path.as_str()).collect();
    let script = "lang/python27 devel/py-pip devel/py-readline databases/py-ldap databases/redis databases/py-sqlite3 \
                  databases/py-mysqldb www/py-uwsgi www/nginx textproc/libxml2";
    assert_eq!(packages, script.split_whitespace().collect::<Vec<_>>());
    assert_eq!(recipe.options.into_iter().collect::<Vec<_>>(), [("nginx".to_owned(), vec!["uwsgi".to_owned()])]);
    let links = [("bin/pip", "pip2.7"), ("bin/python", "python2.7"), ("bin/uwsgi", "uwsgi-2.7")];
    let links = links.map(|(link, text)| (RelPath::new(link.as_bytes()).unwrap(), text.as_bytes().to_vec()));
    assert_eq!(recipe.links.into_iter().collect::<Vec<_>>(), links);
    assert_eq!(recipe.output.file, Path::new("../output/ourapp-system.tar.gz"));
    assert_eq!(recipe.output.format, Format::TarGz);
    assert_eq!(recipe.output.owner, Some(OutputOwner::Like("..".into())));
}

#[test]
fn the_demo_needs_no_network() {
    let recipe = recipe("demo.toml");
    assert!(recipe.fetch.offline);
    assert_eq!(recipe.tree.from, Source::Path("../fixtures/pkgsrc".into()));
    assert_eq!(recipe.advice(), []);
}

#[test]
fn advice_tells_what_a_prefix_costs() {
    let kinds = |prefix: &str| {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes/ourapp.toml")).unwrap();
        let recipe = Recipe::parse(&text.replace("/home/ourapp/root", prefix)).unwrap();
        recipe.advice().into_iter().map(|finding| finding.kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds("/home/ourapp/root"), ["prefix-short", "prefix-last-part"]);
    assert_eq!(kinds("/var/tmp/zq7k"), ["prefix-creatable", "prefix-short"]);
    assert_eq!(kinds(&format!("/opt/{}7", "x".repeat(60))), Vec::<String>::new());
}
