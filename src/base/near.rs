//! The name that was meant, where one was typed that does not exist.

/// How many edits a near miss may be away.
const FAR: usize = 3;
/// The longest word that is looked at, in bytes: no name is longer, and the work grows with its square.
const LONGEST: usize = 100;

/// The known name that is nearest to `word`: at most three edits away, and at most half its length. Capitals and
/// underscores for hyphens count for nothing.
pub fn nearest<'a, N: AsRef<str> + ?Sized + 'a>(word: &str, known: impl IntoIterator<Item = &'a N>) -> Option<&'a str> {
    if word.len() > LONGEST {
        return None;
    }
    let plain = |text: &str| text.to_lowercase().replace('_', "-");
    let word = plain(word);
    let limit = FAR.min(word.chars().count().div_ceil(2));
    let near = known.into_iter().map(AsRef::as_ref).map(|name| (distance(&plain(name), &word), name)).min()?;
    (near.0 <= limit).then_some(near.1)
}

/// The Levenshtein distance, in which two neighbours that changed places count once: how many letters are to be changed, put
/// in, taken out or swapped.
pub fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut next = vec![i];
        for j in 1..=b.len() {
            let changed = row[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = changed.min(row[j] + 1).min(next[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(before[j - 2] + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut row, next);
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_edits() {
        assert_eq!(distance("check", "check"), 0);
        assert_eq!(distance("check", "chekc"), 1);
        assert_eq!(distance("jobs", "jbsx"), 2);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
    }

    #[test]
    fn only_what_is_near_is_offered() {
        let known = ["cflags", "cxxflags", "ldflags", "prefer-pkgsrc"];
        assert_eq!(nearest("cflag", known), Some("cflags"));
        assert_eq!(nearest("stirp", ["skip", "strip"]), Some("strip"));
        assert_eq!(nearest("PREFER_PKGSRC", known), Some("prefer-pkgsrc"));
        assert_eq!(nearest("cc", known), None);
        assert_eq!(nearest("unlike", known), None);
        assert_eq!(nearest::<str>("x", []), None);
    }
}
