//! Both releases, as everybody publishes them, and every client as it is after the first release.
//!
//! `tree/1` and `tree/2` are what relocate's full packs unpack to; all others are given these.

#![expect(clippy::print_stderr, reason = "a run takes long and says where it is")]

use crate::arguments::Asked;
use crate::disk;
use crate::lab::{Lab, remove};
use crate::measure::Cost;
use crate::numbers::short;
use std::fs;

/// One step before anything is measured.
pub(crate) struct Step {
    /// Whose the step is.
    pub(crate) name: &'static str,
    /// In bash.
    pub(crate) command: &'static str,
    /// What it made for the second release, below the directory; nothing where it does not publish that.
    makes: &'static str,
}

/// What the publisher of the second release needed.
pub(crate) struct Publishing {
    /// Whose it is.
    pub(crate) name: String,
    /// Seconds of processor time.
    pub(crate) processor: f64,
    /// What came on the disk of the server.
    pub(crate) bytes: u64,
}

/// All steps, in their order.
pub(crate) const STEPS: [Step; 12] = [
    Step {
        name: "both packed",
        command: "mkdir -p \"$R\" \"$W/keys\" \"$W/www\" \"$W/tree\" \"$W/out\"
\"$RELOCATE\" \"$OLD\" -o \"$W/1.tar.zst\" --top-dir app --no-tool --level 1 $OPTIONS
\"$RELOCATE\" \"$NEW\" -o \"$W/2.tar.zst\" --top-dir app --no-tool --level 1 $OPTIONS",
        makes: "",
    },
    Step {
        name: "relocate: the first release, and a client that has it",
        command: "\"$RELOCATE\" repo init \"$W/www/relocate\" --no-passphrase --root-key-out \"$W/keys/1.pem\" --root-key-out \"$W/keys/2.pem\" --root-key-out \"$W/keys/3.pem\"
\"$RELOCATE\" publish \"$W/1.tar.zst\" \"$W/www/relocate\" --app app --version 1 --level $LEVEL
\"$RELOCATE\" update \"$R/follower\" --from \"$W/www/relocate\" --root-key \"$W/www/relocate/tuf/1.root.json\"
mkdir \"$W/saved\" && cp -a \"$R/follower/.relocate\" \"$R/follower/current\" \"$W/saved\"",
        makes: "",
    },
    Step {
        name: "relocate",
        command: "\"$RELOCATE\" publish \"$W/2.tar.zst\" \"$W/www/relocate\" --app app --version 2 --level $LEVEL",
        makes: "www/relocate",
    },
    Step {
        name: "the trees that all others deliver",
        command: "rm \"$W/1.tar.zst\" \"$W/2.tar.zst\" && mkdir \"$W/tree/1\" \"$W/tree/unpacked\"
tar --zstd -xf \"$W/www/relocate/t/\"*.app-1.full.tar.zst --strip-components=1 -C \"$W/tree/1\"
tar --zstd -xf \"$W/www/relocate/t/\"*.app-2.full.tar.zst --strip-components=1 -C \"$W/tree/unpacked\"
# Files of a release have one time, but rsync tells by size and time what is new: what differs gets a time of its own.
touch -d @946684800 \"$W/then\" && cd \"$W/tree/unpacked\"
rsync -rcn --out-format=%n ./ ../1/ | while IFS= read -r f; do [[ ! -f $f || -L $f || $f -nt $W/then ]] || printf '%s\\0' \"$f\"; done | xargs -0r touch -d @946684801",
        makes: "",
    },
    Step {
        name: "rsync",
        command: "rsync -a --link-dest=\"$W/tree/1\" \"$W/tree/unpacked/\" \"$W/tree/2/\"",
        makes: "tree/2",
    },
    Step {
        name: "ostree: the first release, and a client that has it",
        command: "ostree --repo=\"$W/www/ostree\" init --mode=archive
ostree --repo=\"$W/www/ostree\" commit -b app --tree=dir=\"$W/tree/1\" --canonical-permissions --no-xattrs
ostree --repo=\"$W/ostree.saved\" init --mode=bare-user-only
ostree --repo=\"$W/ostree.saved\" remote add --no-gpg-verify origin http://127.0.0.1/
ostree --repo=\"$W/ostree.saved\" pull-local --remote=origin \"$W/www/ostree\" app",
        makes: "",
    },
    Step {
        name: "ostree",
        command: "ostree --repo=\"$W/www/ostree\" commit -b app --tree=dir=\"$W/tree/2\" --canonical-permissions --no-xattrs",
        makes: "www/ostree",
    },
    Step {
        name: "ostree's static delta, on top",
        command: "ostree --repo=\"$W/www/ostree\" static-delta generate --min-fallback-size=0 --from=app^ --to=app && ostree --repo=\"$W/www/ostree\" summary -u",
        makes: "www/ostree",
    },
    Step {
        name: "ostree's static delta as one file",
        command: "ostree --repo=\"$W/www/ostree\" static-delta generate --inline --min-fallback-size=0 --from=app^ --to=app --filename=\"$W/www/1-2.delta\"
ostree --repo=\"$W/www/ostree\" rev-parse app >\"$W/www/2.commit\"",
        makes: "www/1-2.delta",
    },
    Step {
        name: "casync",
        command: "mkdir \"$W/www/casync\" && casync make --with=sec-time --with=permissions --with=symlinks --store=\"$W/www/casync/default.castr\" \"$W/www/casync/2.caidx\" \"$W/tree/2\"",
        makes: "www/casync",
    },
    Step {
        name: "zsync: a client that has the first release",
        command: "mkdir -p \"$W/zsync\" && tar -C \"$W/tree/1\" --sort=name --owner=0 --group=0 --numeric-owner -cf \"$W/zsync/1.tar\" .",
        makes: "",
    },
    Step {
        name: "zsync",
        command: "mkdir \"$W/www/zsync\" && cd \"$W/www/zsync\" && tar -C \"$W/tree/2\" --sort=name --owner=0 --group=0 --numeric-owner -cf 2.tar .
zsyncmake -u 2.tar -o 2.tar.zsync 2.tar",
        makes: "www/zsync",
    },
];

/// Does all steps, or reads what they cost in the run before.
pub(crate) fn all(lab: &Lab, asked: &Asked) -> Result<Vec<Publishing>, String> {
    let record = lab.at("published");
    if asked.again {
        let text = fs::read_to_string(&record)
            .map_err(|error| format!("{}: {error}\nhelp: once without --again", record.display()))?;
        return Ok(text.lines().filter_map(parse).collect());
    }
    let mut done = Vec::new();
    for step in &STEPS {
        eprintln!("{}", step.name);
        let before = published(lab, step)?;
        let cost = lab.run(&format!("set -e\n{}", step.command.replace("$LEVEL", &asked.level.to_string())))?;
        eprintln!("  {} s", short(cost.clock));
        if step.makes.is_empty() {
            continue;
        }
        remove(&lab.at("tree/unpacked"))?;
        done.push(publishing(step, &cost, published(lab, step)?.saturating_sub(before)));
    }
    let lines: Vec<_> = done.iter().map(|one| format!("{}\t{}\t{}\n", one.name, one.processor, one.bytes)).collect();
    fs::write(&record, lines.concat()).map_err(|error| format!("{}: {error}", record.display()))?;
    Ok(done)
}

/// What is on the server's disk; the first tree counts along, since the second may have names of its files.
fn published(lab: &Lab, step: &Step) -> Result<u64, String> {
    if step.makes.is_empty() { Ok(0) } else { Ok(disk::used(&[lab.at("tree/1"), lab.at(step.makes)])?.0) }
}

fn publishing(step: &Step, cost: &Cost, bytes: u64) -> Publishing {
    Publishing { name: step.name.to_owned(), processor: cost.processor, bytes }
}

fn parse(line: &str) -> Option<Publishing> {
    let mut fields = line.split('\t');
    Some(Publishing {
        name: fields.next()?.to_owned(),
        processor: fields.next()?.parse().ok()?,
        bytes: fields.next()?.parse().ok()?,
    })
}
