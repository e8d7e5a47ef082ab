"""Why a cell of the table is not perfect. A cell has up to four faults: `exit` (it did not end with 0), `asked` (for paths below
the old prefix), `printed` (the old prefix), `host` (a file of the machine taken though the tree has it). Each needs a reason
here."""
from dataclasses import dataclass

from moved_rows import ROWS

ALL = frozenset({"exit", "asked", "printed", "host"})
NO_INSTALL = frozenset({"no install"})
INSTALL = frozenset({"install"})
BLANK = frozenset({"a space"})


@dataclass(frozen=True)
class Reason:
    """The text holds for the named rows (all, where there are none), ways of moving, conditions (all) and faults."""

    text: str
    rows: frozenset
    ways: frozenset
    faults: frozenset = ALL
    conditions: frozenset = frozenset()

    def covers(self, row, way, condition, fault):
        return (fault in self.faults and way in self.ways and (not self.rows or row in self.rows)
                and (not self.conditions or condition in self.conditions))


def rows(*beginnings):
    """The names of the rows that begin so; one that no row begins with is a mistake."""
    for beginning in beginnings:
        if not any(row.name.startswith(beginning) for row in ROWS):
            raise ValueError(f"no row begins with {beginning}")
    return frozenset(row.name for row in ROWS if row.name.startswith(beginnings))


REASONS = [
    Reason("what run-time paths alone leave undone", frozenset(), frozenset({"rpath only"})),
    # No install step: what is compiled in as a string stays, and the program must be told.
    Reason("libcrypto has the path of openssl.cnf compiled in: OPENSSL_CONF", rows("python3, its modules", "pip", "redis", "curl https"), NO_INSTALL, frozenset({"asked"})),
    Reason("libcrypto has its directories compiled in: OPENSSL_CONF, OPENSSL_MODULES, CTLOG_FILE", rows("openssl"), NO_INSTALL),
    Reason("perl has @INC compiled in: PERL5LIB", rows("perl"), NO_INSTALL),
    Reason("git has its directories compiled in: GIT_EXEC_PATH, GIT_TEMPLATE_DIR, GIT_CONFIG_SYSTEM, GITPERLLIB", rows("git"), NO_INSTALL),
    Reason("nginx has its prefix compiled in: -p", rows("nginx"), NO_INSTALL),
    Reason("ncurses has the terminfo directory compiled in: TERMINFO_DIRS; it looks at the compiled-in one all the same",
           rows("a program with readline", "clear", "tmux"), NO_INSTALL),
    Reason("ruby has its load path compiled in: RUBYLIB", rows("ruby", "gem env"), NO_INSTALL),
    Reason("vim has its directory compiled in: VIM", rows("vim"), NO_INSTALL),
    Reason("tcl finds itself, but asks at the compiled-in place first", rows("tclsh"), NO_INSTALL, frozenset({"asked"})),
    Reason("groff has its directories compiled in: GROFF_BIN_PATH, GROFF_FONT_PATH, GROFF_TMAC_PATH", rows("groff"), NO_INSTALL),
    Reason("bison has its directory and the path of m4 compiled in: BISON_PKGDATADIR, M4", rows("bison"), NO_INSTALL),
    Reason("autoconf's scripts are perl's, and perl has @INC compiled in; autom4te.cfg names directories", rows("autoconf"), NO_INSTALL),
    Reason("fontconfig has its directory compiled in: FONTCONFIG_PATH", rows("fontconfig"), NO_INSTALL),
    Reason("libmagic has the path of magic.mgc compiled in: MAGIC", rows("file"), NO_INSTALL),
    Reason("pkgconf has its search path compiled in: PKG_CONFIG_LIBDIR", rows("the tree's pkg-config"), NO_INSTALL),
    # Any way.
    Reason("the script hands its directories on unquoted, as it would had it been built there",
           rows("python3-config", "pcre2-config", "curl-config", "ncursesw6-config"), NO_INSTALL | INSTALL, frozenset({"exit"}), BLANK),
    Reason("libtool does not take a directory with a blank, wherever the tree was built", rows("libtool"), NO_INSTALL | INSTALL, frozenset({"exit"}), BLANK),
    # With the final path written in.
    Reason("the class of perl's configuration takes no blank, and was left as `--leave perl` says", rows("perl -V", "perl, an XS module"), INSTALL, ALL, BLANK),
    Reason("autom4te hands the path of m4 to the shell unquoted", rows("autoconf"), INSTALL, frozenset({"exit"}), BLANK),
    Reason("the compiler split the path of the configuration into immediates, which are no string: FONTCONFIG_PATH", rows("fontconfig"), INSTALL, frozenset({"asked"})),
]


def explanations(row, way, condition, cell):
    """For each fault of a cell its reason, or None."""
    return {fault: next((reason for reason in REASONS if reason.covers(row, way, condition, fault)), None) for fault in sorted(cell.faults())}
