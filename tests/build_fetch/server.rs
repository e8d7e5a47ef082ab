//! Servers on loopback that do what a test tells them to: serve, cut, lie, refuse, wait; and a proxy.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) target: String,
    /// Names in small letters.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
    /// How many requests for the same target came before.
    pub(crate) nth: usize,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// What to answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    /// The connection ends after so many bytes of the body.
    pub(crate) cut: Option<usize>,
    /// The body comes again and again, without a word of its length.
    pub(crate) endless: bool,
    /// Pause before the body.
    pub(crate) pause: Duration,
}

impl Reply {
    pub(crate) fn new(status: u16, body: &[u8]) -> Self {
        Self { status, headers: Vec::new(), body: body.to_vec(), cut: None, endless: false, pause: Duration::ZERO }
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) fn cut(mut self, at: usize) -> Self {
        self.cut = Some(at);
        self
    }

    pub(crate) fn pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// A file with a tag, whole or from where it is asked for.
    pub(crate) fn file(asked: &Asked, bytes: &[u8], tag: &str) -> Self {
        let start =
            asked.header("range").and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
        let is_same = asked.header("if-range").is_none_or(|known| known == tag);
        match start {
            Some(start) if is_same && start < bytes.len() => {
                let range = format!("bytes {start}-{}/{}", bytes.len() - 1, bytes.len());
                Self::new(206, &bytes[start..]).with("content-range", &range).with("etag", tag)
            }
            Some(_) if is_same => Self::new(416, b""),
            _ => Self::new(200, bytes).with("etag", tag),
        }
    }
}

/// A server; it ends with its handle.
pub(crate) struct Server {
    port: u16,
    stop: Arc<AtomicBool>,
    log: Arc<Mutex<Vec<Asked>>>,
    most: Arc<AtomicUsize>,
}

impl Server {
    pub(crate) fn start(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let log: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (kept, busy, most) = (log.clone(), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let peak = most.clone();
        let (port, stop) = listen(move |stream| {
            let mut reader = BufReader::new(stream.try_clone()?);
            while let Some(mut asked) = read(&mut reader)? {
                let now = busy.fetch_add(1, Ordering::SeqCst) + 1;
                peak.fetch_max(now, Ordering::SeqCst);
                asked.nth = kept.lock().unwrap().iter().filter(|one| one.target == asked.target).count();
                kept.lock().unwrap().push(asked.clone());
                let written = write(&stream, &asked, &answer(&asked));
                busy.fetch_sub(1, Ordering::SeqCst);
                written?;
            }
            Ok(())
        });
        Self { port, stop, log, most }
    }

    /// Serves one file with a tag under every name.
    pub(crate) fn of(bytes: &'static [u8]) -> Self {
        Self::start(move |asked| Reply::file(asked, bytes, "\"one\""))
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    pub(crate) fn log(&self) -> Vec<Asked> {
        self.log.lock().unwrap().clone()
    }

    /// The most requests that were being answered at once.
    pub(crate) fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        end(self.port, &self.stop);
    }
}

fn end(port: u16, stop: &AtomicBool) {
    stop.store(true, Ordering::SeqCst);
    drop(TcpStream::connect(("127.0.0.1", port)));
}

/// A port that nobody listens on.
pub(crate) fn dead_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn listen(serve: impl Fn(TcpStream) -> io::Result<()> + Send + Sync + 'static) -> (u16, Arc<AtomicBool>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let stop = Arc::new(AtomicBool::new(false));
    let (ended, serve) = (stop.clone(), Arc::new(serve));
    thread::spawn(move || {
        for stream in listener.incoming() {
            if ended.load(Ordering::SeqCst) {
                return;
            }
            let serve = serve.clone();
            // A client that goes away is what some tests are about.
            thread::spawn(move || drop(stream.and_then(|stream| serve(stream))));
        }
    });
    (port, stop)
}

fn read(reader: &mut impl BufRead) -> io::Result<Option<Asked>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let (method, target) = (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some(Asked { method, target, headers, body, nth: 0 }))
}

fn write(mut stream: &TcpStream, asked: &Asked, reply: &Reply) -> io::Result<()> {
    let length = format!("content-length: {}", reply.body.len());
    let length = if reply.endless { "connection: close" } else { &length };
    let mut head = format!("HTTP/1.1 {} x\r\n{length}\r\n", reply.status);
    for (name, value) in &reply.headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    stream.write_all(format!("{head}\r\n").as_bytes())?;
    if asked.method == "HEAD" {
        return Ok(());
    }
    thread::sleep(reply.pause);
    if reply.endless {
        loop {
            stream.write_all(&reply.body)?;
        }
    }
    stream.write_all(&reply.body[..reply.cut.unwrap_or(reply.body.len())])?;
    if reply.cut.is_some() {
        stream.shutdown(Shutdown::Both)?;
    }
    Ok(())
}

/// A proxy that tunnels, and forwards requests for whole addresses. Every name is loopback to it.
pub(crate) struct Proxy {
    port: u16,
    stop: Arc<AtomicBool>,
    log: Arc<Mutex<Vec<Asked>>>,
}

impl Proxy {
    pub(crate) fn start() -> Self {
        let log: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let kept = log.clone();
        let (port, stop) = listen(move |mut stream| {
            let mut reader = BufReader::new(stream.try_clone()?);
            let Some(asked) = read(&mut reader)? else { return Ok(()) };
            kept.lock().unwrap().push(asked.clone());
            let rest = asked.target.strip_prefix("http://").unwrap_or(&asked.target);
            let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
            let port: u16 = host.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or(80);
            let mut server = TcpStream::connect(("127.0.0.1", port))?;
            if asked.method == "CONNECT" {
                stream.write_all(b"HTTP/1.1 200 x\r\n\r\n")?;
            } else {
                let mut head = format!("{} /{path} HTTP/1.1\r\n", asked.method);
                for (name, value) in asked.headers.iter().filter(|(name, _)| *name != "connection") {
                    write!(head, "{name}: {value}\r\n").unwrap();
                }
                server.write_all(format!("{head}connection: close\r\n\r\n").as_bytes())?;
                server.write_all(&asked.body)?;
            }
            let (mut from, mut to) = (stream.try_clone()?, server.try_clone()?);
            thread::spawn(move || io::copy(&mut from, &mut to).and_then(|_| to.shutdown(Shutdown::Write)));
            io::copy(&mut server, &mut stream)?;
            stream.shutdown(Shutdown::Both)
        });
        Self { port, stop, log }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn log(&self) -> Vec<Asked> {
        self.log.lock().unwrap().clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        end(self.port, &self.stop);
    }
}

/// A SOCKS 5 proxy without passwords (RFC 1928) that is asked for names; every name is loopback to it.
pub(crate) struct Socks {
    port: u16,
    stop: Arc<AtomicBool>,
    names: Arc<Mutex<Vec<String>>>,
}

impl Socks {
    pub(crate) fn start() -> Self {
        let names: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = names.clone();
        let (port, stop) = listen(move |mut stream| {
            let mut head = [0; 2];
            stream.read_exact(&mut head)?;
            let mut methods = vec![0; head[1].into()];
            stream.read_exact(&mut methods)?;
            stream.write_all(&[5, 0])?;
            let mut request = [0; 5];
            stream.read_exact(&mut request)?;
            assert_eq!(request[..4], [5, 1, 0, 3]);
            let mut name = vec![0; request[4].into()];
            stream.read_exact(&mut name)?;
            kept.lock().unwrap().push(String::from_utf8(name).unwrap());
            let mut port = [0; 2];
            stream.read_exact(&mut port)?;
            let mut server = TcpStream::connect(("127.0.0.1", u16::from_be_bytes(port)))?;
            stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
            let (mut from, mut to) = (stream.try_clone()?, server.try_clone()?);
            thread::spawn(move || io::copy(&mut from, &mut to).and_then(|_| to.shutdown(Shutdown::Write)));
            io::copy(&mut server, &mut stream)?;
            stream.shutdown(Shutdown::Both)
        });
        Self { port, stop, names }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.names.lock().unwrap().clone()
    }
}

impl Drop for Socks {
    fn drop(&mut self) {
        end(self.port, &self.stop);
    }
}
