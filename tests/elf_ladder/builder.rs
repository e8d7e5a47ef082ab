//! Compiles fixtures in a directory of their own and judges the results with other people's tools.

use goblin::elf::{Elf, VerdefSection, VerneedSection, VersymSection};
use relocate::elf::{Patch, PlanError, Read, RunPaths, Rung, plan, read, self_check};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

/// A program that prints `hello from the library` if the loader finds `libgreet.so`.
pub(crate) const PROGRAM: &str = r"
    #include <stdio.h>
    extern const char *greet(void);
    char large_bss[3000000];
    int main(void) { large_bss[2999999] = 1; puts(greet()); return 0; }
";
/// The library it needs.
pub(crate) const LIBRARY: &str = r#"const char *greet(void) { return "hello from the library"; }"#;

/// A directory with `bin/` and `lib/`, where fixtures are built and run.
pub(crate) struct Lab {
    dir: TempDir,
}

impl Lab {
    pub(crate) fn new() -> Self {
        let lab = Self { dir: TempDir::new().unwrap() };
        for sub in ["bin", "lib"] {
            fs::create_dir(lab.path(sub)).unwrap();
        }
        lab
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// Runs a tool in the directory, which must succeed; gives its standard output.
    pub(crate) fn tool(&self, line: &str) -> String {
        let output = Command::new("sh").args(["-c", line]).current_dir(self.dir.path()).output().unwrap();
        let talk = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{line}: {talk}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Compiles a source with `cc` and these arguments to `out`.
    pub(crate) fn cc(&self, out: &str, source: &str, arguments: &str) -> Vec<u8> {
        self.write(&format!("{out}.c"), source);
        self.tool(&format!("cc -o {out} {out}.c {arguments}"));
        self.bytes(out)
    }

    /// Compiles the library as `lib/libgreet.so` and the program with a run-time path that does not find it.
    pub(crate) fn program(&self, rpath: &str, arguments: &str) -> Vec<u8> {
        let width = if arguments.contains("-m32") { "-m32" } else { "" };
        self.cc("lib/libgreet.so", LIBRARY, &format!("-shared -fPIC -Wl,-soname,libgreet.so {width}"));
        let rpath = if rpath.is_empty() { String::new() } else { format!("'-Wl,-rpath,{rpath}'") };
        self.cc("bin/program", PROGRAM, &format!("-Llib -lgreet {rpath} {arguments}"))
    }

    /// Writes a patched program and runs it: it must find its library.
    pub(crate) fn assert_runs(&self, bytes: &[u8]) {
        // Another process makes the file: one that was open here might be "busy" through another test's fork.
        self.write("bin/bytes", bytes);
        assert_eq!(self.tool("cp bin/bytes bin/patched && env -i bin/patched"), "hello from the library\n");
    }

    /// Strips a program in all the usual ways; it must still run.
    pub(crate) fn assert_runs_when_stripped(&self, bytes: &[u8]) {
        for strip in ["strip -s", "strip -g", "eu-strip"] {
            self.write("bin/stripped", bytes);
            self.tool(&format!("{strip} bin/stripped"));
            self.assert_runs(&self.bytes("bin/stripped"));
        }
    }

    /// What `eu-elflint` finds, without the numbers.
    pub(crate) fn lint(&self, bytes: &[u8]) -> BTreeSet<String> {
        self.write("linted", bytes);
        let output = Command::new("eu-elflint").arg("--gnu-ld").arg(self.path("linted")).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(!text.is_empty(), "eu-elflint says something");
        let without_numbers = |line: &str| line.chars().filter(|c| !c.is_ascii_hexdigit()).collect();
        text.lines().filter(|line| *line != "No errors").map(without_numbers).collect()
    }

    /// Fails where the new bytes have a finding that the old ones do not.
    pub(crate) fn assert_lint_no_worse(&self, old: &[u8], new: &[u8]) {
        let (old, new) = (self.lint(old), self.lint(new));
        let fresh: Vec<_> = new.difference(&old).collect();
        assert!(fresh.is_empty(), "{fresh:?}");
    }
}

/// The wish for a DT_RUNPATH and no DT_RPATH.
pub(crate) fn runpath(path: impl AsRef<[u8]>) -> RunPaths {
    RunPaths { rpath: None, runpath: Some(path.as_ref().to_vec()) }
}

/// The wish for a DT_RPATH and no DT_RUNPATH.
pub(crate) fn rpath(path: impl AsRef<[u8]>) -> RunPaths {
    RunPaths { rpath: Some(path.as_ref().to_vec()), runpath: None }
}

/// A path of exactly `len` bytes (14 at least) that leads from `bin/` to `lib/`. A long one has many entries, because a
/// single one may not be longer than PATH_MAX.
pub(crate) fn way(len: usize) -> String {
    let mut way = String::new();
    while way.len() + 200 < len {
        way.extend(["/", &"a".repeat(98), ":"]);
    }
    way.push_str("$ORIGIN");
    while way.len() + "/../lib".len() < len {
        way.push_str(if (len - way.len() - "/../lib".len()) % 2 == 1 { "/" } else { "/." });
    }
    way + "/../lib"
}

/// The file as a patch leaves it.
pub(crate) fn apply(bytes: &[u8], patch: &Patch) -> Vec<u8> {
    let mut new = bytes.to_vec();
    new.resize(patch.size as usize, 0);
    for edit in &patch.edits {
        new[edit.offset as usize..][..edit.bytes.len()].copy_from_slice(&edit.bytes);
    }
    new
}

/// Plans, applies, and proves what holds for every patch.
pub(crate) fn patched(bytes: &[u8], wanted: &RunPaths) -> (Rung, Vec<u8>) {
    let patch = plan(&bytes.to_vec(), wanted).unwrap_or_else(|error| panic!("{error}"));
    let new = apply(bytes, &patch);
    self_check(&bytes.to_vec(), &patch, wanted).unwrap();
    assert_eq!(paths(&new), *wanted);
    assert_eq!(plan(&new, wanted).unwrap(), Patch { rung: Rung::Unchanged, edits: Vec::new(), size: patch.size });
    assert_eq!(witness(bytes), witness(&new), "something but the run-time paths changed");
    (patch.rung, new)
}

/// The reason why a plan is refused.
pub(crate) fn refusal(bytes: &[u8], wanted: &RunPaths) -> relocate::elf::Refusal {
    match plan(&bytes.to_vec(), wanted) {
        Err(PlanError::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

/// The run-time paths that [`read`] sees.
pub(crate) fn paths(bytes: &[u8]) -> RunPaths {
    match read(&bytes.to_vec()).unwrap() {
        Read::Dynamic(facts) => RunPaths { rpath: facts.object.rpath, runpath: facts.object.runpath },
        other => panic!("{other:?}"),
    }
}

/// Every dynamic string but the run-time paths, every dynamic symbol and every version record, as another parser sees
/// them.
pub(crate) fn witness(bytes: &[u8]) -> Vec<String> {
    let elf = Elf::parse(bytes).unwrap();
    let mut seen: Vec<String> = elf.libraries.iter().map(|library| format!("needed {library}")).collect();
    seen.push(format!("soname {:?} interp {:?} entry {:x}", elf.soname, elf.interpreter, elf.entry));
    for symbol in &elf.dynsyms {
        let name = elf.dynstrtab.get_at(symbol.st_name);
        seen.push(format!("symbol {name:?} {:x} {} {}", symbol.st_value, symbol.st_info, symbol.st_shndx));
    }
    for need in elf.verneed.iter().flat_map(VerneedSection::iter) {
        let versions: Vec<_> = need.iter().map(|one| (one.vna_other, elf.dynstrtab.get_at(one.vna_name))).collect();
        seen.push(format!("need {:?} {versions:?}", elf.dynstrtab.get_at(need.vn_file)));
    }
    for definition in elf.verdef.iter().flat_map(VerdefSection::iter) {
        let names: Vec<_> = definition.iter().map(|one| elf.dynstrtab.get_at(one.vda_name)).collect();
        seen.push(format!("version {} {names:?}", definition.vd_ndx));
    }
    seen.extend(elf.versym.iter().flat_map(VersymSection::iter).map(|version| format!("{}", version.vs_val)));
    seen
}

/// How many program headers a file has.
pub(crate) fn program_headers(bytes: &[u8]) -> usize {
    Elf::parse(bytes).unwrap().program_headers.len()
}

/// File offset of a dynamic entry of a 64-bit little-endian file, by tag; the first one.
pub(crate) fn entry_at(bytes: &[u8], tag: u64) -> usize {
    let elf = Elf::parse(bytes).unwrap();
    let start = elf.program_headers.iter().find(|one| one.p_type == 2).unwrap().p_offset as usize;
    (start..).step_by(16).find(|at| bytes[*at..at + 8] == tag.to_le_bytes()).unwrap()
}

/// Writes a dynamic entry of a 64-bit little-endian file.
pub(crate) fn set_entry(bytes: &mut [u8], at: usize, tag: u64, value: u64) {
    bytes[at..at + 8].copy_from_slice(&tag.to_le_bytes());
    bytes[at + 8..at + 16].copy_from_slice(&value.to_le_bytes());
}

/// The value of a dynamic entry of a 64-bit little-endian file.
pub(crate) fn value(bytes: &[u8], tag: u64) -> u64 {
    let at = entry_at(bytes, tag);
    u64::from_le_bytes(bytes[at + 8..at + 16].try_into().unwrap())
}

/// Whether a string occurs anywhere in a file.
pub(crate) fn holds(bytes: &[u8], string: &str) -> bool {
    bytes.windows(string.len()).any(|window| window == string.as_bytes())
}
