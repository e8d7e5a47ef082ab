//! What comes out where nothing is wrong.

use crate::lab::{Lab, prefix, seen, verified};
use crate::packed::{Made, runs_at};
use crate::place::tool;
use relocate::base::event::Silent;
use relocate::base::write::remove_tree;
use relocate::pack::Limits;
use relocate::parcel::{Assemble, ParcelError, assemble};
use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, UNIX_EPOCH};

#[test]
fn a_release_by_delta_is_the_one_that_its_full_pack_is() {
    let lab = Lab::new();
    let wanted = lab.wanted();
    let assembled = lab.assemble().unwrap();
    let dest = lab.at("R/r/42");
    assert_eq!(seen(&dest), wanted);
    verified(&dest);
    verified(&lab.at("R/r/41"));
    assert_eq!((assembled.files, assembled.ways.patched, assembled.ways.whole), (5, 4, 3), "{assembled:?}");
    let size = fs::metadata(dest.join("lib/data.bin")).unwrap().len();
    assert_eq!(fs::read_to_string(dest.join("share/ledger")).unwrap(), format!("lib/data.bin {size}\n"));
    runs_at(&lab.at("R/r/41"), &lab.at("R/r/41"));
    lab.only(&["41", "42"]);
}

/// What does not depend on the path is there once, whatever its name; nothing else is shared.
#[test]
fn two_releases_share_all_files_but_those_with_the_path_in_them() {
    let lab = Lab::new();
    let ways = lab.assemble().unwrap().ways;
    let number = |name: &str| fs::metadata(lab.at("R/r").join(name)).unwrap().ino();
    for name in ["etc/none.conf", "share/empty", "lib/python/twice.py", "lib/python/dated.py"] {
        assert_eq!(number(&format!("41/{name}")), number(&format!("42/{name}")), "{name}");
    }
    assert_eq!(number("41/lib/python/same.py"), number("42/lib/python/renamed.py"));
    assert_eq!(number("42/bin/reads"), number("42/bin/same"));
    for name in ["bin/reads", "bin/calls", "etc/app.conf", "share/ledger", "lib/data.bin", "share/doc/README"] {
        assert_ne!(number(&format!("41/{name}")), number(&format!("42/{name}")), "{name}");
    }
    // The sixth is about.json, which has the time of the newest file: that may be a second later in the second release.
    assert!(ways.cloned == 0 && matches!(ways.linked, 5 | 6), "{ways:?}");
}

#[test]
fn the_same_trees_give_the_same_delta_for_any_number_of_threads() {
    let lab = Lab::with(|made| {
        let bytes: Vec<u8> = (0..2_000_000u32).flat_map(|at| (at.wrapping_mul(at) % 977).to_le_bytes()).collect();
        made.write("share/new/three.bin", bytes);
    });
    for threads in [1, 2, 5] {
        // As if it had been unpacked at another time.
        fs::File::open(lab.at("42/.relocate"))
            .unwrap()
            .set_modified(UNIX_EPOCH + Duration::from_secs(threads as u64))
            .unwrap();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let name = format!("delta.{threads}");
        let made = pool.install(|| lab.make("41", "42", &name)).unwrap();
        let bytes = fs::read(lab.at(&name)).unwrap();
        assert_eq!(bytes.len() as u64, made.bytes);
        assert!(bytes == fs::read(lab.at("delta")).unwrap(), "{threads}");
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(5).build().unwrap();
    pool.install(|| lab.assemble()).unwrap();
    verified(&lab.at("R/r/42"));
}

#[test]
fn a_release_leads_back_to_the_one_before() {
    let lab = Lab::new();
    lab.assemble().unwrap();
    let wanted = seen(&lab.at("R/r/41"));
    lab.make("42", "41", "back").unwrap();
    remove_tree(&lab.at("R/r/41")).unwrap();
    let (delta, base, dest, limits) = (lab.at("back"), lab.at("R/r/42"), prefix(&lab.at("R/r/41")), Limits::default());
    let parts = Assemble { delta: &delta, base: (&base, 42), dest: (&dest, 41), limits: &limits };
    assemble(&parts, &Silent).unwrap();
    assert_eq!(seen(&lab.at("R/r/41")), wanted);
}

/// Both would be in memory for a patch.
#[test]
fn a_file_of_more_than_64_mib_is_not_patched() {
    let large = |last: u8| [vec![0; 64 << 20], vec![last]].concat();
    let lab = Lab::with(|made| {
        made.write("lib/libnoise.so.1.2", large(1));
        made.write("lib/python/same.py", large(2));
    });
    assert!(lab.at("42/lib/libnoise.so.1.2").exists());
    lab.assemble().unwrap();
    verified(&lab.at("R/r/42"));
    let made = lab.make("42", "41", "back").unwrap();
    assert!(made.bytes < 1 << 20, "{made:?}");
}

#[test]
fn a_tree_that_is_not_what_its_manifest_says_makes_no_delta() {
    let lab = Lab::new();
    for (name, tree) in [("share/new/one.txt", "42"), ("lib/libnoise.so.1.3", "42"), ("lib/libnoise.so.1.2", "41")] {
        let path = lab.at(tree).join(name);
        let old = fs::read(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        fs::write(&path, [&old[..], b"x"].concat()).unwrap();
        let error = lab.make("41", "42", "bad").unwrap_err();
        assert!(matches!(error, ParcelError::Tree { .. }), "{error}");
        fs::write(&path, old).unwrap();
    }
}

/// Answers a line with the word of the library that it runs with.
const ASK: &str = "#include <stdio.h>\nextern const char *word(void);\n\
    int main(void) { char line[9]; while (fgets(line, sizeof line, stdin)) { puts(word()); fflush(stdout); } return 0; }\n";

#[test]
fn a_program_of_the_old_release_runs_on_with_its_own_library() {
    let compile = |made: &Made, word: &str| {
        let source = made.place.at("source.c");
        fs::write(&source, format!("const char *word(void) {{ return \"{word}\"; }}\n")).unwrap();
        tool(&[&"cc", &"-shared", &"-fPIC", &"-o", &made.inside("lib/libword.so.1"), &source]);
        fs::write(&source, ASK).unwrap();
        let library = made.inside("lib/libword.so.1");
        tool(&[&"cc", &"-Wl,-rpath,$ORIGIN/../lib", &"-o", &made.inside("bin/ask"), &source, &library]);
    };
    let lab = Lab::between(|made| compile(made, "old"), |made| compile(made, "new"));
    let run = |serial: &str| {
        let program = lab.at("R/r").join(serial).join("bin/ask");
        Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
    };
    let ask = |child: &mut Child| {
        child.stdin.as_mut().unwrap().write_all(b"?\n").unwrap();
        let mut said = [0; 4];
        child.stdout.as_mut().unwrap().read_exact(&mut said).unwrap();
        String::from_utf8(said.to_vec()).unwrap()
    };
    let mut old = run("41");
    assert_eq!(ask(&mut old), "old\n");
    lab.assemble().unwrap();
    let mut new = run("42");
    assert_eq!((ask(&mut old), ask(&mut new)), ("old\n".to_owned(), "new\n".to_owned()));
    for mut child in [old, new] {
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
    }
}
