"""A load of keep-alive connections that each send one prepared request after the other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Measured:
    """What one run came to: answers per second, and how long they took in milliseconds."""

    per_second: float
    p50_ms: float
    p99_ms: float
    answers: int
    refused: int


def measure(port: int, requests: Sequence[bytes], *, connections: int, seconds: float) -> Measured:
    """Send `requests` over `connections` for `seconds`, or until they are used up."""
    return asyncio.run(_measure(port, requests, connections, seconds))


async def _measure(port: int, requests: Sequence[bytes], connections: int, seconds: float) -> Measured:
    source = iter(requests)
    took: list[float] = []
    refused: list[int] = []
    started = time.perf_counter()
    until = started + seconds
    await asyncio.gather(*(_send_all(port, source, until, took, refused) for _ in range(connections)))
    elapsed = time.perf_counter() - started
    took.sort()
    return Measured(
        per_second=len(took) / elapsed,
        p50_ms=took[len(took) // 2] * 1000,
        p99_ms=took[int(len(took) * 0.99)] * 1000,
        answers=len(took),
        refused=len(refused),
    )


async def _send_all(port: int, source: Iterator[bytes], until: float, took: list[float], refused: list[int]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for request in source:
        began = time.perf_counter()
        if began > until:
            break
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        took.append(time.perf_counter() - began)
        if not head.startswith(b"HTTP/1.1 200"):
            refused.append(1)
    writer.close()
