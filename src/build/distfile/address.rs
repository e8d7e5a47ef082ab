//! Addresses of source archives, as the tree writes its sites and as recipes name mirrors.

use std::path::{Path, PathBuf};
use url::Url;

/// The whole address of a file at one of its sites; a site that begins with `-` is one already.
pub(super) fn of_site(site: &str, name: &str) -> String {
    match site.strip_prefix('-') {
        Some(whole) => whole.to_owned(),
        None => format!("{site}{name}"),
    }
}

/// The local file that a `file:` address names.
pub(super) fn local(url: &str) -> Option<PathBuf> {
    Url::parse(url).ok().filter(|url| url.scheme() == "file")?.to_file_path().ok()
}

/// The address of a local file.
pub(super) fn of_path(path: &Path) -> String {
    Url::from_file_path(path).map_or_else(|()| path.display().to_string(), Into::into)
}

/// What is asked of one server at a time is counted by this; none for local files.
pub(super) fn host(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let host = url.host_str().filter(|_| url.scheme() != "file")?;
    Some(format!("{}://{host}:{}", url.scheme(), url.port_or_known_default().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_with_a_minus_is_a_whole_address() {
        assert_eq!(of_site("http://h/d/", "a-1.tgz"), "http://h/d/a-1.tgz");
        assert_eq!(of_site("-http://h/get?id=1", "a-1.tgz"), "http://h/get?id=1");
    }

    #[test]
    fn local_files_have_addresses_and_no_host() {
        assert_eq!(local(&of_path(Path::new("/a b/c"))), Some("/a b/c".into()));
        assert_eq!(host("file:///a"), None);
        assert_eq!(host("HTTP://A.example/x"), host("http://a.example:80/y"));
        assert_eq!(local("http://h/a"), None);
    }
}
