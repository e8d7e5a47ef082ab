//! How requests are made: proxies, certificates, times, credentials; read from an environment that the caller hands in.

use super::{NoProxy, ProxyAddress};
use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use ureq::config::{Config, ConfigBuilder};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::typestate::AgentScope;

/// How requests are made.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Never connect.
    pub offline: bool,
    /// The proxy for http addresses.
    pub plain: Option<ProxyAddress>,
    /// The proxy for https addresses.
    pub secure: Option<ProxyAddress>,
    /// Hosts that have no proxy.
    pub no_proxy: NoProxy,
    /// Certificates that alone are believed; none: the system's and those we bring along.
    pub ca_file: Option<PathBuf>,
    /// Users and passwords by host.
    pub netrc: Option<PathBuf>,
    /// How long a connection may take to be made.
    pub connect: Duration,
    /// How long a server may say nothing.
    pub idle: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            offline: false,
            plain: None,
            secure: None,
            no_proxy: NoProxy::default(),
            ca_file: None,
            netrc: None,
            connect: Duration::from_secs(20),
            idle: Duration::from_secs(60),
        }
    }
}

/// Why requests cannot be made as they are to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsError {
    /// What was being done.
    pub doing: &'static str,
    /// With what; without passwords.
    pub what: String,
    /// Why it failed, or what to do.
    pub why: String,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} {}: {}", self.doing, self.what, self.why)
    }
}

impl std::error::Error for SettingsError {}

/// Whether a file is there and not for us: services often run as another user with the home directory of root.
fn is_shut(path: &Path) -> bool {
    File::open(path).is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
}

impl Settings {
    /// Reads `http_proxy`, `https_proxy`, `all_proxy`, `no_proxy` (in small letters first, then in large ones),
    /// `SSL_CERT_FILE`, `NETRC` and `HOME` (whose `.netrc` may be one we may not read). A variable set to nothing is as good as none.
    pub fn from_environment(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, SettingsError> {
        let path = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let text = |name: &str| {
            let value = path(name).or_else(|| path(&name.to_ascii_uppercase()))?;
            Some(value.to_string_lossy().trim().to_owned()).filter(|value| !value.is_empty())
        };
        let proxy = |name: &str| text(name).or_else(|| text("all_proxy")).map(|it| ProxyAddress::new(&it)).transpose();
        Ok(Self {
            plain: proxy("http_proxy")?,
            secure: proxy("https_proxy")?,
            no_proxy: NoProxy::new(&text("no_proxy").unwrap_or_default()),
            ca_file: path("SSL_CERT_FILE"),
            netrc: path("NETRC").or_else(|| {
                let own = path("HOME").map(|home| Path::new(&home).join(".netrc"));
                own.filter(|own| !is_shut(own))
            }),
            ..Self::default()
        })
    }

    /// The library's form of it.
    pub(super) fn config(&self, trusted: &RootCerts, proxy: Option<&ProxyAddress>) -> ConfigBuilder<AgentScope> {
        let tls = TlsConfig::builder().root_certs(trusted.clone()).build();
        Config::builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .tls_config(tls)
            // It has been read as one before.
            .proxy(proxy.and_then(|proxy| ureq::Proxy::new(proxy.whole()).ok()))
            .user_agent(concat!("relocate/", env!("CARGO_PKG_VERSION")))
            .timeout_resolve(Some(self.connect))
            .timeout_connect(Some(self.connect))
            .timeout_recv_response(Some(self.idle))
            .timeout_per_read(Some(self.idle))
            .timeout_per_write(Some(self.idle))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let find = |name: &str| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
        Settings::from_environment(find)
    }

    #[test]
    fn each_scheme_has_its_own_proxy_and_all_proxy_serves_the_rest() {
        let both = read(&[("http_proxy", "a:1"), ("HTTP_PROXY", "b:2"), ("ALL_PROXY", "socks5h://c:3")]).unwrap();
        assert_eq!(both.plain, Some(ProxyAddress::new("a:1").unwrap()));
        assert_eq!(both.secure, Some(ProxyAddress::new("socks5h://c:3").unwrap()));
        let empty = read(&[("http_proxy", ""), ("HOME", "/h")]).unwrap();
        assert_eq!((empty.plain, empty.netrc), (None, Some("/h/.netrc".into())));
        let error = read(&[("https_proxy", "ftp://x")]).unwrap_err();
        assert!(error.to_string().starts_with("cannot use the proxy ftp://x: "), "{error}");
    }
}
