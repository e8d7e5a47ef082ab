//! Requests over HTTP: through proxies, with certificates and credentials as the machine has them, redirects followed by us.
//!
//! Takes settings that were read from an environment and gives answers whose bodies are read as they come. Redirects are
//! followed here and not in the library, because a hop may need another proxy and must not be shown another host's
//! credentials. Refused: any scheme but http and https, and everything when offline.

mod error;
mod forward;
mod netrc;
mod proxy;
mod settings;
mod trust;

pub use error::{Reason, WebError, said, shown_url};
pub use netrc::Netrc;
pub use proxy::{NoProxy, ProxyAddress};
pub use settings::{Settings, SettingsError};

use data_encoding::BASE64;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use ureq::http::{self, HeaderMap};
use ureq::{Agent, Body};
use url::Url;

/// How many times one request may be sent elsewhere.
const REDIRECTS: usize = 10;

/// What is asked of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Give the bytes.
    Get,
    /// Say what there is, without the bytes.
    Head,
    /// Take these bytes.
    Put,
    /// Forget them.
    Delete,
}

/// Credentials for one server; never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    name: String,
    value: String,
}

impl Credentials {
    /// A bearer token.
    pub fn bearer(token: &str) -> Self {
        Self { name: "authorization".to_owned(), value: format!("Bearer {token}") }
    }

    /// A user and a password.
    pub fn basic(user: &str, password: &str) -> Self {
        let both = BASE64.encode(format!("{user}:{password}").as_bytes());
        Self { name: "authorization".to_owned(), value: format!("Basic {both}") }
    }

    /// A header of the server's own, written as `NAME: VALUE`; `None` where it is not.
    pub fn header(text: &str) -> Option<Self> {
        let (name, value) = text.split_once(':')?;
        let (name, value) = (name.trim(), value.trim());
        http::HeaderName::from_bytes(name.as_bytes()).ok()?;
        http::HeaderValue::from_str(value).ok()?;
        Some(Self { name: name.to_owned(), value: value.to_owned() })
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({}: ...)", self.name)
    }
}

/// One request.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// What is asked.
    pub method: Method,
    /// Where; a user and password in it are taken for that host.
    pub url: &'a str,
    /// More headers.
    pub headers: Vec<(&'static str, String)>,
    /// What to send.
    pub body: Content<'a>,
    /// Who asks.
    pub who: Who<'a>,
}

/// What a request carries.
#[derive(Debug, Clone, Copy)]
pub enum Content<'a> {
    /// Nothing.
    Nothing,
    /// These bytes.
    Bytes(&'a [u8]),
    /// The bytes of this file.
    File(&'a Path),
}

/// Who makes a request.
#[derive(Debug, Clone, Copy)]
pub enum Who<'a> {
    /// The user of the address, else the one that netrc has for the host, else nobody.
    Found,
    /// This one, but only at the server that the request names.
    Given(&'a Credentials),
    /// Nobody: the address is signed.
    Nobody,
}

impl<'a> Request<'a> {
    /// A plain question for the bytes of an address.
    pub fn get(url: &'a str) -> Self {
        Self { method: Method::Get, url, headers: Vec::new(), body: Content::Nothing, who: Who::Found }
    }
}

/// An answer that has begun.
pub struct Answer {
    /// Its code: never one that says to ask elsewhere.
    pub status: u16,
    headers: HeaderMap,
    body: Body,
}

impl Answer {
    /// A header's text; `None` where it is not there or not ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// How long the body says it is, in bytes.
    pub fn length(&self) -> Option<u64> {
        self.header("content-length")?.trim().parse().ok()
    }

    /// The body, unbounded: the reader must know when it is enough.
    pub fn reader(self) -> impl Read {
        self.body.into_with_config().limit(u64::MAX).reader()
    }

    /// A body of a few bytes; fails where it is longer.
    pub fn text(self, most: u64) -> io::Result<String> {
        let mut bytes = Vec::new();
        self.reader().take(most.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > most {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("the answer has more than {most} bytes")));
        }
        String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }
}

/// Makes requests; shared by any number of threads.
#[derive(Debug)]
pub struct Web {
    offline: bool,
    no_proxy: NoProxy,
    netrc: Netrc,
    direct: Agent,
    /// For http addresses, where they have a proxy.
    plain: Option<Agent>,
    /// For https addresses, where they have a proxy.
    secure: Option<Agent>,
}

impl Web {
    /// Reads certificates and netrc; fails where one that was named cannot be read.
    pub fn new(settings: &Settings) -> Result<Self, SettingsError> {
        let trusted = trust::roots(settings.ca_file.as_deref())?;
        let through = |proxy| Agent::from(settings.config(&trusted, proxy).build());
        let direct = through(None);
        let plain = settings.plain.as_ref().map(|proxy| {
            if proxy.forwards() { forward::agent(settings.config(&trusted, None), proxy) } else { through(Some(proxy)) }
        });
        let secure = settings.secure.as_ref().map(|proxy| through(Some(proxy)));
        let netrc = settings.netrc.as_deref().map(Netrc::read).transpose()?.unwrap_or_default();
        Ok(Self { offline: settings.offline, no_proxy: settings.no_proxy.clone(), netrc, direct, plain, secure })
    }

    /// Whether it never connects.
    pub fn is_offline(&self) -> bool {
        self.offline
    }

    /// Sends a request and follows redirects. A code that says no is an answer, too.
    pub fn send(&self, request: &Request<'_>) -> Result<Answer, WebError> {
        let failed = |reason| WebError { url: shown_url(request.url), reason };
        let first = parse(request.url).map_err(failed)?;
        if self.offline {
            return Err(failed(Reason::Offline));
        }
        let mut url = first.clone();
        for _ in 0..=REDIRECTS {
            let credentials = match request.who {
                Who::Given(own) if url.origin() == first.origin() => Some(own.clone()),
                Who::Nobody => None,
                Who::Given(_) | Who::Found => self.found(&url),
            };
            let answer = self.hop(request, &url, credentials.as_ref()).map_err(failed)?;
            let Some(next) = next(&url, &answer, request.method).map_err(failed)? else { return Ok(answer) };
            url = next;
        }
        Err(failed(Reason::Redirects))
    }

    /// Who we are to a server, where the address or netrc says so. An address that is signed must not get another signature.
    fn found(&self, url: &Url) -> Option<Credentials> {
        let is_signed = url.query().is_some_and(|query| query.to_ascii_lowercase().contains("signature="));
        if is_signed { None } else { in_url(url).or_else(|| self.netrc.credentials(url.host_str()?)) }
    }

    /// One request to one server.
    fn hop(&self, request: &Request<'_>, url: &Url, credentials: Option<&Credentials>) -> Result<Answer, Reason> {
        let mut bare = url.clone();
        // Both fail for addresses without a host only, which parse refuses.
        let _ = bare.set_username("").and_then(|()| bare.set_password(None));
        bare.set_fragment(None);
        let mut head = http::Request::builder().uri(bare.as_str());
        // Archives must come as they are: a server may pack what it sends, and unpack what is packed.
        head = head.header("accept-encoding", "identity");
        for (name, value) in &request.headers {
            head = head.header(*name, value);
        }
        if let Some(Credentials { name, value }) = credentials {
            head = head.header(name, value);
        }
        let agent = self.agent(url);
        let bad = |error: http::Error| Reason::Url(error.to_string());
        let sent = match request.method {
            Method::Get => agent.run(head.method("GET").body(()).map_err(bad)?),
            Method::Head => agent.run(head.method("HEAD").body(()).map_err(bad)?),
            Method::Delete => agent.run(head.method("DELETE").body(()).map_err(bad)?),
            Method::Put => {
                let head = head.method("PUT").header("content-type", "application/octet-stream");
                match request.body {
                    Content::Nothing => agent.run(head.body(&[][..]).map_err(bad)?),
                    Content::Bytes(bytes) => agent.run(head.body(bytes).map_err(bad)?),
                    Content::File(path) => agent.run(head.body(File::open(path).map_err(Reason::Body)?).map_err(bad)?),
                }
            }
        };
        let (parts, body) = sent.map_err(Reason::from_ureq)?.into_parts();
        Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
    }

    fn agent(&self, url: &Url) -> &Agent {
        let proxied = if url.scheme() == "https" { &self.secure } else { &self.plain };
        match proxied {
            Some(agent) if !self.no_proxy.covers(url) => agent,
            _ => &self.direct,
        }
    }
}

/// An address this can speak to.
fn parse(text: &str) -> Result<Url, Reason> {
    let url = Url::parse(text).map_err(|error| Reason::Url(error.to_string()))?;
    match url.scheme() {
        "http" | "https" if url.has_host() => Ok(url),
        scheme => Err(Reason::Scheme(scheme.to_owned())),
    }
}

/// Where an answer sends the request; none where it is the answer.
fn next(url: &Url, answer: &Answer, method: Method) -> Result<Option<Url>, Reason> {
    // What is put must be put again, and what is removed removed, which 301 to 303 do not promise.
    let moved = match answer.status {
        301..=303 => !matches!(method, Method::Put | Method::Delete),
        307 | 308 => true,
        _ => false,
    };
    let Some(to) = answer.header("location").filter(|_| moved) else { return Ok(None) };
    let to = url.join(to).map_err(|error| Reason::Url(format!("redirected to {}: {error}", shown_url(to))))?;
    parse(to.as_str()).map(Some)
}

/// The user and password of an address.
fn in_url(url: &Url) -> Option<Credentials> {
    let decoded = |text: &str| percent_decoded(text);
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    Some(Credentials::basic(&decoded(url.username()), &decoded(url.password().unwrap_or_default())))
}

/// Text with its `%XX` replaced; what is no such thing stays.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let pair = after.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        let decoded = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()).filter(|_| *byte == b'%');
        bytes.push(decoded.unwrap_or(*byte));
        rest = if decoded.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
