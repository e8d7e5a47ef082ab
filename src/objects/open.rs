//! From the text that names a place for files to the place: a directory, `s3://BUCKET/DIR`, `http://` or `https://`.

use super::{Directory, Objects, Part, S3Settings, Server};
use crate::web::{Credentials, Web, shown_url};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Why a text names no place for files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenError {
    /// The text, without passwords.
    pub text: String,
    /// What is wrong, and what to do.
    pub why: String,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is no place for files: {}", self.text, self.why)
    }
}

impl std::error::Error for OpenError {}

/// A place for files.
pub enum Place {
    /// On a file system.
    Directory(Directory),
    /// On a server.
    Remote(Box<dyn Objects>),
}

impl Place {
    /// The files, wherever they are.
    pub fn objects(self) -> Box<dyn Objects> {
        match self {
            Self::Directory(directory) => Box::new(directory),
            Self::Remote(objects) => objects,
        }
    }
}

/// What the environment says of servers.
pub struct Variables<'a> {
    /// Gives the value of a variable.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// What the names of those for web servers begin with: of `RELOCATE_CACHE` there are `RELOCATE_CACHE_TOKEN` (a bearer token),
    /// `RELOCATE_CACHE_USER` with `RELOCATE_CACHE_PASSWORD`, and `RELOCATE_CACHE_HEADER` (`NAME: VALUE`, such as GitLab's
    /// `JOB-TOKEN: ...`). S3 has those that other programs read.
    pub begin: &'a str,
}

/// Opens a place; connects to nothing.
pub fn open(text: &str, web: &Arc<Web>, variables: &Variables<'_>) -> Result<Place, OpenError> {
    let bad = |why: &str| OpenError { text: shown_url(text), why: why.to_owned() };
    let Some((scheme, rest)) = text.split_once("://") else {
        return if text.is_empty() {
            Err(bad("it is empty"))
        } else {
            Ok(Place::Directory(Directory::new(Path::new(text))))
        };
    };
    match scheme.to_ascii_lowercase().as_str() {
        "s3" => {
            let (bucket, before) = rest.split_once('/').unwrap_or((rest, ""));
            if bucket.is_empty() {
                return Err(bad("it names no bucket; write s3://BUCKET/DIR"));
            }
            let settings = S3Settings::from_environment(variables.variable);
            Ok(Place::Remote(Box::new(Part::new(web.clone(), bucket, before, &settings)?)))
        }
        "http" | "https" => {
            if rest.is_empty() || rest.starts_with('/') || rest.contains(['?', '#']) {
                return Err(bad("it must be the address of a directory, https://HOST/DIR"));
            }
            let credentials = credentials(variables).map_err(|why| bad(&why))?;
            Ok(Place::Remote(Box::new(Server::new(web.clone(), text, credentials))))
        }
        "file" => rest.strip_prefix('/').map_or_else(
            || Err(bad("write the path of the directory alone")),
            |path| Ok(Place::Directory(Directory::new(&Path::new("/").join(path)))),
        ),
        _ => Err(bad("it must be a directory, s3://BUCKET/DIR, or https://HOST/DIR")),
    }
}

/// Who we are to the web server, as the environment has it.
fn credentials(variables: &Variables<'_>) -> Result<Option<Credentials>, String> {
    let name = |end: &str| format!("{}_{end}", variables.begin);
    let set = |end: &str| (variables.variable)(&name(end)).filter(|value| !value.is_empty());
    if let Some(header) = set("HEADER") {
        let wrong = || format!("{} must be NAME: VALUE", name("HEADER"));
        return Credentials::header(&header).ok_or_else(wrong).map(Some);
    }
    if let Some(token) = set("TOKEN") {
        return Ok(Some(Credentials::bearer(&token)));
    }
    let (user, password) = (set("USER"), set("PASSWORD"));
    Ok((user.is_some() || password.is_some())
        .then(|| Credentials::basic(&user.unwrap_or_default(), &password.unwrap_or_default())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::Settings;

    #[test]
    fn a_text_opens_the_place_it_names_or_says_what_is_wrong() {
        let web = Arc::new(Web::new(&Settings::default()).unwrap());
        let variables = Variables { variable: &|_| None, begin: "RELOCATE_CACHE" };
        let open = |text: &str| open(text, &web, &variables).map(drop).map_err(|error| error.to_string());
        for text in ["/var/cache", "cache", "s3://bucket", "s3://my.bucket/a/b/", "https://u:p@h/d", "file:///c"] {
            assert_eq!(open(text), Ok(()), "{text}");
        }
        assert_eq!(
            open("s3:///x"),
            Err("s3:///x is no place for files: it names no bucket; write s3://BUCKET/DIR".into())
        );
        assert!(open("ftp://u:p@h/").is_err_and(|error| error.starts_with("ftp://h/ is no place")));
        assert!(open("https://").is_err() && open("").is_err() && open("file://x").is_err());
    }
}
