//! A prefix of the fixture tree, or of the real one that RELOCATE_PKGSRC names, in a directory of its own.

use relocate::base::child::Cancel;
use relocate::base::digest::Digest;
use relocate::build::digests::Digests;
use relocate::build::graph::{Graph, GraphError, Request, graph};
use relocate::build::key::{grounds, keys};
use relocate::build::schedule::{BuildError, Event, Listener, Order, Outcome, build};
use relocate::build::site::Site;
use relocate::build::store::{DirStore, Store};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

pub(crate) const EPOCH: i64 = 1_414_843_200;

/// Keeps what it is told.
#[derive(Default)]
pub(crate) struct Told(pub(crate) Mutex<Vec<Event>>);

impl Listener for Told {
    fn event(&self, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
}

pub(crate) struct Lab {
    /// Removed at the end; none where somebody else owns the directory.
    _own: Option<tempfile::TempDir>,
    pub(crate) dir: PathBuf,
    pub(crate) site: Site,
    pub(crate) jobs: usize,
    pub(crate) keep_going: bool,
}

pub(crate) fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/pkgsrc")
}

fn run(command: &mut Command) {
    let ended = command.output().unwrap();
    assert!(ended.status.success(), "{command:?}: {}", String::from_utf8_lossy(&[ended.stdout, ended.stderr].concat()));
}

impl Lab {
    /// A bootstrapped prefix and all source archives.
    pub(crate) fn new() -> Self {
        let own = tempfile::tempdir().unwrap();
        let dir = fs::canonicalize(own.path()).unwrap();
        let lab = Self { _own: Some(own), ..Self::at(&dir) };
        run(Command::new(fixture().join("make-distfiles")).arg(lab.dir.join("distfiles")));
        fs::create_dir(&lab.site.work).unwrap();
        lab.bootstrap();
        lab
    }

    /// One that is there already.
    pub(crate) fn at(dir: &Path) -> Self {
        Self { _own: None, dir: dir.to_owned(), site: site(dir), jobs: 2, keep_going: false }
    }

    pub(crate) fn bootstrap(&self) {
        let mut command = Command::new(fixture().join("bootstrap/bootstrap"));
        command.arg("--unprivileged").arg("--prefix").arg(&self.site.prefix);
        command.arg("--workdir").arg(self.dir.join("bootstrap"));
        command.env_clear().env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin").env("HOME", &self.dir).env("SH", "/bin/bash");
        run(&mut command);
        fs::remove_dir_all(self.dir.join("bootstrap")).ok();
    }

    /// Removes the prefix and what the work directory knows, but for the packages if they are to stay.
    pub(crate) fn begin_again(&self, keep_packages: bool) {
        fs::remove_dir_all(&self.site.prefix).unwrap();
        let packages = self.dir.join("kept");
        if keep_packages {
            fs::rename(self.site.work.join("packages"), &packages).unwrap();
        }
        fs::remove_dir_all(&self.site.work).unwrap();
        fs::create_dir(&self.site.work).unwrap();
        if keep_packages {
            fs::rename(packages, self.site.work.join("packages")).unwrap();
        }
        self.bootstrap();
    }

    pub(crate) fn set(&self, line: &str) {
        let path = self.site.prefix.join("etc/mk.conf");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{text}{line}\n")).unwrap();
    }

    pub(crate) fn near(&self) -> DirStore {
        DirStore::new(&self.site.work.join("packages"))
    }

    pub(crate) fn graph(&self, requests: &[Request]) -> Result<Graph, GraphError> {
        graph(&self.site, &Digests::default(), requests, 2, &Cancel::default())
    }

    pub(crate) fn keys(&self, graph: &Graph) -> Vec<Digest> {
        let tools = ["cc gcc 12".to_owned()];
        let grounds = grounds(&self.site, &Digests::default(), graph, &tools, 2, &Cancel::default()).unwrap();
        keys(graph, &grounds)
    }

    pub(crate) fn build(&self, requests: &[Request]) -> Built {
        self.build_with(requests, None)
    }

    pub(crate) fn build_with(&self, requests: &[Request], far: Option<&dyn Store>) -> Built {
        let graph = self.graph(requests).unwrap_or_else(|error| panic!("{error}"));
        let keys = self.keys(&graph);
        let told = Told::default();
        let order = Order {
            site: &self.site,
            graph: &graph,
            keys: &keys,
            near: &self.near(),
            far,
            jobs: self.jobs,
            keep_going: self.keep_going,
            epoch: EPOCH,
            listener: &told,
            cancel: &Cancel::default(),
        };
        let result = build(&order);
        Built { graph, result, told: told.0.into_inner().unwrap() }
    }

    /// Every file below the prefix: what it is, without its time. mk.conf has the date of the bootstrap.
    pub(crate) fn contents(&self) -> BTreeMap<String, String> {
        let prefix = &self.site.prefix;
        let mut contents = BTreeMap::new();
        for entry in walkdir::WalkDir::new(prefix) {
            let entry = entry.unwrap();
            let name = entry.path().strip_prefix(prefix).unwrap().display().to_string();
            if name == "etc/mk.conf" {
                continue;
            }
            let metadata = entry.path().symlink_metadata().unwrap();
            let what = if metadata.is_symlink() {
                fs::read_link(entry.path()).unwrap().display().to_string()
            } else if metadata.is_file() {
                Digest::of(&fs::read(entry.path()).unwrap()).to_string()
            } else {
                "directory".to_owned()
            };
            contents.insert(name, format!("{:o} {what}", metadata.permissions().mode()));
        }
        contents
    }
}

fn site(dir: &Path) -> Site {
    let distfiles = dir.join("distfiles");
    Site {
        tree: fixture(),
        prefix: dir.join("prefix"),
        work: dir.join("work"),
        environment: vec![("FIXTURE_SITE".into(), format!("file://{}/nowhere/", dir.display()).into())],
        variables: vec![("DISTDIR".into(), distfiles.display().to_string())],
        held: None,
    }
}

pub(crate) struct Built {
    pub(crate) graph: Graph,
    pub(crate) result: Result<Outcome, BuildError>,
    pub(crate) told: Vec<Event>,
}

impl Built {
    pub(crate) fn outcome(&self) -> &Outcome {
        self.result.as_ref().unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) fn names(&self, nodes: &[usize]) -> Vec<&str> {
        nodes.iter().map(|at| self.graph.nodes[*at].pkgname.as_str()).collect()
    }
}

pub(crate) fn request(pkgpath: &str, multi: &[(&str, &str)]) -> Request {
    let multi = multi.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Request { pkgpath: pkgpath.to_owned(), multi }
}
