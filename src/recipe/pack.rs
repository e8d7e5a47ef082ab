//! The options of the main job as a file has them: `relocate.toml` beside a tree, and `[pack]` of a recipe. One list of
//! keys for both.

use super::form;
use super::read::{Problems, RecipeError, Section, Wrong, document};
use crate::base::glob::Globs;
use crate::base::mode::Chmod;
use crate::base::path::Prefix;

/// A run-time path tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagWord {
    /// DT_RUNPATH.
    Runpath,
    /// DT_RPATH.
    Rpath,
}

impl TagWord {
    /// The word that a file has for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Runpath => "runpath",
            Self::Rpath => "rpath",
        }
    }
}

/// What a file says about the main job; each key is the option of that name, and says what the option says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pack {
    /// Absolute.
    pub old_prefix: Vec<String>,
    /// `None`: each file keeps its own.
    pub tag: Option<TagWord>,
    /// Globs.
    pub exclude: Vec<String>,
    /// Words and globs.
    pub prune: Vec<String>,
    /// Without debug sections.
    pub strip: bool,
    /// With libtool archives.
    pub keep_la: bool,
    /// Absolute.
    pub dest: Option<String>,
    /// Globs.
    pub skip: Vec<String>,
    /// Globs, and `runtime`.
    pub bundle: Vec<String>,
    /// Globs.
    pub copy_link: Vec<String>,
    /// Set-user-ID goes where a relative run-time path comes.
    pub drop_setuid: bool,
    /// Globs.
    pub allow_lib: Vec<String>,
    /// Globs.
    pub allow_missing: Vec<String>,
    /// Globs.
    pub allow_link: Vec<String>,
    /// Globs.
    pub allow_old_path: Vec<String>,
    /// Absolute.
    pub build_dir: Vec<String>,
    /// The name of a target, or a file.
    pub target: Option<String>,
    /// Relative, or empty.
    pub top_dir: Option<String>,
    /// `keep` or `UID:GID`: of what is in the archive.
    pub owner: Option<String>,
    /// As chmod(1) takes it.
    pub chmod: Option<String>,
    /// 1 to 9 for gzip, to 19 for zstd.
    pub level: Option<i32>,
}

impl Pack {
    /// Understands a `relocate.toml`. Gives every problem there is, in the order of the text.
    pub fn parse(text: &str) -> Result<Self, Vec<RecipeError>> {
        document(text, pack)
    }
}

pub(super) fn pack(section: &mut Section<'_>, problems: &mut Problems<'_>) -> Pack {
    Pack {
        old_prefix: section.texts("old-prefix", problems, absolute),
        tag: section.text("tag", problems, tag),
        exclude: section.texts("exclude", problems, glob),
        prune: section.texts("prune", problems, form::filled),
        strip: section.flag("strip", problems).unwrap_or(false),
        keep_la: section.flag("keep-la", problems).unwrap_or(false),
        dest: section.text("dest", problems, absolute),
        skip: section.texts("skip", problems, glob),
        bundle: section.texts("bundle", problems, glob),
        copy_link: section.texts("copy-link", problems, glob),
        drop_setuid: section.flag("drop-setuid", problems).unwrap_or(false),
        allow_lib: section.texts("allow-lib", problems, glob),
        allow_missing: section.texts("allow-missing", problems, glob),
        allow_link: section.texts("allow-link", problems, glob),
        allow_old_path: section.texts("allow-old-path", problems, glob),
        build_dir: section.texts("build-dir", problems, absolute),
        target: section.text("target", problems, form::filled),
        top_dir: section.text("top-dir", problems, form::line),
        owner: section.text("owner", problems, owner),
        chmod: section.text("chmod", problems, chmod),
        level: section.number("level", 1..=19, problems),
    }
}

type Form = Result<String, Wrong>;

fn absolute(text: &str) -> Form {
    let wrong = || Wrong::new(format!("'{}' is not absolute", text.escape_debug()), "write a path below /");
    Prefix::new(text.as_bytes()).map(|_| text.to_owned()).ok_or_else(wrong)
}

fn glob(text: &str) -> Form {
    let text = text.to_owned();
    let checked = Globs::new(std::slice::from_ref(&text)).map(|_| ());
    checked.map_err(|error| Wrong { what: error.to_string(), help: None }).map(|()| text)
}

fn tag(text: &str) -> Result<TagWord, Wrong> {
    let tags = [TagWord::Runpath, TagWord::Rpath];
    let wrong = || Wrong::new(format!("there is no tag '{}'", text.escape_debug()), "the tags are runpath and rpath");
    tags.into_iter().find(|tag| tag.word() == text).ok_or_else(wrong)
}

fn owner(text: &str) -> Form {
    let number = |text: &str| text.parse::<u64>().is_ok();
    let fits = text == "keep" || text.split_once(':').is_some_and(|(user, group)| number(user) && number(group));
    let wrong = || Wrong::new(format!("'{}' is no owner", text.escape_debug()), "write 'keep', or numbers as in 0:0");
    fits.then(|| text.to_owned()).ok_or_else(wrong)
}

fn chmod(text: &str) -> Form {
    let wrong = || {
        Wrong::new(
            format!("'{}' is no change of permissions", text.escape_debug()),
            "write one as in u+rwX,go=rX, or octal",
        )
    };
    Chmod::parse(text).map(|_| text.to_owned()).ok_or_else(wrong)
}
