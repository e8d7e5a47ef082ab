//! Progress on a terminal, for anything that takes over a second; nothing where stderr is no terminal.

use crate::base::event::{Event, Listener, Stage};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How long a stage may take before it is shown.
const PATIENCE: Duration = Duration::from_secs(1);

/// Shows events as a bar, a line that is gone when the stage is over.
pub(super) struct Progress {
    shown: bool,
    bar: Mutex<Option<(ProgressBar, Instant)>>,
}

impl Progress {
    /// Shows progress unless `quiet` is set or stderr is no terminal.
    pub(super) fn new(quiet: bool) -> Self {
        Self { shown: !quiet && io::stderr().is_terminal(), bar: Mutex::new(None) }
    }
}

fn verb(stage: Stage) -> &'static str {
    match stage {
        Stage::Fetch => "fetching",
        Stage::Scan => "looking",
        Stage::Read => "reading",
        Stage::Fit => "fitting",
        Stage::Write => "writing",
        Stage::Check => "checking",
    }
}

fn bar(stage: Stage, files: u64, bytes: u64) -> ProgressBar {
    let by_bytes = bytes > 0;
    let bar = ProgressBar::with_draw_target(Some(if by_bytes { bytes } else { files }), ProgressDrawTarget::hidden());
    let template = if by_bytes {
        "{prefix:>8} [{bar:30}] {bytes}/{total_bytes} {binary_bytes_per_sec} {eta} {wide_msg}"
    } else {
        "{prefix:>8} [{bar:30}] {pos}/{len} {eta} {wide_msg}"
    };
    // The templates are constants; indicatif's own default is good enough should it dislike one.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_prefix(verb(stage));
    bar
}

impl Listener for Progress {
    fn event(&self, event: &Event<'_>) {
        if !self.shown {
            return;
        }
        let Ok(mut current) = self.bar.lock() else { return };
        match (event, &mut *current) {
            (Event::Begin { stage, files, bytes }, current) => {
                *current = Some((bar(*stage, *files, *bytes), Instant::now()));
            }
            (Event::File { path, bytes }, Some((bar, begun))) => {
                if bar.is_hidden() && begun.elapsed() > PATIENCE {
                    bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(10));
                }
                bar.inc(if *bytes > 0 { *bytes } else { 1 });
                if !bar.is_hidden() {
                    bar.set_message(path.to_string());
                }
            }
            (Event::End(_), current) => {
                if let Some((bar, _)) = current.take() {
                    bar.finish_and_clear();
                }
            }
            (Event::File { .. }, None) => {}
        }
    }
}
