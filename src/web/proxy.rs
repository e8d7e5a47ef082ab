//! Which proxy a request goes through, from the variables that other programs read, too.

use super::SettingsError;
use std::fmt;
use std::net::IpAddr;
use url::Url;

/// A proxy: `http://`, `https://`, `socks4://`, `socks4a://`, `socks5://` or `socks5h://`, or a host alone. Its password is
/// never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyAddress(String);

impl ProxyAddress {
    /// Takes its text; fails where it is no address.
    pub fn new(text: &str) -> Result<Self, SettingsError> {
        let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let proxy = Self(whole);
        match ureq::Proxy::new(&proxy.0) {
            Ok(_) => Ok(proxy),
            Err(_) => Err(SettingsError {
                doing: "use the proxy",
                what: proxy.to_string(),
                why: "write it as http://HOST:PORT or socks5h://HOST:PORT".to_owned(),
            }),
        }
    }

    /// Its address, with its password.
    pub(super) fn whole(&self) -> &str {
        &self.0
    }

    /// Whether it is asked for http addresses whole, and not for a tunnel: many allow tunnels to port 443 alone.
    pub(super) fn forwards(&self) -> bool {
        self.0.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://"))
    }
}

impl fmt::Display for ProxyAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&super::shown_url(&self.0))
    }
}

impl fmt::Debug for ProxyAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProxyAddress({self})")
    }
}

/// Hosts that are asked without a proxy, as `no_proxy` lists them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NoProxy(Vec<String>);

impl NoProxy {
    /// Takes a list with commas or blanks: `*`, names (with all below them), addresses, networks as `10.0.0.0/8`, each with
    /// or without a port.
    pub fn new(text: &str) -> Self {
        let words = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|word| !word.is_empty());
        Self(words.map(str::to_ascii_lowercase).collect())
    }

    /// Whether an address is one of them.
    pub fn covers(&self, url: &Url) -> bool {
        let Some(host) = url.host_str() else { return false };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        let port = url.port_or_known_default();
        self.0.iter().any(|entry| covers(entry, &host, port))
    }
}

fn covers(entry: &str, host: &str, port: Option<u16>) -> bool {
    if entry == "*" {
        return true;
    }
    let address: Option<IpAddr> = host.parse().ok();
    if let (Some(address), Some((network, bits))) = (address, entry.split_once('/')) {
        return in_network(address, network, bits);
    }
    let bare = |text: &str| text.trim_start_matches('[').trim_end_matches(']').to_owned();
    // An IPv6 address without brackets has colons, and no port.
    let (name, only) = match entry.rsplit_once(':') {
        Some((name, digits)) if !name.contains(':') || name.ends_with(']') => (bare(name), digits.parse().ok()),
        _ => (bare(entry), None),
    };
    if only.is_some() && only != port {
        return false;
    }
    if address.is_some() {
        return name.parse().ok() == address;
    }
    let name = name.trim_start_matches('*').trim_start_matches('.');
    !name.is_empty() && (host == name || host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.')))
}

fn in_network(address: IpAddr, network: &str, bits: &str) -> bool {
    let (Ok(network), Ok(bits)) = (network.parse::<IpAddr>(), bits.parse::<u32>()) else { return false };
    let same = |a: u128, b: u128, width: u32| bits <= width && (bits == 0 || (a ^ b) >> (width - bits) == 0);
    match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(b)) => same(a.to_bits().into(), b.to_bits().into(), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => same(a.to_bits(), b.to_bits(), 128),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_proxy_covers_names_addresses_networks_and_ports() {
        let list = NoProxy::new("localhost, .corp.example *.lab.example,10.0.0.0/8 [::1]:80,host:8080,192.168.1.1");
        for (url, covered) in [
            ("http://localhost:9/", true),
            ("http://mylocalhost/", false),
            ("https://a.corp.example/", true),
            ("https://corp.example/", true),
            ("https://acorp.example/", false),
            ("http://x.lab.example/", true),
            ("http://10.9.8.7/", true),
            ("http://11.9.8.7/", false),
            ("http://[::1]/", true),
            ("http://[::1]:81/", false),
            ("http://host:8080/", true),
            ("http://host/", false),
            ("http://192.168.1.1/", true),
        ] {
            assert_eq!(list.covers(&Url::parse(url).unwrap()), covered, "{url}");
        }
        assert!(NoProxy::new("*").covers(&Url::parse("http://x/").unwrap()));
    }

    #[test]
    fn a_proxy_is_printed_without_its_password() {
        let proxy = ProxyAddress::new("user:word@proxy.example:3128").unwrap();
        assert_eq!(format!("{proxy} {proxy:?}"), "http://proxy.example:3128 ProxyAddress(http://proxy.example:3128)");
        assert!(ProxyAddress::new("gopher://x").is_err());
        assert!(ProxyAddress::new("http://").is_err());
    }
}
