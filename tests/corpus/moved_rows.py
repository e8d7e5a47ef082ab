"""What after-the-move runs, what programs can be told, and why a cell of its table is not perfect.

A row is a few lines of bash that end with 0 where the program does its work with its own files. They find TREE (where the
prefix lies now, as it is typed there), S (an empty directory, the current one), F (what the rows are given: see
moved_fixtures.py) and the array FLAGS, which is empty. `told` is what a user without `relocate install` can do about it: bash
that sets variables or FLAGS. PATH has the machine's programs only.
"""
from dataclasses import dataclass

SSL = 'export OPENSSL_CONF="$TREE/etc/ssl/openssl.cnf"'
MODULES = ' OPENSSL_MODULES="$TREE/lib/ossl-modules"'
GIT = ('export GIT_EXEC_PATH="$TREE/libexec/git-core" GIT_TEMPLATE_DIR="$TREE/share/git-core/templates" '
       'GIT_CONFIG_SYSTEM="$TREE/etc/gitconfig" GIT_ATTR_NOSYSTEM=1 GITPERLLIB="$TREE/share/perl5"')
TERMINFO = 'export TERMINFO_DIRS="$TREE/share/terminfo"'
PERL = 'export PERL5LIB="$(echo "$TREE"/lib/perl5/5*)"'
RUBY = 'export RUBYLIB="$(echo "$TREE"/lib/ruby/3*):$(echo "$TREE"/lib/ruby/3*/x86_64-linux)"'
GROFF = ('export GROFF_BIN_PATH="$TREE/bin" GROFF_FONT_PATH="$(echo "$TREE"/share/groff/1*/font)" '
         'GROFF_TMAC_PATH="$(echo "$TREE"/share/groff/1*/tmac)"')
BISON = 'export BISON_PKGDATADIR="$TREE/share/bison" M4="$TREE/bin/m4"'
PKG = 'export PKG_CONFIG_LIBDIR="$TREE/lib/pkgconfig"'


@dataclass(frozen=True)
class Row:
    """One program at work: its name, the files of the tree it needs, how it is run, and what it can be told."""

    name: str
    needs: str
    command: str
    told: str = ""


ROWS = [
    Row("python3, its modules", "bin/python3", """
"$TREE"/bin/python3 -c 'import ssl, sqlite3, ctypes, decimal; print(ssl.OPENSSL_VERSION, decimal.Decimal(6) * 7)'""", SSL),
    Row("python3, LIBDIR", "bin/python3", """
"$TREE"/bin/python3 -c 'import sysconfig; print(sysconfig.get_config_var("LIBDIR"))' >said; cat said
test "$(cat said)" -ef "$TREE/lib" """),
    Row("python3, a C extension", "bin/python3", """
cp "$F"/extension/* . && "$TREE"/bin/python3 setup.py -q build_ext --inplace && "$TREE"/bin/python3 -c 'import answer; assert answer.answer() == 42'""", SSL),
    Row("python3, a venv", "bin/python3", """
"$TREE"/bin/python3 -m venv --without-pip v && v/bin/python -c 'import json, sys; print(json.dumps(sys.prefix != sys.base_prefix))'"""),
    Row("python3-config", "bin/python3-config", """
cc "$F"/embed.c -o embed $("$TREE"/bin/python3-config --cflags --ldflags --embed) -Wl,-rpath,"$TREE/lib" && ./embed"""),
    Row("numpy", "lib/python3*/site-packages/numpy", """
"$TREE"/bin/python3 -c 'import numpy as n; print(n.linalg.solve([[3, 1], [1, 2]], [9, 8]))'"""),
    Row("pip", "bin/pip3", '"$TREE"/bin/pip3 --version', SSL),
    Row("pip, a wheel and its script", "bin/pip3", """
"$TREE"/bin/pip3 install -q --no-index --no-deps --root-user-action=ignore --prefix w "$F"/greet-1.0-py3-none-any.whl &&
  PYTHONPATH=$(echo "$S"/w/lib/python*/site-packages) w/bin/greet""", SSL),
    Row("2to3, a script", "bin/2to3", 'echo "print 1" >a.py && "$TREE"/bin/2to3 a.py'),
    Row("perl", "bin/perl", """
"$TREE"/bin/perl -MPOSIX -MFile::Spec -e 'print POSIX::floor(6.5), File::Spec->catfile("a", "b")' """, PERL),
    Row("perl -V", "bin/perl", '"$TREE"/bin/perl -V', PERL),
    Row("perl, prove", "bin/prove", """echo 'print "1..1\\nok 1\\n"' >a.t && "$TREE"/bin/prove a.t""", PERL),
    Row("perl, an XS module", "bin/xsubpp", """
cp "$F"/xs/* . && "$TREE"/bin/perl Makefile.PL >/dev/null && make -s && "$TREE"/bin/perl -Mblib -MAnswer -e 'print Answer::answer()'""", PERL),
    Row("git init", "bin/git", '"$TREE"/bin/git init -q r && test -s r/.git/description', GIT),
    Row("git ls-remote https://", "bin/git", '"$TREE"/bin/git ls-remote https://localhost:4433/repository.git', f"{SSL}; {GIT}"),
    Row("git submodule", "bin/git", """
"$TREE"/bin/git init -q r && cd r &&
  "$TREE"/bin/git submodule --quiet add https://localhost:4433/repository.git sub && "$TREE"/bin/git submodule status""", f"{SSL}; {GIT}"),
    Row("git send-email, a perl script", "bin/perl libexec/git-core/git-send-email", '"$TREE"/bin/git send-email --dump-aliases', f"{GIT}; {PERL}"),
    Row("nginx -t", "bin/nginx", '"$TREE"/bin/nginx "${FLAGS[@]}" -t -g "pid $S/pid;"', f'FLAGS=(-p "$TREE" -c etc/nginx/nginx.conf -e stderr); {SSL}'),
    Row("nginx, GET /", "bin/nginx", """
# A master that is root gives these directories to its workers' user.
sed "s#@scratch@#$S#" "$F"/nginx.conf >"$S"/nginx.conf
"$TREE"/bin/nginx "${FLAGS[@]}" -c "$S"/nginx.conf -g "pid $S/pid; error_log $S/log; daemon off;" & server=$!
answers 8080; get 8080 >page; kill -QUIT $server; wait $server; head -n 1 page; grep -q 'Welcome to nginx' page""", f'FLAGS=(-p "$TREE" -e stderr); {SSL}'),
    Row("redis, PING", "bin/redis-server", """
"$TREE"/bin/redis-server --port 7777 --save '' --dir "$S" >log & server=$!
answers 7777; "$TREE"/bin/redis-cli -p 7777 ping; "$TREE"/bin/redis-cli -p 7777 shutdown nosave; wait $server""", SSL),
    Row("openssl list -providers", "bin/openssl", '"$TREE"/bin/openssl list -providers -provider legacy -provider default', f"{SSL}{MODULES}"),
    Row("openssl req", "bin/openssl", """
"$TREE"/bin/openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out cert -days 1 -subj /CN=x 2>log || { cat log; false; }""", SSL),
    Row("openssl s_client", "bin/openssl", """
"$TREE"/bin/openssl s_client -connect localhost:4433 -CAfile "$F"/ca.pem -verify_return_error -brief </dev/null""",
        f'{SSL} CTLOG_FILE="$TREE/etc/ssl/ct_log_list.cnf"'),
    Row("curl https://", "bin/curl", '"$TREE"/bin/curl -sS --cacert "$F"/ca.pem https://localhost:4433/index.html', SSL),
    Row("sqlite3", "bin/sqlite3", """"$TREE"/bin/sqlite3 :memory: 'select 6*7'"""),
    Row("sqlite3 .load", "bin/sqlite3", """
cc -shared -fPIC -I"$TREE"/include "$F"/answer.c -o answer.so && "$TREE"/bin/sqlite3 :memory: '.load ./answer' 'select answer()'"""),
    Row("pcre2grep", "bin/pcre2grep", """"$TREE"/bin/pcre2grep -o 'foo(?=bar)' <<<foobar"""),
    Row("bzip2", "bin/bzip2", """
"$TREE"/bin/bzip2 <"$F"/embed.c >e.bz2 && "$TREE"/bin/bzip2 -dc e.bz2 | cmp - "$F"/embed.c"""),
    Row("xmllint", "bin/xmllint", 'echo "<a/>" | "$TREE"/bin/xmllint -', 'export XML_CATALOG_FILES=""'),
    Row("a program with readline", "bin/ask", 'TERM=xterm "$TREE"/bin/ask <<<"a line" | grep "read: a line"', TERMINFO),
    Row("clear (ncurses)", "bin/clear", 'test -n "$("$TREE"/bin/clear -T xterm)"', TERMINFO),
    Row("tmux", "bin/tmux", """
TERM=xterm TMUX_TMPDIR=$S script -qec '"$TREE"/bin/tmux -f /dev/null new-session "echo here >$S/it"' /dev/null >said; cat said; cat it""", TERMINFO),
    Row("ruby", "bin/ruby", """"$TREE"/bin/ruby -rjson -rdate -e 'puts JSON.dump([Date.new(2000, 1, 31).next_month.to_s])'""", RUBY),
    Row("gem env", "bin/gem", '"$TREE"/bin/gem env', f'{RUBY}; export GEM_PATH="$(echo "$TREE"/lib/ruby/gems/3*)" GEM_HOME="$S"'),
    Row("vim", "bin/vim", """
TERM=dumb "$TREE"/bin/vim -Nu NONE -es -c 'syntax on' -c 'edit x.c' -c 'verbose echo $VIMRUNTIME' \\
  -c 'if !exists("b:current_syntax") | cquit | endif' -c 'qa!' """, """export VIM="$TREE/share/vim" """),
    Row("tclsh", "bin/tclsh", """
"$TREE"/bin/tclsh <<<'puts [info library]; package require http; package require msgcat; clock format 0 -timezone :UTC' """,
        'export TCL_LIBRARY="$(echo "$TREE"/lib/tcl8.*)"'),
    Row("groff", "bin/groff", """echo '.TH x 1' | "$TREE"/bin/groff -man -Tascii >said; cat said; grep -q 'x(1)' said""", GROFF),
    Row("bison", "bin/bison", 'echo "%% a: ;" >a.y && "$TREE"/bin/bison -Wnone -o a.c a.y && grep -q yyparse a.c', BISON),
    Row("autoconf", "bin/autoconf", """
printf 'AC_INIT([a],[1])\\nAC_PROG_CC\\nAC_OUTPUT\\n' >configure.ac && "$TREE"/bin/autoconf && ./configure -q && test -s config.status""",
        f"""{PERL} PATH="$TREE/bin:$PATH" AUTOM4TE="$TREE/bin/autom4te" M4="$TREE/bin/m4" autom4te_perllibdir="$TREE/share/autoconf" AC_MACRODIR="$TREE/share/autoconf" trailer_m4="$TREE/share/autoconf/autoconf/trailer.m4" """),
    Row("fontconfig", "bin/fc-list", '"$TREE"/bin/fc-list >said; cat said; grep -q 8x16.pcf said && "$TREE"/bin/fc-conflist | grep -q 60-latin',
        'export FONTCONFIG_PATH="$TREE/etc/fonts"'),
    Row("file", "bin/file", '"$TREE"/bin/file "$F"/embed.c | grep "C source"', 'export MAGIC="$TREE/share/misc/magic.mgc"'),
    Row("the tree's pkg-config", "bin/pkg-config", """
eval cc "$F"/uses.c -o uses $("$TREE"/bin/pkg-config --cflags --libs zlib sqlite3) '-Wl,-rpath,"$TREE/lib"' && ./uses""", PKG),
    Row("the machine's pkg-config", "lib/pkgconfig/zlib.pc", """
export PKG_CONFIG_LIBDIR="$TREE/lib/pkgconfig"
eval cc "$F"/uses.c -o uses $(pkg-config --cflags --libs zlib sqlite3) '-Wl,-rpath,"$TREE/lib"' && ./uses"""),
    Row("pkg-config, every file", "lib/pkgconfig/zlib.pc", """
export PKG_CONFIG_LIBDIR="$TREE/lib/pkgconfig"
for name in "$TREE"/lib/pkgconfig/*.pc; do pkg-config --print-variables "$name" | grep -v '^pcfiledir$' | while read -r variable; do
  pkg-config --variable="$variable" "$name"; done
  pkg-config --exists "$name" && pkg-config --cflags --libs "$name"; done; test -e "$TREE"/lib/pkgconfig/zlib.pc"""),
    Row("pcre2-config", "bin/pcre2-config", """
cc "$F"/pcre.c -o pcre $("$TREE"/bin/pcre2-config --cflags --libs8) -Wl,-rpath,"$TREE/lib" && ./pcre"""),
    Row("curl-config, xml2-config", "bin/xml2-config", """
cc "$F"/xml.c -o xml $("$TREE"/bin/xml2-config --cflags --libs) $("$TREE"/bin/curl-config --cflags --libs) -Wl,-rpath,"$TREE/lib" && ./xml"""),
    Row("ncursesw6-config", "bin/ncursesw6-config", """
cc "$F"/curses.c -o curses $("$TREE"/bin/ncursesw6-config --cflags --libs) -Wl,-rpath,"$TREE/lib" && "$TREE"/bin/ncursesw6-config --terminfo"""),
    Row("cmake", "lib/cmake/libxml2", """
cp "$F"/cmake/* . && cmake -DCMAKE_PREFIX_PATH="$TREE" . >log 2>&1 && make -s uses && ./uses || { cat log; false; }"""),
    Row("libtool", "lib/libexpat.so", """
libtool --quiet --mode=link --tag=CC cc -I"$TREE"/include "$F"/expat.c -o expat -L"$TREE"/lib -lexpat -Wl,-rpath,"$TREE/lib" && ./expat"""),
]
