//! The date that bootstrap writes at the top of `mk.conf`: taken out, for the same recipe is to give the same bytes.

/// Days and months as date(1) has them in the C locale, in which bootstrap runs.
const DAYS: [&[u8]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];
const MONTHS: [&[u8]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// The line, which may have its newline; without the date where it is a comment that ends in one.
pub(super) fn undated(line: &[u8]) -> &[u8] {
    let text = line.trim_ascii_end();
    if !text.starts_with(b"#") {
        return line;
    }
    // From the end: year, zone, time, day, month, day of the week.
    let mut rest = text;
    for is_part in [is_year, is_zone, is_time, is_day, is_month, is_weekday] {
        let at = rest.iter().rposition(u8::is_ascii_whitespace).map_or(0, |blank| blank + 1);
        if !is_part(&rest[at..]) {
            return line;
        }
        rest = rest[..at].trim_ascii_end();
    }
    rest
}

fn is_year(word: &[u8]) -> bool {
    word.len() == 4 && is_number(word)
}

fn is_zone(word: &[u8]) -> bool {
    !word.is_empty() && word.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+-".contains(byte))
}

fn is_time(word: &[u8]) -> bool {
    let parts: Vec<_> = word.split(|byte| *byte == b':').collect();
    parts.len() == 3 && parts.iter().all(|part| part.len() == 2 && is_number(part))
}

fn is_day(word: &[u8]) -> bool {
    (1..=2).contains(&word.len()) && is_number(word)
}

fn is_month(word: &[u8]) -> bool {
    MONTHS.contains(&word)
}

fn is_weekday(word: &[u8]) -> bool {
    DAYS.contains(&word)
}

fn is_number(word: &[u8]) -> bool {
    word.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::undated;

    #[test]
    fn a_comment_loses_the_date_it_ends_in() {
        assert_eq!(undated(b"# Sat Nov 21 11:48:01 UTC 2026\n"), b"#");
        assert_eq!(undated(b"# Written by it, Sat Nov  1 11:48:01 CEST 2026"), b"# Written by it,");
    }

    #[test]
    fn every_other_line_stays() {
        for line in [
            &b"#\n"[..],
            b"# Sat Nov 21 2026\n",
            b"# Nov 21 11:48:01 UTC 2026\n",
            b"X= Sat Nov 21 11:48:01 UTC 2026\n",
            b"",
            b"#2026",
        ] {
            assert_eq!(undated(line), line);
        }
    }
}
