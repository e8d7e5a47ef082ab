//! Random trees: whatever their tags, symlinks and needs, the rules say what the machine's loader says.

use crate::oracle::both;
use crate::prefix::Prefix;
use std::collections::BTreeSet;

/// `LOADER_TREES=1000` compares more of them.
fn trees() -> u64 {
    std::env::var("LOADER_TREES").ok().map_or(12, |count| count.parse().unwrap())
}

/// SplitMix64 (Steele, Lea, Flood 2014): the same trees on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % sides as u64).unwrap()
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.roll(of.len())]
    }
}

const DIRECTORIES: [&str; 4] = ["lib", "lib/deep", "other", "x/y/z"];
const LIBRARIES: [&str; 5] = ["liba.so", "libb.so", "libc1.so", "libd.so", "libe.so"];

/// No tag, or a run-time path of a few entries that lead to directories that are there, that are not, or that are
/// symlinks; mostly counted from the right depth.
fn tag(dice: &mut Dice, depth: usize) -> Vec<String> {
    let dtags = match dice.roll(4) {
        0 => return Vec::new(),
        1 => "-Wl,--enable-new-dtags",
        _ => "-Wl,--disable-new-dtags",
    };
    let downs = ["", "/lib", "/lib", "/lib/deep", "/other", "/way", "/x/y/z", "/none", "/lib/deep/.."];
    let mut entry = || {
        let depth = if dice.roll(6) == 0 { dice.roll(4) } else { depth };
        let own = dice.roll(8) == 0;
        if own { "$ORIGIN".to_owned() } else { format!("${{ORIGIN}}{}{}", "/..".repeat(depth), dice.pick(&downs)) }
    };
    let entries: Vec<_> = (0..8).map(|_| entry()).collect();
    vec![dtags.to_owned(), format!("-Wl,-rpath,{}", entries[dice.roll(9)..].join(":"))]
}

/// Some of the libraries, each once, by way of the stubs to link with.
fn needs(dice: &mut Dice, stubs: &Prefix) -> Vec<String> {
    let picked: BTreeSet<usize> = (0..=dice.roll(3)).map(|_| dice.roll(LIBRARIES.len())).collect();
    picked.into_iter().map(|at| stubs.at(LIBRARIES[at]).to_str().unwrap().to_owned()).collect()
}

/// Libraries of every name, to link with.
fn stubs(compiler: &'static str) -> Prefix {
    let mut prefix = Prefix::new();
    prefix.compiler = compiler;
    for library in LIBRARIES {
        prefix.library(library, "int stub;\n", &[]);
    }
    prefix
}

fn tree(seed: u64, stubs: &Prefix) -> Prefix {
    let mut dice = Dice(seed);
    let mut prefix = Prefix::new();
    prefix.compiler = stubs.compiler;
    for library in LIBRARIES {
        let directory = dice.pick(&DIRECTORIES);
        let args = [tag(&mut dice, directory.split('/').count()), needs(&mut dice, stubs)].concat();
        let (first, second) = (format!("{directory}/{library}"), format!("{}/{library}", dice.pick(&DIRECTORIES)));
        prefix.library(&first, "int symbol;\n", &args.iter().map(String::as_str).collect::<Vec<_>>());
        if first == second {
            continue;
        }
        let up = "../".repeat(second.split('/').count() - 1);
        match dice.roll(6) {
            0 | 1 => _ = prefix.symlink(&second, &format!("{up}{first}")),
            2 => _ = prefix.hard_link(&second, &first),
            3 => _ = prefix.copy(&second, prefix.at(&first).to_str().unwrap()),
            4 => _ = prefix.file(&second, "rubbish"),
            _ => {}
        }
    }
    prefix.symlink("way", dice.pick(&["lib", "lib/deep", "x/y", "gone"]));
    let args = [tag(&mut dice, 1), needs(&mut dice, stubs)].concat();
    prefix.program("bin/app", "int main(void) { return 0; }\n", &args.iter().map(String::as_str).collect::<Vec<_>>());
    prefix
}

#[test]
fn in_random_trees_the_rules_find_what_the_loader_finds() {
    let stubs = [stubs("cc"), stubs("musl-gcc")];
    let mut found = 0;
    for seed in 0..trees() {
        let prefix = tree(seed, &stubs[usize::from(seed % 3 == 2)]);
        let (rules, loader) = both(&prefix.root, "bin/app");
        assert_eq!(rules, loader, "tree {seed}");
        found += loader.iter().filter(|(_, place)| place.contains('/') && !place.starts_with("stops")).count();
    }
    assert!(found as u64 > trees(), "only {found} libraries were found in all");
}
