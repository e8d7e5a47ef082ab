//! Says of every text file of a tree that names a prefix what the classes make of it, and which lines still name it.
//!
//! `cargo run --example text_survey ROOT PREFIX...`

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a tool for developers; a failure is shown as it is")]

#[path = "../tests/build_files/disk.rs"]
mod disk;

use disk::Disk;
use relocate::base::path::{Prefix, printable};
use relocate::text::occurrence::{Names, Reading};
use relocate::text::rewrite::{self, Outcome};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let root = Path::new(&arguments[0]);
    let prefixes: Vec<_> = arguments[1..].iter().map(|text| Prefix::new(text.as_bytes()).unwrap()).collect();
    let names = Names::new(&prefixes);
    let disk = Disk::new(root);
    for path in &disk.files {
        let file = path.under(root);
        let bytes = std::fs::read(&file).unwrap();
        if !rewrite::is_text(&bytes) || !names.any(&bytes, Reading::Text) {
            continue;
        }
        let mode = std::fs::metadata(&file).unwrap().permissions().mode() & 0o7777;
        let (what, left) = match disk.outcome(path, &bytes, mode, &prefixes) {
            Outcome::Same => ("left".to_owned(), bytes),
            Outcome::New(new) => (format!("{} by {}", new.changes.len(), new.changes[0].class), new.bytes),
            Outcome::Refused(class, why) => (format!("{class} refuses: {why}"), bytes),
            Outcome::Dropped(class, _) => (format!("dropped by {class}"), Vec::new()),
        };
        println!("{path}: {what}");
        for line in left.split(|byte| *byte == b'\n').filter(|line| names.any(line, Reading::Text)).take(3) {
            println!("    {}", printable(&line[..line.len().min(200)]));
        }
    }
}
