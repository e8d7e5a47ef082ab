//! The names of a release's files in the signed list: made of application, serial and kind, and read back.
//!
//! `APP-SERIAL.manifest.json.zst`, `APP-SERIAL.full.tar.zst`, `APP-SERIAL.from-BASE.delta`, `APP-SERIAL.tool`. The name of an application may itself have
//! hyphens, dots and digits, so names are read from their end, where there is one way only. What a name says is a convenience for
//! people: what counts is signed beside it ([`Custom`](super::Custom)).

use std::fmt;

/// The longest name of an application, in bytes.
const LONGEST_APP: usize = 64;

/// What a file of a release is called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// The application.
    pub app: String,
    /// The release.
    pub serial: u32,
    /// Which of its files.
    pub part: Part,
}

/// Which file of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Its manifest.
    Manifest,
    /// The whole of it.
    Full,
    /// What leads to it from an older release.
    Delta {
        /// The serial of that.
        base: u32,
    },
    /// A program that is fetched as it is.
    Tool,
}

/// Whether an application may be called so: small letters, digits, `.`, `_` and `-`, at most 64, a letter or digit first.
pub fn is_app(name: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.bytes().next().is_some_and(is_word)
        && name.len() <= LONGEST_APP
        && name.bytes().all(|byte| is_word(byte) || b"._-".contains(&byte))
}

impl Name {
    /// Reads a name; `None` for one that is no file of a release.
    pub fn parse(name: &str) -> Option<Self> {
        let (rest, part) = if let Some(rest) = name.strip_suffix(".manifest.json.zst") {
            (rest, Part::Manifest)
        } else if let Some(rest) = name.strip_suffix(".full.tar.zst") {
            (rest, Part::Full)
        } else if let Some(rest) = name.strip_suffix(".tool") {
            (rest, Part::Tool)
        } else {
            let (rest, base) = name.strip_suffix(".delta")?.rsplit_once(".from-")?;
            (rest, Part::Delta { base: serial(base)? })
        };
        let (app, number) = rest.rsplit_once('-')?;
        is_app(app).then_some(Self { app: app.to_owned(), serial: serial(number)?, part })
    }
}

/// A serial as it is written: no zeros before it, and it is none itself.
fn serial(text: &str) -> Option<u32> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| plain)
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { app, serial, part } = self;
        match part {
            Part::Manifest => write!(f, "{app}-{serial}.manifest.json.zst"),
            Part::Full => write!(f, "{app}-{serial}.full.tar.zst"),
            Part::Delta { base } => write!(f, "{app}-{serial}.from-{base}.delta"),
            Part::Tool => write!(f, "{app}-{serial}.tool"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reads_back_whatever_the_application_is_called() {
        for app in
            ["a", "our-app", "x-1", "a.from-2", "9.full.tar.zst", "a-1.manifest.json.zst", "a.tool", &"a".repeat(64)]
        {
            for part in
                [Part::Manifest, Part::Full, Part::Tool, Part::Delta { base: 1 }, Part::Delta { base: u32::MAX }]
            {
                let name = Name { app: app.to_owned(), serial: 42, part };
                assert_eq!(Name::parse(&name.to_string()), Some(name.clone()), "{name}");
                assert!(name.to_string().len() <= 180);
            }
        }
        let name = Name { app: "our-app".to_owned(), serial: 42, part: Part::Delta { base: 41 } };
        assert_eq!(name.to_string(), "our-app-42.from-41.delta");
    }

    #[test]
    fn what_is_no_name_of_a_release_is_none() {
        let long = format!("{}-1.full.tar.zst", "a".repeat(65));
        for name in [
            "",
            "a.full.tar.zst",
            "-1.full.tar.zst",
            "a-01.full.tar.zst",
            "a-0.full.tar.zst",
            "a-+1.full.tar.zst",
            "a-4294967296.full.tar.zst",
            "A-1.full.tar.zst",
            "a-1.from-.delta",
            "a-1.delta",
            "a-1.full.tar.gz",
            "_a-1.full.tar.zst",
            "a/b-1.full.tar.zst",
            &long,
        ] {
            assert_eq!(Name::parse(name), None, "{name}");
        }
    }
}
