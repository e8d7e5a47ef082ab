//! What the packages of a tree need: asked of real makefiles, compared with real distinfo files, fetched.

use super::server::{Reply, Server};
use super::{Lab, missing};
use relocate::base::child::Cancel;
use relocate::build::digests::Digests;
use relocate::build::distfile::{Distfile, NeededError, needed};
use relocate::build::graph::{Graph, Node, Request, graph};
use relocate::build::site::Site;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A bootstrapped prefix of the fixture tree.
struct Tree {
    _dir: tempfile::TempDir,
    site: Site,
    archives: PathBuf,
}

fn request(pkgpath: &str, multi: &[(&str, &str)]) -> Request {
    let multi = multi.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Request { pkgpath: pkgpath.to_owned(), multi }
}

fn run(command: &mut Command) {
    let ended = command.output().unwrap();
    assert!(ended.status.success(), "{command:?}: {}", String::from_utf8_lossy(&[ended.stdout, ended.stderr].concat()));
}

impl Tree {
    fn new(source: &str) -> Self {
        let own = tempfile::tempdir().unwrap();
        let dir = fs::canonicalize(own.path()).unwrap();
        let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/pkgsrc");
        let site = Site {
            tree: tree.clone(),
            prefix: dir.join("prefix"),
            work: dir.join("work"),
            environment: vec![("FIXTURE_SITE".into(), source.into())],
            variables: Vec::new(),
            held: None,
        };
        let mut command = Command::new(tree.join("bootstrap/bootstrap"));
        command.arg("--unprivileged").arg("--prefix").arg(&site.prefix).arg("--workdir").arg(dir.join("bootstrap"));
        command.env_clear().env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin").env("HOME", &dir).env("SH", "/bin/bash");
        run(&mut command);
        fs::create_dir_all(site.temporary()).unwrap();
        let archives = dir.join("archives");
        run(Command::new(tree.join("make-distfiles")).arg(&archives));
        Self { _dir: own, site, archives }
    }

    fn needed(&self, pkgpaths: &[&str]) -> Result<Vec<Distfile>, NeededError> {
        self.needed_of(&pkgpaths.iter().map(|path| request(path, &[])).collect::<Vec<_>>())
    }

    fn needed_of(&self, requests: &[Request]) -> Result<Vec<Distfile>, NeededError> {
        let (digests, cancel) = (Digests::default(), Cancel::default());
        let graph = graph(&self.site, &digests, requests, 2, &cancel).unwrap_or_else(|error| panic!("{error}"));
        let all: Vec<_> = (0..graph.nodes.len()).collect();
        needed(&self.site, &digests, &graph, &all, 2, &cancel)
    }
}

#[test]
fn a_closure_is_asked_for_its_archives_and_they_are_fetched() {
    let archives = tempfile::tempdir().unwrap();
    run(Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/pkgsrc/make-distfiles")).arg(archives.path()));
    let dir = archives.path().to_owned();
    let server = Server::start(move |asked| match fs::read(dir.join(asked.target.trim_start_matches('/'))) {
        Ok(bytes) => Reply::file(asked, &bytes, "\"one\""),
        Err(_) => Reply::new(404, b""),
    });
    let tree = Tree::new(&server.url(""));
    let files = tree.needed(&["meta-pkgs/demo"]).unwrap();
    let paths: Vec<_> = files.iter().map(Distfile::path).collect();
    assert!(paths.contains(&"rot/rot-13.tar".to_owned()), "{paths:?}");
    assert!(files.iter().all(|file| file.size.is_some() && !file.checksums.is_empty() && !file.urls.is_empty()));
    let rot = files.iter().find(|file| file.subdir == "rot").unwrap();
    assert_eq!(rot.needed_by, ["rot-13"]);
    let lab = Lab::new();
    let fetched = lab.fetch(&files).unwrap();
    assert_eq!(fetched.files.len(), files.len());
    for (file, path) in fetched.files.iter().zip(&paths) {
        assert_eq!(fs::read(&file.place).unwrap(), fs::read(tree.archives.join(path)).unwrap());
    }
    // Asked again, nothing is asked.
    let before = server.log().len();
    lab.fetch(&tree.needed(&["meta-pkgs/demo"]).unwrap()).unwrap();
    assert_eq!(server.log().len(), before);
}

#[test]
fn an_archive_without_a_sum_is_refused_with_its_package() {
    let tree = Tree::new("http://127.0.0.1:1/");
    let error = tree.needed(&["broken/nosum", "misc/greet"]).unwrap_err();
    assert!(matches!(error, NeededError::Unrecorded { .. }), "{error}");
    assert!(error.to_string().starts_with("broken/nosum needs trial-1.0.tar, and "), "{error}");
}

/// A package of a makefile alone, asked as any other.
fn of_makefile(tree: &mut Tree, makefile: &str, distinfo: &str) -> Result<Vec<Distfile>, NeededError> {
    let own = tempfile::tempdir().unwrap();
    let dir = own.path().join("misc/own");
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("Makefile"), makefile).unwrap();
    fs::write(dir.join("distinfo"), distinfo).unwrap();
    own.path().clone_into(&mut tree.site.tree);
    let node = Node {
        pkgpath: "misc/own".to_owned(),
        pkgname: "own-1".to_owned(),
        multi: Vec::new(),
        depends: Vec::new(),
        scan_depends: vec![dir.join("Makefile")],
        usergroup_phase: None,
        is_bootstrap: false,
        is_requested: true,
    };
    let graph = Graph { nodes: vec![node], edges: vec![Vec::new()] };
    needed(&tree.site, &Digests::default(), &graph, &[0], 1, &Cancel::default())
}

#[test]
fn sites_of_one_file_whole_addresses_and_scripts_are_understood() {
    let mut tree = Tree::new("http://127.0.0.1:1/");
    let makefile = "_ALLFILES = d/a.tgz d/patch-1=2 d/c.tgz\nDIST_SUBDIR = d\nDISTINFO_FILE = ${.CURDIR}/distinfo\n\
                    SITES.a.tgz = http://one/ http://two/x?f= http://one/\nSITES.patch-1--2 = -http://three/get?id=7\n\
                    SITES.c.tgz = `echo http://four/ | cat; echo ${.CURDIR:T}`\n_MASTER_SITE_OVERRIDE = http://first/d/\n\
                    _MASTER_SITE_BACKUP = http://last/d/\nall:\n";
    let distinfo =
        "$NetBSD$\n\nSHA1 (d/a.tgz) = 00\nSize (d/a.tgz) = 5 bytes\nRMD160 (d/patch-1=2) = 11\nSHA512 (d/c.tgz) = 22\n";
    let files = of_makefile(&mut tree, makefile, distinfo).unwrap();
    let urls: Vec<(&str, Vec<&str>)> =
        files.iter().map(|file| (file.name.as_str(), file.urls.iter().map(String::as_str).collect())).collect();
    assert_eq!(
        urls,
        [
            ("a.tgz", vec!["http://first/d/a.tgz", "http://one/a.tgz", "http://two/x?f=a.tgz", "http://last/d/a.tgz"]),
            ("c.tgz", vec!["http://first/d/c.tgz", "http://four/c.tgz", "ownc.tgz", "http://last/d/c.tgz"]),
            ("patch-1=2", vec!["http://first/d/patch-1=2", "http://three/get?id=7", "http://last/d/patch-1=2"]),
        ]
    );
    assert_eq!((files[0].size, files[1].size), (Some(5), None));
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    let mut tree = Tree::new("http://127.0.0.1:1/");
    for makefile in [
        "_ALLFILES = ..\n",
        "_ALLFILES = .part\n",
        "_ALLFILES = a\nDIST_SUBDIR = ../up\n",
        "_ALLFILES = a\nDIST_SUBDIR = /etc\n",
    ] {
        let makefile = format!("{makefile}DISTINFO_FILE = distinfo\nall:\n");
        let error = of_makefile(&mut tree, &makefile, "SHA1 (a) = 00\n").unwrap_err();
        assert!(matches!(error, NeededError::Answer { .. }), "{error}");
    }
}

#[test]
fn an_archive_that_no_site_has_is_missing_with_its_package() {
    let server = Server::start(|_| Reply::new(404, b""));
    let tree = Tree::new(&server.url(""));
    let said = missing(Lab::new().fetch(&tree.needed(&["broken/fetch"]).unwrap()));
    assert!(said.contains("(needed by fetch-") && said.contains("the server says 404"), "{said}");
    assert!(said.contains("help: put it at "), "{said}");
}

/// RELOCATE_PKGSRC names a real tree, RELOCATE_PKGSRC_PREFIX a prefix it was bootstrapped into; without them the fixture
/// answers.
#[test]
fn offline_every_archive_of_the_closure_is_named_with_its_sites_and_its_place() {
    let mut tree = Tree::new("http://127.0.0.1:1/");
    let real = env::var_os("RELOCATE_PKGSRC").zip(env::var_os("RELOCATE_PKGSRC_PREFIX"));
    let requests = match real {
        Some((source, prefix)) => {
            (tree.site.tree, tree.site.prefix) = (source.into(), prefix.into());
            let python = [("PYTHON_VERSION_REQD", "27")];
            let plain = ["www/nginx", "lang/python27", "textproc/libxml2", "databases/redis"];
            let of_python = ["devel/py-pip", "devel/py-readline", "databases/py-ldap", "databases/py-sqlite3"];
            let plain = plain.map(|path| request(path, &[]));
            plain.into_iter().chain(of_python.map(|path| request(path, &python))).collect()
        }
        None => vec![request("meta-pkgs/demo", &[])],
    };
    let files = tree.needed_of(&requests).unwrap();
    assert!(files.iter().all(|file| !file.urls.is_empty() && !file.checksums.is_empty()), "{files:#?}");
    let mut lab = Lab::new();
    lab.settings.offline = true;
    let said = missing(lab.fetch(&files));
    assert!(said.starts_with(&format!("{0} of {0} files are missing", files.len())), "{said}");
    for file in &files {
        assert!(said.contains(&format!("help: put it at {}", file.place(lab.dir.path()).display())), "{said}");
    }
    if env::var_os("RELOCATE_PKGSRC").is_some() {
        println!("{said}");
    }
}
