"""Multipart bodies that are read from their files while they are sent."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from urllib3.fields import RequestField
from urllib3.filepost import choose_boundary

_SLICE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class _Part:
    head: bytes
    file: BinaryIO
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Multipart:
    """`chunks` can be walked once; their bytes are `length` altogether."""

    content_type: str
    length: int
    chunks: Iterator[bytes]


def multipart(files: Mapping[str, tuple[str, BinaryIO]]) -> Multipart:
    """A form of files: field name to (file name, file opened for reading, sent from where it stands)."""
    boundary = choose_boundary()
    parts = [_part(boundary, name, filename, file) for name, (filename, file) in files.items()]
    tail = f"--{boundary}--\r\n".encode()
    length = sum(len(part.head) + part.size_bytes + 2 for part in parts) + len(tail)
    return Multipart(f"multipart/form-data; boundary={boundary}", length, _chunks(parts, tail))


def _part(boundary: str, name: str, filename: str, file: BinaryIO) -> _Part:
    field = RequestField.from_tuples(name, (filename, b""))
    head = f"--{boundary}\r\n{field.render_headers()}".encode()
    start = file.tell()
    size_bytes = file.seek(0, os.SEEK_END) - start
    file.seek(start)
    return _Part(head, file, size_bytes)


def _chunks(parts: list[_Part], tail: bytes) -> Iterator[bytes]:
    for part in parts:
        yield part.head
        left = part.size_bytes
        while left:
            piece = part.file.read(min(left, _SLICE_BYTES))
            if not piece:
                raise OSError("a file became shorter while it was sent")
            left -= len(piece)
            yield piece
        yield b"\r\n"
    yield tail
