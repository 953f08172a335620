"""The keys that secrets are encrypted with: the first encrypts, all decrypt."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from hub.domain.errors import ConfigurationError

_KEY_FILE = "secret.keys"
_installed: MultiFernet | None = None


def keyring() -> MultiFernet:
    """The keys of this process. Raises `ConfigurationError` before `install_keys` was called."""
    if _installed is None:
        raise ConfigurationError("No secret keys are installed.", "Set DOZVON_SECRET_KEYS or DOZVON_HOME.")
    return _installed


def install_keys(keys: Sequence[str], home: Path) -> None:
    """Use `keys`, or the file in `home`, made with a fresh key (mode 0600) when there is none."""
    global _installed
    texts = known_keys(keys, home)
    try:
        _installed = MultiFernet([Fernet(text.encode()) for text in texts])
    except ValueError as error:
        raise ConfigurationError(
            "A secret key is not valid: 32 bytes in url-safe base64 are expected.",
            "Make one with: dozvon key secret",
        ) from error


def known_keys(keys: Sequence[str], home: Path) -> tuple[str, ...]:
    """`keys` as given, or those of the file in `home`, which is made when there is none. The newest first."""
    return tuple(keys) or _kept_keys(home)


def _kept_keys(home: Path) -> tuple[str, ...]:
    home.mkdir(parents=True, exist_ok=True)
    file = home / _KEY_FILE
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read_keys(file)
    with os.fdopen(descriptor, "w") as out:
        out.write(Fernet.generate_key().decode() + "\n")
        out.flush()
        os.fsync(out.fileno())
    return _read_keys(file)


def _read_keys(file: Path) -> tuple[str, ...]:
    return tuple(line.strip() for line in file.read_text().splitlines() if line.strip())


def reencrypt(token: bytes) -> bytes:
    """The same secret under the newest key. Raises `ConfigurationError` when no key opens it."""
    try:
        return keyring().rotate(token)
    except InvalidToken as error:
        raise ConfigurationError(
            "A stored secret does not open with the given keys.",
            "Keep the old key in DOZVON_SECRET_KEYS, after the new one.",
        ) from error
