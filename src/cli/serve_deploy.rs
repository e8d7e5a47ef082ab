//! `relocate serve-deploy`: one request from standard input, and it ends. Whoever calls it (sshd, systemd, git) knows who asks.
//!
//! A request and its answer are lines of JSON; in a hook of git the answer is text, which git shows to whoever pushed. Nothing
//! that goes wrong with the answer stops a deploy: whoever asked may have gone away.

use super::args::ServeDeployArgs;
use super::exit::Exit;
use super::repo::now;
use super::report::{say, talk};
use crate::base::child::Cancel;
use crate::base::event::Silent;
use crate::base::host;
use crate::deploy::{
    Caller, DeployError, Deployed, End, Event, LONGEST, Outcome, Policy, Request, Serve, clean, fingerprint, pushed,
    serve, uid_of_peer,
};
use crate::live::LiveError;
use crate::parcel::ParcelError;
use crate::preflight::Machine;
use crate::update::UpdateError;
use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How long a request may take to come.
const PATIENCE: Duration = Duration::from_secs(30);
/// The most that git tells a hook, in bytes.
const MOST: u64 = 1 << 20;

/// Runs the command.
pub(super) fn run(args: &ServeDeployArgs) -> Exit {
    let answer = Answer { plain: args.post_receive.is_some() };
    let (caller, is_gone) = match caller(args) {
        Ok(known) => known,
        Err(why) => return answer.end(&ended(Exit::Usage, why, None)),
    };
    let policy = match Policy::read(&args.policy, host::uid()) {
        Ok(policy) => policy,
        Err(error) => return answer.failed(&error),
    };
    host::usual_umask();
    let log = |line: &str| answer.log(line);
    let serve = Serve {
        policy: &policy,
        caller: &caller,
        say: &log,
        clock: &now,
        tool: env!("CARGO_PKG_VERSION"),
        machine: &Machine::this(),
        listener: &Silent,
        cancel: &Cancel::default(),
    };
    if is_gone {
        let gone = DeployError::Gone { caller: caller.to_string() };
        let _ = serve.refuse(&gone);
        return answer.failed(&gone);
    }
    match &args.post_receive {
        Some(app) => after_push(&serve, &answer, app),
        None => one(&serve, &answer),
    }
}

/// Who asks, as far as the transport knows; and whether sshd's word on the key is gone, as it is when the connection has ended.
fn caller(args: &ServeDeployArgs) -> Result<(Caller, bool), String> {
    let text = |name: &str| host::variable(name).and_then(|value| value.into_string().ok());
    let address = text("SSH_CONNECTION").and_then(|said| said.split(' ').next().map(str::to_owned));
    if let Some(name) = &args.name {
        // Only behind a forced command is this what sshd says (ExposeAuthInfo), and not what somebody set.
        let told = text("SSH_USER_AUTH").map(fs::read_to_string);
        let is_gone = told.as_ref().is_some_and(Result::is_err);
        let key = told.and_then(Result::ok).as_deref().and_then(fingerprint);
        return Ok((Caller { name: Some(name.clone()), key, uid: None, address }, is_gone));
    }
    let uid = if args.socket { uid_of_peer(io::stdin()) } else { Some(host::uid()) };
    let uid = uid.ok_or("standard input is no connected Unix socket, so nobody knows who asks")?;
    Ok((Caller { name: None, key: None, uid: Some(uid), address }, false))
}

/// A request of a client.
fn one(serving: &Serve<'_>, answer: &Answer) -> Exit {
    let request = line().and_then(|line| Ok(Request::parse(&line)?));
    match request {
        Ok(request) => answer.done(serve(serving, &request)),
        Err(error) => {
            let _ = serving.refuse(&error);
            answer.failed(&error)
        }
    }
}

/// One line, as far as it comes and no longer than a request is.
fn line() -> Result<Vec<u8>, DeployError> {
    let failed = |source| DeployError::Io { doing: "read the request from", path: "standard input".into(), source };
    let (sender, receiver) = mpsc::channel();
    // It may never come; then this thread ends with the process.
    thread::spawn(move || {
        let mut line = Vec::new();
        let read = BufReader::new(io::stdin().take(LONGEST as u64 + 1)).read_until(b'\n', &mut line);
        let _ = sender.send(read.map(|_| line));
    });
    receiver.recv_timeout(PATIENCE).unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(failed)
}

/// What a push brought.
fn after_push(serving: &Serve<'_>, answer: &Answer, name: &str) -> Exit {
    let mut lines = String::new();
    // What is no text names no ref.
    let _ = io::stdin().take(MOST).read_to_string(&mut lines);
    let Some(app) = serving.policy.apps.get(name) else {
        return answer.end(&ended(Exit::Usage, format!("the policy has no app '{name}'"), None));
    };
    let (wanted, others) = pushed(&lines, app);
    for other in others {
        answer.log(&format!("{other} is not deployed by a push"));
    }
    let Some(wanted) = wanted else { return Exit::Done };
    let request = Request { reference: Some(wanted), docs: app.docs_on_push, wait: true, ..Request::of(name) };
    answer.done(serve(serving, &request))
}

/// The way back to whoever asks.
struct Answer {
    /// Text for people, not JSON.
    plain: bool,
}

impl Answer {
    fn log(&self, text: &str) {
        if self.plain {
            say(&format!("{}\n", clean(text)));
        } else {
            say(&format!("{}\n", Event::Log { text: text.to_owned() }.line()));
        }
    }

    fn end(&self, end: &End) -> Exit {
        if !self.plain {
            say(&format!("{}\n", Event::End(end.clone()).line()));
        } else if end.exit == 0 {
            say(&format!("deployed: {}\n", clean(&end.message)));
        } else {
            talk(&format!("not deployed: {}\n", clean(&end.message)));
            if let Some(help) = &end.help {
                talk(&format!("help: {help}\n"));
            }
        }
        Exit::from_code(end.exit)
    }

    fn failed(&self, error: &DeployError) -> Exit {
        self.end(&ended(exit(error), error.to_string(), error.help()))
    }

    fn done(&self, done: Result<Deployed, DeployError>) -> Exit {
        match done {
            Ok(deployed) => self.end(&told(&deployed)),
            Err(error) => self.failed(&error),
        }
    }
}

fn ended(exit: Exit, message: String, help: Option<String>) -> End {
    End { exit: exit as u8, message, help, ..End::default() }
}

fn told(deployed: &Deployed) -> End {
    let Deployed { app, reference, commit, serial, before, outcome } = deployed;
    let short = commit.get(..12).unwrap_or(commit);
    let what = reference.as_ref().map_or_else(|| format!("{app} {short}"), |name| format!("{app} {short} ({name})"));
    let number =
        |serial: &Option<crate::live::Serial>| serial.map_or_else(|| "none".to_owned(), |serial| serial.to_string());
    let (exit, message) = match outcome {
        Outcome::Current => {
            let place = before.map_or_else(String::new, |before| format!(" in the place of {before}"));
            (Exit::Done, format!("{what} is release {}{place}", number(serial)))
        }
        Outcome::Planned => (Exit::Done, format!("{what} would be deployed; release {} is current", number(before))),
        Outcome::Returned(to, failed) => {
            let to =
                to.map_or_else(|| "no release is current".to_owned(), |to| format!("release {to} is current again"));
            (Exit::Returned, format!("{what} was not well: {failed}; {to}"))
        }
    };
    let (commit, serial, before) = (Some(commit.clone()), serial.map(|one| one.0), before.map(|one| one.0));
    End { exit: exit as u8, message, help: None, commit, serial, before }
}

fn exit(error: &DeployError) -> Exit {
    match error {
        DeployError::Request(_) | DeployError::Policy { .. } | DeployError::Update(UpdateError::Followed { .. }) => {
            Exit::Usage
        }
        DeployError::Denied { .. }
        | DeployError::Gone { .. }
        | DeployError::NoRef { .. }
        | DeployError::Ambiguous { .. }
        | DeployError::NoDocs { .. }
        | DeployError::Inadmissible(_) => Exit::No,
        DeployError::Taken { .. } | DeployError::Parcel(ParcelError::Misfit(_)) => Exit::Refused,
        // What wrote into files of the base is the build of the documentation: nothing else runs.
        DeployError::Docs { .. } | DeployError::Outside { .. } | DeployError::Update(UpdateError::Differs { .. }) => {
            Exit::Build
        }
        DeployError::Live(LiveError::Busy { .. }) => Exit::InUse,
        _ => Exit::Environment,
    }
}
