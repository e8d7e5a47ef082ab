//! From the signed list to what it offers of one application.

use super::error::UpdateError;
use crate::client::files;
use crate::release::{File, Kind, Offer};
use crate::tuf::{Target, Trusted};
use std::collections::BTreeSet;

/// What there is of an application.
pub(super) fn offer(trusted: &Trusted, app: &str, platform: &str) -> Offer {
    Offer::of(files(trusted), app, platform)
}

/// The application that is meant: the one that was named, else the only one there is.
pub(super) fn app(trusted: &Trusted, typed: Option<&str>, platform: &str) -> Result<String, UpdateError> {
    let of_here = |file: &File| file.custom.platform == platform && file.custom.kind == Kind::Manifest;
    let found: BTreeSet<String> = files(trusted).filter(of_here).map(|file| file.custom.app).collect();
    let found: Vec<String> = found.into_iter().collect();
    match (typed, found.as_slice()) {
        (Some(app), found) if found.iter().any(|found| found == app) => Ok(app.to_owned()),
        (None, [only]) => Ok(only.clone()),
        _ => Err(UpdateError::NoApp { typed: typed.map(str::to_owned), platform: platform.to_owned(), found }),
    }
}

/// The entry of a file in the signed list.
pub(super) fn target<'a>(trusted: &'a Trusted, file: &File) -> Option<&'a Target> {
    trusted.target(&file.name)
}

/// Whether a version such as `0.10.1` is at least another one: parts are compared as numbers, and what is none counts as 0.
pub(super) fn is_at_least(have: &str, wants: &str) -> bool {
    let parts =
        |text: &str| -> Vec<u64> { text.split(['.', '-', '+']).map(|part| part.parse().unwrap_or(0)).collect() };
    let (mut have, mut wants) = (parts(have), parts(wants));
    let length = have.len().max(wants.len());
    have.resize(length, 0);
    wants.resize(length, 0);
    have >= wants
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        for (have, wants, enough) in
            [("0.1.0", "0.1.0", true), ("0.10.0", "0.9.9", true), ("0.1", "0.1.1", false), ("1.0.0", "1", true)]
        {
            assert_eq!(is_at_least(have, wants), enough, "{have} {wants}");
        }
    }
}
