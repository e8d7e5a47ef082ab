"""What the rows of moved_rows.py work on: sources to compile against the moved tree, a wheel, a repository, a certificate of a
CA of its own, and a server on the loopback interface that shows the last two. All by the machine's own programs, none of the
tree's; no network."""
import contextlib
import functools
import http.server
import os
import shutil
import ssl
import subprocess
import threading
import zipfile

ANSWER = 'static void answer(sqlite3_context *c, int n, sqlite3_value **v) { (void)n; (void)v; sqlite3_result_int(c, 42); }\n'
SOURCES = {
    "embed.c": '#include <Python.h>\nint main(void) { Py_Initialize(); return PyRun_SimpleString("import json; print(json.dumps(42))"); }\n',
    "uses.c": '#include <sqlite3.h>\n#include <stdio.h>\n#include <zlib.h>\n'
              'int main(void) { return printf("%s %s\\n", zlibVersion(), sqlite3_libversion()) < 0; }\n',
    "pcre.c": '#define PCRE2_CODE_UNIT_WIDTH 8\n#include <pcre2.h>\nint main(void) { return pcre2_config_8(PCRE2_CONFIG_VERSION, 0) <= 0; }\n',
    "xml.c": '#include <curl/curl.h>\n#include <libxml/parser.h>\nint main(void) { return !xmlReadMemory("<a/>", 4, "a", 0, 0) || !curl_version(); }\n',
    "curses.c": '#include <curses.h>\nint main(void) { return !curses_version(); }\n',
    "expat.c": '#include <expat.h>\nint main(void) { return !XML_ExpatVersion(); }\n',
    "answer.c": '#include <sqlite3ext.h>\nSQLITE_EXTENSION_INIT1\n' + ANSWER +
                'int sqlite3_extension_init(sqlite3 *db, char **e, const sqlite3_api_routines *api) { (void)e; SQLITE_EXTENSION_INIT2(api);\n'
                'return sqlite3_create_function(db, "answer", 0, SQLITE_UTF8, 0, answer, 0, 0); }\n',
    "extension/answer.c": '#include <Python.h>\nstatic PyObject *answer(PyObject *s, PyObject *n) { return PyLong_FromLong(42); }\n'
                          'static PyMethodDef methods[] = {{"answer", answer, METH_NOARGS, ""}, {0}};\n'
                          'static PyModuleDef module = {PyModuleDef_HEAD_INIT, "answer", "", -1, methods};\n'
                          'PyMODINIT_FUNC PyInit_answer(void) { return PyModule_Create(&module); }\n',
    "extension/setup.py": 'from setuptools import Extension, setup\nsetup(name="answer", ext_modules=[Extension("answer", ["answer.c"])])\n',
    "xs/Makefile.PL": 'use ExtUtils::MakeMaker; WriteMakefile(NAME => "Answer", VERSION => 1);\n',
    "xs/Answer.pm": 'package Answer; our $VERSION = 1; require XSLoader; XSLoader::load(); 1;\n',
    "xs/Answer.xs": '#include "EXTERN.h"\n#include "perl.h"\n#include "XSUB.h"\nMODULE = Answer PACKAGE = Answer\n\nint\nanswer()\n'
                    '  CODE:\n    RETVAL = 42;\n  OUTPUT:\n    RETVAL\n',
    "cmake/CMakeLists.txt": 'cmake_minimum_required(VERSION 3.10)\nproject(uses C)\nfind_package(LibXml2 CONFIG REQUIRED)\n'
                            'find_package(expat CONFIG REQUIRED)\nadd_executable(uses uses.c)\n'
                            'target_include_directories(uses PRIVATE ${LIBXML2_INCLUDE_DIRS})\n'
                            'target_link_libraries(uses LibXml2::LibXml2 expat::expat)\n',
    "cmake/uses.c": '#include <expat.h>\n#include <libxml/parser.h>\n'
                    'int main(void) { return !xmlReadMemory("<a/>", 4, "a", 0, 0) || !XML_ExpatVersion(); }\n',
    "index.html": "<h1>here</h1>\n",
    "gitconfig": "[user]\nname = a\nemail = a@b\n[init]\ndefaultBranch = main\n[http]\nsslCAInfo = FIXTURES/ca.pem\n",
    "nginx.conf": 'events {}\nhttp { access_log off; client_body_temp_path @scratch@; proxy_temp_path @scratch@; fastcgi_temp_path @scratch@;\n'
                  'uwsgi_temp_path @scratch@; scgi_temp_path @scratch@; server { listen 127.0.0.1:8080; root html; } }\n',
}
GREET = "greet-1.0.dist-info"
WHEEL = {
    "greet.py": 'def main():\n    print("hello")\n',
    f"{GREET}/METADATA": "Metadata-Version: 2.1\nName: greet\nVersion: 1.0\n",
    f"{GREET}/WHEEL": "Wheel-Version: 1.0\nGenerator: after-the-move\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    f"{GREET}/entry_points.txt": "[console_scripts]\ngreet = greet:main\n",
    f"{GREET}/RECORD": f"greet.py,,\n{GREET}/METADATA,,\n{GREET}/WHEEL,,\n{GREET}/entry_points.txt,,\n{GREET}/RECORD,,\n",
}


def call(command, directory):
    """Runs a command of the machine's in a directory; it must end with 0."""
    subprocess.run(["/bin/bash", "-ec", command], cwd=directory, check=True, stdout=subprocess.DEVNULL)


def certificate(directory):
    """A CA, and a certificate by it for localhost."""
    new = "openssl req -newkey rsa:2048 -nodes"
    call(f'''exec 2>/dev/null
      {new} -x509 -days 2 -subj "/CN=a CA of its own" -keyout ca.key -out ca.pem
      {new} -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout key.pem -out request.pem
      openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -days 1 -copy_extensions copy -out cert.pem''', directory)


def write(directory):
    """Lays everything down in a directory of its own, for anybody to read."""
    for name, text in SOURCES.items():
        path = os.path.join(directory, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text.replace("FIXTURES", directory))
    with zipfile.ZipFile(os.path.join(directory, "greet-1.0-py3-none-any.whl"), "w") as wheel:
        for name, text in WHEEL.items():
            wheel.writestr(name, text)
    certificate(directory)
    call("git init -q work; git -C work -c user.name=a -c user.email=a@b commit -q --allow-empty -m first; "
         "git clone -q --bare work repository.git; git -C repository.git update-server-info", directory)
    shutil.rmtree(os.path.join(directory, "work"))
    call("chmod -R a+rX .", directory)


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A file server that logs nothing."""

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    """One thread for each connection, TLS included: a client that hangs is in nobody's way."""

    daemon_threads = True

    def handle_error(self, *_):
        pass  # a client that does not trust us is what a row says itself


@contextlib.contextmanager
def served(directory):
    """Serves the directory over https on port 4433 for the time of a `with`."""
    server = Server(("127.0.0.1", 4433), functools.partial(Quiet, directory=directory))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{directory}/cert.pem", f"{directory}/key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
