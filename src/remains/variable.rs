//! Environment variables that say where a program looks instead of at the path that was compiled in.

use crate::base::path::RelPath;

/// A part of a path that some program has compiled in, and the variable its manual gives. The first that fits counts.
const TABLE: &[(&[u8], &str)] = &[
    // git(1), "Git Exec Path"; git-init(1)
    (b"libexec/git-core", "GIT_EXEC_PATH"),
    (b"share/git-core/templates", "GIT_TEMPLATE_DIR"),
    (b"etc/gitconfig", "GIT_CONFIG_SYSTEM"),
    // openssl-env(7)
    (b"openssl.cnf", "OPENSSL_CONF"),
    (b"ossl-modules", "OPENSSL_MODULES"),
    (b"engines-", "OPENSSL_ENGINES"),
    (b"ssl/cert.pem", "SSL_CERT_FILE"),
    (b"ssl/certs", "SSL_CERT_DIR"),
    // terminfo(5)
    (b"terminfo", "TERMINFO_DIRS"),
    // fonts-conf(5)
    (b"etc/fonts", "FONTCONFIG_PATH"),
    // tclvars(n); vim's help, "$VIM"; groff(1); bison(1); magic(5)
    (b"lib/tcl8", "TCL_LIBRARY"),
    (b"lib/tk8", "TK_LIBRARY"),
    (b"share/vim", "VIM"),
    (b"share/groff", "GROFF_FONT_PATH"),
    (b"share/bison", "BISON_PKGDATADIR"),
    (b"magic", "MAGIC"),
    // perlrun(1); ruby(1); python(1)
    (b"perl5", "PERL5LIB"),
    (b"lib/ruby", "RUBYLIB"),
    (b"lib/python", "PYTHONHOME"),
    // aclocal(1)
    (b"share/aclocal", "ACLOCAL_PATH"),
    // iconv(3), glibc manual "glibc iconv Implementation"; setlocale(3); tzset(3)
    (b"gconv", "GCONV_PATH"),
    (b"lib/locale", "LOCPATH"),
    (b"zoneinfo", "TZDIR"),
    // pkg-config(1); terminal and X programs
    (b"pkgconfig", "PKG_CONFIG_PATH"),
    (b"share/X11/locale", "XLOCALEDIR"),
    (b"gdk-pixbuf", "GDK_PIXBUF_MODULE_FILE"),
    (b"gio/modules", "GIO_MODULE_DIR"),
    (b"glib-2.0/schemas", "GSETTINGS_SCHEMA_DIR"),
];

/// The variable for a path of the tree.
pub(super) fn variable(path: &RelPath) -> Option<&'static str> {
    let found = TABLE.iter().find(|(part, _)| memchr::memmem::find(path.as_bytes(), part).is_some());
    found.map(|(_, variable)| *variable)
}
