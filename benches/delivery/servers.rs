//! The two servers, on ports of loopback: nginx for everybody who speaks HTTP, rsync's own daemon.

use crate::tools;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

/// A server at work; it ends with its handle.
pub(crate) struct Server {
    child: Child,
    /// Where it listens.
    pub(crate) port: u16,
    log: PathBuf,
}

impl Server {
    /// nginx, as its package has it, with `root` as its files and its own files in `own`.
    pub(crate) fn nginx(root: &Path, own: &Path) -> Result<Server, String> {
        let (port, dir, log) = (free_port()?, own.display(), own.join("requests"));
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let temporary = temporary.map(|name| format!("{name}_temp_path {dir}/{name};\n")).concat();
        let conf = format!(
            "daemon off; master_process off; error_log stderr crit; pid {dir}/pid;\n\
             events {{ worker_connections 512; }}\n\
             http {{\nlog_format short '$request_method $status $uri'; access_log {dir}/requests short;\n{temporary}\
             sendfile on; tcp_nopush on;\n\
             server {{ listen 127.0.0.1:{port}; root {}; }}\n}}\n",
            root.display()
        );
        let file = write(own, "nginx.conf", &conf)?;
        let mut command = Command::new(tools::path("nginx"));
        command.arg("-c").arg(file).arg("-p").arg(own);
        start(&mut command, port, log)
    }

    /// rsync's daemon with `root` as the module `trees`.
    pub(crate) fn rsync(root: &Path, own: &Path) -> Result<Server, String> {
        let port = free_port()?;
        let conf = format!(
            "use chroot = no\naddress = 127.0.0.1\nport = {port}\nreverse lookup = no\n[trees]\npath = {}\nread only = yes\n",
            root.display()
        );
        // Where root starts it, it would read as nobody.
        let user = if rustix::process::geteuid().is_root() { "uid = root\ngid = root\n" } else { "" };
        let file = write(own, "rsyncd.conf", &(conf + user))?;
        let mut command = Command::new("rsync");
        command.args(["--daemon", "--no-detach", "--config"]).arg(file).arg("--log-file").arg(own.join("rsyncd"));
        start(&mut command, port, own.join("no-requests"))
    }

    /// The requests there were until now.
    pub(crate) fn requests(&self) -> u64 {
        fs::read_to_string(&self.log).map_or(0, |text| text.lines().count() as u64)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn write(own: &Path, name: &str, text: &str) -> Result<PathBuf, String> {
    let file = own.join(name);
    fs::create_dir_all(own)
        .and_then(|()| fs::write(&file, text))
        .map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(file)
}

fn start(command: &mut Command, port: u16, log: PathBuf) -> Result<Server, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let child =
        command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().map_err(|error| format!("{name}: {error}"))?;
    let mut server = Server { child, port, log };
    for _ in 0..200 {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Ok(server);
        }
        if let Ok(Some(status)) = server.child.try_wait() {
            return Err(format!("{name} ended with {status}"));
        }
        thread::sleep(Duration::from_millis(25));
    }
    Err(format!("{name} does not listen"))
}

fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    listener.map(|address| address.port()).map_err(|error| format!("no port on loopback: {error}"))
}
