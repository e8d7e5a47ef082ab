//! `relocatew.properties`: what a project pins, one `key=value` in a line, as the script beside it reads them.
//!
//! Takes the bytes of the file and gives [`Properties`], and the other way round. The script has no room for leniency, so there is
//! none here: no blanks around `=`, a digest in small letters, a later line of the same key is no correction but a mistake. Comments
//! (`#`) and empty lines of people stay where they are when values change. Refused: keys that are not known, and values that the
//! script could not use.

use crate::base::digest::Digest;
use crate::base::near;
use std::fmt;

/// The keys, in the order they are written.
const KEYS: [&str; 8] = ["version", "sha256", "size", "urls", "repository", "root-key", "channel", "policy"];
/// How a URL that the script can fetch begins.
const SCHEMES: [&str; 3] = ["https://", "http://", "file:///"];
/// The longest size the script reads, in digits.
const SIZE_DIGITS: usize = 11;
/// The largest file that is read, in bytes.
const MOST: usize = 64 << 10;

/// What a project pins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Properties {
    /// The version of the tool, for people.
    pub version: String,
    /// The digest of the tool: what is run is this and nothing else.
    pub sha256: Digest,
    /// Its size in bytes, so that an answer without an end is cut.
    pub size: Option<u64>,
    /// Where it can be fetched, tried in this order.
    pub urls: Vec<String>,
    /// The repository that newer ones come from.
    pub repository: Option<String>,
    /// The sha256 of the repository's first root, or the path of a root beside the file.
    pub root_key: Option<String>,
    /// Which channel is followed.
    pub channel: Option<String>,
    /// What the tool does when there is a newer one.
    pub policy: Option<String>,
}

/// Why a file does not say what is pinned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadProperties {
    /// It is no text, or far too long for what it is.
    NoText,
    /// A line has no `=`.
    NoKey {
        /// The line, from 1.
        line: usize,
    },
    /// A key is not known.
    Unknown {
        /// The line, from 1.
        line: usize,
        /// The key.
        key: String,
        /// One that may have been meant.
        near: Option<&'static str>,
    },
    /// A key is there twice.
    Twice {
        /// The second line, from 1.
        line: usize,
        /// The key.
        key: &'static str,
    },
    /// A value cannot be used.
    Value {
        /// The key.
        key: &'static str,
        /// What it must be.
        wanted: &'static str,
    },
}

impl fmt::Display for BadProperties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoText => write!(f, "it is no text of a few lines"),
            Self::NoKey { line } => write!(f, "line {line}: a line is KEY=VALUE, or begins with '#'"),
            Self::Unknown { line, key, near } => {
                write!(f, "line {line}: there is no key '{}'", key.escape_debug())?;
                near.map_or(Ok(()), |near| write!(f, "; did you mean '{near}'?"))
            }
            Self::Twice { line, key } => write!(f, "line {line}: '{key}' is there twice"),
            Self::Value { key, wanted } => write!(f, "{key} must be {wanted}"),
        }
    }
}

impl std::error::Error for BadProperties {}

impl Properties {
    /// Reads a file. Lines may end as on other systems.
    pub fn parse(bytes: &[u8]) -> Result<Self, BadProperties> {
        let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= MOST).ok_or(BadProperties::NoText)?;
        let mut found: [Option<&str>; KEYS.len()] = [None; KEYS.len()];
        for (at, line) in text.lines().enumerate() {
            let Some((key, value)) = key_of(line, at + 1)? else { continue };
            if found[key].replace(value).is_some() {
                return Err(BadProperties::Twice { line: at + 1, key: KEYS[key] });
            }
        }
        let [version, sha256, size, urls, repository, root_key, channel, policy] = found;
        let own = |value: Option<&str>| value.filter(|value| !value.is_empty()).map(str::to_owned);
        let properties = Self {
            version: version.unwrap_or_default().to_owned(),
            sha256: sha256.and_then(digest).ok_or(WANTED_DIGEST)?,
            size: size.map(|size| number(size).ok_or(WANTED_SIZE)).transpose()?,
            urls: urls.unwrap_or_default().split_whitespace().map(str::to_owned).collect(),
            repository: own(repository),
            root_key: own(root_key),
            channel: own(channel),
            policy: own(policy),
        };
        properties.check()?;
        Ok(properties)
    }

    /// Whether a file that says this can be read back, by the script too.
    pub fn check(&self) -> Result<(), BadProperties> {
        let value = |key, wanted, is_fine| if is_fine { Ok(()) } else { Err(BadProperties::Value { key, wanted }) };
        value("version", "letters, digits and '.', '-', '+', '_'", is_version(&self.version))?;
        value(
            "size",
            "of at most 11 digits",
            self.size.is_none_or(|size| size > 0 && size.to_string().len() <= SIZE_DIGITS),
        )?;
        value("urls", "URLs that begin with https://, http:// or file:///", self.urls.iter().all(|url| is_url(url)))?;
        let plain = |text: &Option<String>| {
            text.as_ref().is_none_or(|text| !text.is_empty() && !text.contains(char::is_control))
        };
        value("repository", "the address of a repository", plain(&self.repository))?;
        value("root-key", "a sha256, or the path of a root", plain(&self.root_key))?;
        value("channel", "the name of a channel", plain(&self.channel))?;
        value("policy", "a word", plain(&self.policy))
    }

    /// The file of a project that has none yet.
    pub fn text(&self) -> String {
        let head = "# Which relocate this project uses. ./relocatew runs exactly this one; 'relocate wrapper bump' takes a newer.\n";
        self.put_into(head)
    }

    /// The file that a project has, with these values: other lines stay as they are, where they are.
    pub fn put_into(&self, text: &str) -> String {
        let values = self.values();
        let mut written = [false; KEYS.len()];
        let mut lines = Vec::new();
        for line in text.lines() {
            let Ok(Some((key, _))) = key_of(line, 0) else {
                lines.push(line.to_owned());
                continue;
            };
            if let Some(value) = values[key].as_ref().filter(|_| !written[key]) {
                lines.push(format!("{}={value}", KEYS[key]));
            }
            written[key] = true;
        }
        let missing = KEYS.iter().zip(values).zip(written).filter(|(_, written)| !written);
        lines.extend(missing.filter_map(|((key, value), _)| Some(format!("{key}={}", value?))));
        lines.join("\n") + "\n"
    }

    fn values(&self) -> [Option<String>; KEYS.len()] {
        [
            Some(self.version.clone()),
            Some(self.sha256.to_string()),
            self.size.map(|size| size.to_string()),
            Some(self.urls.join(" ")),
            self.repository.clone(),
            self.root_key.clone(),
            self.channel.clone(),
            self.policy.clone(),
        ]
    }
}

const WANTED_DIGEST: BadProperties =
    BadProperties::Value { key: "sha256", wanted: "64 hexadecimal digits in small letters" };
const WANTED_SIZE: BadProperties = BadProperties::Value { key: "size", wanted: "a number of bytes" };

/// The place of a line's key in the list, and its value; none for a comment or an empty line.
fn key_of(line: &str, number: usize) -> Result<Option<(usize, &str)>, BadProperties> {
    if line.trim().is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let (key, value) = line.split_once('=').ok_or(BadProperties::NoKey { line: number })?;
    let unknown = || {
        let near = near::nearest(key.trim(), KEYS).and_then(|near| KEYS.into_iter().find(|key| *key == near));
        BadProperties::Unknown { line: number, key: key.to_owned(), near }
    };
    KEYS.iter().position(|known| *known == key).map(|at| Some((at, value))).ok_or_else(unknown)
}

fn digest(text: &str) -> Option<Digest> {
    Digest::from_hex(text).filter(|digest| digest.to_string() == text)
}

fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}

/// Whether a version is a word that can stand in any message.
fn is_version(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-+_".contains(&byte))
}

/// Whether the script can fetch it.
pub fn is_url(text: &str) -> bool {
    let begins = SCHEMES.iter().any(|scheme| text.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()));
    begins && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The URL of a file of this machine; the script knows the escapes of blanks and of percent signs alone, so `None` where a path
/// has bytes that need others.
pub fn file_url(path: &str) -> Option<String> {
    let url = format!("file://{}", path.replace('%', "%25").replace(' ', "%20"));
    is_url(&url).then_some(url)
}

/// The path that such a URL means.
pub fn file_path(url: &str) -> Option<String> {
    let path = url.strip_prefix("file://").filter(|path| path.starts_with('/'))?;
    Some(path.replace("%20", " ").replace("%25", "%"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DIGEST: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn parse(text: &str) -> Result<Properties, String> {
        Properties::parse(text.as_bytes()).map_err(|error| error.to_string())
    }

    fn pinned() -> Properties {
        parse(&format!("version=0.1.0\nsha256={DIGEST}\nurls=https://a/x file:///b%20c\n")).unwrap()
    }

    #[test]
    fn what_is_written_reads_back() {
        let all = Properties {
            size: Some(23_000_000),
            repository: Some("https://releases.example/r".to_owned()),
            root_key: Some("keys/root.json".to_owned()),
            channel: Some("stable".to_owned()),
            policy: Some("notify".to_owned()),
            ..pinned()
        };
        for properties in [pinned(), all] {
            assert_eq!(parse(&properties.text()), Ok(properties.clone()));
            assert_eq!(parse(&properties.text().replace('\n', "\r\n")), Ok(properties));
        }
    }

    #[test]
    fn comments_and_the_order_of_lines_stay_when_values_change() {
        let text = format!("# ours\nurls=https://a/x\n\nsha256={DIGEST}\n#sha256=old\nversion=1\nsize=3\nchannel=beta");
        let mut properties = parse(&text).unwrap();
        properties.version = "2".to_owned();
        properties.size = None;
        properties.policy = Some("off".to_owned());
        let wanted =
            format!("# ours\nurls=https://a/x\n\nsha256={DIGEST}\n#sha256=old\nversion=2\nchannel=beta\npolicy=off\n");
        assert_eq!(properties.put_into(&text), wanted);
    }

    #[test]
    fn what_the_script_could_not_use_is_refused_with_the_line() {
        let with = |line: &str| parse(&format!("version=1\nsha256={DIGEST}\n{line}\n")).unwrap_err();
        assert_eq!(with("url=https://x/"), "line 3: there is no key 'url'; did you mean 'urls'?");
        assert_eq!(with("sha256 = x"), "line 3: there is no key 'sha256 '; did you mean 'sha256'?");
        assert_eq!(with("version=2"), "line 3: 'version' is there twice");
        assert_eq!(with("size=010"), "size must be a number of bytes");
        assert_eq!(with("size=0"), "size must be of at most 11 digits");
        assert_eq!(with("size=123456789012"), "size must be of at most 11 digits");
        assert_eq!(with("urls=https://x/ ftp://y/"), "urls must be URLs that begin with https://, http:// or file:///");
        assert_eq!(with("nothing"), "line 3: a line is KEY=VALUE, or begins with '#'");
        let upper = DIGEST.to_ascii_uppercase();
        for text in ["", "version=1", "version=1\nsha256=", &format!("version=1\nsha256={upper}")] {
            assert_eq!(parse(text).unwrap_err(), "sha256 must be 64 hexadecimal digits in small letters", "{text}");
        }
        assert!(parse(&format!("version=$(id)\nsha256={DIGEST}")).is_err());
        assert!(Properties::parse(b"version=\xff").is_err() && Properties::parse(&vec![b'\n'; MOST + 1]).is_err());
    }

    #[test]
    fn a_path_has_a_url_where_the_script_can_read_it_back() {
        for path in ["/a", "/a b/100%/x%20y", "/%25"] {
            assert_eq!(file_url(path).and_then(|url| file_path(&url)).as_deref(), Some(path));
        }
        assert_eq!(file_url("/a b%"), Some("file:///a%20b%25".to_owned()));
        for path in ["/a\nb", "/\u{e9}", "a", "/"] {
            assert_eq!(file_url(path), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn no_file_makes_it_panic_and_what_is_read_is_written_the_same(text in "(version=1\n|sha256=[a-f0-9]{64}\r?\n|[ -~\n]{0,20})*") {
            if let Ok(properties) = Properties::parse(text.as_bytes()) {
                prop_assert_eq!(Properties::parse(properties.put_into(&text).as_bytes()), Ok(properties));
            }
        }
    }
}
