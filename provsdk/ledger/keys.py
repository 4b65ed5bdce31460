"""Keys in files: for signing the log, for digests, for wrapping data keys. Format: `docs/formats/log.md`, section 7.

A key file is one line, `provsdk-key/v1 <type> <base64 of 32 bytes>`, mode 0600, in a directory of mode 0700 outside the
store's directory. Several processes may make the same key at once: all get the one that was there first.
"""

import base64
import binascii
import hashlib
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from provsdk.errors import KeyMissing, KeyUnusable, UsageError
from provsdk.ledger.note import Ed25519Signer, is_key_name

__all__ = ["KEY_BYTES", "LogKey", "content_key", "digest_key", "is_away", "log_key", "log_key_path", "seal_key"]

KEY_BYTES: Final = 32
"""Length of every key, in bytes."""

_FORMAT: Final = "provsdk-key/v1"
_MAX_FILE_BYTES: Final = 4096
_SEAL_INFO: Final = b"provsdk/seal-key/v1"


@dataclass(frozen=True, slots=True)
class LogKey:
    """What its owner has to a log."""

    signer: Ed25519Signer
    """Signs checkpoints; its name is the log's origin."""
    seal_key: bytes = field(repr=False)
    """Derived from the same seed; 32 bytes."""


def log_key(keys_dir: Path, origin: str, *, create: bool) -> LogKey:
    """The key of the log with that origin, from `log_key_path`.

    Args:
        keys_dir: Directory of the keys.
        origin: The log's name: not empty, without white space and `+`.
        create: Make the key, where there is none.

    Raises:
        KeyUnusable: no such file and not `create`; not a key of that type; readable by others; not to be read or made.
        UsageError: the origin cannot be a key's name.
    """
    if not is_key_name(origin):
        raise UsageError(f"an origin is not empty and has neither white space nor '+'; got {origin!r}")
    path = log_key_path(keys_dir, origin)
    seed = _key(path, "ed25519-seed", f"the signing key of the log {origin!r}", create=create)
    return LogKey(Ed25519Signer(origin, seed), seal_key(seed))


def digest_key(keys_dir: Path, *, create: bool) -> bytes:
    """The key of join digests, 32 bytes, from `digest.key`; services that share it are joined.

    Raises:
        KeyUnusable: as `log_key`.
    """
    return _key(keys_dir / "digest.key", "hmac-sha256", "the digest key", create=create)


def content_key(keys_dir: Path, *, create: bool) -> bytes:
    """The key that wraps each record's data key, 32 bytes for AES-256, from `content.key`.

    Raises:
        KeyUnusable: as `log_key`.
    """
    return _key(keys_dir / "content.key", "aes-256", "the key of encrypted content", create=create)


def log_key_path(keys_dir: Path, origin: str) -> Path:
    """Where the key of the log with that origin stands: `logs/<first 16 hex digits of SHA-256(origin)>.key`."""
    return keys_dir / "logs" / f"{hashlib.sha256(origin.encode()).hexdigest()[:16]}.key"


def is_away(error: KeyUnusable) -> bool:
    """Whether a key is not here, or not for this user to read; where it is here and damaged, it is not."""
    cause = error.__cause__
    return isinstance(error, KeyMissing) or isinstance(cause, FileNotFoundError | NotADirectoryError | PermissionError)


def seal_key(seed: bytes) -> bytes:
    """The key of a log's seals: HKDF-SHA256 of the signing seed, no salt, info "provsdk/seal-key/v1", 32 bytes."""
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=_SEAL_INFO).derive(seed)


def _key(path: Path, kind: str, purpose: str, *, create: bool) -> bytes:
    data = _read(path, purpose)
    if data is None and create:
        _make(path, kind, purpose)
        data = _read(path, purpose)
    if data is None:
        raise KeyMissing(
            f"{purpose} is missing: looked for {path}. Put the key file back there, or name the directory that has it "
            "with the setting `keys`."
        )
    return _decoded(data, path, kind, purpose)


def _read(path: Path, purpose: str) -> bytes | None:
    with _explained(path, f"{purpose} cannot be read"):
        try:
            # Not to hang where a pipe stands in the file's place.
            descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
        except FileNotFoundError:
            return None
        try:
            _refuse_open_to_others(os.fstat(descriptor).st_mode, path, purpose)
            return os.read(descriptor, _MAX_FILE_BYTES)
        finally:
            os.close(descriptor)


def _refuse_open_to_others(mode: int, path: Path, purpose: str) -> None:
    if not stat.S_ISREG(mode):
        raise KeyUnusable(f"{purpose}: {path} is no regular file")
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise KeyUnusable(
            f"{purpose}: {path} has mode {stat.S_IMODE(mode):04o}, so others may have used it. If nobody has: "
            f"chmod 600 {path}"
        )


def _decoded(data: bytes, path: Path, kind: str, purpose: str) -> bytes:
    words = data.split()
    expected = f"one line `{_FORMAT} {kind} <base64 of {KEY_BYTES} bytes>`"
    mend = "Restore the file from a backup; a log or a digest that needs it cannot go on with another key."
    if len(words) != 3 or words[0] != _FORMAT.encode():
        raise KeyUnusable(f"{purpose}: {path} is damaged or no key file; expected {expected}. {mend}")
    if words[1] != kind.encode():
        raise KeyUnusable(f"{purpose}: {path} holds a key of another type; expected {expected}. {mend}")
    try:
        key = base64.b64decode(words[2], validate=True)
    except (binascii.Error, ValueError):
        raise KeyUnusable(f"{purpose}: the key in {path} is not base64; expected {expected}. {mend}") from None
    if len(key) != KEY_BYTES:
        raise KeyUnusable(f"{purpose}: the key in {path} has {len(key)} bytes; expected {expected}. {mend}")
    return key


def _make(path: Path, kind: str, purpose: str) -> None:
    encoded = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
    with _explained(path, f"{purpose} cannot be made"):
        _make_directory(path.parent)
        _refuse_writable_by_others(path.parent)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        try:
            _write(draft, f"{_FORMAT} {kind} {encoded}\n".encode())
            # A link, unlike a rename, never replaces: who comes second finds the file complete, and reads it.
            with suppress(FileExistsError):
                os.link(draft, path)
        finally:
            draft.unlink(missing_ok=True)
        _sync_directory(path.parent)


def _make_directory(directory: Path) -> None:
    if not directory.is_dir():
        _make_directory(directory.parent)
        directory.mkdir(mode=0o700, exist_ok=True)
        _sync_directory(directory.parent)


def _refuse_writable_by_others(directory: Path) -> None:
    mode = directory.stat().st_mode
    if os.name == "posix" and mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise KeyUnusable(
            f"the directory of keys {directory} has mode {stat.S_IMODE(mode):04o}, so others may put keys there. "
            f"chmod 700 {directory}"
        )


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600)
    with open(descriptor, "wb") as file:  # noqa: PTH123 made with its mode, so that it never was readable by others
        file.write(data)
        file.flush()
        os.fsync(descriptor)


def _sync_directory(directory: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _explained(path: Path, what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise KeyUnusable(f"{what}: {path}: {error.strerror or error}") from error
