//! A command line in one argument, taken apart as a POSIX shell does: blanks part words, quotes and backslashes keep
//! them. Nothing is expanded; there is no shell.

/// Splits a command line; `None` where a quote is not closed or a backslash ends it.
pub fn split(text: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b' ' | b'\t' | b'\n' => words.extend(word.take()),
            b'\\' => word.get_or_insert_default().push(*bytes.next()?),
            b'\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match bytes.next()? {
                        b'\'' => break,
                        byte => word.push(*byte),
                    }
                }
            }
            b'"' => {
                let word = word.get_or_insert_default();
                loop {
                    match bytes.next()? {
                        b'"' => break,
                        b'\\' => match bytes.next()? {
                            byte @ (b'"' | b'\\' | b'$' | b'`') => word.push(*byte),
                            byte => word.extend([b'\\', *byte]),
                        },
                        byte => word.push(*byte),
                    }
                }
            }
            byte => word.get_or_insert_default().push(*byte),
        }
    }
    words.extend(word);
    Some(words)
}

/// A word as a POSIX shell reads it back; bytes that are not UTF-8 as `$'\xNN'`, which bash and busybox know.
pub fn quoted(word: &[u8]) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-./:=,+@%".contains(byte);
    if !word.is_empty() && word.iter().all(plain) {
        return String::from_utf8_lossy(word).into_owned();
    }
    match str::from_utf8(word) {
        Ok(text) => format!("'{}'", text.replace('\'', "'\\''")),
        Err(_) => format!("$'{}'", word.escape_ascii()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_part_as_in_a_shell() {
        let words = split(br#"bin/python3 -c 'import ssl; print("x")' "a \"b\" \n" c\ d ''"#).unwrap();
        let expected: [&[u8]; 6] = [b"bin/python3", b"-c", br#"import ssl; print("x")"#, br#"a "b" \n"#, b"c d", b""];
        assert_eq!(words, expected);
        assert_eq!(split(b"'open"), None);
        assert_eq!(split(b"  ").unwrap(), Vec::<Vec<u8>>::new());
    }
}
