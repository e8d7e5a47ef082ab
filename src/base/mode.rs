//! Permission changes as chmod(1) takes them: `u+rwX,go-w`, `a=rX`, or octal digits.

/// A parsed change of permission bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chmod(Vec<Clause>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Clause {
    Octal(u32),
    /// Bits of the classes meant (such as 0o700), the operator, r/w/x bits in every class, and whether `X` is among them.
    Symbolic {
        classes: u32,
        operator: u8,
        bits: u32,
        if_executable: bool,
    },
}

impl Chmod {
    /// Reads a change; `None` for what chmod(1) would not take, and for `s` and `t`, which an archive of software does
    /// not hand out.
    pub fn parse(text: &str) -> Option<Self> {
        text.split(',').map(clause).collect::<Option<Vec<_>>>().map(Self)
    }

    /// Applies it to a mode (07777). `X` means x for directories and for what somebody may execute already.
    pub fn apply(&self, mode: u32, is_dir: bool) -> u32 {
        self.0.iter().fold(mode, |mode, clause| match *clause {
            Clause::Octal(bits) => bits,
            Clause::Symbolic { classes, operator, bits, if_executable } => {
                let x = if if_executable && (is_dir || mode & 0o111 != 0) { 0o111 } else { 0 };
                let bits = (bits | x) & classes;
                match operator {
                    b'+' => mode | bits,
                    b'-' => mode & !bits,
                    _ => (mode & !classes) | bits,
                }
            }
        })
    }
}

fn clause(text: &str) -> Option<Clause> {
    if !text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| (b'0'..=b'7').contains(&byte)) {
        return u32::from_str_radix(text, 8).ok().map(Clause::Octal);
    }
    let at = text.find(['+', '-', '='])?;
    let (who, rest) = text.split_at(at);
    let mut classes = 0;
    for class in who.bytes() {
        classes |= match class {
            b'u' => 0o700,
            b'g' => 0o070,
            b'o' => 0o007,
            b'a' => 0o777,
            _ => return None,
        };
    }
    let (mut bits, mut if_executable) = (0, false);
    for bit in rest[1..].bytes() {
        match bit {
            b'r' => bits |= 0o444,
            b'w' => bits |= 0o222,
            b'x' => bits |= 0o111,
            b'X' => if_executable = true,
            _ => return None,
        }
    }
    let classes = if who.is_empty() { 0o777 } else { classes };
    Some(Clause::Symbolic { classes, operator: rest.as_bytes()[0], bits, if_executable })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clauses_apply_in_order() {
        let chmod = Chmod::parse("u+rwX,go=rX,o-r").unwrap();
        assert_eq!(chmod.apply(0o100, false), 0o751);
        assert_eq!(chmod.apply(0o400, false), 0o640);
        assert_eq!(chmod.apply(0o700, true), 0o751);
        assert_eq!(Chmod::parse("0644").unwrap().apply(0o4755, false), 0o644);
        for bad in ["", "u", "u+s", "z+r", "99"] {
            assert_eq!(Chmod::parse(bad), None, "{bad}");
        }
    }
}
