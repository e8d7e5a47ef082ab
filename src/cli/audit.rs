//! `relocate audit`: the packages of a tree or an archive beside pkgsrc's list of vulnerabilities. Ends with 1 where one of them
//! is on it.

use super::args::AuditArgs;
use super::exit::Exit;
use super::failure::{Failure, Json};
use super::{inspect, json, pack, report};
use crate::base::child;
use crate::contents::vulnerable::{List, Match};
use flate2::read::MultiGzDecoder;
use report::{GREEN, RED, count, paint, say};
use serde_json::json;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// No list is longer, unpacked; in 2024 it had 3 MB.
const LONGEST: u64 = 256 << 20;

/// Runs the command.
pub(super) fn run(args: &AuditArgs) -> Exit {
    report::colour(args.common.color);
    pack::set_jobs(args.common.jobs);
    work(args).unwrap_or_else(|failure| failure.tell("audit", if args.common.json { Json::Stdout } else { Json::None }))
}

fn work(args: &AuditArgs) -> Result<Exit, Failure> {
    let list = read(args)?;
    let contents = inspect::look(&args.tree, args.common.quiet || args.common.json)?;
    let found = list.matches(&contents.packages, &args.ignore, args.end_of_life);
    let exit = if found.is_empty() { Exit::Done } else { Exit::No };
    if args.common.json {
        say(&told_as_json(args, &list, contents.packages.len(), &found, exit));
    } else {
        // What was found is the answer: --quiet does not silence it.
        say(&told(&found));
        if !args.common.quiet {
            report::talk(&report::findings(&contents.findings));
            say(&summary(args, &list, contents.packages.len(), &found));
        }
    }
    Ok(exit)
}

/// The list, unpacked, its signature checked where a keyring is given.
fn read(args: &AuditArgs) -> Result<List, Failure> {
    let file = &args.vulnerabilities;
    let place = report::place(file);
    let failed = |error: &dyn std::fmt::Display| Failure::new(Exit::Environment, format!("{place}: {error}"));
    let text = unpacked(file).map_err(|error| failed(&error))?;
    let list = List::parse(&text).map_err(|error| failed(&error))?;
    if let Some(keyring) = &args.keyring {
        if !list.is_signed {
            return Err(failed(&"the list is not signed, and a keyring was given")
                .help(Some("fetch it again, or leave --keyring out".to_owned())));
        }
        check_signature(&text, keyring).map_err(|error| failed(&error))?;
    }
    Ok(list)
}

fn unpacked(file: &Path) -> io::Result<Vec<u8>> {
    let bytes = std::fs::read(file)?;
    let mut text = Vec::new();
    match bytes.as_slice() {
        [0x1f, 0x8b, ..] => MultiGzDecoder::new(bytes.as_slice()).take(LONGEST).read_to_end(&mut text)?,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => zstd::Decoder::new(bytes.as_slice())?.take(LONGEST).read_to_end(&mut text)?,
        [b'B', b'Z', b'h', ..] => return Err(io::Error::other("it is compressed with bzip2: run bunzip2 first")),
        [0xfd, b'7', b'z', ..] => return Err(io::Error::other("it is compressed with xz: run unxz first")),
        _ => return Ok(bytes),
    };
    Ok(text)
}

/// Has gpgv check a clear-signed text, as pkg_admin has gpg do it. The keyring may be armoured.
fn check_signature(text: &[u8], keyring: &Path) -> Result<(), String> {
    let scratch = crate::base::write::Scratch::create("relocate-audit-").map_err(|error| error.to_string())?;
    let (keys, signed) = (scratch.path().join("keys.gpg"), scratch.path().join("list"));
    let given = std::fs::read(keyring).map_err(|error| format!("cannot read {}: {error}", report::place(keyring)))?;
    let given = if given.starts_with(b"-----BEGIN") { dearmoured(&given)? } else { given };
    std::fs::write(&keys, given).and_then(|()| std::fs::write(&signed, text)).map_err(|error| error.to_string())?;
    let command: [&OsStr; 5] =
        ["gpgv".as_ref(), "--quiet".as_ref(), "--keyring".as_ref(), keys.as_os_str(), signed.as_os_str()];
    let ended = child::run(&command).map_err(|error| format!("cannot run gpgv, which checks signatures: {error}"))?;
    if ended.success {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ended.output);
    Err(format!("the signature is not good, or not by a key of {}: {}", report::place(keyring), said.trim()))
}

/// The bytes of an OpenPGP armour: base64 between the headers' blank line and the checksum (RFC 9580, section 6.2).
fn dearmoured(text: &[u8]) -> Result<Vec<u8>, String> {
    let wrong = || "the keyring is no OpenPGP armour".to_owned();
    let text = str::from_utf8(text).map_err(|_| wrong())?;
    let body = text.lines().skip_while(|line| !line.trim().is_empty()).skip(1);
    let body: String = body.take_while(|line| !line.starts_with(['=', '-'])).map(str::trim).collect();
    data_encoding::BASE64.decode(body.as_bytes()).map_err(|_| wrong())
}

fn told(found: &[Match]) -> String {
    let mut text = String::new();
    for Match { package, class, url, .. } in found {
        let what = if class == "eol" {
            "has reached its end of life".to_owned()
        } else {
            format!("has a {class} vulnerability")
        };
        let _ = writeln!(text, "{} {what}, see {url}", paint(RED, package));
    }
    text
}

fn summary(args: &AuditArgs, list: &List, packages: usize, found: &[Match]) -> String {
    let signature = match (list.is_signed, &args.keyring) {
        (true, Some(_)) => "signature good",
        (true, None) => "signed, not checked: --keyring FILE does",
        (false, _) => "not signed",
    };
    let sums = if list.sums.is_empty() { "no sum".to_owned() } else { format!("{} sum good", list.sums.join(" and ")) };
    let verdict = match found.len() {
        0 => paint(GREEN, "none of them is known to be vulnerable"),
        number => paint(
            RED,
            &format!("{} found", count(number, "vulnerability").replace("vulnerabilitys", "vulnerabilities")),
        ),
    };
    format!("{} beside {} ({signature}, {sums}): {verdict}\n", count(packages, "package"), count(list.len(), "pattern"))
}

fn told_as_json(args: &AuditArgs, list: &List, packages: usize, found: &[Match], exit: Exit) -> String {
    json::line(&json!({
        "command": "audit",
        "tree": json::bytes(args.tree.as_os_str().as_bytes()),
        "exit": exit as u8,
        "packages": packages,
        "patterns": list.len(),
        "signed": list.is_signed,
        "signature-checked": args.keyring.is_some(),
        "sums": list.sums,
        "vulnerabilities": found,
    }))
}
