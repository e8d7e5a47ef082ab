//! Key files: openssl opens ours, we open openssl's, and nobody else reads them.

use relocate::tuf::{KeyFileProblem, Passphrase, SecretKey, read_key, write_key};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

fn phrase(text: &str) -> Passphrase {
    Passphrase::new(text.as_bytes().to_vec()).unwrap()
}

/// What openssl says on stdout, where it says yes.
fn openssl(dir: &Path, arguments: &str) -> Option<String> {
    let run = Command::new("openssl").args(arguments.split(' ')).current_dir(dir).output().unwrap();
    run.status.success().then(|| String::from_utf8(run.stdout).unwrap())
}

/// The public half as openssl prints it.
fn public(text: &str) -> String {
    let hex = text.split_once("pub:").unwrap().1;
    hex.chars().filter(char::is_ascii_hexdigit).collect()
}

#[test]
fn openssl_opens_our_keys_with_their_passphrase_and_not_without() {
    let dir = tempfile::tempdir().unwrap();
    let key = SecretKey::generate().unwrap();
    let ours = data_encoding::HEXLOWER.encode(&key.public().bytes());
    write_key(&dir.path().join("plain.pem"), &key, None).unwrap();
    write_key(&dir.path().join("locked.pem"), &key, Some(&phrase("open sesame"))).unwrap();
    assert_eq!(public(&openssl(dir.path(), "pkey -in plain.pem -noout -text").unwrap()), ours);
    fs::write(dir.path().join("right"), "open sesame\n").unwrap();
    fs::write(dir.path().join("wrong"), "open\n").unwrap();
    let locked = |pass: &str| openssl(dir.path(), &format!("pkey -in locked.pem -passin {pass} -noout -text"));
    assert_eq!(public(&locked("file:right").unwrap()), ours);
    assert_eq!(locked("file:wrong"), None);
    assert_eq!(locked("pass:"), None);
    let form = openssl(dir.path(), "asn1parse -in locked.pem").unwrap();
    assert!(form.contains("PBES2") && form.contains("scrypt") && form.contains("aes-256-cbc"), "{form}");
}

#[test]
fn we_open_what_openssl_wrote() {
    let dir = tempfile::tempdir().unwrap();
    let make = |arguments: &str| openssl(dir.path(), arguments).unwrap();
    make("genpkey -algorithm ed25519 -out plain.pem");
    make("pkcs8 -topk8 -in plain.pem -out pbkdf2.pem -passout pass:secret");
    make("pkcs8 -topk8 -in plain.pem -out scrypt.pem -scrypt -passout pass:secret");
    let theirs = public(&make("pkey -in plain.pem -noout -text"));
    for file in ["plain.pem", "pbkdf2.pem", "scrypt.pem"] {
        let key = read_key(&dir.path().join(file), Some(&phrase("secret"))).unwrap();
        assert_eq!(data_encoding::HEXLOWER.encode(&key.public().bytes()), theirs, "{file}");
    }
}

#[test]
fn a_key_comes_back_and_its_file_is_for_its_owner_alone_and_never_written_over() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("root-1.pem");
    let key = SecretKey::generate().unwrap();
    write_key(&path, &key, Some(&phrase("a"))).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(read_key(&path, Some(&phrase("a"))).unwrap().public(), key.public());
    let before = fs::read(&path).unwrap();
    let error = write_key(&path, &SecretKey::generate().unwrap(), None).unwrap_err();
    assert!(error.to_string().contains("root-1.pem': it is there already"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
    // Not even through a symlink that leads nowhere.
    std::os::unix::fs::symlink(dir.path().join("elsewhere"), dir.path().join("link")).unwrap();
    assert!(write_key(&dir.path().join("link"), &key, None).is_err());
    assert!(!dir.path().join("elsewhere").exists());
    // The same key and passphrase never make the same file.
    write_key(&dir.path().join("again.pem"), &key, Some(&phrase("a"))).unwrap();
    assert_ne!(fs::read(dir.path().join("again.pem")).unwrap(), before);
}

#[test]
fn what_is_wrong_with_a_key_file_is_told_with_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let key = SecretKey::generate().unwrap();
    write_key(&dir.path().join("locked"), &key, Some(&phrase("right"))).unwrap();
    write_key(&dir.path().join("plain"), &key, None).unwrap();
    for (algorithm, file) in [("RSA", "rsa"), ("EC -pkeyopt ec_paramgen_curve:P-256", "ec"), ("x25519", "x25519")] {
        openssl(dir.path(), &format!("genpkey -algorithm {algorithm} -out {file}")).unwrap();
    }
    openssl(dir.path(), "pkey -in plain -pubout -out public").unwrap();
    let plain = fs::read_to_string(dir.path().join("plain")).unwrap();
    fs::write(dir.path().join("cut"), &plain[..60]).unwrap();
    fs::write(dir.path().join("short"), plain.replace("MC4C", "MC0C")).unwrap();
    fs::write(dir.path().join("text"), "not a key").unwrap();
    fs::write(dir.path().join("binary"), [0xff; 100]).unwrap();
    fs::write(dir.path().join("huge"), vec![b'-'; 1 << 20]).unwrap();
    let said = |file: &str, phrase: Option<&Passphrase>| {
        let error = read_key(&dir.path().join(file), phrase).unwrap_err();
        let message = error.to_string();
        assert!(message.contains(&format!("/{file}'")), "{message}");
        (error.wants_passphrase(), message.replace(&format!("{}/", dir.path().display()), ""))
    };
    let own = |text: &str| text.to_owned();
    assert_eq!(said("locked", None), (true, own("the key 'locked' has a passphrase, and none was given")));
    let wrong = own("the passphrase does not open the key 'locked', or the file is damaged");
    assert_eq!(said("locked", Some(&phrase("wrong"))), (true, wrong));
    assert_eq!(said("rsa", None).1, "the key 'rsa' is of another kind (RSA) than Ed25519");
    assert_eq!(said("ec", None).1, "the key 'ec' is of another kind (ECDSA) than Ed25519");
    assert_eq!(said("x25519", None).1, "the key 'x25519' is of another kind (X25519) than Ed25519");
    assert_eq!(said("public", None).1, "'public' is no private key but a public key");
    assert!(said("cut", None).1.starts_with("the key 'cut' is damaged: "));
    assert!(said("short", None).1.starts_with("the key 'short' is damaged: "));
    for file in ["text", "binary", "huge"] {
        assert_eq!(said(file, None).1, format!("'{file}' is no private key; it must be PKCS#8 in PEM"));
    }
    assert!(said("missing", None).1.starts_with("cannot read the key 'missing': No such file"));
}

#[test]
fn a_passphrase_that_would_take_a_gigabyte_to_try_is_not_tried() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("locked");
    write_key(&path, &SecretKey::generate().unwrap(), Some(&phrase("right"))).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    let mut der = data_encoding::BASE64.decode(body.as_bytes()).unwrap();
    // N of scrypt, 2^14, becomes 2^14 with a block size of 0x7f and all the threads of 0x7f.
    let costs = [2, 2, 0x40, 0, 2, 1, 8, 2, 1, 5];
    let at = der.windows(costs.len()).position(|window| window == costs).unwrap();
    der[at + 2..at + 10].copy_from_slice(&[0x7f, 0, 2, 1, 0x7f, 2, 1, 0x7f]);
    der[at + 2] = 0x40;
    let pem = format!("-----BEGIN ENCRYPTED PRIVATE KEY-----\n{}\n-----END ENCRYPTED PRIVATE KEY-----\n", {
        let base64 = data_encoding::BASE64.encode(&der);
        base64.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect::<Vec<_>>().join("\n")
    });
    fs::write(&path, pem).unwrap();
    let error = read_key(&path, Some(&phrase("right"))).unwrap_err();
    assert!(matches!(error.problem, KeyFileProblem::Costly), "{error}");
}

#[test]
fn no_secret_is_printed() {
    let key = SecretKey::from_seed(&[7; 32]).unwrap();
    let shown = format!("{key:?} {:?} {:?}", phrase("sesame"), key.public());
    assert!(!shown.contains("sesame") && !shown.contains("7, 7") && !shown.contains("0707"), "{shown}");
}
