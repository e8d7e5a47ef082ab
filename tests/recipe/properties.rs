//! What holds of every text: reading never panics, every problem has a place in the text, and what is written reads back.

use crate::lock;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use relocate::base::digest::Digest;
use relocate::recipe::{Lock, LockedDistfile, Pack, Recipe, RecipeError, template};
use std::fmt::Write as _;

const SHIPPED: [&str; 2] = [include_str!("../../recipes/ourapp.toml"), include_str!("../../recipes/demo.toml")];

/// Every problem has something to say, at a place that the text has.
fn well_told(text: &str, errors: &[RecipeError]) {
    assert!(!errors.is_empty());
    assert!(errors.is_sorted());
    let lines: Vec<&str> = text.split('\n').collect();
    for error in errors {
        assert!(!error.what.is_empty() && !error.what.contains('\n'), "{error:?}");
        let line = lines.get(error.line - 1).unwrap_or_else(|| panic!("{error:?}"));
        assert!((1..=line.chars().count() + 2).contains(&error.column), "{error:?}");
    }
}

fn look(text: &str) {
    match Recipe::parse(text) {
        Err(errors) => well_told(text, &errors),
        Ok(recipe) => {
            let written = recipe.to_text();
            let again = Recipe::parse(&written).unwrap_or_else(|errors| panic!("{written}\n{errors:#?}"));
            assert_eq!(again, recipe, "{written}");
            assert_eq!(again.to_text(), written);
            recipe.advice();
        }
    }
    if let Err(errors) = Pack::parse(text) {
        well_told(text, &errors);
    }
    drop(Lock::parse(text));
}

/// A recipe's line, right or nearly right.
fn line() -> impl Strategy<Value = String> {
    let key = prop_oneof![
        "[a-z-]{1,12}",
        prop::sample::select(vec![
            "schema",
            "name",
            "packages",
            "from",
            "sha256",
            "overlays",
            "prefix",
            "jobs",
            "cflags",
            "set",
            "append",
            "commands",
            "timeout",
            "mirrors",
            "offline",
            "file",
            "format",
            "owner",
            "prune",
            "level",
            "environment",
            "bin/x",
            "nginx",
            "A.B",
            "path",
            "with",
            "mneeded",
            "prefer-pkgsrc",
            "shell",
            "arguments",
        ])
        .prop_map(|key| if key.contains('/') { format!("'{key}'") } else { key.to_owned() }),
    ];
    let value = prop_oneof![
        "[0-9]{1,20}",
        Just("true".to_owned()),
        "[^'\\x00-\\x1f]{0,20}".prop_map(|text| format!("'{text}'")),
        "\\PC{0,12}".prop_map(|text| format!("{text:?}")),
        vec("[a-z/. -]{0,10}", 0..4).prop_map(|texts| format!("{texts:?}")),
        Just("{ path = 'a/b', with = { X = 1 } }".to_owned()),
        Just("[['bin/a', '\\n'], 'bin/b c']".to_owned()),
        Just("1979-05-27T07:32:00Z".to_owned()),
        Just("-0x1".to_owned()),
        Just("inf".to_owned()),
    ];
    let section = prop::sample::select(vec![
        "tree",
        "bootstrap",
        "toolchain",
        "mk.set",
        "mk.append",
        "options",
        "links",
        "keep",
        "pack",
        "smoke",
        "fetch",
        "output",
        "bootstrap.environment",
        "trea",
        "[packages]",
    ]);
    prop_oneof![
        4 => (key, value).prop_map(|(key, value)| format!("{key} = {value}")),
        2 => section.prop_map(|name| format!("[{name}]")),
        1 => "\\PC{0,20}",
    ]
}

/// A shipped recipe with some of its bytes changed.
fn damaged() -> impl Strategy<Value = String> {
    let edits = vec((any::<prop::sample::Index>(), any::<char>(), 0..3_u8), 1..6);
    (prop::sample::select(SHIPPED.to_vec()), edits).prop_map(|(text, edits)| {
        let mut letters: Vec<char> = text.chars().collect();
        for (at, letter, how) in edits {
            let at = at.index(letters.len());
            match how {
                0 => letters[at] = letter,
                1 => letters.insert(at, letter),
                _ => drop(letters.remove(at)),
            }
        }
        letters.into_iter().collect()
    })
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}|(?s:.){0,200}") {
        look(&text);
    }

    #[test]
    fn texts_like_recipes_are_read_or_refused(lines in vec(line(), 0..12)) {
        look(&lines.join("\n"));
        look(&format!("schema = 1\nname = 'a'\npackages = ['a/b']\n[tree]\nfrom = 'x'\n{}\n", lines.join("\n")));
    }

    #[test]
    fn damaged_recipes_are_read_or_refused(text in damaged()) {
        look(&text);
    }

    #[test]
    fn values_that_are_accepted_are_kept(
        values in btree_map("[A-Z][A-Z_]{3,8}", "[ -~]{0,20}", 0..5),
        flags in "[ -~]{0,30}",
        words in vec("\\PC{1,10}", 0..3),
    ) {
        let table: Vec<_> = values.iter().map(|(name, value)| format!("{name} = {}", quoted(value))).collect();
        let words: Vec<_> = words.iter().map(|word| quoted(word)).collect();
        look(&format!(
            "schema = 1\nname = 'a'\npackages = ['a/b']\n[tree]\nfrom = 'x'\n[toolchain]\ncflags = {}\n[mk.append]\n{}\n\
             [smoke]\ncommands = [['bin/x', {}]]\n",
            quoted(&flags), table.join("\n"), words.join(", "),
        ));
    }

    #[test]
    fn every_template_is_a_recipe(name in "[a-zA-Z0-9][a-zA-Z0-9._+-]{0,39}", prefix in "/[a-z]{4,9}(/[a-zA-Z0-9._+-]{3,20}){1,4}") {
        let name = Recipe::check_name(&name).unwrap();
        if let Ok(prefix) = Recipe::check_prefix(&prefix) {
            let recipe = Recipe::parse(&template("x.toml", &name, &prefix)).unwrap();
            prop_assert_eq!((recipe.name, recipe.bootstrap.prefix), (name, prefix));
        }
    }

    #[test]
    fn every_lock_reads_back(
        packages in vec(("[a-z]{1,8}/[a-z0-9-]{1,8}", "\\PC{0,12}", btree_map("[A-Z_]{1,6}", "[ -~]{0,6}", 0..2)), 0..4),
        files in btree_map("\\PC{1,12}", any::<u32>(), 0..4),
        epoch in any::<i64>(),
        environment in btree_map("(?s:.){0,6}", "(?s:.){0,12}", 0..3),
    ) {
        let mut lock = lock::lock();
        lock.source_date_epoch = epoch;
        lock.bootstrap.environment = environment;
        for (pkgpath, pkgname, variables) in &packages {
            let variables: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let (id, mut package) = lock::package(pkgpath, pkgname, &variables);
            package.distfiles = files
                .iter()
                .map(|(name, size)| (name.clone(), LockedDistfile { sha256: Digest::of(name.as_bytes()), size: u64::from(*size) }))
                .collect();
            lock.packages.insert(id, package);
        }
        let text = lock.to_text();
        let again = Lock::parse(&text);
        prop_assert_eq!(again.as_ref(), Ok(&lock));
        prop_assert_eq!(again.map(|again| again.to_text()), Ok(text));
        prop_assert_eq!(lock.differences(&lock).len(), 0);
        let other = lock::lock();
        let told = lock.differences(&other);
        prop_assert_eq!(told.is_empty(), lock == other);
        prop_assert_eq!(told.len(), other.differences(&lock).len());
    }
}

/// Text as a TOML string that spells every character by its number.
fn quoted(text: &str) -> String {
    let mut quoted = "\"".to_owned();
    for character in text.chars() {
        write!(quoted, "\\U{:08X}", u32::from(character)).unwrap();
    }
    quoted + "\""
}
