//! Proxies, redirects, certificates and passwords.

use super::server::{Asked, Proxy, Reply, Server, Socks};
use super::{BYTES, Lab, file, missing};
use relocate::web::{NoProxy, ProxyAddress, Settings};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::slice::from_ref;

#[test]
fn http_addresses_are_asked_of_the_proxy_whole() {
    let (mut lab, server, proxy) = (Lab::new(), Server::of(BYTES), Proxy::start());
    let address = format!("http://me:my%20word@127.0.0.1:{}", proxy.port());
    lab.settings.plain = Some(ProxyAddress::new(&address).unwrap());
    let url = server.url("d/a").replace("127.0.0.1", "archive.example");
    lab.fetch(&[file("a", BYTES, from_ref(&url)), file("b", BYTES, from_ref(&url))]).unwrap();
    let log = proxy.log();
    assert_eq!(log.len(), 2);
    assert!(log.iter().all(|asked| asked.method == "GET" && asked.target == url), "{log:?}");
    // me:my word
    assert_eq!(log[0].header("proxy-authorization"), Some("Basic bWU6bXkgd29yZA=="));
    assert_eq!(log[0].header("host"), Some(url.split('/').nth(2).unwrap()));
}

#[test]
fn hosts_of_no_proxy_are_asked_directly() {
    let (mut lab, server, proxy) = (Lab::new(), Server::of(BYTES), Proxy::start());
    lab.settings.plain = Some(ProxyAddress::new(&format!("127.0.0.1:{}", proxy.port())).unwrap());
    lab.settings.no_proxy = NoProxy::new("127.0.0.0/8");
    lab.fetch(&[file("a", BYTES, &[server.url("a")])]).unwrap();
    assert!(proxy.log().is_empty());
}

#[test]
fn a_socks_proxy_is_asked_for_the_name() {
    let (mut lab, server, socks) = (Lab::new(), Server::of(BYTES), Socks::start());
    let all = format!("socks5h://127.0.0.1:{}", socks.port());
    let find = |name: &str| (name == "ALL_PROXY").then(|| all.clone().into());
    lab.settings.plain = Settings::from_environment(find).unwrap().plain;
    lab.fetch(&[file("a", BYTES, &[server.url("a").replace("127.0.0.1", "archive.example")])]).unwrap();
    assert_eq!(socks.names(), ["archive.example"]);
}

#[test]
fn a_proxy_that_refuses_is_named_as_the_one_that_does() {
    let mut lab = Lab::new();
    let refusing = Server::start(|_| Reply::new(403, b""));
    lab.settings.secure = Some(ProxyAddress::new(&refusing.url("")).unwrap());
    let said = missing(lab.fetch(&[file("a", BYTES, &["https://archive.example/a".to_owned()])]));
    assert!(said.contains("the proxy refused: ") && said.contains("403"), "{said}");
    let log = refusing.log();
    assert_eq!((log[0].method.as_str(), log[0].target.as_str()), ("CONNECT", "archive.example:443"));
}

/// A real TLS server of the host's openssl, with a certificate for 127.0.0.1 that its own authority signed.
struct Tls {
    child: Child,
    port: u16,
    dir: tempfile::TempDir,
}

impl Tls {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let openssl = |arguments: &str| {
            let done = Command::new("openssl").args(arguments.split(' ')).current_dir(dir.path()).output().unwrap();
            assert!(done.status.success(), "{arguments}: {}", String::from_utf8_lossy(&done.stderr));
        };
        fs::write(dir.path().join("names"), "subjectAltName=IP:127.0.0.1,DNS:archive.example\n").unwrap();
        openssl("req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=authority");
        openssl("req -newkey rsa:2048 -nodes -keyout own.key -out own.csr -subj /CN=archive.example");
        openssl("x509 -req -in own.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out own.pem");
        fs::write(dir.path().join("a"), BYTES).unwrap();
        let mut child = Command::new("openssl")
            .args(["s_server", "-accept", "127.0.0.1:0", "-cert", "own.pem", "-key", "own.key", "-WWW"])
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let accept = lines.map_while(Result::ok).find(|line| line.starts_with("ACCEPT ")).unwrap();
        let port = accept.rsplit(':').next().unwrap().trim().parse().unwrap();
        Self { child, port, dir }
    }

    fn ca(&self) -> &Path {
        self.dir.path()
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn https_goes_through_a_tunnel_and_trusts_the_named_certificates_only() {
    let (mut lab, tls, proxy) = (Lab::new(), Tls::start(), Proxy::start());
    lab.settings.idle = std::time::Duration::from_secs(10);
    let wanted = [file("a", BYTES, &[format!("https://127.0.0.1:{}/a", tls.port)])];
    let said = missing(lab.fetch(&wanted));
    assert!(said.contains("no trusted connection: ") && said.contains("--ca-file"), "{said}");
    lab.settings.ca_file = Some(tls.ca().join("ca.pem"));
    lab.settings.secure = Some(ProxyAddress::new(&format!("http://127.0.0.1:{}", proxy.port())).unwrap());
    lab.fetch(&wanted).unwrap();
    assert_eq!(proxy.log()[0].method, "CONNECT");
    let far = [file("b", BYTES, &[format!("https://archive.example:{}/a", tls.port)])];
    lab.fetch(&far).unwrap();
    assert_eq!(proxy.log()[1].target, format!("archive.example:{}", tls.port));
    lab.settings.ca_file = Some(tls.ca().join("names"));
    let error = relocate::web::Web::new(&lab.settings).unwrap_err().to_string();
    assert!(error.ends_with("it has none in PEM form"), "{error}");
}

#[test]
fn passwords_of_netrc_go_to_their_host_and_nowhere_else() {
    let mut lab = Lab::new();
    let cdn = Server::of(BYTES);
    let to = cdn.url("real").replace("127.0.0.1", "localhost");
    let server = Server::start(move |_| Reply::new(302, b"").with("location", &to));
    let netrc = lab.dir.path().join("netrc");
    fs::write(&netrc, "machine 127.0.0.1 login me password word\n").unwrap();
    lab.settings.netrc = Some(netrc);
    lab.fetch(&[file("a", BYTES, &[server.url("a")])]).unwrap();
    assert_eq!(server.log()[0].header("authorization"), Some("Basic bWU6d29yZA=="));
    assert_eq!(cdn.log()[0].header("authorization"), None);
}

#[test]
fn redirects_are_followed_but_not_for_ever_and_not_to_files() {
    let lab = Lab::new();
    let server = Server::start(|asked: &Asked| match asked.target.as_str() {
        "/a" => Reply::new(301, b"").with("location", "sub/b"),
        "/sub/b" => Reply::new(307, b"").with("location", "/c?x=1"),
        "/c?x=1" => Reply::file(asked, BYTES, "\"one\""),
        "/file" => Reply::new(302, b"").with("location", "file:///etc/passwd"),
        _ => Reply::new(302, b"").with("location", "/loop"),
    });
    lab.fetch(&[file("a", BYTES, &[server.url("a")])]).unwrap();
    let said = missing(lab.fetch(&[file("b", BYTES, &[server.url("loop"), server.url("file")])]));
    assert!(said.contains("sent on too many times") && said.contains("file is not spoken"), "{said}");
}
