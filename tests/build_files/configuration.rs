//! Configuration that can be relative, read by the programs whose it is.

use crate::moved::{output, relocate};
use relocate::base::path::RelPath;
use relocate::text::rewrite::Outcome;
use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn fontconfig_looks_below_the_moved_tree() {
    let scratch = tempfile::tempdir().unwrap();
    let (old, new) = (scratch.path().join("old"), scratch.path().join("new place"));
    fs::create_dir_all(old.join("etc/fonts")).unwrap();
    fs::create_dir_all(old.join("share/fonts")).unwrap();
    let text = "<?xml version=\"1.0\"?>\n<!DOCTYPE fontconfig SYSTEM \"urn:fontconfig:fonts.dtd\">\n<fontconfig>\n\
        <!-- <dir>@/share/fonts</dir> -->\n<dir>@/share/fonts</dir>\n<dir prefix=\"default\">@/x</dir>\n<dir>/nowhere</dir>\n\
        <cachedir>@/var/cache</cachedir>\n</fontconfig>\n";
    fs::write(old.join("etc/fonts/fonts.conf"), text.replace('@', old.to_str().unwrap())).unwrap();
    fs::write(old.join("etc/fonts/older.conf"), text.replace('@', old.to_str().unwrap())).unwrap();
    let outcomes = relocate(&old, &new, &[&old]);
    let Outcome::New(changed) = &outcomes[&RelPath::new(b"etc/fonts/fonts.conf").unwrap()] else {
        panic!("{outcomes:?}")
    };
    assert_eq!(changed.changes.len(), 1);
    let cache = new.join("var/cache");
    let conf = fs::read_to_string(new.join("etc/fonts/fonts.conf")).unwrap();
    fs::write(
        new.join("etc/fonts/fonts.conf"),
        conf.replace(old.join("var/cache").to_str().unwrap(), cache.to_str().unwrap()),
    )
    .unwrap();
    let said = output(
        Command::new("fc-cache").arg("-v").current_dir("/").env("FONTCONFIG_FILE", new.join("etc/fonts/fonts.conf")),
    );
    assert!(said.contains(new.join("share/fonts").to_str().unwrap()), "{said}");
}

#[test]
fn ruby_computes_its_configuration_from_where_it_lies() {
    let scratch = tempfile::tempdir().unwrap();
    let (old, new) = (scratch.path().join("old"), scratch.path().join("new 'place"));
    let real = output(Command::new("ruby").args(["-e", "puts $LOADED_FEATURES.grep(/rbconfig\\.rb$/)"]));
    let inside = Path::new(real.trim_end()).strip_prefix("/usr").unwrap();
    fs::create_dir_all(old.join(inside).parent().unwrap()).unwrap();
    let text = fs::read_to_string(real.trim_end()).unwrap();
    fs::write(old.join(inside), text.replace("\"/usr", &format!("\"{}", old.display()))).unwrap();
    let outcomes = relocate(&old, &new, &[&old]);
    assert!(matches!(outcomes.values().next(), Some(Outcome::New(_))), "{outcomes:?}");
    let script = "Object.send(:remove_const, :RbConfig); load ARGV[0]; c = RbConfig::CONFIG; \
        puts c['prefix'], c['RUBY_EXEC_PREFIX'], RbConfig::MAKEFILE_CONFIG['RUBY_EXEC_PREFIX'], c['bindir'], c.values.join(' ')";
    let said = output(Command::new("ruby").args(["-e", script]).arg(new.join(inside)));
    let place = new.to_str().unwrap();
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines[..4], [place, place, "$(prefix)", &format!("{place}/bin")]);
    assert!(!said.contains(old.to_str().unwrap()), "{said}");
}
