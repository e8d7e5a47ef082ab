//! What one command costs: a small witness process runs it, so that its resource usage holds that command alone.
//!
//! Clock and processor time (user and system, of the command and all it waited for), the largest resident set of any of
//! its processes (`ru_maxrss`), and of its first process the largest anonymous part (`RssAnon` of `/proc/PID/status`,
//! looked at every 5 ms: `VmHWM` would count pages of files, which the kernel takes back when it needs them).

#![expect(clippy::print_stdout, reason = "the witness says there what it saw")]

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const WITNESS: &str = "--witness-of";

/// What a command cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// Seconds by the clock.
    pub(crate) clock: f64,
    /// Seconds of processor time, user and system together.
    pub(crate) processor: f64,
    /// The largest resident set of one of its processes, in bytes.
    pub(crate) resident: u64,
    /// The largest anonymous memory of its first process, in bytes.
    pub(crate) anonymous: u64,
    /// What it exited with.
    pub(crate) exit: i32,
}

/// Runs `command` in bash with these variables; what it says goes to `log`.
pub(crate) fn run(command: &str, variables: &[(&'static str, String)], log: &Path) -> Result<Cost, String> {
    let witness = std::env::current_exe().map_err(|error| format!("this program's own path: {error}"))?;
    let log = File::create(log).map_err(|error| format!("{}: {error}", log.display()))?;
    let seen = Command::new(witness)
        .args([WITNESS, command])
        .envs(variables.iter().map(|(name, value)| (*name, value.as_str())))
        .stdin(Stdio::null())
        .stderr(log)
        .output()
        .map_err(|error| format!("the witness does not start: {error}"))?;
    let text = String::from_utf8_lossy(&seen.stdout);
    parse(&text).ok_or_else(|| format!("the witness of '{command}' ended with {}, saying '{text}'", seen.status))
}

fn parse(text: &str) -> Option<Cost> {
    let mut words = text.split_whitespace();
    Some(Cost {
        clock: words.next()?.parse().ok()?,
        processor: words.next()?.parse().ok()?,
        resident: words.next()?.parse().ok()?,
        anonymous: words.next()?.parse().ok()?,
        exit: words.next()?.parse().ok()?,
    })
}

/// Where this process was started as a witness: does that, and gives its exit code.
pub(crate) fn as_the_witness() -> Option<ExitCode> {
    let mut words = std::env::args().skip(1);
    if words.next()? != WITNESS {
        return None;
    }
    let command = words.next()?;
    Some(witness(&command).map_or(ExitCode::FAILURE, |seen| {
        println!("{seen}");
        ExitCode::SUCCESS
    }))
}

fn witness(command: &str) -> Option<String> {
    let begin = Instant::now();
    let mut child = Command::new("bash").args(["-o", "pipefail", "-c", command]).stdout(Stdio::null()).spawn().ok()?;
    let peak = AtomicU64::new(0);
    let over = AtomicBool::new(false);
    let status_file = format!("/proc/{}/status", child.id());
    let (status, clock) = std::thread::scope(|scope| {
        scope.spawn(|| watch(&status_file, &peak, &over));
        let status = child.wait();
        let clock = begin.elapsed().as_secs_f64();
        over.store(true, Ordering::Relaxed);
        (status, clock)
    });
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).ok()?;
    let processor = seconds(usage.user_time()) + seconds(usage.system_time());
    let exit = status.ok().and_then(|status| status.code()).unwrap_or(-1);
    Some(format!("{clock} {processor} {} {} {exit}", usage.max_rss() * 1024, peak.into_inner()))
}

#[expect(clippy::cast_precision_loss, reason = "seconds of a benchmark")]
fn seconds(time: TimeVal) -> f64 {
    time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6
}

fn watch(status: &str, peak: &AtomicU64, over: &AtomicBool) {
    while !over.load(Ordering::Relaxed) {
        if let Ok(text) = fs::read_to_string(status) {
            peak.fetch_max(anonymous(&text).unwrap_or(0), Ordering::Relaxed);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The bytes of the line `RssAnon:`, which counts in kB.
fn anonymous(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}
