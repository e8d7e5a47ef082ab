//! Which grammar a script has, by the name of its interpreter; and whether the script is what the interpreter reads.

/// A grammar in which a script can hand itself over from `/bin/sh` to its interpreter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Python 2 and 3, PyPy.
    Python,
    /// The shells that read what sh reads.
    Shell,
    Perl,
    Ruby,
    /// Node.js.
    Node,
    /// tclsh, wish, expect.
    Tcl,
    Lua,
}

const SHELLS: &[&[u8]] = &[
    b"sh", b"bash", b"dash", b"ash", b"ksh", b"ksh93", b"pdksh", b"mksh", b"lksh", b"oksh", b"loksh", b"zsh", b"yash",
];

impl Kind {
    /// The grammar of what `interpreter` reads when it is given `arguments` and the script; `None` where there is no form
    /// for it, or where an argument makes it read something else.
    pub(super) fn of(interpreter: &[u8], arguments: &[&[u8]]) -> Option<Self> {
        let version = |byte: &u8| byte.is_ascii_digit() || b".-".contains(byte);
        let end = interpreter.iter().rposition(|byte| !version(byte)).map_or(0, |at| at + 1);
        let kind = match interpreter.get(..end)? {
            // Builds have their letters: python3.7m, python3.13t, python3-dbg.
            _ if [&b"python"[..], b"pypy"].iter().any(|name| is_python(interpreter, name)) => Self::Python,
            _ if SHELLS.contains(&interpreter) => Self::Shell,
            name if SHELLS.contains(&name) => Self::Shell,
            b"perl" => Self::Perl,
            b"ruby" => Self::Ruby,
            b"node" | b"nodejs" => Self::Node,
            b"tclsh" | b"wish" | b"expect" => Self::Tcl,
            b"lua" | b"luajit" => Self::Lua,
            _ => return None,
        };
        arguments.iter().all(|argument| kind.leaves_the_script(argument)).then_some(kind)
    }

    /// Whether the interpreter still reads the script when it is given this argument.
    fn leaves_the_script(self, argument: &[u8]) -> bool {
        let Some(option) = argument.strip_prefix(b"-") else {
            return self == Self::Shell && argument.starts_with(b"+");
        };
        let letters = option.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let asks_for_other: &[u8] = match self {
            Self::Python => b"cmXWQ",
            Self::Shell => b"cso",
            Self::Perl => b"eEx",
            Self::Ruby => b"exCX",
            Self::Node => b"eprc",
            Self::Tcl => b"cb",
            Self::Lua => b"el",
        };
        !option.iter().take(letters).any(|letter| asks_for_other.contains(letter))
    }
}

fn is_python(interpreter: &[u8], name: &[u8]) -> bool {
    let rest = interpreter.strip_prefix(name);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"-") || rest[0].is_ascii_digit())
        && !interpreter.ends_with(b"-config")
}
