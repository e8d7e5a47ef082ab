//! Why a request has no answer, in words that hold no password and no signature.

use std::fmt;
use std::io;

/// A request that failed.
#[derive(Debug)]
pub struct WebError {
    /// The address, fit to be shown.
    pub url: String,
    /// Why.
    pub reason: Reason,
}

impl fmt::Display for WebError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.url, self.reason)
    }
}

impl std::error::Error for WebError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.reason {
            Reason::Connect(error) | Reason::Transfer(error) | Reason::Body(error) => Some(error),
            _ => None,
        }
    }
}

/// Why a request failed.
#[derive(Debug)]
pub enum Reason {
    /// Nothing may be connected to.
    Offline,
    /// This scheme is not spoken.
    Scheme(String),
    /// It is no address.
    Url(String),
    /// The host has no address.
    Host,
    /// The host, or the proxy, could not be reached.
    Connect(io::Error),
    /// The proxy did not let us through.
    Proxy(String),
    /// The other side could not prove who it is, or spoke no TLS.
    Tls(String),
    /// It took too long; what did.
    Timeout(&'static str),
    /// The connection broke.
    Transfer(io::Error),
    /// The file to send could not be read.
    Body(io::Error),
    /// It was sent on from server to server.
    Redirects,
    /// It is no HTTP.
    Protocol(String),
}

impl Reason {
    /// Whether it may work a moment later.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Host | Self::Connect(_) | Self::Timeout(_) | Self::Transfer(_) | Self::Proxy(_))
    }

    /// Whether the next request to the same host would fail the same way.
    pub fn is_of_host(&self) -> bool {
        matches!(self, Self::Host | Self::Connect(_) | Self::Proxy(_) | Self::Tls(_) | Self::Timeout("connecting"))
    }

    pub(super) fn from_ureq(error: ureq::Error) -> Self {
        use ureq::Timeout;
        match error {
            ureq::Error::Io(error) if is_tls(&error) => Self::Tls(error.to_string()),
            ureq::Error::Io(error) => match error.kind() {
                io::ErrorKind::ConnectionRefused
                | io::ErrorKind::HostUnreachable
                | io::ErrorKind::NetworkUnreachable
                | io::ErrorKind::AddrNotAvailable
                | io::ErrorKind::NetworkDown => Self::Connect(error),
                _ => Self::Transfer(error),
            },
            ureq::Error::HostNotFound => Self::Host,
            ureq::Error::ConnectionFailed => Self::Connect(io::Error::other("no connection was made")),
            ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => Self::Timeout("connecting"),
            ureq::Error::Timeout(Timeout::SendRequest | Timeout::SendBody) => Self::Timeout("sending"),
            ureq::Error::Timeout(_) => Self::Timeout("waiting for an answer"),
            ureq::Error::ConnectProxyFailed(why) => Self::Proxy(why),
            ureq::Error::Tls(why) => Self::Tls(why.to_owned()),
            ureq::Error::Rustls(error) => Self::Tls(error.to_string()),
            other => Self::Protocol(other.to_string()),
        }
    }
}

/// rustls hands its complaints on inside an io::Error.
fn is_tls(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidData && error.get_ref().is_some()
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Offline => write!(f, "not asked: offline"),
            Self::Scheme(scheme) => write!(f, "{scheme} is not spoken here, only http, https and file"),
            Self::Url(why) => write!(f, "no address: {why}"),
            Self::Host => write!(f, "the host's name is not known"),
            Self::Connect(error) => write!(f, "cannot connect: {error}"),
            Self::Proxy(why) => write!(f, "the proxy refused: {why}"),
            Self::Tls(why) => write!(
                f,
                "no trusted connection: {why} (certificates of one's own are named with --ca-file or SSL_CERT_FILE)"
            ),
            Self::Timeout(doing) => write!(f, "no answer in time while {doing}"),
            Self::Transfer(error) => write!(f, "the connection broke: {error}"),
            Self::Body(error) => write!(f, "cannot read what is to be sent: {error}"),
            Self::Redirects => write!(f, "sent on too many times"),
            Self::Protocol(why) => write!(f, "the answer is not understood: {why}"),
        }
    }
}

/// What a code that says no means.
pub fn said(status: u16) -> String {
    let meaning = match status {
        401 => ", it wants to know who asks: see ~/.netrc",
        407 => ", the proxy wants a user and a password, in the address that names it",
        403 => ", it does not allow that",
        404 | 410 => ", it has no such file",
        429 => ", it is asked too often",
        500..=599 => ", it has trouble of its own",
        _ => "",
    };
    format!("the server says {status}{meaning}")
}

/// An address without what must not be seen: user, password, and a query that signs.
pub fn shown_url(url: &str) -> String {
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), url),
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let host = rest[..end].rsplit('@').next().unwrap_or_default();
    let path = &rest[end..];
    let secret = |query: &str| {
        let query = query.to_ascii_lowercase();
        ["signature", "token", "credential", "secret", "password", "key="].iter().any(|word| query.contains(word))
    };
    let path = match path.split_once('?') {
        Some((path, query)) if secret(query) => format!("{path}?..."),
        _ => path.to_owned(),
    };
    let text = format!("{scheme}{host}{path}");
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_secrets() {
        for (url, shown) in [
            ("https://user:word@host:1/a?b=c", "https://host:1/a?b=c"),
            ("https://h/a?X-Amz-Signature=00&x=1", "https://h/a?..."),
            ("http://h", "http://h"),
            ("http://h/a@b", "http://h/a@b"),
            ("not an address", "not an address"),
        ] {
            assert_eq!(shown_url(url), shown);
        }
    }
}
