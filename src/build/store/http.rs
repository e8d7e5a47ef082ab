//! Packages on a web server that takes PUT: Artifactory, Nexus, GitLab's generic packages, nginx with DAV.

use super::remote::{Ask, Objects, Remote};
use super::{Store, StoreError};
use crate::base::digest::Digest;
use crate::build::web::{Answer, Content, Credentials, Method, Request, Web, WebError, Who, shown_url};
use std::path::Path;
use std::sync::Arc;

/// A directory of a web server.
pub struct HttpStore(Remote<Directory>);

struct Directory {
    web: Arc<Web>,
    /// Ends in a slash.
    base: String,
    credentials: Option<Credentials>,
}

impl HttpStore {
    /// Takes the address of a directory. Without credentials those of the address or of netrc are used.
    pub fn new(web: Arc<Web>, base: &str, credentials: Option<Credentials>) -> Self {
        Self(Remote(Directory { web, base: format!("{}/", base.trim_end_matches('/')), credentials }))
    }
}

impl Objects for Directory {
    fn shown(&self, name: &str) -> String {
        shown_url(&format!("{}{name}", self.base))
    }

    fn ask(&self, name: &str, ask: &Ask<'_>) -> Result<Answer, WebError> {
        let url = format!("{}{name}", self.base);
        let (method, body) = parts(ask);
        let who = self.credentials.as_ref().map_or(Who::Found, Who::Given);
        self.web.send(&Request { method, url: &url, headers: Vec::new(), body, who })
    }
}

/// The method and body that a request has for a server of any kind.
pub(super) fn parts<'a>(ask: &Ask<'a>) -> (Method, Content<'a>) {
    match ask {
        Ask::Read => (Method::Get, Content::Nothing),
        Ask::Look => (Method::Head, Content::Nothing),
        Ask::Write(content) => (Method::Put, *content),
    }
}

impl Store for HttpStore {
    fn has(&self, key: Digest) -> Result<bool, StoreError> {
        self.0.has(key)
    }

    fn get(&self, key: Digest, into: &Path) -> Result<bool, StoreError> {
        self.0.get(key, into)
    }

    fn put(&self, key: Digest, from: &Path) -> Result<(), StoreError> {
        self.0.put(key, from)
    }
}
