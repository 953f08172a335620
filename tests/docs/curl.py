"""`curl` for machines that have none: the options that the pages use, and no others."""

from __future__ import annotations

import argparse
import sys

import urllib3


def main() -> int:
    """What the server answered goes to standard output, whatever its status, as with `curl`."""
    reader = argparse.ArgumentParser()
    reader.add_argument("url")
    reader.add_argument("-X", dest="method")
    reader.add_argument("-H", dest="headers", action="append", default=[])
    reader.add_argument("-d", "--data-binary", dest="body")
    reader.add_argument("-s", "-S", "-sS", "-f", "-fsS", action="store_true")
    asked = reader.parse_args()
    headers = dict(header.split(": ", 1) for header in asked.headers)
    if asked.body is not None:
        headers = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    method = asked.method or ("GET" if asked.body is None else "POST")
    body = None if asked.body is None else asked.body.encode()
    answer = urllib3.PoolManager(retries=False, timeout=10.0).request(method, asked.url, body=body, headers=headers)
    sys.stdout.write(answer.data.decode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
