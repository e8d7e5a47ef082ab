//! Files on a web server that takes PUT.

use super::{Got, Object, ObjectError, Objects, Presence, Put, When, Wish, is_sound};
use crate::web::{Answer, Content, Credentials, Method, Request, Web, WebError, Who, said, shown_url};
use std::error::Error;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// The pause before the second try.
const PAUSE: Duration = Duration::from_millis(500);
/// How much of what a server says beside its code is looked at.
const MOST_SAID: u64 = 1 << 16;

/// A directory of a web server.
pub struct Server {
    web: Arc<Web>,
    /// Ends in a slash.
    base: String,
    credentials: Option<Credentials>,
}

impl Server {
    /// Takes the address of a directory. Without credentials those of the address or of netrc are used.
    pub fn new(web: Arc<Web>, base: &str, credentials: Option<Credentials>) -> Self {
        Self { web, base: format!("{}/", base.trim_end_matches('/')), credentials }
    }
}

impl Ask for Server {
    fn place(&self, name: &str) -> String {
        shown_url(&format!("{}{name}", self.base))
    }

    fn ask(&self, name: &str, question: Question<'_>) -> Result<Answer, WebError> {
        let url = format!("{}{name}", self.base);
        let who = self.credentials.as_ref().map_or(Who::Found, Who::Given);
        self.web.send(&question.request(&url, who))
    }
}

/// What a server is asked about a file.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) method: Method,
    pub(super) headers: &'a [(&'static str, String)],
    pub(super) body: Content<'a>,
}

impl<'a> Question<'a> {
    fn of(method: Method) -> Self {
        Self { method, headers: &[], body: Content::Nothing }
    }

    pub(super) fn request<'b>(&self, url: &'b str, who: Who<'b>) -> Request<'b>
    where
        'a: 'b,
    {
        Request { method: self.method, url, headers: self.headers.to_vec(), body: self.body, who }
    }
}

/// Makes requests for files; what a server is asked in the same words whatever it is.
pub(super) trait Ask: Send + Sync {
    /// A name as a person may see it.
    fn place(&self, name: &str) -> String;

    /// Makes one request.
    fn ask(&self, name: &str, question: Question<'_>) -> Result<Answer, WebError>;
}

type Problem = Box<dyn Error + Send + Sync>;

/// Asks, and once more where that may help.
fn ask(server: &impl Ask, doing: &'static str, name: &str, question: Question<'_>) -> Result<Answer, ObjectError> {
    let failed = |source: Problem| ObjectError::new(doing, server.place(name), source);
    if !is_sound(name) {
        return Err(failed("no name for a file here".into()));
    }
    let is_trouble = |status: u16| matches!(status, 429 | 500 | 502..=504);
    let first = server.ask(name, question);
    let again = match &first {
        Ok(answer) => is_trouble(answer.status),
        Err(error) => error.reason.is_passing(),
    };
    if !again {
        return first.map_err(|error| failed(error.into()));
    }
    thread::sleep(PAUSE);
    server.ask(name, question).map_err(|error| failed(error.into()))
}

/// What the server says no with.
fn refused(server: &impl Ask, doing: &'static str, name: &str, answer: Answer) -> ObjectError {
    let status = answer.status;
    // What it says beside the code helps where it says anything; S3 gives a word.
    let text = answer.text(MOST_SAID).unwrap_or_default();
    let word = text.split_once("<Code>").and_then(|(_, rest)| Some(rest.split_once("</Code>")?.0));
    let word = word.filter(|word| word.len() <= 64 && word.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let source = match word {
        Some(word) => format!("{} ({word})", said(status)),
        None => said(status),
    };
    ObjectError { status: Some(status), ..ObjectError::new(doing, server.place(name), source) }
}

/// Whether a tag may stand in If-Range and If-Match: a weak one may not (RFC 9110, 13.1.1 and 13.1.5).
fn is_strong(tag: &str) -> bool {
    !tag.starts_with("W/")
}

impl<A: Ask> Objects for A {
    fn shown(&self, name: &str) -> String {
        self.place(name)
    }

    fn get(&self, name: &str, wish: &Wish<'_>) -> Result<Got, ObjectError> {
        let mut headers = Vec::new();
        if let Some(known) = wish.known {
            headers.push(("if-none-match", known.to_owned()));
        }
        let rest = wish.rest.filter(|(from, known)| *from > 0 && is_strong(known));
        if let Some((from, known)) = rest {
            headers.extend([("range", format!("bytes={from}-")), ("if-range", known.to_owned())]);
        }
        let answer = ask(self, "read", name, Question { headers: &headers, ..Question::of(Method::Get) })?;
        let from = match answer.status {
            200 => 0,
            206 => match (rest, answer.header("content-range").and_then(first_byte)) {
                (Some((asked, _)), Some(from)) if from == asked => from,
                // It sends what nobody asked for: then all of it, from the start.
                _ => return self.get(name, &Wish { rest: None, ..*wish }),
            },
            304 | 412 if wish.known.is_some() => return Ok(Got::Same),
            404 | 410 => return Ok(Got::Missing),
            416 if rest.is_some() => return self.get(name, &Wish { rest: None, ..*wish }),
            _ => return Err(refused(self, "read", name, answer)),
        };
        let state = answer.header("etag").map(str::to_owned);
        let length = answer.length();
        Ok(Got::Bytes(Object { from, length, state, reader: Box::new(answer.reader()) }))
    }

    fn look(&self, name: &str) -> Result<Presence, ObjectError> {
        let answer = ask(self, "look for", name, Question::of(Method::Head))?;
        match answer.status {
            200 | 204 => Ok(Presence::There),
            404 | 410 => Ok(Presence::Missing),
            405 | 501 => Ok(Presence::Unknown),
            _ => Err(refused(self, "look for", name, answer)),
        }
    }

    fn put(&self, name: &str, content: Content<'_>, when: When<'_>) -> Result<Put, ObjectError> {
        let headers = match when {
            When::Always => Vec::new(),
            When::New if self.look(name)? == Presence::There => return Ok(Put::Lost),
            When::New => vec![("if-none-match", "*".to_owned())],
            When::Same(state) => vec![("if-match", state.to_owned())],
        };
        let answer = ask(self, "write", name, Question { method: Method::Put, headers: &headers, body: content })?;
        match answer.status {
            200..=299 => Ok(Put::Done),
            // 409: two who write the same name at once, on S3.
            409 | 412 if when != When::Always => Ok(Put::Lost),
            _ => Err(refused(self, "write", name, answer)),
        }
    }

    fn remove(&self, name: &str) -> Result<(), ObjectError> {
        let answer = ask(self, "remove", name, Question::of(Method::Delete))?;
        match answer.status {
            200..=299 | 404 | 410 => Ok(()),
            _ => Err(refused(self, "remove", name, answer)),
        }
    }
}

/// The first byte of what comes, as Content-Range says it: `bytes 10-19/20` (RFC 9110, 14.4).
fn first_byte(text: &str) -> Option<u64> {
    text.trim().strip_prefix("bytes ")?.split_once('-')?.0.trim().parse().ok()
}
