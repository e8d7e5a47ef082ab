//! Where a newer version can be fetched, when it is known where the old one could: mirrors of a repository stay.

use crate::base::digest::Digest;

/// The URLs of a newer version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewed {
    /// All there are now, in the order of the old ones.
    pub urls: Vec<String>,
    /// Those of the old version that lead nowhere else.
    pub dropped: Vec<String>,
}

/// Leads the URLs of the old version to the new one. A repository has its files as `BASE/t/SHA256.NAME`, and so has every mirror of
/// it: those stay, at their places, with the new name. `own` is where the new one is for certain, whose name is taken; they come last where they are
/// not among them. Any other URL serves the old file, and is dropped.
pub fn renewed(urls: &[String], old: Digest, sha256: Digest, own: &[String]) -> Renewed {
    let mut renewed = Renewed { urls: Vec::new(), dropped: Vec::new() };
    let named = format!("/t/{sha256}.");
    let name = own.iter().find_map(|url| Some(url.rsplit_once(&named)?.1)).filter(|name| !name.contains('/'));
    for url in urls {
        let base =
            url.rsplit_once('/').filter(|(base, file)| base.ends_with("/t") && file.starts_with(&format!("{old}.")));
        match (base, name) {
            _ if old == sha256 || own.contains(url) => add(&mut renewed.urls, url.clone()),
            (Some((base, _)), Some(name)) => add(&mut renewed.urls, format!("{base}/{sha256}.{name}")),
            _ => renewed.dropped.push(url.clone()),
        }
    }
    for url in own {
        add(&mut renewed.urls, url.clone());
    }
    renewed
}

fn add(urls: &mut Vec<String>, url: String) {
    if !urls.contains(&url) {
        urls.push(url);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_of_a_repository_stay_where_they_are_and_others_go() {
        let (old, new) = (Digest::of(b"old"), Digest::of(b"new"));
        let old_urls = [
            format!("https://mirror/r/t/{old}.relocate-1.tool"),
            "https://files/relocate-0.1.0".to_owned(),
            format!("https://base/t/{old}.relocate-1.tool"),
            format!("https://base/x/{old}.relocate-1.tool"),
        ];
        let own = [format!("https://base/t/{new}.relocate-2.tool")];
        let done = renewed(&old_urls, old, new, &own);
        assert_eq!(done.urls, [format!("https://mirror/r/t/{new}.relocate-2.tool"), own[0].clone()]);
        assert_eq!(done.dropped, [old_urls[1].clone(), old_urls[3].clone()]);
        let elsewhere = ["https://files/relocate-0.2.0".to_owned()];
        let done = renewed(&old_urls[..2], old, new, &elsewhere);
        assert_eq!((done.urls.as_slice(), done.dropped.len()), (&elsewhere[..], 2));
        assert_eq!(renewed(&old_urls, old, old, &[]).urls, old_urls);
        let none = renewed(&[], old, new, &own);
        assert_eq!(none.urls, own);
    }
}
