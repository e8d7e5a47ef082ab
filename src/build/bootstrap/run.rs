//! The tree's bootstrap as a child process: its usage text, its log, its end.

use super::{BootstrapError, Failure, Request, Step, Watch};
use crate::base::child::{Cancel, End, Ended, Task};
use crate::base::path::printable;
use crate::base::words::quoted;
use crate::base::write::WriteError;
use crate::build::cause;
use crate::build::host::Environment;
use crate::build::tree::Tree;
use crate::build::usage::{Arguments, Usage};
use rustix::fs::FlockOperation;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// How often a lock is tried, and how long to rest between: what a killed run started is gone in about a second.
const TRIES: (u32, Duration) = (100, Duration::from_millis(100));
/// How often the log is looked at for headings.
const LOOK: Duration = Duration::from_millis(100);

/// Asks for the usage text. It must be asked in a fit shell: an old bootstrap looks at that before its options.
pub(super) fn usage(tree: &Tree, shell: &Path, environment: &Environment) -> Result<Usage, BootstrapError> {
    let mut environment = environment.clone();
    // It would be refused here in bootstrap's words, before its options are known; ours name it with the rest.
    environment.remove(OsStr::new("PKG_PATH"));
    let task = task(tree, shell, &environment, vec!["--help".into()], PathBuf::from("/"), None);
    let start = |source| BootstrapError::Start { program: shell.to_owned(), source };
    let answer = task.ask(&Cancel::default()).map_err(start)?;
    let said = [answer.stdout, answer.stderr].concat();
    Usage::read(&String::from_utf8_lossy(&said)).map_err(BootstrapError::Usage)
}

fn task(
    tree: &Tree,
    shell: &Path,
    environment: &Environment,
    arguments: Vec<OsString>,
    directory: PathBuf,
    held: Option<Arc<File>>,
) -> Task {
    let mut environment: Vec<_> = environment.clone().into_iter().collect();
    environment.push(("SH".into(), shell.into()));
    let script = tree.bootstrap_script().into_os_string();
    let arguments = std::iter::once(script).chain(arguments).collect();
    Task { program: shell.to_owned(), arguments, environment, directory, held }
}

/// Takes the lock that the whole process group of a bootstrap holds; waits a little for one that is being killed.
pub(super) fn hold(work: &Path) -> Result<File, BootstrapError> {
    let path = work.join("bootstrap.lock");
    let open = File::options().create(true).truncate(false).write(true).open(&path);
    let file = open.map_err(|error| BootstrapError::Write(WriteError::io("write", &path)(error)))?;
    for _ in 0..TRIES.0 {
        if rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
            return Ok(file);
        }
        thread::sleep(TRIES.1);
    }
    Err(BootstrapError::Busy(work.to_owned()))
}

/// Runs it to its end; its work directory is removed where it succeeded, and kept to be looked at where not.
pub(super) fn run(
    request: &Request<'_>,
    arguments: &Arguments,
    (watch, cancel): (Watch<'_>, &Cancel),
    held: File,
) -> Result<(), BootstrapError> {
    let log = request.log();
    let made = log.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| File::create(&log).map(drop));
    made.map_err(|error| BootstrapError::Write(WriteError::io("write", &log)(error)))?;
    let list = arguments.list.iter().map(Into::into).collect();
    let held = Some(Arc::new(held));
    let task = task(request.tree, request.shell, request.environment, list, request.work.to_owned(), held);
    watch(Step::Running(&log));
    let ended = followed(&task, &log, watch, cancel)
        .map_err(|source| BootstrapError::Start { program: request.shell.to_owned(), source })?;
    match ended.end {
        End::Cancelled => return Err(BootstrapError::Cancelled),
        end if end.is_success() => match super::place::is_whole(&request.prefix_path()) {
            Ok(()) => {}
            Err(lacks) => {
                return Err(failure(request, &task, format!("succeeded, but the prefix has no {lacks}")));
            }
        },
        End::Exited(code) => return Err(failure(request, &task, format!("exited with status {code}"))),
        End::Overdue => return Err(failure(request, &task, "took too long".to_owned())),
        End::Killed(signal) => return Err(failure(request, &task, format!("was killed by signal {signal}"))),
    }
    crate::base::write::remove_tree(&request.workdir()).map_err(BootstrapError::Write)
}

/// Runs the task and tells its headings while it runs.
fn followed(task: &Task, log: &Path, watch: Watch<'_>, cancel: &Cancel) -> io::Result<Ended> {
    let mut reader = File::open(log)?;
    let mut line = Vec::new();
    thread::scope(|scope| {
        let runner = scope.spawn(|| task.run_logged(log, cancel));
        loop {
            let over = runner.is_finished();
            tell(&mut reader, &mut line, watch)?;
            if over {
                return runner.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            }
            thread::sleep(LOOK);
        }
    })
}

/// Reads what was added to the log; a heading begins with `===> `. The commands it runs are no headings.
fn tell(reader: &mut File, line: &mut Vec<u8>, watch: Watch<'_>) -> io::Result<()> {
    let mut buffer = [0; 16 * 1024];
    loop {
        let len = reader.read(&mut buffer)?;
        if len == 0 {
            return Ok(());
        }
        for byte in &buffer[..len] {
            if *byte != b'\n' {
                // A line without an end must not fill the memory; headings are short.
                if line.len() < 1000 {
                    line.push(*byte);
                }
                continue;
            }
            if let Some(heading) = line.strip_prefix(b"===> ").filter(|heading| !heading.starts_with(b"running: ")) {
                watch(Step::Heading(&printable(heading)));
            }
            line.clear();
        }
    }
}

fn failure(request: &Request<'_>, task: &Task, ended: String) -> BootstrapError {
    // A log that cannot be read tells nothing; its path is in the message all the same.
    let log = fs::read(request.log()).unwrap_or_default();
    let cause = cause::first(&log).map(|cause| cause.line).or_else(|| last_words(&log));
    let command = again(request, task);
    let last = cause::tail(&log);
    BootstrapError::Failed(Box::new(Failure { ended, cause, last, log: request.log(), command }))
}

/// Bootstrap's own refusals are its last line but `aborted.`, and the line that tells a command's status.
fn last_words(log: &[u8]) -> Option<String> {
    let lines = log.split(|byte| *byte == b'\n').rev().map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    let mut telling = lines.filter(|line| *line != b"aborted." && !line.starts_with(b"===> "));
    telling.next().map(|line| printable(line.get(..1000).unwrap_or(line)).into_owned())
}

/// The command that runs it again, to be pasted into a shell.
fn again(request: &Request<'_>, task: &Task) -> String {
    let [work, workdir, prefix] = [request.work.to_owned(), request.workdir(), request.prefix_path()]
        .map(|path| quoted(path.as_os_str().as_bytes()));
    // The prefix's own directory stays: the record knows it by its inode.
    let mut words = vec![format!("cd {work} && rm -rf {workdir} && find {prefix} -mindepth 1 -delete && env -i")];
    let variables = task.environment.iter();
    words.extend(variables.map(|(name, value)| format!("{}={}", name.display(), quoted(value.as_bytes()))));
    words.push(quoted(task.program.as_os_str().as_bytes()));
    words.extend(task.arguments.iter().map(|argument| quoted(argument.as_bytes())));
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_of_bootstraps_own_is_the_cause_where_no_other_is_known() {
        let log = b"===> bootstrap started\n\"/w\" already exists, please remove it or use --workdir.\n";
        assert_eq!(last_words(log).unwrap(), "\"/w\" already exists, please remove it or use --workdir.");
        let log = b"chown: invalid user: ''\n===> exited with status 1\naborted.\n";
        assert_eq!(last_words(log).unwrap(), "chown: invalid user: ''");
        assert_eq!(last_words(b"\n"), None);
    }

    #[test]
    fn quoted_words_come_back_whole_from_a_shell() {
        for word in ["plain/x=1", "-O2 -w", "it's", "", "$HOME `x` \"y\" \\"] {
            let line = format!("printf %s {}", quoted(word.as_bytes()));
            let said = crate::base::child::run(&["sh", "-c", &line]).unwrap();
            assert_eq!(String::from_utf8(said.output).unwrap(), word);
        }
    }
}
