//! What it was measured on: processor, cores, memory, kernel, file system.

use crate::numbers::bytes;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Lines for the page, each a name and a value; `work` is where it happens.
pub(crate) fn look(work: &Path) -> Vec<(&'static str, String)> {
    vec![
        ("processor", field(&read("/proc/cpuinfo"), "model name")),
        ("cores", cores().to_string()),
        ("memory", bytes(memory("MemTotal"))),
        ("kernel", format!("Linux {}", read("/proc/sys/kernel/osrelease").trim())),
        ("file system", file_system(work)),
        ("load before", read("/proc/loadavg").split_whitespace().next().unwrap_or_default().to_owned()),
    ]
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// The value of a line `name: value`.
fn field(text: &str, name: &str) -> String {
    let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    line.split_once(':').map_or_else(|| "unknown".to_owned(), |(_, value)| value.trim().to_owned())
}

/// A line of `/proc/meminfo`, in bytes.
fn memory(name: &str) -> u64 {
    let text = field(&read("/proc/meminfo"), name);
    text.trim_end_matches("kB").trim().parse::<u64>().unwrap_or(0).saturating_mul(1024)
}

/// Processors this process may use.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn file_system(path: &Path) -> String {
    let said = Command::new("stat").args(["-f", "-c", "%T"]).arg(path).output();
    said.map_or_else(|_| "unknown".to_owned(), |said| String::from_utf8_lossy(&said.stdout).trim().to_owned())
}

/// Bytes that may be written at `path`; of a file system in memory half of what is free there.
pub(crate) fn free(path: &Path) -> Result<u64, String> {
    let room = rustix::fs::statvfs(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let room = room.f_bavail.saturating_mul(room.f_frsize);
    Ok(if file_system(path) == "tmpfs" { room.min(memory("MemAvailable") / 2) } else { room })
}
