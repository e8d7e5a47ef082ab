//! What is asked for: one line of JSON.
//!
//! Pure. Refused: a line that is too long or no such request, fields that are not known (what was meant by them would not happen),
//! names of applications and refs that could be anything but a name.

use crate::release::is_app;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The number of the form of requests.
const FORMAT: u32 = 1;
/// The longest line, in bytes.
pub const LONGEST: usize = 4096;
/// The longest name of a ref, in bytes.
const LONGEST_REF: usize = 255;

/// One request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The number of its form.
    pub format: u32,
    /// The application, as the policy names it.
    pub app: String,
    /// A branch or tag, by its short or full name, or a whole commit id; none: what the policy or the repository says.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Whether its documentation is built, too.
    #[serde(default)]
    pub docs: bool,
    /// Whether to wait for another deploy instead of giving up.
    #[serde(default)]
    pub wait: bool,
    /// Says what would be done, and does it not.
    #[serde(default)]
    pub dry_run: bool,
}

/// Why a line is no request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRequest(String);

impl fmt::Display for BadRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the request is not understood: {}", self.0)
    }
}

impl std::error::Error for BadRequest {}

impl Request {
    /// A request for an application, by what its policy says.
    pub fn of(app: &str) -> Self {
        let app = app.to_owned();
        Self { format: FORMAT, app, reference: None, docs: false, wait: false, dry_run: false }
    }

    /// The line, without its end.
    pub fn line(&self) -> String {
        serde_json::json!(self).to_string()
    }

    /// Reads a line, with or without its end.
    pub fn parse(line: &[u8]) -> Result<Self, BadRequest> {
        if line.len() > LONGEST {
            return Err(BadRequest(format!("it has more than {LONGEST} bytes")));
        }
        let request: Self = serde_json::from_slice(line).map_err(|error| BadRequest(error.to_string()))?;
        request.check()?;
        Ok(request)
    }

    /// Refuses what is no name.
    pub fn check(&self) -> Result<(), BadRequest> {
        if self.format != FORMAT {
            return Err(BadRequest(format!("its format is {}, and this one knows {FORMAT}", self.format)));
        }
        if !is_app(&self.app) {
            return Err(BadRequest("its app is no name of an application".to_owned()));
        }
        match &self.reference {
            Some(reference) if !is_ref(reference) => Err(BadRequest("its ref is no name of a ref".to_owned())),
            _ => Ok(()),
        }
    }
}

/// Whether a text can be the name of a ref, short or full, or a commit id: letters, digits and a few marks, by the rules of
/// git-check-ref-format(1), and nothing that another program takes for an option or a range.
pub(super) fn is_ref(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._/+@-".contains(&byte);
    let is_odd =
        |part: &str| part.is_empty() || part.starts_with('.') || part.ends_with('.') || is_lock(part.as_bytes());
    name.len() <= LONGEST_REF
        && name.bytes().all(is_plain)
        && !name.starts_with(['-', '@', '+'])
        && !name.contains("..")
        && !name.contains("@{")
        && !name.split('/').any(is_odd)
}

fn is_lock(part: &[u8]) -> bool {
    part.ends_with(b".lock")
}

/// Whether it is a whole commit id, of SHA-1 or SHA-256.
pub(super) fn is_commit(name: &str) -> bool {
    [40, 64].contains(&name.len()) && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_reads_back_as_it_was_written() {
        let request = Request { reference: Some("release/1.2+3".to_owned()), docs: true, ..Request::of("web") };
        assert_eq!(Request::parse(format!("{}\n", request.line()).as_bytes()), Ok(request));
        assert_eq!(Request::parse(br#"{"format": 1, "app": "web"}"#), Ok(Request::of("web")));
    }

    #[test]
    fn what_is_no_name_is_no_request() {
        for reference in [
            "--upload-pack=touch /tmp/x",
            "-x",
            "main;reboot",
            "main reboot",
            "../../etc/passwd",
            "refs/heads/../x",
            "a..b",
            "main@{1}",
            "@",
            "x.lock",
            "a//b",
            "/x",
            "x/",
            ".x",
            "x/.y",
            "",
            "main^{commit}",
            "main~1",
            "a:b",
            "a\\b",
            "a\u{0}b",
            "a\nb",
            "ma\u{ef}n",
            "*",
            &"x".repeat(256),
        ] {
            assert!(!is_ref(reference), "{reference:?}");
            let request = Request { reference: Some(reference.to_owned()), ..Request::of("web") };
            assert!(Request::parse(request.line().as_bytes()).is_err());
        }
        for reference in ["main", "refs/heads/main", "v1.2.3", "user@host/x", &"a".repeat(40)] {
            assert!(is_ref(reference), "{reference:?}");
        }
        for app in ["", "../web", "Web", "-web", "web/x", "a b"] {
            assert!(Request::parse(Request::of(app).line().as_bytes()).is_err(), "{app:?}");
        }
        for line in [
            &b"main"[..],
            b"{}",
            b"[]",
            b"\xff\xfe",
            br#"{"format":2,"app":"x"}"#,
            br#"{"format":1,"app":"x","shell":"y"}"#,
        ] {
            assert!(Request::parse(line).is_err());
        }
        let long = format!("{{\"format\":1,\"app\":\"{}\"}}", "x".repeat(1 << 20));
        assert!(Request::parse(long.as_bytes()).unwrap_err().to_string().contains("4096"));
    }
}
