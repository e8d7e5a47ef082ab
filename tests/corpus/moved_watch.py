"""Runs a command under strace and tells which files it asked for.

Two kinds count. What lies below the old prefix, found or not: the program still has that path in it. And a file of the machine
that a program of the tree opened or ran although the tree has it too (/usr/share/terminfo/x/xterm, /usr/bin/m4): the program
looked in vain for its own and fell back, which hides on a machine that happens to have it. What the row itself runs (bash, cc,
cmake) may read the machine's files.
"""
import os
import re
import subprocess

CALL = re.compile(r'^(\d+) +(\w+)\((.*)$')
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
BOTH = {"rename", "renameat", "renameat2", "link", "linkat"}
CHILD = re.compile(r"^(\d+) +(?:<\.\.\. )?(?:clone3?|v?fork)\b.*= (\d+)$")
HOST = re.compile(r"^(?:/usr(?:/local)?)?/(bin|sbin|lib|lib64|share|etc|include)/(.*)$")


def plain(text):
    """A path as strace quotes it, unquoted."""
    return text.encode().decode("unicode_escape") if "\\" in text else text


def calls(log):
    """Each traced call: process, name, the paths it names (none of execve's arguments), whether it failed."""
    for line in log:
        found = CALL.match(line)
        if not found:
            continue
        process, name, rest = found.groups()
        paths = QUOTED.findall(rest)[: 2 if name in BOTH else 1]
        yield process, name, [plain(path) for path in paths], " = -1 " in rest


def below(path, prefix):
    return path == prefix or path.startswith(prefix + "/")


def own_instead(path, tree):
    """Whether the tree has the file that was taken from the machine."""
    place = HOST.match(os.path.normpath(path))
    if not place or not os.path.isfile(path):
        return False
    top, rest = place.groups()
    top = {"sbin": "bin", "lib64": "lib"}.get(top, top)
    rest = rest.removeprefix("x86_64-linux-gnu/")
    names = [f"{top}/{rest}"] + ([f"share/{rest}"] if rest.startswith("terminfo/") else [])
    return any(os.path.isfile(os.path.join(tree, name)) for name in names)


def witnessed(lines, old, trees, tree):
    """The paths asked for below `old`, and the files taken from the machine by programs of the tree, whose names are `trees`."""
    parent = {child: process for process, child in (match.groups() for match in map(CHILD.match, lines) if match)}
    program, asked, host = {}, set(), set()

    def runs_ours(process):
        while process not in program and process in parent:
            process = parent[process]
        return program.get(process, False)

    for process, name, paths, failed in calls(lines):
        asked.update(path for path in paths if below(os.path.normpath(path), old))
        if failed or not paths:
            continue
        if name.startswith(("open", "exec")) and runs_ours(process) and own_instead(paths[0], tree):
            host.add(paths[0])
        if name.startswith("exec"):
            ours = any(below(os.path.normpath(paths[0]), each) for each in trees)
            program[process] = ours or own_instead(paths[0], tree) and runs_ours(process)
    return asked, host


def watch(command, old, tree, log, **options):
    """Runs a command; gives its exit code (or `timeout`), what it said, and what `witnessed` tells."""
    traced = ["strace", "-f", "-qq", "-s", "0", "-e", "trace=%file,%process", "-e", "signal=none", "-o", log, *command]
    run = subprocess.Popen(traced, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True, **options)
    try:
        said, code = run.communicate(timeout=180)[0], run.returncode
    except subprocess.TimeoutExpired:
        os.killpg(run.pid, 9)
        said, code = run.communicate()[0], "timeout"
    with open(log, errors="replace") as file:
        asked, host = witnessed(file.read().splitlines(), old, {tree, os.path.realpath(tree)}, tree)
    return code, said, asked, host
