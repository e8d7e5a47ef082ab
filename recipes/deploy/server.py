"""A server that can be followed by another one without losing a request: what a program under overlap.py has to do.

It answers on the socket that it inherits (descriptor 3), says when it is ready, and at SIGTERM takes no more connections, tells each
client with its next answer that the connection ends there, and ends when no connection is left or QUIET seconds have passed.
"""

import os
import signal
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from socketserver import ThreadingMixIn

QUIET = 3  # how long a connection may be kept open that brings no further request
PAGE = (Path(__file__).parent / "html" / "index.html").read_bytes()  # of this release, whatever becomes current


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65536  # an answer goes out as one packet

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(PAGE)))
        if self.server.finishing or self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_):
        pass


class Server(ThreadingMixIn, HTTPServer):
    daemon_threads = True
    finishing = False

    def __init__(self, inherited):
        super().__init__(inherited.getsockname()[:2], Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = inherited
        # Another process may have taken the connection that was announced.
        self.socket.setblocking(False)
        self.open = 0
        self.counting = threading.Lock()

    def process_request(self, request, address):
        with self.counting:
            self.open += 1
        super().process_request(request, address)

    def process_request_thread(self, request, address):
        try:
            super().process_request_thread(request, address)
        finally:
            with self.counting:
                self.open -= 1

    def handle_error(self, request, address):
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, address)

    def finish(self):
        self.finishing = True
        self.shutdown()
        notify("STOPPING=1")
        until = time.monotonic() + QUIET
        while self.open and time.monotonic() < until:
            time.sleep(0.05)


def notify(text):
    address = os.environ.get("NOTIFY_SOCKET")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(text.encode(), "\0" + address[1:] if address.startswith("@") else address)


def main():
    if os.environ.get("LISTEN_PID") != str(os.getpid()) or os.environ.get("LISTEN_FDS") != "1":
        sys.exit("server: no socket was handed on (LISTEN_FDS)")
    server = Server(socket.socket(fileno=3))
    # Waited for, not handled: a handler is run by the main thread alone, which under load may not come to it.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    answering = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    answering.start()
    notify("READY=1")
    signal.sigwait({signal.SIGTERM})
    server.finish()
    answering.join()


main()
