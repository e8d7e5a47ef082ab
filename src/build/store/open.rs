//! From the text that names a shared place for packages to the place: a directory, `s3://BUCKET/DIR`, `http://` or `https://`.

use super::{DirStore, HttpStore, S3Settings, S3Store, Store};
use crate::build::web::{Credentials, Web, shown_url};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Why a text names no place for packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenError {
    /// The text, without passwords.
    pub text: String,
    /// What is wrong, and what to do.
    pub why: String,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is no place for packages: {}", self.text, self.why)
    }
}

impl std::error::Error for OpenError {}

/// Opens a place; connects to nothing. `variable` gives the environment's: for S3 those that other programs read, for web
/// servers `RELOCATE_CACHE_TOKEN` (a bearer token), `RELOCATE_CACHE_USER` with `RELOCATE_CACHE_PASSWORD`, or
/// `RELOCATE_CACHE_HEADER` (`NAME: VALUE`, such as GitLab's `JOB-TOKEN: ...`).
pub fn open(
    text: &str,
    web: &Arc<Web>,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Box<dyn Store>, OpenError> {
    let bad = |why: &str| OpenError { text: shown_url(text), why: why.to_owned() };
    let Some((scheme, rest)) = text.split_once("://") else {
        return if text.is_empty() { Err(bad("it is empty")) } else { Ok(Box::new(DirStore::new(Path::new(text)))) };
    };
    match scheme.to_ascii_lowercase().as_str() {
        "s3" => {
            let (bucket, before) = rest.split_once('/').unwrap_or((rest, ""));
            if bucket.is_empty() {
                return Err(bad("it names no bucket; write s3://BUCKET/DIR"));
            }
            let settings = S3Settings::from_environment(variable);
            Ok(Box::new(S3Store::new(web.clone(), bucket, before, &settings)?))
        }
        "http" | "https" => {
            if rest.is_empty() || rest.starts_with('/') || rest.contains(['?', '#']) {
                return Err(bad("it must be the address of a directory, https://HOST/DIR"));
            }
            Ok(Box::new(HttpStore::new(web.clone(), text, credentials(variable).map_err(|why| bad(&why))?)))
        }
        "file" => rest.strip_prefix('/').map_or_else(
            || Err(bad("write the path of the directory alone")),
            |path| Ok(Box::new(DirStore::new(&Path::new("/").join(path))) as Box<dyn Store>),
        ),
        _ => Err(bad("it must be a directory, s3://BUCKET/DIR, or https://HOST/DIR")),
    }
}

/// Who we are to the web server, as the environment has it.
fn credentials(variable: &dyn Fn(&str) -> Option<String>) -> Result<Option<Credentials>, String> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    if let Some(header) = set("RELOCATE_CACHE_HEADER") {
        let wrong = || "RELOCATE_CACHE_HEADER must be NAME: VALUE".to_owned();
        return Credentials::header(&header).ok_or_else(wrong).map(Some);
    }
    if let Some(token) = set("RELOCATE_CACHE_TOKEN") {
        return Ok(Some(Credentials::bearer(&token)));
    }
    let (user, password) = (set("RELOCATE_CACHE_USER"), set("RELOCATE_CACHE_PASSWORD"));
    Ok((user.is_some() || password.is_some())
        .then(|| Credentials::basic(&user.unwrap_or_default(), &password.unwrap_or_default())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::web::Settings;

    #[test]
    fn a_text_opens_the_place_it_names_or_says_what_is_wrong() {
        let web = Arc::new(Web::new(&Settings::default()).unwrap());
        let open = |text: &str| open(text, &web, &|_| None).map(|_| ()).map_err(|error| error.to_string());
        for text in ["/var/cache", "cache", "s3://bucket", "s3://my.bucket/a/b/", "https://u:p@h/d", "file:///c"] {
            assert_eq!(open(text), Ok(()), "{text}");
        }
        assert_eq!(
            open("s3:///x"),
            Err("s3:///x is no place for packages: it names no bucket; write s3://BUCKET/DIR".into())
        );
        assert!(open("ftp://u:p@h/").is_err_and(|error| error.starts_with("ftp://h/ is no place")));
        assert!(open("https://").is_err() && open("").is_err() && open("file://x").is_err());
    }
}
