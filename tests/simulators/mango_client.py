"""A client of the Mango API for the tests, written from mango.md §1.2 and nothing else."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import urllib3

KEY = "demoapikey000000000000000000abcd"
SALT = "demoapisalt00000000000000000wxyz"


@dataclass
class Answer:
    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Client:
    base_url: str
    key: str = KEY
    salt: str = SALT

    def sign(self, text: str) -> str:
        return hashlib.sha256((self.key + text + self.salt).encode()).hexdigest()

    def ask(self, path: str, body: Any) -> Answer:
        """A good request with this JSON."""
        text = json.dumps(body, separators=(",", ":"))
        return self.post(path, {"vpbx_api_key": self.key, "sign": self.sign(text), "json": text})

    def post(self, path: str, form: dict[str, str], method: str = "POST", content_type: str = "") -> Answer:
        from urllib.parse import urlencode

        headers = {"Content-Type": content_type or "application/x-www-form-urlencoded"}
        return fetch(f"{self.base_url}/{path}", method, urlencode(form), headers)


def fetch(url: str, method: str = "GET", body: str | None = None, headers: dict[str, str] | None = None) -> Answer:
    answer = urllib3.request(method, url, body=body, headers=headers, redirect=False, retries=False, timeout=10)
    return Answer(answer.status, answer.headers, answer.data)
