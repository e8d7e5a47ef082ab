//! The known name that somebody most likely meant. Pure.

/// The known name nearest to `wanted`, where one is near: a different case, or at most a third of its letters changed.
/// Of several as near, the first in order.
pub fn nearest<'a, N: AsRef<str> + ?Sized + 'a>(
    wanted: &str,
    known: impl IntoIterator<Item = &'a N>,
) -> Option<&'a str> {
    let limit = wanted.chars().count().div_ceil(3).min(4);
    let lower = wanted.to_lowercase();
    let near = known.into_iter().map(AsRef::as_ref).filter_map(|name| {
        // A name that is much longer or shorter needs no table to be told from it.
        if name.len().abs_diff(wanted.len()) > limit * 4 {
            return None;
        }
        let steps = distance(&lower, &name.to_lowercase());
        (steps <= limit).then_some((steps, name))
    });
    near.min().map(|(_, name)| name)
}

/// How many letters to add, drop or change, or neighbours to swap, between two words (optimal string alignment).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    let mut last = None;
    for (at, letter) in from.chars().enumerate() {
        let mut next = vec![at + 1];
        for (column, other) in to.iter().enumerate() {
            let change = row[column] + usize::from(letter != *other);
            let mut least = change.min(row[column + 1] + 1).min(next[column] + 1);
            let swapped = column > 0 && last == Some(*other) && to[column - 1] == letter;
            if let Some(before) = before.get(column.wrapping_sub(1)).filter(|_| swapped) {
                least = least.min(before + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut row, next);
        last = Some(letter);
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_keyboard_is_near() {
        let known = ["www/nginx", "www/apache24", "lang/python27"];
        assert_eq!(nearest("www/ngnix", &known), Some("www/nginx"));
        assert_eq!(nearest("www/Nginx", &known), Some("www/nginx"));
        assert_eq!(nearest("lang/python28", &known), Some("lang/python27"));
    }

    #[test]
    fn a_quite_different_word_has_no_neighbour() {
        assert_eq!(nearest("databases/redis", &["www/nginx", "lang/python27"]), None);
        assert_eq!(nearest("", &["a"]), None);
    }

    #[test]
    fn neighbours_swapped_count_as_one_step() {
        assert_eq!(distance("ngnix", "nginx"), 1);
        assert_eq!(distance("abc", ""), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("same", "same"), 0);
    }
}
