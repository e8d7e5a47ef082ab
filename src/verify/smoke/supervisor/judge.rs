//! Decides what becomes of one system call: it goes on, it is answered "no such file", or its outcome is awaited.
//!
//! Takes a thread stopped at the entry of a call, reads its arguments from its registers and memory, and records what was
//! asked for. A call whose arguments cannot be read goes on and is noted.

use super::calls::{Call, Kind, PathArg, arguments};
use super::filter::Seen;
use super::program::{Companion, companion};
use super::record::Record;
use super::scene::{Scene, Stop};
use super::veil::Veil;
use super::view::{Lookup, View, Way};
use crate::verify::smoke::Note;
use nix::errno::Errno;
use nix::libc::user_regs_struct;
use nix::unistd::Pid;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;

/// How many scripts may name a script as their interpreter before the kernel says ELOOP.
const SCRIPTS_MAX: usize = 5;

/// What is to happen to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is made as asked.
    Pass,
    /// It is not made and fails with this error.
    Refuse(Errno),
    /// It is made; the file descriptor it returns was opened for reading.
    AwaitOpen,
    /// It is made; if it succeeds, the kernel has opened these files outside the tree.
    AwaitExec(Vec<Vec<u8>>),
}

/// Judges the calls of one run.
#[derive(Debug)]
pub(super) struct Judge {
    veil: Veil,
    record: Record,
}

impl Judge {
    /// Starts a record.
    pub(super) fn new(veil: Veil) -> Self {
        Self { veil, record: Record::default() }
    }

    /// What was seen so far.
    pub(super) fn record(&mut self) -> &mut Record {
        &mut self.record
    }

    /// Decides about the call a thread is about to make.
    pub(super) fn entry(&mut self, tid: Pid, seen: Seen, regs: &user_regs_struct) -> Answer {
        let Seen::Call(abi) = seen else {
            self.record.note(Note::ForeignAbi);
            return Answer::Pass;
        };
        let Some(call) = Call::find(abi, regs.orig_rax & u64::from(u32::MAX)) else { return Answer::Pass };
        if call.kind == Kind::IoUring {
            self.record.note(Note::IoUringRefused);
            return Answer::Refuse(Errno::ENOSYS);
        }
        let judged = View::of(tid)
            .map_err(Stop::from)
            .and_then(|view| self.weigh(&Scene { tid, call, args: arguments(abi, regs), view }));
        match judged {
            Ok(answer) => answer,
            Err(Stop::Hidden) => Answer::Refuse(Errno::ENOENT),
            Err(Stop::Futile) => Answer::Pass,
            Err(Stop::Opaque) => {
                self.record.note(Note::Opaque { call: call.name });
                Answer::Pass
            }
        }
    }

    /// Notes a file that a call opened for reading.
    pub(super) fn opened(&mut self, tid: Pid, descriptor: i32) {
        let Ok(view) = View::of(tid) else { return };
        let directory = fs::metadata(view.descriptor_link(descriptor)).is_ok_and(|file| file.is_dir());
        if let Ok(path) = view.descriptor(descriptor)
            && !directory
        {
            self.read(path.into_os_string().into_vec());
        }
    }

    /// Notes the files a program start opened.
    pub(super) fn executed(&mut self, files: Vec<Vec<u8>>) {
        for file in files {
            self.read(file);
        }
    }

    fn read(&mut self, path: Vec<u8>) {
        if path.starts_with(b"/") && !self.veil.keeps(&path) {
            self.record.read(path);
        }
    }

    fn weigh(&mut self, scene: &Scene) -> Result<Answer, Stop> {
        let mut answer = Answer::Pass;
        for argument in scene.call.paths {
            let Some(text) = scene.text(argument)? else { continue };
            if text.is_empty() {
                if scene.call.kind == Kind::Execute {
                    return self.execute_descriptor(scene, argument);
                }
                continue;
            }
            let start = scene.start(argument, &text)?;
            let manner = scene.manner(argument.follow)?;
            let lookup = Lookup { start: &start, text: &text, follow: manner.follow, in_root: manner.in_root };
            let path = self.look(scene, &lookup, None)?;
            match scene.call.kind {
                Kind::Open if manner.reads && !self.veil.keeps(&path) => answer = Answer::AwaitOpen,
                Kind::Execute => answer = self.execute(scene, path)?,
                _ => {}
            }
        }
        if let Some(path) = scene.socket_path()? {
            let start = scene.directory(None)?;
            self.look(scene, &Lookup { start: &start, text: &path, follow: true, in_root: false }, None)?;
        }
        Ok(answer)
    }

    /// Resolves a path; a hidden one is recorded, `via` being the file that names it where it is not an argument.
    fn look(&mut self, scene: &Scene, lookup: &Lookup<'_>, via: Option<&[u8]>) -> Result<Vec<u8>, Stop> {
        let by_text = scene.view.by_text(lookup).filter(|path| self.veil.covers(path));
        let hidden = match (by_text, scene.view.go(lookup, &self.veil)) {
            (None, Way::Clear(path)) => return Ok(path),
            (Some(path), _) => (path, via.map(<[u8]>::to_vec)),
            (None, Way::Hidden(path)) => (path, Some(via.unwrap_or(lookup.text).to_vec())),
        };
        self.record.ask(hidden.0, scene.call.name, hidden.1);
        Err(Stop::Hidden)
    }

    /// Follows what the kernel opens for an executable: interpreters, then the loader.
    fn execute(&mut self, scene: &Scene, program: Vec<u8>) -> Result<Answer, Stop> {
        let mut files = vec![program];
        while let Some(file) = files.last().filter(|_| files.len() <= SCRIPTS_MAX).cloned() {
            let reach = scene.view.reach(&file);
            self.note_privileges(&reach, &file);
            let (name, last) = match companion(&reach) {
                None => break,
                Some(Companion::Interpreter(name)) => (name, false),
                Some(Companion::Loader(name)) => (name, true),
            };
            let start = scene.directory(None)?;
            let lookup = Lookup { start: &start, text: &name, follow: true, in_root: false };
            files.push(self.look(scene, &lookup, Some(&file))?);
            if last {
                break;
            }
        }
        Ok(Answer::AwaitExec(files))
    }

    /// The same for `execveat` with an empty path.
    fn execute_descriptor(&mut self, scene: &Scene, argument: &PathArg) -> Result<Answer, Stop> {
        let number = argument.dir.map_or(-1, |dir| scene.args[dir] as i32);
        let program = scene.view.descriptor(number)?.into_os_string().into_vec();
        if program.starts_with(b"/") { self.execute(scene, program) } else { Ok(Answer::Pass) }
    }

    fn note_privileges(&mut self, reach: &std::path::Path, file: &[u8]) {
        if fs::metadata(reach).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o6000 != 0) {
            self.record.note(Note::PrivilegesDropped { program: file.to_vec() });
        }
    }
}
