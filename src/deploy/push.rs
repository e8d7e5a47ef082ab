//! What a push brought, as git tells its post-receive hook (githooks(5)): a line `OLD NEW REF` for each ref.

use super::policy::App;
use super::request::is_commit;

/// A ref that was pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// Its full name.
    pub reference: String,
    /// What it leads to now; all zeros where it is gone.
    pub commit: String,
}

/// Reads the lines; what is none of that form is passed over. The second list has what a push does not deploy, or is gone.
pub fn pushed(lines: &str, app: &App) -> (Option<Pushed>, Vec<Pushed>) {
    let (mut wanted, mut others) = (None, Vec::new());
    for line in lines.lines() {
        let mut words = line.split(' ');
        let (Some(_), Some(commit), Some(reference), None) = (words.next(), words.next(), words.next(), words.next())
        else {
            continue;
        };
        if !is_commit(commit) {
            continue;
        }
        let pushed = Pushed { reference: reference.to_owned(), commit: commit.to_owned() };
        let is_gone = commit.bytes().all(|byte| byte == b'0');
        if !is_gone && app.on_push.has(reference) {
            // Two at once that both are to be deployed: the last one counts.
            others.extend(wanted.replace(pushed));
        } else {
            others.push(pushed);
        }
    }
    (wanted, others)
}
