//! A program that nobody vouches for yet, run where there may be nothing else: no shell, no /tmp.
//!
//! [`Task::ask_within`] ends a group by its leash when we are killed, and that leash is a shell. Here limits do it as far as
//! they can: one that loops is ended by the kernel once its processor time is used up, and no file grows beyond a bound.

use super::{Answer, End, Ended, Task, end, spawn, whole};
use rustix::process::{Pid, Resource, Rlimit, Signal, WaitId, WaitIdOptions, kill_process_group, prlimit, waitid};
use std::io;
use std::thread;
use std::time::{Duration, Instant};

/// The most bytes of any file that it writes, and of what it prints.
const MOST: u64 = 1 << 20;
/// The longest sleep between two looks at it.
const LOOK: Duration = Duration::from_millis(10);

impl Task {
    /// Runs it to its end and gives what it printed, at most 1 MiB of each; when it has run for so long it is killed, with all
    /// that is in its group. Its directory is written to.
    pub fn ask_alone(&self, limit: Duration) -> io::Result<Answer> {
        let file = || tempfile::tempfile_in(&self.directory);
        let (mut stdout, mut stderr) = (file()?, file()?);
        let mut command = self.command(stdout.try_clone()?, stderr.try_clone()?, 0);
        let started = Instant::now();
        let mut child = spawn(&mut command)?;
        let group = Pid::from_child(&child);
        let most = |most| Rlimit { current: Some(most), maximum: Some(most) };
        // Both fail where it has ended meanwhile.
        let _ = prlimit(Some(group), Resource::Cpu, most(limit.as_secs().saturating_add(1)));
        let _ = prlimit(Some(group), Resource::Fsize, most(MOST));
        let has_ended = ended(group, started, limit);
        // Before it is waited for: until then nobody else's group has its number. Whoever is in it goes.
        let _ = kill_process_group(group, Signal::KILL);
        let status = child.wait()?;
        let end = if has_ended? { end(status) } else { End::Overdue };
        let ended = Ended { end, elapsed: started.elapsed() };
        Ok(Answer { ended, stdout: whole(&mut stdout)?, stderr: whole(&mut stderr)? })
    }
}

/// Waits for its end, and leaves it to be waited for; false where its time was up before.
fn ended(child: Pid, started: Instant, limit: Duration) -> io::Result<bool> {
    let mut pause = Duration::from_micros(200);
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    loop {
        if waitid(WaitId::Pid(child), look)?.is_some() {
            return Ok(true);
        }
        if started.elapsed() >= limit {
            return Ok(false);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(LOOK);
    }
}
