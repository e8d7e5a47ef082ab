//! From records of many versions to one package for each need.
//!
//! Pure. A need takes the best version its pattern matches, the first in the tree's order where two are as good; a request
//! takes the one version its variables leave.

use super::order::order;
use super::{Graph, GraphError, Node, Problem, Request};
use crate::build::scan::Record;
use pkgsrc::Pattern;
use std::collections::{BTreeMap, BTreeSet};

pub(super) type Records = BTreeMap<String, Vec<Record>>;
/// A record by its package path and its place there.
pub(super) type Place = (String, usize);

/// Whether a record is one of those the variables leave.
fn is_chosen(record: &Record, multi: &[(String, String)]) -> bool {
    multi.iter().all(|wanted| record.multi.contains(wanted))
}

/// Picks the versions and puts them in order.
pub(super) fn resolve(scanned: &Records, requests: &[Request]) -> Result<Graph, GraphError> {
    let mut closure = Closure { scanned, needs: BTreeMap::new(), problems: Vec::new() };
    let mut requested = BTreeSet::new();
    for request in requests {
        match choose(scanned, request) {
            Ok(place) => {
                requested.insert(place.clone());
                closure.add(place);
            }
            Err(problem) => closure.problems.push(problem),
        }
    }
    closure.refusals(&requested);
    closure.twice();
    if !closure.problems.is_empty() {
        return Err(GraphError::Problems(closure.problems));
    }
    closure.graph(&requested)
}

/// The version a request means.
pub(super) fn choose(scanned: &Records, request: &Request) -> Result<Place, Problem> {
    let records = scanned.get(&request.pkgpath).map(Vec::as_slice).unwrap_or_default();
    let left: Vec<usize> = (0..records.len()).filter(|at| is_chosen(&records[*at], &request.multi)).collect();
    let choices = || records.iter().map(|record| (record.pkgname.clone(), record.multi.clone())).collect();
    let Some(first) = left.first() else {
        let (pkgpath, wanted) = (request.pkgpath.clone(), request.multi.clone());
        return Err(Problem::NoSuchVersion { pkgpath, wanted, choices: choices() });
    };
    // Versions of the same name differ in what they are built with; the tree's default comes first.
    if left.iter().any(|at| records[*at].pkgname != records[*first].pkgname) {
        return Err(Problem::Ambiguous { pkgpath: request.pkgpath.clone(), choices: choices() });
    }
    Ok((request.pkgpath.clone(), *first))
}

/// Packages on their way to a graph: each with the places of what it needs.
struct Closure<'a> {
    scanned: &'a Records,
    needs: BTreeMap<Place, BTreeSet<Place>>,
    problems: Vec<Problem>,
}

impl Closure<'_> {
    fn record(&self, place: &Place) -> &Record {
        &self.scanned[&place.0][place.1]
    }

    fn add(&mut self, start: Place) {
        let mut ahead = vec![start];
        while let Some(place) = ahead.pop() {
            if self.needs.contains_key(&place) {
                continue;
            }
            let record = self.record(&place);
            let mut below = BTreeSet::new();
            let mut problems = Vec::new();
            for (pattern, path) in &record.wants {
                match best(self.scanned, pattern, path) {
                    Some(at) => {
                        below.insert((path.clone(), at));
                    }
                    None => problems.push(Problem::Unmatched {
                        pkgname: record.pkgname.clone(),
                        pattern: pattern.clone(),
                        pkgpath: path.clone(),
                        found: self
                            .scanned
                            .get(path)
                            .into_iter()
                            .flatten()
                            .map(|record| record.pkgname.clone())
                            .collect(),
                    }),
                }
            }
            self.problems.extend(problems);
            ahead.extend(below.iter().cloned());
            self.needs.insert(place, below);
        }
    }

    /// All who need a place, directly or not.
    fn needed_by(&self, place: &Place) -> Vec<String> {
        let mut below = BTreeSet::from([place]);
        loop {
            let more: Vec<&Place> = self
                .needs
                .iter()
                .filter(|(above, needs)| !below.contains(above) && needs.iter().any(|need| below.contains(need)))
                .map(|(above, _)| above)
                .collect();
            if more.is_empty() {
                break;
            }
            below.extend(more);
        }
        below.into_iter().filter(|above| *above != place).map(|above| self.record(above).pkgname.clone()).collect()
    }

    fn refusals(&mut self, requested: &BTreeSet<Place>) {
        let mut refused = Vec::new();
        for place in self.needs.keys() {
            let record = self.record(place);
            let reasons: Vec<&str> = [&record.fail, &record.skip].into_iter().flatten().map(String::as_str).collect();
            if reasons.is_empty() {
                continue;
            }
            let reason = reasons.join("; ");
            let needed_by = if requested.contains(place) { Vec::new() } else { self.needed_by(place) };
            let (pkgpath, pkgname) = (record.pkgpath.clone(), record.pkgname.clone());
            refused.push(Problem::Refused { pkgpath, pkgname, licences: licences(&reason), reason, needed_by });
        }
        self.problems.extend(refused);
    }

    fn twice(&mut self) {
        let mut names: BTreeMap<&str, &Place> = BTreeMap::new();
        let mut twice = Vec::new();
        for place in self.needs.keys() {
            let name = self.scanned[&place.0][place.1].pkgname.as_str();
            if let Some(other) = names.insert(name, place) {
                twice.push(Problem::Twice { pkgname: name.to_owned(), pkgpaths: [other.0.clone(), place.0.clone()] });
            }
        }
        self.problems.extend(twice);
    }

    fn graph(&self, requested: &BTreeSet<Place>) -> Result<Graph, GraphError> {
        let places: Vec<&Place> = self.needs.keys().collect();
        let number: BTreeMap<&Place, usize> = places.iter().enumerate().map(|(at, place)| (*place, at)).collect();
        let edges: Vec<Vec<usize>> =
            places.iter().map(|place| self.needs[*place].iter().map(|need| number[need]).collect()).collect();
        let order = order(&edges).map_err(|cycle| {
            let names = cycle.iter().map(|at| self.record(places[*at]).pkgname.clone()).collect();
            GraphError::Problems(vec![Problem::Cycle(names)])
        })?;
        let mut turn = vec![0; order.len()];
        for (at, node) in order.iter().enumerate() {
            turn[*node] = at;
        }
        let sorted = |node: &usize| {
            let mut needs: Vec<usize> = edges[*node].iter().map(|need| turn[*need]).collect();
            needs.sort_unstable();
            needs
        };
        let nodes = order.iter().map(|node| self.node(places[*node], requested.contains(places[*node]))).collect();
        Ok(Graph { nodes, edges: order.iter().map(sorted).collect() })
    }

    fn node(&self, place: &Place, is_requested: bool) -> Node {
        let record = self.record(place);
        let mut depends: Vec<String> = self.needs[place].iter().map(|need| self.record(need).pkgname.clone()).collect();
        depends.sort();
        Node {
            pkgpath: record.pkgpath.clone(),
            pkgname: record.pkgname.clone(),
            multi: record.multi.clone(),
            depends,
            scan_depends: record.scan_depends.clone(),
            usergroup_phase: record.usergroup_phase.clone(),
            is_bootstrap: record.is_bootstrap,
            is_requested,
        }
    }
}

/// The place of the best version for a pattern. A pattern or a version the crate cannot read matches nothing.
pub(super) fn best(scanned: &Records, pattern: &str, path: &str) -> Option<usize> {
    let pattern = Pattern::new(pattern).ok()?;
    let records = scanned.get(path)?;
    let mut best: Option<usize> = None;
    for (at, record) in records.iter().enumerate() {
        let known = best.map(|at| records[at].pkgname.as_str());
        let chosen = pattern.best_match(known, &record.pkgname).ok().flatten();
        if chosen.is_some() && chosen != known {
            best = Some(at);
        }
    }
    best
}

/// The licences that a reason of the tree asks to be accepted: what stands after `ACCEPTABLE_LICENSES+=`, each once.
fn licences(reason: &str) -> Vec<String> {
    let mut licences = Vec::new();
    for rest in reason.split("ACCEPTABLE_LICENSES+=").skip(1) {
        let word = rest.split_ascii_whitespace().next().unwrap_or_default();
        let licence: String = word.chars().take_while(|c| c.is_ascii_alphanumeric() || "-._+".contains(*c)).collect();
        // `foo` is the example of the tree's text for several licences at once, not the name of one.
        if !licence.is_empty() && licence != "foo" && !licences.contains(&licence) {
            licences.push(licence);
        }
    }
    licences
}

#[cfg(test)]
mod tests;
