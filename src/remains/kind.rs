//! The kinds of findings: how each is recognised, what a person will see because of it, and what helps.

use super::mention::{Form, Hold, Mention, Place};
use crate::base::path::RelPath;

/// How a kind is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// Nothing breaks.
    Harmless,
    /// The proof of the tree speaks of it; here it is only listed.
    Proof,
    /// Something may look at the old place.
    Matters,
    /// It cannot work.
    Breaks,
}

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $name:ident $word:literal $group:literal $weight:ident $effect:literal $remedy:literal;)+) => {
        /// What a finding is. Effects and remedies are described in `docs/what-is-left.md`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Kind {
            /// All kinds, in the order of reports.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// A stable word for programs.
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }

            /// What files of this kind are called in the summary line.
            pub fn group(self) -> &'static str {
                match self { $(Self::$name => $group,)+ }
            }

            /// How it is treated.
            pub fn weight(self) -> Weight {
                match self { $(Self::$name => Weight::$weight,)+ }
            }

            /// Whether nothing breaks because of it.
            pub fn is_harmless(self) -> bool {
                self.weight() == Weight::Harmless
            }

            /// What a person will see.
            pub fn effect(self) -> &'static str {
                match self { $(Self::$name => $effect,)+ }
            }

            /// What helps, where nothing takes care of it by itself.
            pub fn remedy(self) -> &'static str {
                match self { $(Self::$name => $remedy,)+ }
            }
        }
    };
}

kinds! {
    /// The first line of a script.
    Shebang "shebang" "script" Breaks
        "the kernel looks for the interpreter at the old path: the script does not start"
        "relocate ROOT rewrites it; until then start it by its interpreter";
    /// A string of a program or library.
    ElfString "string" "ELF" Matters
        "the program opens the old path, not the one beside it"
        "install it with 'relocate install', or run 'relocate fix' where it was unpacked";
    /// A path in a program with a letter right behind it.
    ElfUnbounded "unbounded" "ELF" Matters
        "the program may put paths together from the old prefix; where the string ends cannot be seen"
        "build it again with a prefix that is read at run time, or at the path where it will run";
    /// A path that a compiler split into instructions.
    ElfSplit "split-constant" "ELF" Matters
        "the program puts the old path together from pieces in its instructions, which are not rewritten"
        "build that file without optimising short strings (-fno-builtin, -Os), or at the path where it will run";
    /// DT_RPATH or DT_RUNPATH.
    RunPath "run-time-path" "ELF" Proof
        "the loader looks for libraries at the old path"
        "relocate ROOT rewrites it; the proof above judges it";
    /// PT_INTERP.
    Interp "interpreter" "ELF" Proof
        "the kernel looks for the loader at the old path: the program does not start"
        "link it against the host's loader; the proof above judges it";
    /// DT_NEEDED, DT_SONAME and the like.
    Library "library-name" "ELF" Proof
        "the loader looks for that library at its absolute path and nowhere else"
        "give the library a soname without a slash and link again; the proof above judges it";
    /// Configuration.
    Configuration "configuration" "configuration" Matters
        "the program that reads it is sent to the old path"
        "edit the file, or make the path relative where its format allows";
    /// A script or a module of a script language.
    Script "script" "script" Matters
        "the script uses the old path when it comes to that line"
        "edit the script, or let it compute the path from where it lies";
    /// pkg-config's file.
    PkgConfig "pkg-config" "pkg-config" Matters
        "pkg-config prints directories of the old tree: software is not built against this one"
        "relocate ROOT makes it relative; or run pkg-config with --define-prefix";
    /// libtool's archive.
    Libtool "libtool" "libtool" Matters
        "libtool links against the old tree, or stops"
        "delete the .la files, nothing needs them where shared libraries are used";
    /// A `*-config` script.
    ConfigScript "config-script" "config script" Matters
        "it prints directories of the old tree: software is not built against this one"
        "relocate ROOT makes it compute them; or use pkg-config";
    /// A CMake package file.
    Cmake "cmake" "CMake" Matters
        "find_package() finds this tree and then names files of the old one"
        "relocate ROOT makes it relative; or set CMAKE_PREFIX_PATH and the package's own variables";
    /// Python's record of how it was built.
    Sysconfigdata "sysconfigdata" "sysconfig" Matters
        "python's sysconfig and building C extensions use the old paths"
        "relocate ROOT rewrites it";
    /// A makefile.
    Makefile "makefile" "makefile" Matters
        "building with it uses the old paths"
        "relocate ROOT rewrites python's; others: give the variable on make's command line";
    /// The record of a package manager.
    PackageDatabase "package-database" "package record" Matters
        "pkg_info, pkg_admin check or pip speak of the old tree"
        "relocate ROOT writes it anew";
    /// A value in a compiled Python module.
    PycConstant "pyc-constant" "pyc" Matters
        "the module uses the old path as a value, as its source does"
        "rewrite the source; the .pyc is then compiled again or left out";
    /// Other text.
    Text "text" "text" Matters
        "whatever reads it may be sent to the old path"
        "see what reads it; edit it or leave it out with --exclude";
    /// Other data.
    Data "data" "data" Matters
        "whatever reads it may be sent to the old path"
        "see what reads it; make the file again at the path where it will be used";
    /// The source file's name in a compiled Python module.
    PycSource "pyc-source" "pyc" Harmless
        "tracebacks name the old path where the source is not found; nothing is opened by it"
        "nothing to do";
    /// A comment.
    Comment "comment" "comment" Harmless
        "it is a comment"
        "nothing to do";
    /// The prefix that python falls back to.
    PythonFallback "python-fallback" "ELF" Harmless
        "python looks there only where it does not find its library beside itself (sys.prefix)"
        "nothing to do";
    /// `__FILE__` and the like.
    SourceName "source-name" "ELF" Harmless
        "messages of failed assertions show where the source was when it was built"
        "nothing to do; -ffile-prefix-map takes it out";
    /// The arguments of the build.
    BuildArguments "build-arguments" "ELF" Harmless
        "options such as --version and -V show how it was built; nothing is opened by it"
        "nothing to do";
    /// Debug information.
    Debug "debug" "ELF" Harmless
        "a debugger looks there for sources"
        "nothing to do; --strip takes it out";
    /// A part of an ELF file that is not loaded or not named.
    ElfUnloaded "unloaded" "ELF" Harmless
        "no loader maps it, or nothing names it"
        "nothing to do";
    /// A static library or an object file.
    StaticArchive "static-archive" "static archive" Harmless
        "what is linked with it later has the old path in it"
        "nothing to do for running; --prune static leaves it out";
    /// A header.
    Header "header" "header" Harmless
        "what is compiled with it later has the old path in it"
        "nothing to do for running; --prune headers leaves it out";
    /// Manual pages and other documentation.
    Documentation "documentation" "documentation" Harmless
        "a reader is told the old path"
        "nothing to do; --prune docs,man leaves it out";
    /// Texts that programs show.
    Messages "messages" "messages" Harmless
        "a message shows the old path"
        "nothing to do";
    /// The record that this tool leaves in a tree.
    Record "record" "record" Harmless
        "the record of the relocation says what the old path was"
        "nothing to do; 'relocate fix' needs it";
    /// A path that only looks like it.
    OtherPath "other-path" "other path" Harmless
        "it is another path that contains the same letters"
        "nothing to do";
}

/// What a mention is; `path` is the file's path in the tree.
pub(super) fn of(path: &RelPath, mention: &Mention) -> Kind {
    if mention.hold.why_harmless().is_some() {
        return Kind::OtherPath;
    }
    if path.parts().next() == Some(b".relocate") {
        return Kind::Record;
    }
    let inner = mention.inside.as_ref().and_then(|inside| inside.rsplit(|byte| *byte == b'!').next());
    let name = inner.unwrap_or(path.as_bytes());
    match mention.form {
        Form::Elf => of_elf(mention),
        Form::Pyc if mention.place == Place::SourceName => Kind::PycSource,
        Form::Pyc => Kind::PycConstant,
        Form::StaticArchive => Kind::StaticArchive,
        Form::Script | Form::Text => of_text(path.as_bytes(), name, mention),
        Form::Packed | Form::Data => quiet(path.as_bytes(), name).unwrap_or(Kind::Data),
    }
}

/// Whether a file is python itself; what it has compiled in as its whole prefix is the last place it looks (CPython
/// `Modules/getpath.py`).
pub(super) fn is_python(path: &RelPath) -> bool {
    path.name().starts_with(b"libpython") || path.name().starts_with(b"python")
}

fn of_elf(mention: &Mention) -> Kind {
    match (mention.place, mention.hold) {
        (_, Hold::Split) => Kind::ElfSplit,
        (Place::RunPath, _) => Kind::RunPath,
        (Place::Interp, _) => Kind::Interp,
        (Place::Library, _) => Kind::Library,
        (Place::Debug, _) => Kind::Debug,
        (Place::Unloaded, _) => Kind::ElfUnloaded,
        (Place::SourceName, _) => Kind::SourceName,
        (Place::BuildArguments, _) => Kind::BuildArguments,
        (_, Hold::Unbounded) => Kind::ElfUnbounded,
        // Behind what the headers speak of, such as an archive that a program carries.
        _ if mention.section.is_none() => Kind::Data,
        _ => Kind::ElfString,
    }
}

fn of_text(path: &[u8], name: &[u8], mention: &Mention) -> Kind {
    if mention.place == Place::FirstLine {
        return Kind::Shebang;
    }
    if let Some(kind) = quiet(path, name) {
        return kind;
    }
    let file = last(name);
    let ends = |endings: &[&[u8]]| endings.iter().any(|ending| file.ends_with(ending));
    let record = file.starts_with(b"+") && file.len() > 1
        || in_directory(path, &|part| part.ends_with(b".dist-info") || part.ends_with(b".egg-info"));
    if record {
        return Kind::PackageDatabase;
    }
    if mention.place == Place::Comment {
        return Kind::Comment;
    }
    if ends(&[b".pc"]) {
        return Kind::PkgConfig;
    }
    if ends(&[b".la"]) {
        return Kind::Libtool;
    }
    if ends(&[b".cmake"]) {
        return Kind::Cmake;
    }
    if file.starts_with(b"_sysconfigdata") {
        return Kind::Sysconfigdata;
    }
    if file.starts_with(b"Makefile") || ends(&[b".mk", b".mak"]) {
        return Kind::Makefile;
    }
    if memchr::memmem::find(file, b"-config").is_some()
        && (mention.form == Form::Script || in_directory(path, &|part| part == b"bin"))
    {
        return Kind::ConfigScript;
    }
    if mention.form == Form::Script || ends(SCRIPTS) {
        return Kind::Script;
    }
    if in_directory(path, &|part| part == b"etc") || ends(CONFIGURATION) {
        return Kind::Configuration;
    }
    Kind::Text
}

const SCRIPTS: &[&[u8]] = &[
    b".sh", b".py", b".pyw", b".pl", b".pm", b".pod", b".rb", b".tcl", b".lua", b".js", b".mjs", b".awk", b".m4",
    b".php", b".cgi", b".el", b".vim", b".sed", b".csh", b".fish", b".bash", b".zsh", b".ps1", b".r", b".R",
];
const CONFIGURATION: &[&[u8]] = &[
    b".conf",
    b".cnf",
    b".cfg",
    b".ini",
    b".toml",
    b".yaml",
    b".yml",
    b".properties",
    b".conf.default",
    b".conf.sample",
    b"rc",
    b".desktop",
    b".service",
];

/// What is only shown or read by people and compilers, whatever form it has.
fn quiet(path: &[u8], name: &[u8]) -> Option<Kind> {
    let file = last(name);
    let ends = |endings: &[&[u8]]| endings.iter().any(|ending| file.ends_with(ending));
    if ends(&[b".h", b".hh", b".hpp", b".hxx", b".inl", b".pxd"]) {
        return Some(Kind::Header);
    }
    if ends(&[b".mo", b".gmo", b".po", b".pot"]) {
        return Some(Kind::Messages);
    }
    let shelf = |part: &[u8]| [&b"man"[..], b"doc", b"info", b"gtk-doc", b"licenses", b"examples"].contains(&part);
    let document = ends(&[b".html", b".htm", b".txt", b".md", b".rst", b".info", b".texi", b".ps", b".pdf", b".tex"])
        || [&b"README"[..], b"NEWS", b"INSTALL", b"ChangeLog", b"COPYING", b"LICENSE"]
            .iter()
            .any(|word| file.starts_with(word));
    (document || in_directory(path, &shelf)).then_some(Kind::Documentation)
}

fn last(name: &[u8]) -> &[u8] {
    name.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}

/// Whether a directory on the way to a file is one of those meant.
fn in_directory(path: &[u8], meant: &dyn Fn(&[u8]) -> bool) -> bool {
    let mut parts = path.rsplit(|byte| *byte == b'/');
    parts.next();
    parts.any(meant)
}
