//! `relocate init`: what it writes, says and leaves alone.

use crate::call::relocate;
use crate::place::USER;
use relocate::recipe::{Recipe, propose_prefix};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// An empty directory called `shop` that the ordinary user may write in.
fn shop() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let shop = dir.path().join("shop");
    fs::create_dir(&shop).unwrap();
    // Only root can; who is not root owns it already.
    let _ = std::os::unix::fs::chown(&shop, Some(USER), Some(USER));
    (dir, shop)
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn read(path: &Path) -> Recipe {
    Recipe::parse(&fs::read_to_string(path).unwrap()).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

#[test]
fn a_recipe_is_written_with_a_prefix_of_64_bytes_and_the_reason() {
    let (_dir, shop) = shop();
    let prefix = propose_prefix("shop").to_string();
    let out = [
        "written",
        "recipe.toml",
        "shop",
        prefix.as_str(),
        "64 bytes: strings of programs do not grow",
        "relocate build",
    ];
    let ran = relocate(&shop, ["init"]).by_user().expect(0, &out, &[]);
    assert!(ran.out.contains("its last part is no word"), "{}", ran.out);
    assert_eq!(names(&shop), ["recipe.toml"]);
    let file = shop.join("recipe.toml");
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o7777, 0o644);
    let recipe = read(&file);
    assert_eq!((recipe.name.as_str(), recipe.bootstrap.prefix), ("shop", propose_prefix("shop")));
}

#[test]
fn a_file_a_name_and_a_prefix_may_be_given() {
    let (_dir, shop) = shop();
    let arguments = ["init", "web.toml", "--prefix", "/home/ourapp/root"];
    let err = ["room for a final path of 17 bytes", "'root' may be the end of another string"];
    relocate(&shop, arguments).by_user().expect(0, &["web", "/home/ourapp/root"], &err);
    let recipe = read(&shop.join("web.toml"));
    assert_eq!((recipe.name.as_str(), recipe.bootstrap.prefix.as_bytes()), ("web", &b"/home/ourapp/root"[..]));
    relocate(&shop, ["init", "x", "--name", "other", "-q"]).by_user().expect(0, &[], &[]);
    assert_eq!(read(&shop.join("x")).name, "other");
    relocate(&shop, ["init", "\u{e4} b.toml"]).by_user().expect(0, &["name     b\n"], &[]);
    assert_eq!(read(&shop.join("\u{e4} b.toml")).name, "b");
    relocate(&shop, ["init", "--name", "x", "\u{e4}.toml"]).by_user().expect(0, &["name     x\n"], &[]);
    relocate(&shop, ["init", "\u{e4}\u{e4}.toml"]).by_user().expect(0, &["name     ourapp\n"], &[]);
}

#[test]
fn what_is_there_is_left_alone() {
    let (_dir, shop) = shop();
    fs::write(shop.join("recipe.toml"), "mine\n").unwrap();
    symlink("nowhere", shop.join("link.toml")).unwrap();
    for file in ["recipe.toml", "link.toml"] {
        let told = [format!("cannot write '{file}': it is there already"), "choose another name".to_owned()];
        relocate(&shop, ["init", file]).by_user().expect(4, &[], &told.each_ref().map(String::as_str));
    }
    assert_eq!(fs::read_to_string(shop.join("recipe.toml")).unwrap(), "mine\n");
    assert_eq!(names(&shop), ["link.toml", "recipe.toml"]);
    relocate(&shop, ["init", "no/dir.toml"]).by_user().expect(4, &[], &["no/dir.toml"]);
}

#[test]
fn names_and_prefixes_that_do_not_work_are_refused_before_anything_is_written() {
    let (_dir, shop) = shop();
    for (option, value, told) in [
        ("--prefix", "relative", "--prefix relative: 'relative' is not absolute"),
        ("--prefix", "/opt/a b", "make and libtool cannot hold it"),
        ("--prefix", "/opt/a/", "write /opt/a"),
        ("--name", "a b", "--name a b: 'a b' is no name"),
        ("--name", "", "is no name"),
    ] {
        relocate(&shop, ["init", option, value]).by_user().expect(2, &[], &[told]);
    }
    assert_eq!(names(&shop), Vec::<String>::new());
}

#[test]
fn json_says_the_same() {
    let (_dir, shop) = shop();
    let json = relocate(&shop, ["init", "--json"]).by_user().expect(0, &["{"], &[]).json();
    assert_eq!((&json["command"], &json["result"], &json["exit"]), (&"init".into(), &"done".into(), &0.into()));
    assert_eq!((&json["file"], &json["name"]), (&"recipe.toml".into(), &"shop".into()));
    assert_eq!((&json["prefix"], &json["prefix_proposed"]), (&propose_prefix("shop").to_string().into(), &true.into()));
    assert_eq!(json["findings"].as_array().unwrap().len(), 0);
    let json = relocate(&shop, ["init", "--json"]).by_user().expect(4, &["{"], &["there already"]).json();
    assert_eq!((&json["result"], &json["exit"]), (&"environment".into(), &4.into()));
    let json = relocate(&shop, ["init", "b.toml", "--prefix", "/a/b", "--json"]).expect(0, &["{"], &[]).json();
    assert_eq!((&json["prefix_proposed"], &json["findings"][0]["kind"]), (&false.into(), &"prefix-short".into()));
}
