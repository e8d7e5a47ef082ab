//! The page: the aims beside what was measured, the tables, and what is needed to do it again.
//!
//! Both files are written beside their places and renamed when everything is measured, so that a run cut short leaves none.

use crate::arguments::Asked;
use crate::disk;
use crate::entrant::{Kind, SETTLE};
use crate::lab::Lab;
use crate::machine;
use crate::numbers::{Spread, bytes, grouped, short};
use crate::plot;
use crate::prepare::{Publishing, STEPS};
use crate::rounds::{Measured, Sample};
use crate::tools::Tool;
use std::fs;

const INTRODUCTION: &str = "\
# Delivery, beside others

Written by `cargo bench --bench delivery -- --old OLD --new NEW`, not by hand; `benches/setup-delivery` brings the tools, and makes OLD from a prefix with Python and wheels: all
wheels installed anew, pandas, scipy, matplotlib, pillow, lxml and fonttools one version older. One prefix at two versions is packed and published by relocate; what its full packs unpack to is published
by the others too. Everybody then brings a client from the first release to the second, over one nginx (rsync: its own daemon) on loopback, in turns, round by
round. After the first round's runs what each delivered was compared with the second tree, byte for byte (relocate's with its manifest). The page cache is warm.

Bytes are counted outside of the tools, by a proxy between them and the server: all that the connections carry, HTTP's headers included, TCP's own not. Requests are
lines in nginx's log. Times are of the client alone, proxies and servers not in the processor time; each ends with `sync -f`. Medians, and in brackets the least and
the largest. Disk is what the client's directories take more afterwards, each inode counted once.
";

const NOTES: &str = "
What is not the same:

- relocate checks signatures and freshness, digests every file it keeps and every file it makes, writes the path of the installation into the files that name it, and makes the release current by one rename.
  All others deliver files as they are; nothing is signed here (ostree could be), and rsync's and casync's client believe the server.
- rsync without `--fuzzy` sends a file whose name changed as a whole; libraries that wheels bring along change theirs with each build.
- ostree's `pull` asks for objects one by one beside the static delta that has them. The row \"delta as one file\" is what the delta alone can do (`static-delta apply-offline`; `pull` takes none of more than
  10 MiB in one file), for who was told by other means that there is a new release and what it is called: its request is not compared with those of who finds out.
- relocate's second release shares no file that names the path of its installation, nor one whose time differs: sources that compiled Python files name keep the time of their installation, and pip gives them a new one.
  rsync and casync share the former, ostree both: it gives all files the time 0, so that compiled Python files look stale. Its checkout shares files with its repository, as the first release does.
- zsync wants the archive of the first release to be there still, and leaves that of the second: both are counted as the client's (the first is not in what the second takes).
- casync and zsync have no question of their own for something new. What a script would ask with curl stands for it: one file, if it is newer.
- Publishing, relocate makes the full pack and the delta (at zstd's level 19 whatever the pack's level is); ostree the delta on top of its objects.
- Loopback has no latency. Where it has, each request that waits for the one before costs a round trip more.
";

/// All the page tells.
pub(crate) struct Page<'a> {
    /// What was asked for.
    pub(crate) asked: &'a Asked,
    /// The versions of all tools.
    pub(crate) tools: &'a [Tool],
    /// Where it was measured.
    pub(crate) lab: &'a Lab,
    /// What publishing took.
    pub(crate) prepared: &'a [Publishing],
    /// The results.
    pub(crate) measured: &'a [Measured],
}

/// An aim and what became of it.
struct Aim {
    what: &'static str,
    found: String,
    met: Option<bool>,
}

impl Page<'_> {
    /// Writes `delivery-benchmark.md` and `.svg` into the directory asked for.
    pub(crate) fn write(&self, out: &std::path::Path) -> Result<(), String> {
        let failed = |error: std::io::Error| format!("{}: {error}", out.display());
        fs::create_dir_all(out).map_err(failed)?;
        for (name, text) in
            [("delivery-benchmark.svg", plot::draw(self.measured)), ("delivery-benchmark.md", self.text()?)]
        {
            let beside = out.join(format!(".{name}.new"));
            fs::write(&beside, text).and_then(|()| fs::rename(&beside, out.join(name))).map_err(failed)?;
        }
        Ok(())
    }

    fn text(&self) -> Result<String, String> {
        let mut text = vec![INTRODUCTION.to_owned(), "![bytes, requests, seconds](delivery-benchmark.svg)".to_owned()];
        text.extend(self.aims());
        text.extend(self.updates());
        text.push(NOTES.to_owned());
        text.extend(self.checks());
        text.extend(self.local());
        text.extend(self.publishing());
        text.extend(self.commands());
        text.extend(self.surroundings()?);
        Ok(text.join("\n") + "\n")
    }

    fn of<'s>(&'s self, kinds: &'s [Kind]) -> impl Iterator<Item = &'s Measured> {
        self.measured.iter().filter(move |one| kinds.contains(&one.entrant.kind))
    }

    fn aims(&self) -> Vec<String> {
        let mut text = head("Aims", &["aim", "measured", "met"]);
        let Some(ours) = self.of(&[Kind::Ours]).next() else { return Vec::new() };
        let mut aims = vec![
            self.fewest("an update: fewest bytes of all", ours, &[Kind::Peer, Kind::Told], Sample::bytes, whole_bytes),
            self.fewest("an update: fewest HTTP requests of all", ours, &[Kind::Peer], requests, |count| {
                count.to_string()
            }),
        ];
        let check = ours.median(|sample| sample.check.map(|(_, carried)| carried_bytes(carried)));
        let found = format!("{} in {} requests", whole_bytes(check), check_requests(ours));
        aims.push(Aim {
            what: "nothing new: less than 1,000 bytes, headers included",
            found,
            met: Some(check < 1000.0),
        });
        let local = self.of(&[Kind::OursLocal]).next();
        for (peer, (what, aim)) in self.of(&[Kind::PeerLocal]).zip([
            ("from a directory: at most 1.5 times the time of `rsync -a --link-dest`", Some(1.5)),
            ("the same, if what rsync wrote is to be durable as well", None),
        ]) {
            if let Some(ratio) = local.and_then(|ours| ours.ratio(peer, |sample| sample.cost.clock)) {
                aims.push(Aim { what, found: ratio.show(), met: aim.map(|aim| ratio.median <= aim) });
            }
        }
        let met = |met: Option<bool>| met.map_or("", |met| if met { "yes" } else { "no" });
        text.extend(aims.iter().map(|aim| format!("| {} | {} | {} |", aim.what, aim.found, met(aim.met))));
        text
    }

    /// Whether ours is the least; those that have none of it are not compared.
    fn fewest(
        &self,
        what: &'static str,
        ours: &Measured,
        kinds: &[Kind],
        value: fn(&Sample) -> f64,
        show: fn(f64) -> String,
    ) -> Aim {
        let median = |one: &Measured| one.median(|sample| Some(value(sample)));
        let peers = self.of(kinds).filter(|peer| median(peer) > 0.0);
        let least = peers.min_by(|one, other| median(one).total_cmp(&median(other)));
        let mine = median(ours);
        let Some(least) = least else { return Aim { what, found: show(mine), met: None } };
        let found = format!("{}; next {}: {}", show(mine), least.entrant.name, show(median(least)));
        Aim { what, found, met: Some(mine < median(least)) }
    }

    fn updates(&self) -> Vec<String> {
        let columns = ["tool", "received", "sent", "requests", "connections", "seconds", "processor seconds", "disk"];
        let mut text = head("From the first release to the second", &columns);
        for one in self.of(&[Kind::Ours, Kind::Peer, Kind::Told, Kind::Whole]) {
            let count = |value: fn(&Sample) -> u64| whole(one.median(|sample| Some(as_float(value(sample)))));
            text.push(format!(
                "| {} | {} | {} | {} | {} | {} | {} | {} |",
                one.entrant.name,
                grouped(count(|sample| sample.carried.traffic.down)),
                grouped(count(|sample| sample.carried.traffic.up)),
                dashed(count(|sample| sample.carried.requests)),
                count(|sample| sample.carried.traffic.connections),
                clock(one),
                short(one.median(|sample| Some(sample.cost.processor))),
                bytes(count(|sample| sample.disk)),
            ));
        }
        text
    }

    fn checks(&self) -> Vec<String> {
        let mut text = head(
            "Is there anything new? Asked by a client that has the second release",
            &["tool", "received", "sent", "requests", "seconds"],
        );
        for one in self.of(&[Kind::Ours, Kind::Peer]).filter(|one| one.entrant.check.is_some()) {
            let count = |value: fn(&(crate::measure::Cost, crate::lab::Carried)) -> u64| {
                whole(one.median(|sample| sample.check.as_ref().map(|check| as_float(value(check)))))
            };
            text.push(format!(
                "| {} | {} | {} | {} | {} |",
                one.entrant.name,
                grouped(count(|check| check.1.traffic.down)),
                grouped(count(|check| check.1.traffic.up)),
                dashed(check_requests(one)),
                short(one.median(|sample| sample.check.map(|(cost, _)| cost.clock))),
            ));
        }
        text
    }

    fn local(&self) -> Vec<String> {
        let mut text =
            head("From a directory of the same machine", &["command", "seconds", "processor seconds", "disk"]);
        for one in self.of(&[Kind::OursLocal, Kind::PeerLocal]) {
            let processor = short(one.median(|sample| Some(sample.cost.processor)));
            let disk = bytes(whole(one.median(|sample| Some(as_float(sample.disk)))));
            text.push(format!("| `{}` | {} | {processor} | {disk} |", one.entrant.name, clock(one)));
        }
        text
    }

    fn publishing(&self) -> Vec<String> {
        let mut text = head(
            "What publishing the second release took, once",
            &["tool", "processor seconds", "more on the server's disk"],
        );
        text.extend(
            self.prepared
                .iter()
                .map(|one| format!("| {} | {} | {} |", one.name, short(one.processor), bytes(one.bytes))),
        );
        text
    }

    fn commands(&self) -> Vec<String> {
        let mut text = vec![
            "\n## Commands\n".to_owned(),
            "In bash, with `pipefail`. WEB and RSYNCD are the proxies before nginx (which serves `$W/www`) and rsync's daemon (`$W/tree`).\n".to_owned(),
            "```bash".to_owned(),
        ];
        text.extend(self.lab.variables.iter().map(|(name, value)| format!("export {name}='{}'", hide(value))));
        text.push(format!("export LEVEL={}", self.asked.level));
        for step in &STEPS {
            text.push(format!("\n# Before: {}\n{}", step.name, step.command));
        }
        for Measured { entrant, .. } in self.measured {
            text.push(format!("\n# {}", entrant.name));
            if !entrant.goes.is_empty() {
                let goes: Vec<_> = entrant.goes.iter().map(|name| format!("\"{name}\"")).collect();
                text.push(format!("rm -rf {}", goes.join(" ")));
            }
            text.extend((!entrant.before.is_empty()).then(|| entrant.before.to_owned()));
            text.extend([format!("{SETTLE}\n# measured:\n{}", entrant.update)]);
            text.extend(entrant.check.map(|check| format!("# nothing new:\n{check}")));
        }
        text.push("```".to_owned());
        text
    }

    fn surroundings(&self) -> Result<Vec<String>, String> {
        let mut text = head("Where and with what", &["", ""]);
        let mut say = |name: &str, value: &str| text.push(format!("| {name} | {value} |"));
        for (name, value) in machine::look(&self.lab.work) {
            say(name, &value);
        }
        say("relocate", &self.lab.version);
        for tool in self.tools {
            say(tool.name, &tool.version);
        }
        for (name, tree) in [("first release", "tree/1"), ("second release", "tree/2")] {
            let (size, inodes) = disk::used(&[self.lab.at(tree)])?;
            say(name, &format!("{} inodes, {} on the disk", grouped(inodes), bytes(size)));
        }
        say("rounds", &self.asked.rounds.to_string());
        Ok(text)
    }
}

fn head(title: &str, columns: &[&str]) -> Vec<String> {
    let lines: String = columns.iter().map(|_| "---|").collect();
    vec![format!("\n## {title}\n"), format!("| {} |", columns.join(" | ")), format!("|{lines}")]
}

fn clock(one: &Measured) -> String {
    Spread::of(one.samples.iter().map(|sample| sample.cost.clock)).map_or_else(String::new, |spread| spread.show())
}

fn requests(sample: &Sample) -> f64 {
    as_float(sample.carried.requests)
}

fn check_requests(one: &Measured) -> u64 {
    whole(one.median(|sample| sample.check.map(|(_, carried)| as_float(carried.requests))))
}

fn carried_bytes(carried: crate::lab::Carried) -> f64 {
    as_float(carried.traffic.down + carried.traffic.up)
}

fn whole_bytes(value: f64) -> String {
    format!("{} bytes", grouped(whole(value)))
}

/// rsync has a protocol of its own and no requests that could be counted.
fn dashed(count: u64) -> String {
    if count == 0 { "-".to_owned() } else { grouped(count) }
}

#[expect(clippy::cast_precision_loss, reason = "for a median")]
fn as_float(count: u64) -> f64 {
    count as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a median of counts")]
fn whole(value: f64) -> u64 {
    value.round() as u64
}

/// A path as another reader would have it.
fn hide(value: &str) -> String {
    let home = std::env::var("HOME").unwrap_or_default();
    let value = value.replace(env!("CARGO_MANIFEST_DIR"), ".");
    if home.len() > 1 { value.replace(&home, "~") } else { value }
}
