//! What it was measured on: processor, cores, memory, kernel, file system.

use crate::lab::Lab;
use crate::numbers::bytes;
use std::fs;
use std::process::Command;

/// Lines for the page, each a name and a value.
pub(crate) fn look(lab: &Lab) -> Vec<(&'static str, String)> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| -> String {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_once(':').map_or_else(|| "unknown".to_owned(), |(_, value)| value.trim().to_owned())
    };
    let memory = field(&read("/proc/meminfo"), "MemTotal").trim_end_matches("kB").trim().parse::<u64>().unwrap_or(0);
    vec![
        ("processor", field(&read("/proc/cpuinfo"), "model name")),
        ("cores", cores().to_string()),
        ("memory", bytes(memory * 1024)),
        ("kernel", format!("Linux {}", read("/proc/sys/kernel/osrelease").trim())),
        ("file system", file_system(lab)),
        ("load before", read("/proc/loadavg").split_whitespace().next().unwrap_or_default().to_owned()),
    ]
}

/// Processors this process may use.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn file_system(lab: &Lab) -> String {
    let said = Command::new("stat").args(["-f", "-c", "%T"]).arg(&lab.work).output();
    said.map_or_else(|_| "unknown".to_owned(), |said| String::from_utf8_lossy(&said.stdout).trim().to_owned())
}

/// Bytes that the file system of `path` has left for everybody.
pub(crate) fn free(path: &std::path::Path) -> Result<u64, String> {
    let room = rustix::fs::statvfs(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(room.f_bavail.saturating_mul(room.f_frsize))
}
