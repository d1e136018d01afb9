"""Ed25519 keys as PEM files. The only door to the `cryptography` package."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from patternspan.errors import ConfigError, MissingExtraError, NotFoundError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


def make_key(path: str | os.PathLike[str]) -> tuple[str, str]:
    """Write a new private key (mode 0600) and, beside it, its public key; return both paths.

    Raises ConfigError where one of them is there already, MissingExtraError without `cryptography`.
    """
    serialization, ed25519 = _door()
    private, public = os.fspath(path), os.fspath(path) + ".pub"
    key = ed25519.Ed25519PrivateKey.generate()
    pem = serialization.Encoding.PEM
    _new(private, key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()), 0o600)
    _new(public, key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo), 0o644)
    return private, public


def _new(path: str, data: bytes, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    except FileExistsError:
        raise ConfigError(f"{path}: there already; a key is never overwritten") from None
    with open(descriptor, "wb") as file:
        file.write(data)


def read_private(path: str | os.PathLike[str]) -> Ed25519PrivateKey:
    """Return a private key. Raises NotFoundError, ConfigError or MissingExtraError."""
    serialization, ed25519 = _door()
    try:
        key = serialization.load_pem_private_key(_bytes_of(path), None)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{os.fspath(path)}: no private key in PEM without a password: {error}") from None
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise ConfigError(f"{os.fspath(path)}: not an Ed25519 key")
    found: Ed25519PrivateKey = key
    return found


def read_public(path: str | os.PathLike[str]) -> Ed25519PublicKey:
    """Return a public key. Raises NotFoundError, ConfigError or MissingExtraError."""
    serialization, ed25519 = _door()
    try:
        key = serialization.load_pem_public_key(_bytes_of(path))
    except ValueError as error:
        raise ConfigError(f"{os.fspath(path)}: no public key in PEM: {error}") from None
    if not isinstance(key, ed25519.Ed25519PublicKey):
        raise ConfigError(f"{os.fspath(path)}: not an Ed25519 key")
    found: Ed25519PublicKey = key
    return found


def is_signed(key: Ed25519PublicKey, signature: str | None, data: bytes) -> bool:
    """Say whether this key made the signature, in hexadecimal, of these bytes."""
    from cryptography.exceptions import InvalidSignature

    try:
        key.verify(bytes.fromhex(signature or ""), data)
    except (InvalidSignature, ValueError):
        return False
    return True


def _bytes_of(path: str | os.PathLike[str]) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(1 << 16)
    except FileNotFoundError:
        raise NotFoundError(f"{os.fspath(path)}: no such key") from None


def _door() -> tuple[Any, Any]:
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError:
        raise MissingExtraError(
            "signatures need the `cryptography` package: python -m pip install 'patternspan[audit]'"
        ) from None
    return serialization, ed25519
