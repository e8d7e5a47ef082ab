//! A line at the end of a file that grows: all of it and durable, or told.

use super::{WriteError, sync_directory};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// Appends a line, with a newline behind it; a file that is not there is made, mode 0644. What a killed run left of a line stays
/// on a line of its own.
pub fn append_line(path: &Path, line: &str) -> Result<(), WriteError> {
    let is_new = !path.exists();
    let open = OpenOptions::new().read(true).append(true).create(true).open(path);
    let mut file = open.map_err(WriteError::io("write", path))?;
    let torn = ends_torn(&mut file).map_err(WriteError::io("read", path))?;
    // One write, so that two who append at once do not mix.
    let text = format!("{}{line}\n", if torn { "\n" } else { "" });
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(WriteError::io("write", path))?;
    if is_new {
        sync_directory(path).map_err(WriteError::io("make durable", path))?;
    }
    Ok(())
}

fn ends_torn(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_follows_another_and_a_torn_one_is_ended() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        append_line(&path, "one").unwrap();
        append_line(&path, "two").unwrap();
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"thr").unwrap();
        append_line(&path, "four").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\ntwo\nthr\nfour\n");
    }
}
