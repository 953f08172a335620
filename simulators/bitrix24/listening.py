"""Ports and threads: a WSGI application that listens until it is closed."""

from __future__ import annotations

import socket
import threading
from typing import Any

from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server


class PortTaken(Exception):
    """Somebody else listens there."""


class _Quiet(WSGIRequestHandler):
    """The ledger is the log."""

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002, ARG002 - the signature is werkzeug's
        return


class Listening:
    """A threaded HTTP server on `host:port`; port 0 takes a free one."""

    def __init__(self, app: Flask, sock: socket.socket) -> None:
        host, self.port = sock.getsockname()[:2]
        self.address = f"{host}:{self.port}"
        self._socket = sock
        self._server = make_server(host, self.port, app, threaded=True, request_handler=_Quiet, fd=sock.fileno())
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), name=f"bitrix24-{self.port}", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stops listening."""
        self._server.shutdown()
        self._server.server_close()
        self._socket.close()
        self._thread.join(timeout=2)


def reserve(host: str, port: int) -> socket.socket:
    """A listening socket. Raises `PortTaken`."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as failure:
        sock.close()
        raise PortTaken(f"{host}:{port} cannot be listened on ({failure.strerror}); choose another port") from failure
    sock.listen(128)
    return sock
