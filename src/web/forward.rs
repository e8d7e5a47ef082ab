//! A proxy that is asked for http addresses whole (RFC 9112, 3.2.2), which the library does not do: it asks every proxy for
//! a tunnel, and most proxies give tunnels to port 443 alone.
//!
//! The library makes the request for the server; a connection to the proxy carries it, and its first line is given the whole
//! address there. One request a connection, so that the first bytes sent are the head and nothing else is.

use super::ProxyAddress;
use data_encoding::BASE64;
use std::fmt;
use ureq::config::{Config, ConfigBuilder};
use ureq::http::Uri;
use ureq::typestate::AgentScope;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, TcpConnector, Transport};
use ureq::{Agent, Error};

/// An agent whose connections all lead to the proxy.
pub(super) fn agent(config: ConfigBuilder<AgentScope>, proxy: &ProxyAddress) -> Agent {
    let known = ureq::Proxy::new(proxy.whole()).ok();
    let user = known.as_ref().and_then(|proxy| {
        let both = format!("{}:{}", proxy.username().unwrap_or_default(), proxy.password().unwrap_or_default());
        (both != ":").then(|| format!("Basic {}", BASE64.encode(both.as_bytes())))
    });
    let at = known.as_ref().map(|proxy| format!("http://{}:{}/", proxy.host(), proxy.port()));
    let uri = at.and_then(|at| at.parse().ok());
    let connector = ().chain(TcpConnector::default()).chain(Whole { user });
    Agent::with_parts(config.max_idle_connections(0).build(), connector, ToProxy { uri })
}

/// Finds the proxy, whoever is asked for.
#[derive(Debug)]
struct ToProxy {
    /// None was no address.
    uri: Option<Uri>,
}

impl Resolver for ToProxy {
    fn resolve(&self, _: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let uri = self.uri.as_ref().ok_or(Error::InvalidProxyUrl)?;
        match DefaultResolver::default().resolve(uri, config, timeout) {
            Err(Error::HostNotFound) => Err(Error::ConnectProxyFailed("the proxy's name is not known".to_owned())),
            other => other,
        }
    }
}

/// Makes connections on which addresses are whole.
struct Whole {
    user: Option<String>,
}

impl fmt::Debug for Whole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Whole")
    }
}

impl<In: Transport> Connector<In> for Whole {
    type Out = Box<dyn Transport>;

    fn connect(&self, details: &ConnectionDetails<'_>, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        let server = details.uri.authority().map(|authority| authority.as_str().to_owned()).unwrap_or_default();
        let user = self.user.clone();
        Ok(chained.map(|inner| Box::new(Rewriting { inner, server, user, is_first: true }) as Box<dyn Transport>))
    }
}

struct Rewriting<In> {
    inner: In,
    server: String,
    user: Option<String>,
    is_first: bool,
}

impl<In> fmt::Debug for Rewriting<In> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rewriting")
    }
}

impl<In: Transport> Transport for Rewriting<In> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        if !std::mem::replace(&mut self.is_first, false) {
            return self.inner.transmit_output(amount, timeout);
        }
        let output = self.inner.buffers().output();
        let head = output.get(..amount).and_then(|head| rewritten(head, &self.server, self.user.as_deref()));
        let Some(head) = head.filter(|head| head.len() <= output.len()) else {
            return Err(Error::ConnectProxyFailed("the head of the request is too long for it".to_owned()));
        };
        output[..head.len()].copy_from_slice(&head);
        self.inner.transmit_output(head.len(), timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.inner.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        false
    }
}

/// `GET /path HTTP/1.1` with the server before the path, and the proxy's user behind the line.
fn rewritten(head: &[u8], server: &str, user: Option<&str>) -> Option<Vec<u8>> {
    let slash = head.windows(2).position(|pair| pair == b" /")? + 1;
    let line = head.windows(2).position(|pair| pair == b"\r\n")?;
    if slash > line {
        return None;
    }
    let user = user.map(|user| format!("\r\nproxy-authorization: {user}")).unwrap_or_default();
    let before = format!("http://{server}");
    Some([&head[..slash], before.as_bytes(), &head[slash..line], user.as_bytes(), &head[line..]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_gets_the_whole_address() {
        let head = b"GET /a/b HTTP/1.1\r\nhost: h:1\r\n\r\n";
        let whole = b"GET http://h:1/a/b HTTP/1.1\r\nproxy-authorization: Basic x\r\nhost: h:1\r\n\r\n";
        assert_eq!(rewritten(head, "h:1", Some("Basic x")).unwrap(), whole);
        assert_eq!(rewritten(b"GET /", "h", None), None);
        assert_eq!(rewritten(b"\r\n /", "h", None), None);
    }
}
