//! Files in a bucket of S3, or of a server that speaks as S3 does. Requests are signed in their address.

use super::OpenError;
use super::http::{Ask, Question};
use crate::web::{Answer, Method, Web, WebError, Who};
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// How long a signed address is good for: a clock may be wrong, an upload slow.
const GOOD_FOR: Duration = Duration::from_secs(3600);

/// Where S3 is and who we are to it; the secret is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct S3Settings {
    /// The server's address; none is Amazon's of the region.
    pub endpoint: Option<String>,
    /// The region.
    pub region: String,
    /// The key and its secret; none asks without a name.
    pub keys: Option<(String, String)>,
    /// The token that goes with keys for a session.
    pub session: Option<String>,
}

impl fmt::Debug for S3Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S3Settings({:?}, {})", self.endpoint, self.region)
    }
}

impl S3Settings {
    /// Reads `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, `AWS_REGION`, `AWS_DEFAULT_REGION`, `AWS_ACCESS_KEY_ID`,
    /// `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`; one set to nothing is as good as none.
    pub fn from_environment(variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        Self {
            endpoint: set("AWS_ENDPOINT_URL_S3").or_else(|| set("AWS_ENDPOINT_URL")),
            region: set("AWS_REGION").or_else(|| set("AWS_DEFAULT_REGION")).unwrap_or_else(|| "us-east-1".to_owned()),
            keys: set("AWS_ACCESS_KEY_ID").zip(set("AWS_SECRET_ACCESS_KEY")),
            session: set("AWS_SESSION_TOKEN"),
        }
    }
}

/// A part of a bucket.
pub struct Part {
    web: Arc<Web>,
    bucket: Bucket,
    credentials: Option<Credentials>,
    /// Empty, or ends in a slash.
    before: String,
}

impl Part {
    /// Takes a bucket and the directory in it, which may be empty. Servers other than Amazon's, and names with a dot, are
    /// asked with the bucket in the path: no certificate is good for it in the host's name.
    pub fn new(web: Arc<Web>, bucket: &str, before: &str, settings: &S3Settings) -> Result<Self, OpenError> {
        let amazon = format!("https://s3.{}.amazonaws.com", settings.region);
        let endpoint = settings.endpoint.as_deref().unwrap_or(&amazon);
        let bad = |why: String| OpenError { text: format!("s3://{bucket}/{before}"), why };
        let url =
            Url::parse(endpoint).map_err(|error| bad(format!("the endpoint {endpoint} is no address: {error}")))?;
        let in_path = settings.endpoint.is_some() || bucket.contains('.');
        let style = if in_path { UrlStyle::Path } else { UrlStyle::VirtualHost };
        let known = Bucket::new(url, style, bucket.to_owned(), settings.region.clone());
        let credentials = settings.keys.as_ref().map(|(key, secret)| match &settings.session {
            Some(token) => Credentials::new_with_token(key, secret, token),
            None => Credentials::new(key, secret),
        });
        let before = before.trim_matches('/');
        let before = if before.is_empty() { String::new() } else { format!("{before}/") };
        let bucket = known.map_err(|error| bad(error.to_string()))?;
        Ok(Self { web, bucket, credentials, before })
    }
}

impl Ask for Part {
    fn place(&self, name: &str) -> String {
        format!("s3://{}/{}{name}", self.bucket.name(), self.before)
    }

    fn ask(&self, name: &str, question: Question<'_>) -> Result<Answer, WebError> {
        let (object, keys) = (format!("{}{name}", self.before), self.credentials.as_ref());
        let url = match question.method {
            Method::Get => signed(self.bucket.get_object(keys, &object), question.headers),
            Method::Head => signed(self.bucket.head_object(keys, &object), question.headers),
            Method::Put => signed(self.bucket.put_object(keys, &object), question.headers),
            Method::Delete => signed(self.bucket.delete_object(keys, &object), question.headers),
        };
        self.web.send(&question.request(url.as_str(), Who::Nobody))
    }
}

/// Conditions are signed along, so that nobody on the way can take them out.
fn signed<'a>(mut action: impl S3Action<'a>, headers: &[(&'static str, String)]) -> Url {
    for (name, value) in headers {
        action.headers_mut().insert(*name, value.clone());
    }
    action.sign(GOOD_FOR)
}
