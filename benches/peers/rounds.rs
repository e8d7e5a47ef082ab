//! The contest: everybody who does the same work takes turns, round by round, after one round that does not count.

#![expect(clippy::print_stderr, reason = "a run takes long and says where it is")]

use crate::conda;
use crate::lab::Lab;
use crate::measure::Cost;
use crate::numbers::{Spread, short};
use crate::work::{Entrant, Work};

/// One run that counted.
pub(crate) struct Sample {
    /// What it cost.
    pub(crate) cost: Cost,
    /// The size of what it wrote, in bytes, where that counts.
    pub(crate) size: Option<u64>,
}

/// A work and what everybody needed for it: `samples[entrant][round]`.
pub(crate) struct Measured {
    /// What was to be done.
    pub(crate) work: Work,
    /// In the order of `work.entrants`, then of rounds.
    pub(crate) samples: Vec<Vec<Sample>>,
}

/// Lets all entrants of a work run `rounds` times.
pub(crate) fn contest(lab: &Lab, work: Work, rounds: usize) -> Result<Measured, String> {
    eprintln!("{}", work.title);
    lab.prepare(&work.before)?;
    if work.conda {
        conda::lay_out(lab)?;
    }
    let mut samples: Vec<Vec<Sample>> = work.entrants.iter().map(|_| Vec::new()).collect();
    for round in 0..=rounds {
        for (entrant, samples) in work.entrants.iter().zip(&mut samples) {
            let sample = turn(lab, entrant)?;
            let counts = if round == 0 { "warm-up" } else { "" };
            eprintln!(
                "  {round}/{rounds} {}: {} s, {} s of processor time {counts}",
                entrant.name,
                short(sample.cost.clock),
                short(sample.cost.processor)
            );
            if round > 0 {
                samples.push(sample);
            }
        }
    }
    lab.clear()?;
    Ok(Measured { work, samples })
}

fn turn(lab: &Lab, entrant: &Entrant) -> Result<Sample, String> {
    lab.prepare(&entrant.before)?;
    let cost = lab.measure(&entrant.command)?;
    if !entrant.exits.contains(&cost.exit) {
        return Err(format!("{}: exit {}\n{}\n{}", entrant.name, cost.exit, entrant.command, lab.said()));
    }
    let size = entrant.output.map(|name| lab.size(name)).transpose()?;
    lab.remove_outputs()?;
    Ok(Sample { cost, size })
}

impl Measured {
    fn of(&self, name: &str) -> &[Sample] {
        let at = self.work.entrants.iter().position(|entrant| entrant.name == name);
        at.map_or(&[], |at| &self.samples[at])
    }

    /// What `value` says of `ours` divided by what it says of `peer`, each for one unit of its work, round by round.
    pub(crate) fn ratio(&self, ours: &str, peer: &str, value: fn(&Sample) -> f64) -> Option<Spread> {
        let units = |name| self.work.entrants.iter().find(|entrant| entrant.name == name).map_or(1.0, |one| one.units);
        let share = units(peer) / units(ours);
        Spread::of(self.of(ours).iter().zip(self.of(peer)).map(|(ours, peer)| value(ours) / value(peer) * share))
    }

    /// The largest anonymous memory of an entrant's first process, in bytes.
    pub(crate) fn anonymous(&self, name: &str) -> Option<u64> {
        self.of(name).iter().map(|sample| sample.cost.anonymous).max()
    }

    /// What `ours` gains by more threads, divided by what `peer` gains.
    pub(crate) fn gain(&self, ours: [&str; 2], peer: [&str; 2]) -> Option<Spread> {
        let gain = |pair: [&str; 2]| -> Vec<f64> {
            self.of(pair[0]).iter().zip(self.of(pair[1])).map(|(one, all)| one.cost.clock / all.cost.clock).collect()
        };
        Spread::of(gain(ours).into_iter().zip(gain(peer)).map(|(ours, peer)| ours / peer))
    }

    /// The sizes of what two wrote, divided.
    pub(crate) fn size_ratio(&self, ours: &str, peer: &str) -> Option<f64> {
        let size = |name| self.of(name).first()?.size;
        #[expect(clippy::cast_precision_loss, reason = "a ratio")]
        Some(size(ours)? as f64 / size(peer)? as f64)
    }
}
