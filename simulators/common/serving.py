"""A stand-in's web server: a threaded one, on the loopback address, in a thread of its own."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from werkzeug.serving import WSGIRequestHandler, make_server

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

LOOPBACK = "127.0.0.1"


class PortTaken(Exception):
    """The port cannot be listened on; the message is one line for people."""


class _QuietHandler(WSGIRequestHandler):
    """The ledger tells what was asked, so that the server's own access log only repeats it."""

    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - the server's own signature
        logging.getLogger(__name__).debug("%s %s", type, message % args if args else message)


def _listening(port: int) -> socket.socket:
    """A socket of our own: werkzeug would print its own words on a taken port, and end the process."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
    except OSError as error:
        listener.close()
        raise PortTaken(
            f"port {port} on {LOOPBACK} cannot be used ({error.strerror}): choose another one with --port"
        ) from error
    listener.listen(128)
    return listener


@contextmanager
def serving(app: WSGIApplication, port: int = 0) -> Iterator[int]:
    """Serve `app` on 127.0.0.1 while the block runs; gives the port (0 asks for a free one).

    Raises `PortTaken` when somebody else listens there.
    """
    with _listening(port) as listener:
        number = listener.getsockname()[1]
        server = make_server(LOOPBACK, number, app, threaded=True, request_handler=_QuietHandler, fd=listener.fileno())
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name=f"stand-in-{number}", daemon=True)
    thread.start()
    try:
        yield number
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
