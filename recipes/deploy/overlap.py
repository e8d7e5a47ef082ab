#!/usr/bin/env python3
"""Keeps a listening socket while servers of one release after the other answer on it: the new one is ready before the old one ends.

    overlap.py run SOCKET ROOT [--listen HOST:PORT] -- COMMAND...   the supervisor; COMMAND begins with a path in a release
    overlap.py next SOCKET                                         for `activate`: exit code 1 where the new one was not ready

The socket that is listened on comes from systemd (LISTEN_FDS=1), or is made for --listen; each server inherits it as systemd would
hand it on: descriptor 3, LISTEN_FDS=1, LISTEN_PID. A server says READY=1 to NOTIFY_SOCKET, as with Type=notify; then the one before
gets SIGTERM, says STOPPING=1 when it takes no more connections, answers what has reached it, and ends. A new one that ends or is not ready in time changes nothing. A server that
ends by itself is started again. SOCKET is a Unix socket in a directory that only the deploying and the running user can enter.
"""

import os
import selectors
import signal
import socket
import struct
import subprocess
import sys
import time

READY_SECONDS = 30  # to become ready
FINISH_SECONDS = 30  # to finish requests, then it is killed
CREDENTIALS = struct.Struct("iII")  # process, user, group
LISTENER = 3  # the descriptor that sockets are handed on at


class Server:
    """A server of what is current now, and what it says of itself."""

    def __init__(self, root, command):
        self.release = os.path.realpath(os.path.join(root, "current"))
        # An abstract name: nothing to clean up, and a server with another view of the file system reaches it too. Anybody may
        # write to it, so what others than this user or root say is not heard; the kernel says who it was (unix(7)).
        name = f"relocate-overlap-{os.getpid()}-{time.monotonic_ns()}"
        self.said = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.said.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.said.bind("\0" + name)
        environment = {**os.environ, "LISTEN_FDS": "1", "NOTIFY_SOCKET": "@" + name}
        # LISTEN_PID must be the server's own, which only a process between can know.
        words = ["/bin/sh", "-c", 'export LISTEN_PID=$$; exec "$@"', "sh", os.path.join(self.release, command[0])]
        self.process = subprocess.Popen(words + command[1:], cwd=self.release, env=environment, pass_fds=(LISTENER,))

    def says(self, word, seconds):
        """Whether it says this before it ends and in so many seconds."""
        until = time.monotonic() + seconds
        self.said.settimeout(0.05)
        while time.monotonic() < until:
            try:
                text, told, _, _ = self.said.recvmsg(4096, socket.CMSG_SPACE(CREDENTIALS.size))
                users = [CREDENTIALS.unpack(data)[1] for _, kind, data in told if kind == socket.SCM_CREDENTIALS]
                if word in text.split(b"\n") and users and users[0] in (0, os.getuid()):
                    return True
            except TimeoutError:
                if self.process.poll() is not None:
                    return False
        return False

    def end(self):
        self.process.kill()
        self.process.wait()
        self.said.close()


class Supervisor:
    def __init__(self, control, root, command):
        self.root, self.command = root, command
        self.serving, self.finishing = None, []
        if os.path.exists(control):
            os.unlink(control)
        self.control = socket.socket(socket.AF_UNIX)
        self.control.bind(control)
        self.control.listen()
        self.ended = False
        self.again = 0  # no server is started by itself before this time

    def follow(self):
        """A server of the current release in the place of the one that serves."""
        new = Server(self.root, self.command)
        if not new.says(b"READY=1", READY_SECONDS):
            how = new.process.poll()
            new.end()
            raise RuntimeError(f"the server of {new.release} " + ("was not ready in time" if how is None else f"ended with {how}"))
        if self.serving:
            self.serving.process.terminate()
            self.serving.says(b"STOPPING=1", 10)  # who does not say so may answer a while beside the new one
            self.finishing.append((self.serving, time.monotonic() + FINISH_SECONDS))
        self.serving = new
        return f"process {new.process.pid} serves {new.release}"

    def look_after(self):
        for pair in list(self.finishing):
            server, until = pair
            if server.process.poll() is not None or time.monotonic() > until:
                server.end()
                self.finishing.remove(pair)
        if self.serving and self.serving.process.poll() is not None:
            print(f"overlap: the server ended with {self.serving.process.returncode}; another is started", file=sys.stderr)
            self.serving.end()
            self.serving = None
        if not self.serving and time.monotonic() > self.again and os.path.exists(os.path.join(self.root, "current")):
            self.again = time.monotonic() + 5
            self.try_to(self.follow)

    def try_to(self, act):
        try:
            return "ok " + act()
        except (OSError, RuntimeError) as why:
            print(f"overlap: {why}", file=sys.stderr)
            return f"no {why}"

    def run(self):
        signal.signal(signal.SIGTERM, lambda *_: setattr(self, "ended", True))
        signal.signal(signal.SIGINT, lambda *_: setattr(self, "ended", True))
        self.look_after()
        if "NOTIFY_SOCKET" in os.environ:
            notify("READY=1")
        with selectors.DefaultSelector() as waiting:
            waiting.register(self.control, selectors.EVENT_READ)
            while not self.ended:
                if waiting.select(timeout=0.5):
                    asker, _ = self.control.accept()
                    with asker:
                        answer = self.try_to(self.follow)
                        try:
                            asker.sendall(answer.encode() + b"\n")
                        except OSError:
                            pass  # whoever asked has gone away
                self.look_after()
        last = [pair[0] for pair in self.finishing] + ([self.serving] if self.serving else [])
        for server in last:
            server.process.terminate()
        until = time.monotonic() + FINISH_SECONDS
        while any(server.process.poll() is None for server in last) and time.monotonic() < until:
            time.sleep(0.05)
        for server in last:
            server.end()


def notify(text):
    address = os.environ["NOTIFY_SOCKET"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.sendto(text.encode(), "\0" + address[1:] if address.startswith("@") else address)


def listen(address):
    """The socket at descriptor 3, for this process and those it starts; it is never accepted from here."""
    if os.environ.get("LISTEN_PID") == str(os.getpid()) and os.environ.get("LISTEN_FDS") == "1":
        os.set_inheritable(LISTENER, True)
        return
    if not address:
        sys.exit("overlap: there is no socket to listen on: neither LISTEN_FDS=1 nor --listen")
    host, port = address.rsplit(":", 1)
    with socket.create_server((host, int(port)), backlog=1024) as made:
        if made.fileno() == LISTENER:
            made.detach()
            os.set_inheritable(LISTENER, True)
        else:
            os.dup2(made.fileno(), LISTENER)


def main(words):
    match words:
        case ["next", control]:
            with socket.socket(socket.AF_UNIX) as asking:
                try:
                    asking.connect(control)
                except (FileNotFoundError, ConnectionRefusedError) as why:
                    print(f"overlap: nothing runs that could be followed: {control}: {why}")
                    return 0
                except OSError as why:
                    print(f"overlap: {control}: {why}", file=sys.stderr)
                    return 1
                answer = asking.makefile().readline().strip()
            print(answer)
            return 0 if answer.startswith("ok ") else 1
        case ["run", control, root, *rest] if "--" in rest[:3]:
            at = rest.index("--")
            options, command = rest[:at], rest[at + 1 :]
            if command and (not options or (len(options) == 2 and options[0] == "--listen")):
                listen(options[1] if options else None)
                Supervisor(control, root, command).run()
                return 0
    print(__doc__, file=sys.stderr)
    return 2


sys.exit(main(sys.argv[1:]))
