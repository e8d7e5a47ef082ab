//! The place of all measurements: one directory, the variables that commands are told, both servers and what counts before them.
//!
//! Commands are texts for bash, run as they are printed on the page; what differs between machines is in variables.

use crate::arguments::Asked;
use crate::measure::{self, Cost};
use crate::meter::{Meter, Traffic};
use crate::servers::Server;
use crate::tools;
use relocate::base::write::remove_tree;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where it happens and with what.
pub(crate) struct Lab {
    /// The directory of everything that is written, but for what lies in `clients`.
    pub(crate) work: PathBuf,
    /// The directory of relocate's clients.
    clients: PathBuf,
    /// Variables of all commands.
    pub(crate) variables: Vec<(&'static str, String)>,
    /// What `relocate --version` says.
    pub(crate) version: String,
    served: Vec<Served>,
    log: PathBuf,
    _lock: File,
}

/// A server behind its meter.
struct Served {
    server: Server,
    meter: Meter,
}

/// What went over the network for one command.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Carried {
    /// Bytes and connections.
    pub(crate) traffic: Traffic,
    /// Requests that nginx answered.
    pub(crate) requests: u64,
}

impl Lab {
    /// Finds or builds the program and makes the directory; an empty one, unless what lies there is to be used.
    pub(crate) fn new(asked: &Asked) -> Result<Lab, String> {
        fs::create_dir_all(&asked.work).map_err(|error| format!("{}: {error}", asked.work.display()))?;
        let work = fs::canonicalize(&asked.work).map_err(|error| format!("{}: {error}", asked.work.display()))?;
        let lock = alone(&work)?;
        let work = work.join("delivery");
        let clients = asked.clients.clone().unwrap_or_else(|| work.join("clients"));
        if !asked.again {
            remove(&work)?;
            ["follower", "fresh"].iter().try_for_each(|client| remove(&clients.join(client)))?;
        }
        for directory in [&work, &clients] {
            fs::create_dir_all(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
        }
        let relocate = program()?;
        let version =
            tools::version(&relocate.display().to_string(), &["--version"]).ok_or("relocate does not start")?;
        let text = |path: &Path| path.display().to_string();
        let prefix = asked.prefix.as_ref().map(|prefix| format!("--old-prefix {prefix}"));
        let variables = vec![
            ("LC_ALL", "C.UTF-8".to_owned()),
            ("RELOCATE", text(&relocate)),
            ("RELOCATE_RELEASE_KEY", text(&work.join("keys/release.pem"))),
            ("OLD", text(&asked.old)),
            ("NEW", text(&asked.new)),
            ("W", text(&work)),
            ("R", text(&clients)),
            ("OPTIONS", [prefix.unwrap_or_default(), allowed(&relocate, asked)?].join(" ").trim().to_owned()),
        ];
        Ok(Lab { log: work.join("said"), work, clients, variables, version, served: Vec::new(), _lock: lock })
    }

    /// Starts both servers and what counts before them.
    pub(crate) fn serve(&mut self) -> Result<(), String> {
        let nginx = Server::nginx(&self.work.join("www"), &self.work.join("nginx"))?;
        let rsync = Server::rsync(&self.work.join("tree"), &self.work.join("rsyncd"))?;
        for (name, scheme, server) in [("WEB", "http", nginx), ("RSYNCD", "rsync", rsync)] {
            let meter = Meter::before(server.port).map_err(|error| format!("no port on loopback: {error}"))?;
            self.variables.push((name, format!("{scheme}://127.0.0.1:{}", meter.port)));
            self.served.push(Served { server, meter });
        }
        Ok(())
    }

    /// Runs what is not measured; it must succeed.
    pub(crate) fn run(&self, command: &str) -> Result<Cost, String> {
        let cost = measure::run(command, &self.variables, &self.log)?;
        if cost.exit == 0 { Ok(cost) } else { Err(format!("exit {}: {command}\n{}", cost.exit, self.said())) }
    }

    /// Runs a command that must succeed, and tells what it cost and carried.
    pub(crate) fn measure(&self, command: &str) -> Result<(Cost, Carried), String> {
        let requests = || self.served.iter().map(|served| served.server.requests()).sum::<u64>();
        let look = || self.served.iter().map(|served| served.meter.take()).fold(Traffic::default(), add);
        look();
        let before = requests();
        let cost = self.run(command)?;
        let traffic = look();
        Ok((cost, Carried { traffic, requests: requests() - before }))
    }

    /// A path below the directory, or one that begins with the variable of one.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        match name.split_once('/') {
            Some(("$R", rest)) => self.clients.join(rest),
            Some(("$W", rest)) => self.work.join(rest),
            _ => self.work.join(name),
        }
    }

    /// The end of what the last command said.
    fn said(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let lines: Vec<_> = text.split(|byte| *byte == b'\n').collect();
        String::from_utf8_lossy(&lines[lines.len().saturating_sub(20)..].join(&b'\n')).into_owned()
    }
}

fn add(one: Traffic, other: Traffic) -> Traffic {
    Traffic { down: one.down + other.down, up: one.up + other.up, connections: one.connections + other.connections }
}

/// Removes a file or a tree, also one whose directories may not be written to.
pub(crate) fn remove(path: &Path) -> Result<(), String> {
    if fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir()) {
        return remove_tree(path).map_err(|error| error.to_string());
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(format!("{}: {error}", path.display())),
        _ => Ok(()),
    }
}

/// Holds the directory, so that no other run removes what this one needs.
fn alone(work: &Path) -> Result<File, String> {
    let lock = File::create(work.join("lock")).map_err(|error| format!("{}: {error}", work.display()))?;
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive)
        .map_err(|_| format!("{}: another run is at work there\nhelp: wait, or give --work DIR", work.display()))?;
    Ok(lock)
}

/// The program of RELOCATE; else the released one, which is built.
fn program() -> Result<PathBuf, String> {
    if let Some(given) = std::env::var_os("RELOCATE") {
        return fs::canonicalize(&given).map_err(|error| format!("RELOCATE={}: {error}", given.display()));
    }
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let built = Command::new("bash").arg(here.join(".ci/static")).stderr(Stdio::inherit()).output();
    let built = built.map_err(|error| format!("bash does not start: {error}"))?;
    if !built.status.success() {
        return Err("the static program does not build\nhelp: install musl-tools, or give RELOCATE=/path".to_owned());
    }
    Ok(PathBuf::from(String::from_utf8_lossy(&built.stdout).trim()))
}

/// Libraries that the prefixes take from this machine, as arguments: what is delivered is not to be complete, but the same.
fn allowed(relocate: &Path, asked: &Asked) -> Result<String, String> {
    let mut names = Vec::new();
    for root in [&asked.old, &asked.new] {
        let mut command = Command::new(relocate);
        command.arg(root).args(["--dry-run", "--json"]);
        if let Some(prefix) = &asked.prefix {
            command.args(["--old-prefix", prefix]);
        }
        let said = command.stdin(Stdio::null()).output().map_err(|error| format!("{}: {error}", relocate.display()))?;
        let report: serde_json::Value = serde_json::from_slice(&said.stdout)
            .map_err(|error| format!("{}: {error}\n{}", root.display(), String::from_utf8_lossy(&said.stderr)))?;
        let missing = report["verdict"]["missing"].as_array().into_iter().flatten();
        names.extend(missing.filter_map(|item| item["soname"].as_str().map(|name| format!("--allow-lib={name}"))));
    }
    names.sort();
    names.dedup();
    Ok(names.join(" "))
}
