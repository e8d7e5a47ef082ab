//! `relocate wrapper`: a project pins the version of this program that it uses, and takes another one.

mod newest;

use super::args::{WrapperArgs, WrapperBumpArgs, WrapperCommand, WrapperInitArgs, WrapperPinArgs};
use super::exit::Exit;
use super::failure::{Failure, Json};
use super::pack::Usage;
use super::update::{self, absolute, failure};
use super::{json, report};
use crate::base::digest::Digest;
use crate::base::host;
use crate::base::write::WriteError;
use crate::client::{ClientError, RootKey};
use crate::update::UpdateError;
use crate::web::{Settings, Web, shown_url};
use crate::wrapper::{
    self, AskError, Draft, Over, PROPERTIES_NAME, Properties, SCRIPT_NAME, Served, properties, renewed,
};
use newest::{CHANNEL, Repository};
use report::{GREEN, Table, YELLOW, bytes, paint, say, talk};
use serde_json::json;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The version of this program.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Runs the command.
pub(super) fn run(args: &WrapperArgs) -> Exit {
    let (command, pin, done) = match &args.command {
        WrapperCommand::Init(args) => ("wrapper init", &args.pin, init(args)),
        WrapperCommand::Bump(args) => ("wrapper bump", &args.pin, bump(args)),
    };
    report::colour(pin.color);
    match done {
        Ok(done) => tell(command, pin, &done),
        Err(failure) => failure.tell(command, if pin.json { Json::Stdout } else { Json::None }),
    }
}

/// What was written, or would be.
struct Done {
    dir: PathBuf,
    properties: Properties,
    written: Vec<Draft>,
    dropped: Vec<String>,
    warnings: Vec<String>,
}

/// The file that is to be pinned.
struct Found {
    version: String,
    sha256: Digest,
    size: Option<u64>,
    /// Where it is.
    urls: Vec<String>,
    warnings: Vec<String>,
}

fn init(args: &WrapperInitArgs) -> Result<Done, Failure> {
    let dir = directory(&args.dir)?;
    let asker = Asker::new(&args.pin)?;
    let (found, repository, root_key) = match &args.from {
        None => (given(args, &asker)?, None, None),
        Some(from) => {
            let from = update::place(from)?;
            if shown_url(&from) != from {
                return Err(secret(&from));
            }
            let typed = args.root_key.as_deref().ok_or_else(|| failure(&UpdateError::from(ClientError::NoRootKey)))?;
            let text = newest::root_key_text(typed, &dir)?;
            let root_key = RootKey::read(typed).map_err(|error| failure(&UpdateError::from(error)))?;
            let channel = args.channel.as_deref().unwrap_or(CHANNEL);
            let repository = Repository { from: &from, root_key: &root_key, channel };
            (signed(&repository, args.version.as_deref(), &args.pin, &asker)?, Some(from), Some(text))
        }
    };
    let Found { version, sha256, size, urls, warnings } = found;
    let channel = args.channel.clone();
    let properties = Properties { version, sha256, size, urls, repository, root_key, channel, policy: None };
    let drafts = wrapper::drafts(&dir, text_of(&properties, None)?);
    if !args.force {
        let help = "'relocate wrapper bump' changes what is pinned; --force writes both anew";
        wrapper::may_write(&drafts).map_err(|error| unwritten(&error).help(Some(help.to_owned())))?;
    }
    let over = if args.force { Over::All } else { Over::Nothing };
    finish(args.pin.dry_run, &drafts, over)?;
    Ok(Done { dir, properties, written: drafts.to_vec(), dropped: Vec::new(), warnings })
}

/// This program, or the file whose sha256 was typed, at the URLs that were typed.
fn given(args: &WrapperInitArgs, asker: &Asker) -> Result<Found, Failure> {
    let urls = args.pin.url.clone();
    are_urls(&urls)?;
    if urls.is_empty() {
        let help =
            "name the program on a web server or in a directory with --url, or a repository that has it with --from";
        return Err(Usage("no URL where others could fetch it".to_owned(), Some(help.to_owned())).into());
    }
    let own = own()?;
    let sha256 = args.pin.sha256.unwrap_or(own.sha256);
    let version = version(args.version.as_deref(), sha256, own)?;
    let served = asker.compared(&urls, sha256)?;
    let size = served.or((sha256 == own.sha256).then_some(own)).map(|file| file.size);
    Ok(Found { version, sha256, size, urls, warnings: Vec::new() })
}

fn bump(args: &WrapperBumpArgs) -> Result<Done, Failure> {
    let dir = directory(&args.dir)?;
    let (old, text) = read(&dir.join(PROPERTIES_NAME))?;
    let asker = Asker::new(&args.pin)?;
    let found = match (&old.repository, &old.root_key) {
        (Some(from), Some(key)) => {
            let root_key = newest::root_key(key, &dir)?;
            let channel = old.channel.as_deref().unwrap_or(CHANNEL);
            let repository = Repository { from, root_key: &root_key, channel };
            let found = signed(&repository, args.version.as_deref(), &args.pin, &asker)?;
            if args.version.is_none() {
                newest::must_be_newer(&old.version, &found.version, channel)?;
            }
            found
        }
        (Some(_), None) => return Err(failure(&UpdateError::from(ClientError::NoRootKey))),
        (None, _) => served(args, &old, &asker)?,
    };
    let renewed = renewed(&old.urls, old.sha256, found.sha256, &found.urls);
    let Found { version, sha256, size, warnings, .. } = found;
    let properties = Properties { version, sha256, size, urls: renewed.urls, ..old };
    let written = wrapper::changes(wrapper::drafts(&dir, text_of(&properties, Some(&text))?));
    finish(args.pin.dry_run, &written, Over::All)?;
    Ok(Done { dir, properties, written, dropped: renewed.dropped, warnings })
}

/// What a repository has, and each of its mirrors.
fn signed(of: &Repository<'_>, wanted: Option<&str>, pin: &WrapperPinArgs, asker: &Asker) -> Result<Found, Failure> {
    are_urls(&pin.url)?;
    let (mirrors, files): (Vec<_>, Vec<_>) = pin.url.iter().cloned().partition(|url| url.ends_with('/'));
    let mut found = of.find(wanted, &mirrors)?;
    if let Some(sha256) = pin.sha256.filter(|sha256| *sha256 != found.sha256) {
        let message = format!("relocate {} was signed with the sha256 {}, not {sha256}", found.version, found.sha256);
        return Err(Failure::new(Exit::No, message));
    }
    found.urls.splice(0..0, files);
    asker.compared(&found.urls, found.sha256)?;
    Ok(found)
}

/// What URLs serve, where nobody signed it.
fn served(args: &WrapperBumpArgs, old: &Properties, asker: &Asker) -> Result<Found, Failure> {
    let urls = wanted(args, old)?;
    are_urls(&urls)?;
    let mut warnings = Vec::new();
    let sha256 = if let Some(sha256) = args.pin.sha256 {
        sha256
    } else {
        let (url, served) = asker.first(&urls)?;
        let (sha256, url) = (served.sha256, shown_url(url));
        warnings.push(format!("sha256 {sha256} is what {url} serves: nobody signed it, and --sha256 would compare it"));
        sha256
    };
    let version = version(args.version.as_deref(), sha256, own()?)?;
    let served = asker.compared(&urls, sha256)?;
    Ok(Found { version, sha256, size: served.map(|file| file.size), urls, warnings })
}

/// Where the new version is: as typed, else where the old one's URLs would have it.
fn wanted(args: &WrapperBumpArgs, old: &Properties) -> Result<Vec<String>, Failure> {
    if !args.pin.url.is_empty() {
        return Ok(args.pin.url.clone());
    }
    let help = || Some("say where the file is with --url".to_owned());
    let Some(version) = &args.version else {
        let message = format!("{PROPERTIES_NAME} names no repository, so nothing says what is newest");
        return Err(Usage(message, help()).into());
    };
    let has_version = |url: &&String| url.contains(old.version.as_str());
    let urls: Vec<_> = old.urls.iter().filter(has_version).map(|url| url.replace(&old.version, version)).collect();
    if urls.is_empty() {
        let message = format!("no URL of {PROPERTIES_NAME} has the version {} in it", old.version);
        return Err(Usage(message, help()).into());
    }
    Ok(urls)
}

fn directory(typed: &Path) -> Result<PathBuf, Failure> {
    if typed.is_dir() {
        absolute(typed)
    } else {
        Err(Usage::new(format!("{}: not a directory", report::place(typed))).into())
    }
}

fn are_urls(urls: &[String]) -> Result<(), Failure> {
    for url in urls {
        if !properties::is_url(url) {
            let help = "write https://HOST/FILE, http://HOST/FILE, or file:///DIR/FILE with %20 for a blank";
            let message = format!("--url {}: the script cannot fetch that", url.escape_debug());
            return Err(Usage(message, Some(help.to_owned())).into());
        }
        if shown_url(url) != *url {
            return Err(secret(url));
        }
    }
    Ok(())
}

/// Refuses what would be committed.
fn secret(url: &str) -> Failure {
    let help = "leave it out; curl and wget read it from ~/.netrc, as relocate does";
    let message = format!("{} would have a password in a file that is committed", shown_url(url));
    Usage(message, Some(help.to_owned())).into()
}

/// The file of this program.
fn own() -> Result<Served, Failure> {
    let bytes = host::own_program();
    let bytes =
        bytes.ok_or_else(|| Failure::new(Exit::Environment, "cannot read this program: is /proc there?".to_owned()))?;
    Ok(Served { sha256: Digest::of(&bytes), size: bytes.len() as u64 })
}

/// What a file calls itself.
fn version(typed: Option<&str>, sha256: Digest, own: Served) -> Result<String, Failure> {
    match typed {
        Some(typed) => Ok(typed.to_owned()),
        None if sha256 == own.sha256 => Ok(VERSION.to_owned()),
        None => {
            let help = "this program is another file, so say it: 'init --version VERSION', 'bump VERSION'";
            Err(Usage(format!("which version has sha256 {sha256} is not known"), Some(help.to_owned())).into())
        }
    }
}

/// Reads what is pinned now.
fn read(path: &Path) -> Result<(Properties, String), Failure> {
    let place = report::place(path);
    let bytes = fs::read(path).map_err(|error| {
        let (exit, help) = match error.kind() {
            io::ErrorKind::NotFound => (Exit::Usage, Some("'relocate wrapper init' makes one".to_owned())),
            _ => (Exit::Environment, None),
        };
        Failure::new(exit, format!("cannot read {place}: {error}")).help(help)
    })?;
    let properties =
        Properties::parse(&bytes).map_err(|error| Failure::from(Usage::new(format!("{place}: {error}"))))?;
    Ok((properties, String::from_utf8_lossy(&bytes).into_owned()))
}

/// The text of the properties, in which nothing stands that could not be read back.
fn text_of(properties: &Properties, old: Option<&str>) -> Result<String, Failure> {
    properties.check().map_err(|error| Failure::from(Usage::new(error.to_string())))?;
    Ok(old.map_or_else(|| properties.text(), |old| properties.put_into(old)))
}

fn finish(dry_run: bool, drafts: &[Draft], over: Over) -> Result<(), Failure> {
    if dry_run { Ok(()) } else { wrapper::write(drafts, over).map_err(|error| unwritten(&error)) }
}

fn unwritten(error: &WriteError) -> Failure {
    Failure::new(Exit::Environment, error.to_string()).help(error.help())
}

/// Asks URLs what they serve, or nothing with `--offline`.
struct Asker(Option<Web>);

impl Asker {
    fn new(pin: &WrapperPinArgs) -> Result<Self, Failure> {
        if pin.offline {
            return Ok(Self(None));
        }
        let web = Settings::from_environment(host::variable).and_then(|settings| Web::new(&settings));
        web.map(|web| Self(Some(web))).map_err(|error| Usage::new(error.to_string()).into())
    }

    /// The first URL that answers.
    fn first<'a>(&self, urls: &'a [String]) -> Result<(&'a str, Served), Failure> {
        let Some(web) = &self.0 else {
            return Err(Usage(
                "with --offline nothing tells the sha256".to_owned(),
                Some("say it with --sha256".to_owned()),
            )
            .into());
        };
        let mut failed = None;
        for url in urls {
            match wrapper::ask(web, url) {
                Ok(served) => return Ok((url, served)),
                Err(error) => failed = Some(error),
            }
        }
        Err(failed.map_or_else(|| Usage::new("no URL".to_owned()).into(), |error| unreached(&error)))
    }

    /// Asks all; each must serve the file of that digest.
    fn compared(&self, urls: &[String], sha256: Digest) -> Result<Option<Served>, Failure> {
        let Some(web) = &self.0 else { return Ok(None) };
        let mut found = None;
        for url in urls {
            let served = wrapper::ask(web, url).map_err(|error| unreached(&error))?;
            if served.sha256 != sha256 {
                let shown = shown_url(url);
                let message = format!(
                    "{shown} serves something else: sha256 {}, {}, not {sha256}",
                    served.sha256,
                    bytes(served.size)
                );
                let help = format!("if that is what is wanted, say --sha256 {} and its version", served.sha256);
                return Err(Failure::new(Exit::No, message).help(Some(help)));
            }
            found = Some(served);
        }
        Ok(found)
    }
}

fn unreached(error: &AskError) -> Failure {
    let exit = if error.is_answer() { Exit::No } else { Exit::Environment };
    Failure::new(exit, error.to_string()).help(Some("--offline writes without asking".to_owned()))
}

fn tell(command: &str, pin: &WrapperPinArgs, done: &Done) -> Exit {
    let Done { dir, properties, written, dropped, warnings } = done;
    if pin.json {
        say(&json::of(
            command,
            Exit::Done,
            &json!({
                "dry_run": pin.dry_run, "dir": json::place(dir), "version": properties.version, "sha256": properties.sha256,
                "size": properties.size, "urls": properties.urls, "dropped": dropped, "repository": properties.repository,
                "written": written.iter().map(|draft| json::place(&draft.path)).collect::<Vec<_>>(), "warnings": warnings,
            }),
        ));
        return Exit::Done;
    }
    for warning in warnings {
        talk(&format!("{} {warning}\n", paint(YELLOW, "warning:")));
    }
    if !pin.quiet {
        say(&text(pin.dry_run, done));
    }
    Exit::Done
}

fn text(dry_run: bool, done: &Done) -> String {
    let Done { properties, written, dropped, .. } = done;
    let files: Vec<_> = written.iter().map(|draft| report::place(&draft.path).into_owned()).collect();
    let mut table = Table::default();
    table.row(
        if dry_run { "would write" } else { "written" },
        if files.is_empty() { "nothing: all is so already".to_owned() } else { files.join("\n") },
    );
    table.row("pinned", format!("relocate {}, sha256 {}", properties.version, properties.sha256));
    table.row("from", properties.urls.join("\n"));
    if !dropped.is_empty() {
        table.row("dropped", format!("{}\nthey had the version before", dropped.join("\n")));
    }
    let end = format!(
        "commit {SCRIPT_NAME} and {PROPERTIES_NAME}; ./{SCRIPT_NAME} runs this version wherever they are checked out"
    );
    let end = if files.is_empty() || dry_run { String::new() } else { format!("{}\n", paint(GREEN, &end)) };
    format!("{}{end}", table.text())
}
