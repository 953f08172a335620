"""Signing keys, and tokens in the compact form of RFC 7515. RS256 and ES256 with real keys."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def encoded(content: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _number(value: int, size_bytes: int | None = None) -> str:
    return encoded(value.to_bytes(size_bytes or (value.bit_length() + 7) // 8, "big"))


@dataclass(frozen=True)
class SigningKey:
    """A private key with the name that the key set gives it."""

    kid: str
    alg: str
    private: PrivateKey

    def public(self) -> dict[str, str]:
        """The public half as a JWK (RFC 7517)."""
        named = {"kid": self.kid, "alg": self.alg, "use": "sig"}
        if isinstance(self.private, rsa.RSAPrivateKey):
            numbers = self.private.public_key().public_numbers()
            return {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e), **named}
        point = self.private.public_key().public_numbers()
        return {"kty": "EC", "crv": "P-256", "x": _number(point.x, 32), "y": _number(point.y, 32), **named}

    def sign(self, content: bytes) -> bytes:
        if isinstance(self.private, rsa.RSAPrivateKey):
            return self.private.sign(content, padding.PKCS1v15(), hashes.SHA256())
        r, s = decode_dss_signature(self.private.sign(content, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def new_key(alg: str, kid: str | None = None) -> SigningKey:
    """A fresh key for "RS256" or "ES256"."""
    private: PrivateKey = (
        rsa.generate_private_key(public_exponent=65537, key_size=2048)
        if alg == "RS256"
        else ec.generate_private_key(ec.SECP256R1())
    )
    return SigningKey(kid or secrets.token_hex(6), alg, private)


def signed(key: SigningKey, claims: Mapping[str, Any]) -> str:
    """The claims as a signed token."""
    content = f"{_part({'alg': key.alg, 'typ': 'JWT', 'kid': key.kid})}.{_part(claims)}"
    return f"{content}.{encoded(key.sign(content.encode()))}"


def unsecured(claims: Mapping[str, Any]) -> str:
    """A token that says `alg: none` and has no signature (RFC 7519 §6)."""
    return f"{_part({'alg': 'none', 'typ': 'JWT'})}.{_part(claims)}."


def confused(key: SigningKey, claims: Mapping[str, Any]) -> str:
    """HS256 with the public key as the secret: what a reader accepts that lets the token choose the algorithm."""
    content = f"{_part({'alg': 'HS256', 'typ': 'JWT', 'kid': key.kid})}.{_part(claims)}"
    public = key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return f"{content}.{encoded(hmac.new(public, content.encode(), hashlib.sha256).digest())}"


def half_hash(text: str) -> str:
    """`at_hash` of a token that is signed with a SHA-256 algorithm (Core 1.0 §3.1.3.6)."""
    return encoded(hashlib.sha256(text.encode()).digest()[:16])


def _part(content: Mapping[str, Any]) -> str:
    return encoded(json.dumps(content, separators=(",", ":")).encode())
