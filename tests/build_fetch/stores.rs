//! Packages kept on servers: what is whole is seen, what is damaged is not taken, nobody's secret is shown.

use super::server::{Asked, Reply, Server, dead_port};
use relocate::base::digest::Digest;
use relocate::build::store::{Store, open};
use relocate::web::{Settings, Web};
use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex};

const PACKAGE: &[u8] = b"a binary package";

type Files = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

/// A server that keeps what it is given, for those whose request is fine.
fn keeping(is_fine: impl Fn(&Asked) -> bool + Send + Sync + 'static) -> (Server, Files) {
    let files: Files = Arc::default();
    let kept = files.clone();
    let server = Server::start(move |asked| {
        if !is_fine(asked) {
            return Reply::new(401, b"");
        }
        let path = asked.target.split('?').next().unwrap().to_owned();
        let mut files = kept.lock().unwrap();
        match (asked.method.as_str(), files.get(&path)) {
            ("PUT", Some(_)) => Reply::new(403, b"no second time"),
            ("PUT", None) => {
                files.insert(path, asked.body.clone());
                Reply::new(201, b"")
            }
            (_, Some(bytes)) => Reply::new(200, bytes),
            (_, None) => Reply::new(404, b""),
        }
    });
    (server, files)
}

fn place(text: &str, variables: &'static [(&str, &str)]) -> Box<dyn Store> {
    let web = Arc::new(Web::new(&Settings::default()).unwrap());
    let find = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    open(text, &web, &find).unwrap()
}

/// Puts a package, and takes it out again.
fn there_and_back(store: &dyn Store) {
    let (dir, key) = (tempfile::tempdir().unwrap(), Digest::of(b"key"));
    let (from, into) = (dir.path().join("from.tgz"), dir.path().join("x/into.tgz"));
    fs::write(&from, PACKAGE).unwrap();
    assert!(!store.has(key).unwrap() && !store.get(key, &into).unwrap());
    store.put(key, &from).unwrap();
    store.put(key, &from).unwrap();
    assert!(store.has(key).unwrap() && store.get(key, &into).unwrap());
    assert_eq!(fs::read(into).unwrap(), PACKAGE);
}

#[test]
fn a_web_server_keeps_packages_for_those_who_have_the_token() {
    let (server, files) = keeping(|asked| asked.header("authorization") == Some("Bearer s3cret"));
    there_and_back(&*place(&server.url("packages"), &[("RELOCATE_CACHE_TOKEN", "s3cret")]));
    let (key, sum) = (Digest::of(b"key"), Digest::of(PACKAGE));
    let file = format!("{key}-{}.tgz", &sum.to_string()[..16]);
    let files = files.lock().unwrap();
    assert_eq!(files[&format!("/packages/{key}.sha256")], format!("{sum}  {file}\n").into_bytes());
    assert_eq!(files[&format!("/packages/{file}")], PACKAGE);
    let puts: Vec<_> =
        server.log().into_iter().filter(|asked| asked.method == "PUT").map(|asked| asked.target).collect();
    assert_eq!(puts, [format!("/packages/{file}"), format!("/packages/{key}.sha256")]);
}

#[test]
fn users_and_headers_of_a_servers_own_work_too() {
    let (basic, _) = keeping(|asked| asked.header("authorization") == Some("Basic bWU6d29yZA=="));
    there_and_back(&*place(&basic.url(""), &[("RELOCATE_CACHE_USER", "me"), ("RELOCATE_CACHE_PASSWORD", "word")]));
    let (own, _) = keeping(|asked| asked.header("job-token") == Some("t0ken"));
    there_and_back(&*place(&own.url("a/b/"), &[("RELOCATE_CACHE_HEADER", "JOB-TOKEN: t0ken")]));
    let (in_url, _) = keeping(|asked| asked.header("authorization") == Some("Basic bWU6d29yZA=="));
    there_and_back(&*place(&in_url.url("").replace("http://", "http://me:word@"), &[]));
}

#[test]
fn a_package_without_its_note_is_not_there_and_is_put_again() {
    let (server, files) = keeping(|_| true);
    let (key, sum) = (Digest::of(b"key"), Digest::of(PACKAGE));
    let file = format!("/{key}-{}.tgz", &sum.to_string()[..16]);
    files.lock().unwrap().insert(file, PACKAGE.to_vec());
    // The server refuses a second file of the name, which is as good.
    there_and_back(&*place(&server.url(""), &[]));
}

#[test]
fn a_damaged_package_is_an_error_and_leaves_no_file() {
    let (server, files) = keeping(|_| true);
    let store = place(&server.url(""), &[]);
    there_and_back(&*store);
    for bytes in files.lock().unwrap().values_mut().filter(|bytes| *bytes == PACKAGE) {
        bytes.truncate(5);
    }
    let (dir, key) = (tempfile::tempdir().unwrap(), Digest::of(b"key"));
    let error = store.get(key, &dir.path().join("into.tgz")).unwrap_err().to_string();
    assert!(error.starts_with("cannot read http://127.0.0.1:") && error.contains("it is damaged"), "{error}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    files.lock().unwrap().insert(format!("/{key}.sha256"), b"00  ../../x\n".to_vec());
    assert!(store.get(key, &dir.path().join("into.tgz")).unwrap_err().to_string().ends_with("does not name a package"));
}

#[test]
fn a_server_that_is_not_there_or_does_not_know_us_is_an_error_without_secrets() {
    let (dir, key) = (tempfile::tempdir().unwrap(), Digest::of(b"key"));
    let into = dir.path().join("into");
    let dead = format!("http://me:word@127.0.0.1:{}/d", dead_port());
    let error = place(&dead, &[]).get(key, &into).unwrap_err().to_string();
    assert!(error.contains("cannot connect") && !error.contains("word"), "{error}");
    let (server, _) = keeping(|_| false);
    let error = place(&server.url(""), &[("RELOCATE_CACHE_TOKEN", "s3cret")]).has(key).unwrap_err().to_string();
    assert!(error.contains("the server says 401") && !error.contains("s3cret"), "{error}");
}

const KEYS: &[(&str, &str)] = &[
    ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI"),
    ("AWS_SESSION_TOKEN", "session"),
    ("AWS_REGION", "eu-west-3"),
];

/// Opens a bucket of a server that is on loopback.
fn bucket(server: &Server, text: &str) -> Box<dyn Store> {
    let web = Arc::new(Web::new(&Settings::default()).unwrap());
    let endpoint = server.url("");
    let find = |name: &str| {
        let known = KEYS.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        known.or_else(|| (name == "AWS_ENDPOINT_URL").then(|| endpoint.clone()))
    };
    open(text, &web, &find).unwrap()
}

#[test]
fn requests_to_a_bucket_are_signed_in_their_address() {
    let (server, files) = keeping(|asked| {
        let query = asked.target.split_once('?').map(|(_, query)| query).unwrap_or_default();
        let pairs: BTreeMap<_, _> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
        let (day, time) = (pairs["X-Amz-Credential"].split("%2F").nth(1).unwrap(), pairs["X-Amz-Date"]);
        pairs["X-Amz-Algorithm"] == "AWS4-HMAC-SHA256"
            && pairs["X-Amz-Credential"] == format!("AKIDEXAMPLE%2F{day}%2Feu-west-3%2Fs3%2Faws4_request")
            && time.starts_with(day)
            && pairs["X-Amz-Expires"] == "3600"
            && pairs["X-Amz-Security-Token"] == "session"
            && pairs["X-Amz-SignedHeaders"] == "host"
            && pairs["X-Amz-Signature"].len() == 64
            && asked.header("authorization").is_none()
            && (asked.method != "PUT" || asked.header("content-length").is_some())
    });
    there_and_back(&*bucket(&server, "s3://cache/a/b"));
    assert!(files.lock().unwrap().keys().all(|name| name.starts_with("/cache/a/b/")));
}

#[test]
fn what_a_bucket_says_no_with_is_told_and_the_signature_is_not() {
    let server = Server::start(|_| Reply::new(403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>"));
    let error = bucket(&server, "s3://cache").has(Digest::of(b"key")).unwrap_err().to_string();
    assert!(error.starts_with("cannot read s3://cache/") && error.ends_with("(SignatureDoesNotMatch)"), "{error}");
    assert!(!error.contains("X-Amz") && !error.contains("wJalr"));
}

/// `RELOCATE_S3=ENDPOINT/BUCKET` asks a server of one's own, with keys of the environment; without it ours answers.
#[test]
fn a_bucket_keeps_packages() {
    let (ours, _) = keeping(|_| true);
    let named = std::env::var("RELOCATE_S3").ok();
    let (endpoint, name) = match named.as_deref().and_then(|named| named.rsplit_once('/')) {
        Some((endpoint, name)) => (endpoint.to_owned(), name),
        None => (ours.url(""), "cache"),
    };
    let web = Arc::new(Web::new(&Settings::default()).unwrap());
    let find = |name: &str| if name == "AWS_ENDPOINT_URL" { Some(endpoint.clone()) } else { std::env::var(name).ok() };
    there_and_back(&*open(&format!("s3://{name}/a test"), &web, &find).unwrap());
}
