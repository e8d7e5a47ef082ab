//! The contest: everybody takes turns, round by round; after each one's first run what was delivered is compared.

#![expect(clippy::print_stderr, reason = "a run takes long and says where it is")]

use crate::disk;
use crate::entrant::{Entrant, SETTLE};
use crate::lab::{Carried, Lab, remove};
use crate::measure::Cost;
use crate::numbers::{Spread, bytes, short};

/// One update that counted.
pub(crate) struct Sample {
    /// What it cost.
    pub(crate) cost: Cost,
    /// What went over the network.
    pub(crate) carried: Carried,
    /// What the second release takes on the client's disk, in bytes.
    pub(crate) disk: u64,
    /// What the question for something new cost and carried, where it was asked.
    pub(crate) check: Option<(Cost, Carried)>,
}

/// Somebody's runs.
pub(crate) struct Measured {
    /// Who.
    pub(crate) entrant: Entrant,
    /// Round by round.
    pub(crate) samples: Vec<Sample>,
}

/// Lets everybody update `rounds` times.
pub(crate) fn contest(lab: &Lab, entrants: Vec<Entrant>, rounds: usize) -> Result<Vec<Measured>, String> {
    let mut all: Vec<_> = entrants.into_iter().map(|entrant| Measured { entrant, samples: Vec::new() }).collect();
    for round in 1..=rounds {
        for Measured { entrant, samples } in &mut all {
            let sample = turn(lab, entrant)?;
            eprintln!(
                "  {round}/{rounds} {}: {} in {} requests, {} s",
                entrant.name,
                bytes(sample.carried.traffic.down + sample.carried.traffic.up),
                sample.carried.requests,
                short(sample.cost.clock)
            );
            if round == 1 {
                lab.run(entrant.proof)?;
            }
            samples.push(sample);
            // Room for the next one.
            entrant.goes.iter().try_for_each(|name| remove(&lab.at(name)))?;
        }
    }
    Ok(all)
}

fn turn(lab: &Lab, entrant: &Entrant) -> Result<Sample, String> {
    entrant.goes.iter().try_for_each(|name| remove(&lab.at(name)))?;
    if !entrant.before.is_empty() {
        lab.run(entrant.before)?;
    }
    lab.run(SETTLE)?;
    let keeps: Vec<_> = entrant.keeps.iter().map(|name| lab.at(name)).collect();
    let before = disk::used(&keeps)?.0;
    let (cost, carried) = lab.measure(entrant.update)?;
    let disk = disk::used(&keeps)?.0.saturating_sub(before);
    let check = entrant.check.map(|check| lab.measure(check)).transpose()?;
    Ok(Sample { cost, carried, disk, check })
}

impl Sample {
    /// Bytes in both directions.
    #[expect(clippy::cast_precision_loss, reason = "for a median")]
    pub(crate) fn bytes(&self) -> f64 {
        (self.carried.traffic.down + self.carried.traffic.up) as f64
    }
}

impl Measured {
    /// The median of what `value` says; 0 where nothing was asked.
    pub(crate) fn median(&self, value: impl Fn(&Sample) -> Option<f64>) -> f64 {
        Spread::of(self.samples.iter().filter_map(value)).map_or(0.0, |spread| spread.median)
    }

    /// What `value` says of ours divided by what it says of a peer, round by round.
    pub(crate) fn ratio(&self, peer: &Measured, value: fn(&Sample) -> f64) -> Option<Spread> {
        Spread::of(self.samples.iter().zip(&peer.samples).map(|(ours, peer)| value(ours) / value(peer)))
    }
}
