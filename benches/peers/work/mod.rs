//! The works: what is to be done, by whom, and what is compared with what.
//!
//! Every command is a text for bash; `before` is not measured. ROOT is never written to.

mod archive;
mod check;
mod in_place;
mod install;

/// Somebody who does a work in their way.
pub(crate) struct Entrant {
    /// As the table calls it.
    pub(crate) name: &'static str,
    /// What is done before, unmeasured; empty for nothing.
    pub(crate) before: String,
    /// What is measured.
    pub(crate) command: String,
    /// The exit codes that count as done.
    pub(crate) exits: &'static [i32],
    /// The file in WORK whose size counts.
    pub(crate) output: Option<&'static str>,
    /// How much work that is, where the entrants of one contest do not do the same.
    pub(crate) units: f64,
}

impl Entrant {
    /// One that must exit with 0 and needs nothing before.
    pub(crate) fn new(name: &'static str, command: &str) -> Entrant {
        Entrant { name, before: String::new(), command: command.to_owned(), exits: &[0], output: None, units: 1.0 }
    }

    /// With something done before each run.
    pub(crate) fn after(self, before: &str) -> Entrant {
        Entrant { before: before.to_owned(), ..self }
    }

    /// Whose output's size counts.
    pub(crate) fn writing(self, output: &'static str) -> Entrant {
        Entrant { output: Some(output), ..self }
    }

    /// That does so many units of work.
    pub(crate) fn doing(self, units: f64) -> Entrant {
        Entrant { units, ..self }
    }

    /// That may exit with these.
    pub(crate) fn ending(self, exits: &'static [i32]) -> Entrant {
        Entrant { exits, ..self }
    }
}

/// What a row of the first table compares.
pub(crate) enum Compared {
    /// Seconds of the first divided by seconds of the second, for a unit of work each.
    Time(&'static str, &'static str),
    /// What the first two (one thread, all threads) gain, divided by what the other two gain; more is better.
    Gain([&'static str; 2], [&'static str; 2]),
}

/// A row of the first table.
pub(crate) struct Row {
    /// What is done, as the table calls it.
    pub(crate) label: &'static str,
    /// Against whom.
    pub(crate) peer: &'static str,
    /// What is compared.
    pub(crate) compared: Compared,
    /// What the ratio should be at most (for a gain: at least).
    pub(crate) target: Option<f64>,
    /// What the sizes' ratio should be at most.
    pub(crate) size_target: Option<f64>,
}

/// A row that compares times.
pub(crate) fn row(label: &'static str, ours: &'static str, peer: &'static str, target: Option<f64>) -> Row {
    Row { label, peer, compared: Compared::Time(ours, peer), target, size_target: None }
}

/// The same, of archives, whose sizes are compared too.
pub(crate) fn archive_row(label: &'static str, ours: &'static str, peer: &'static str, target: Option<f64>) -> Row {
    Row { size_target: Some(1.005), ..row(label, ours, peer, target) }
}

/// One contest.
pub(crate) struct Work {
    /// The word of `--only`.
    pub(crate) word: &'static str,
    /// The heading.
    pub(crate) title: &'static str,
    /// What is done once before all rounds.
    pub(crate) before: String,
    /// Programs of the Python registry take part.
    pub(crate) registry: bool,
    /// The files are needed as a conda environment too.
    pub(crate) conda: bool,
    /// Who takes turns.
    pub(crate) entrants: Vec<Entrant>,
    /// What is compared.
    pub(crate) rows: Vec<Row>,
}

/// All works on one prefix.
pub(crate) fn all() -> Vec<Work> {
    vec![in_place::work(), archive::gzip(), archive::zstd(), check::work(), install::work()]
}
