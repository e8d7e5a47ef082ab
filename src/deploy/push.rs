//! What a push brought, as git tells its post-receive hook (githooks(5)): a line `OLD NEW REF` for each ref.

use super::policy::App;
use super::request::is_commit;

/// The full name of the ref that is to be deployed, and of those that are not, or are gone. What is no line of that form is passed
/// over. To which commit it leads is asked of the repository when its turn has come: of two pushes at once the later one is then
/// what both deploy.
pub fn pushed(lines: &str, app: &App) -> (Option<String>, Vec<String>) {
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
        let name = reference.to_owned();
        let is_gone = commit.bytes().all(|byte| byte == b'0');
        if !is_gone && app.on_push.has(reference) {
            // Two at once that both are to be deployed: the last one counts.
            others.extend(wanted.replace(name));
        } else {
            others.push(name);
        }
    }
    (wanted, others)
}
