//! What somebody else could do with a path that a program still asks for: whether any user could create it on a target,
//! and what is loaded from it.

use crate::base::path::{Prefix, RelPath};

/// What is loaded from a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Load {
    /// Programs, libraries, plugins, modules of a language.
    Code,
    /// Settings.
    Configuration,
    /// Certificates and keys.
    Trust,
}

impl Load {
    /// The word for it in sentences.
    pub fn word(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Configuration => "configuration",
            Self::Trust => "certificates or keys",
        }
    }
}

/// Directories below which ordinary users create what they like on many systems, and why (FHS 3.0; systemd's
/// `tmp.conf`; build services check out below the last three).
const OPEN: &[(&[u8], &str)] = &[
    (b"/tmp", "every user may write to /tmp"),
    (b"/var/tmp", "every user may write to /var/tmp"),
    (b"/usr/tmp", "/usr/tmp is /var/tmp"),
    (b"/dev/shm", "every user may write to /dev/shm"),
    (b"/run/lock", "every user may write to /run/lock on some systems"),
    (b"/run/user", "it belongs to the user who is logged in"),
    (b"/home", "it belongs to whoever has that home on the target, and may be free to take"),
    (b"/Users", "it belongs to whoever has that home on the target, and may be free to take"),
    (b"/builds", "build services let every job write there"),
    (b"/build", "build services let every job write there"),
    (b"/workspace", "build services let every job write there"),
    (b"/scratch", "shared scratch space is often open to every user"),
];

/// Why any user could create a path on a target; `None` where only an administrator could.
pub fn creatable(prefix: &Prefix) -> Option<&'static str> {
    let below = |open: &[u8]| {
        prefix.as_bytes().strip_prefix(open).is_some_and(|rest| rest.is_empty() || rest.first() == Some(&b'/'))
    };
    OPEN.iter().find(|(open, _)| below(open)).map(|(_, why)| *why)
}

/// Directories from which programs take code: the name of any directory on the way, or how it begins.
const CODE_DIRECTORIES: &[&[u8]] = &[
    b"bin",
    b"sbin",
    b"libexec",
    b"lib",
    b"lib64",
    b"lib32",
    b"plugins",
    b"modules",
    b"gconv",
    b"perl5",
    b"site_perl",
    b"vendor_perl",
    b"perl",
    b"git-core",
    b"ossl-modules",
    b"templates",
    b"hooks",
    b"site-lisp",
];
const CODE_BEGINNINGS: &[&[u8]] = &[
    b"python",
    b"ruby",
    b"tcl",
    b"tk8",
    b"lua",
    b"engines",
    b"vim",
    b"node",
    b"php",
    b"autoconf",
    b"automake",
    b"aclocal",
];
const CODE_ENDINGS: &[&[u8]] = &[
    b".so", b".py", b".pm", b".pl", b".sh", b".rb", b".tcl", b".lua", b".js", b".jar", b".cmake", b".m4", b".vim",
    b".el",
];
/// Directories that hold nothing that is run or trusted.
const NO_LOAD: &[&[u8]] = &[
    b"man",
    b"doc",
    b"docs",
    b"info",
    b"locale",
    b"zoneinfo",
    b"terminfo",
    b"icons",
    b"html",
    b"log",
    b"logs",
    b"run",
    b"cache",
    b"tmp",
    b"include",
    b"fonts",
    b"nls",
    b"gtk-doc",
    b"licenses",
];
const TRUST_NAMES: &[&[u8]] =
    &[b"cert.pem", b"certs", b"private", b"ca-bundle.crt", b"ca-certificates.crt", b"ct_log_list.cnf"];
const CONFIGURATION_ENDINGS: &[&[u8]] =
    &[b".conf", b".cnf", b".cfg", b".ini", b".rc", b"rc", b".toml", b".yaml", b".yml"];

/// What a program loads from a path of the tree, by the path's words; `None` where it is data, text or output. The tree
/// itself counts as code: everything is looked for below it.
pub(super) fn load(path: &RelPath) -> Option<Load> {
    if path.is_root() {
        return Some(Load::Code);
    }
    let (name, parts) = (path.name(), || path.parts());
    let ends = |endings: &[&[u8]]| endings.iter().any(|ending| name.ends_with(ending));
    if parts().any(|part| TRUST_NAMES.contains(&part)) || ends(&[b".pem", b".crt", b".key"]) {
        return Some(Load::Trust);
    }
    if parts().any(|part| part == b"etc") || ends(CONFIGURATION_ENDINGS) || parts().any(|part| part == b"ssl") {
        return Some(Load::Configuration);
    }
    if parts().any(|part| NO_LOAD.contains(&part)) {
        return None;
    }
    let begins = |part: &[u8]| CODE_BEGINNINGS.iter().any(|beginning| part.starts_with(beginning));
    let library = memchr::memmem::find(name, b".so.").is_some();
    let code = parts().any(|part| CODE_DIRECTORIES.contains(&part) || begins(part)) || ends(CODE_ENDINGS) || library;
    code.then_some(Load::Code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_directories_end_at_a_component() {
        let open = |path: &str| creatable(&Prefix::new(path.as_bytes()).unwrap()).is_some();
        for path in
            ["/tmp", "/tmp/x", "/var/tmp/build/p", "/home/ourapp/root", "/builds/app", "/dev/shm/x", "/workspace"]
        {
            assert!(open(path), "{path}");
        }
        for path in ["/tmpfoo/x", "/opt/app", "/usr/pkg", "/srv/home/x", "/root/x", "/homes/x", "/var/lib/x"] {
            assert!(!open(path), "{path}");
        }
    }

    #[test]
    fn what_is_run_read_or_trusted_is_told_from_data() {
        let rows = [
            ("", Some(Load::Code)),
            ("libexec/git-core", Some(Load::Code)),
            ("share/git-core/templates", Some(Load::Code)),
            ("lib/python3.11/site-packages", Some(Load::Code)),
            ("lib/gconv", Some(Load::Code)),
            ("lib/ossl-modules", Some(Load::Code)),
            ("etc/nginx/nginx.conf", Some(Load::Configuration)),
            ("etc/ssl/openssl.cnf", Some(Load::Configuration)),
            ("etc/ssl/cert.pem", Some(Load::Trust)),
            ("ssl/certs", Some(Load::Trust)),
            ("share/vim/vim90", Some(Load::Code)),
            ("share/locale", None),
            ("lib/locale", None),
            ("share/terminfo", None),
            ("logs/error.log", None),
            ("share/man/man1", None),
            ("var/data", None),
        ];
        for (path, expected) in rows {
            assert_eq!(load(&RelPath::new(path.as_bytes()).unwrap()), expected, "{path}");
        }
    }
}
