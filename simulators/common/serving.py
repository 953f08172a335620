"""A stand-in's web server: a threaded one, on the loopback address, in a thread of its own."""

from __future__ import annotations

import logging
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


@contextmanager
def serving(app: WSGIApplication, port: int = 0) -> Iterator[int]:
    """Serve `app` on 127.0.0.1 while the block runs; gives the port (0 asks for a free one).

    Raises `PortTaken` when somebody else listens there.
    """
    try:
        server = make_server(LOOPBACK, port, app, threaded=True, request_handler=_QuietHandler)
    except (OSError, SystemExit) as error:  # werkzeug ends the process on a taken port
        raise PortTaken(f"port {port} on {LOOPBACK} is taken: choose another one with --port") from error
    thread = threading.Thread(target=server.serve_forever, name=f"stand-in-{server.server_port}", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
