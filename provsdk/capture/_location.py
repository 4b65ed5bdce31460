"""A place without the secrets that it carries: paths, URLs, connection strings."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["without_secrets"]

_SECRET: Final = re.compile(
    r"token|key|secret|sig|auth|pass|pwd|credential|session|bearer|jwt|saml|assertion|ticket|\Asid\Z|code\Z",
    re.IGNORECASE,
)
"""Names of parameters whose values are left out."""

_HIDDEN: Final = "…"

_USER: Final = re.compile(r"//(?!\[)(?:[^/?#\s]*|[^/?#@\s]*:(?!\d+(?:[/?#;]|\Z))(?:[^?#\s]*|\S*?))@")
"""User information of an authority (RFC 3986, section 3.2.1); a password may hold a slash, a question mark or a hash
where nobody escaped it, and then what follows the colon is no port."""

_ORACLE: Final = re.compile(r"(\Ajdbc:oracle:\w+:)[^@]*@")
"""User and password of Oracle's thin driver stand before the @ without slashes."""

_BARE_USER: Final = re.compile(r"\A[^\s/\\@:]+:(?![/\\])[^\s@]+@(?=(?:[\w.-]+|\[[^\s\]]*\])(?::[\d/~]|/))")
"""User and password before a host with a port or a path, of a location without a scheme; `handbook:en@v3` is a name."""

_EZCONNECT: Final = re.compile(r"\A[^\s/\\@:]+/[^\s/@]+@(?=//|[\w.-]+:\d+/)")
"""The same as Oracle's clients write it: where no port and no slashes follow, it may as well be a path."""

_BOT: Final = re.compile(r"(/bot\d+:)[\w-]{20,}")
"""A token that is part of a path, as Telegram has it."""

_QUOTED: Final = r"""'[^']*'|"[^"]*"|\{[^}]*\}"""
_PAIR: Final = re.compile(rf"([?&;]|\A)([^=?&;]+?)(=|%3[Dd])({_QUOTED}|[^&;]*)")
_WORD: Final = re.compile(rf"(\s|\A)([^=\s]+)(\s*=\s*)({_QUOTED}|\S*)")
"""Of a connection string whose pairs are parted by blanks, as libpq's are."""

_CONNECTION: Final = re.compile(r"\s*\w[\w ]*=")
"""A connection string begins with a pair; a path with `=` in it does not."""


def without_secrets(location: str) -> str:
    """The location without user information, fragment and the values of parameters that sign or authorise.

    A path is left as it is.
    """
    is_url = "://" in location
    if not is_url and not location.startswith("//") and _CONNECTION.match(location) is None:
        return _EZCONNECT.sub("", _BARE_USER.sub("", _ORACLE.sub(r"\1", location)))
    text = _ORACLE.sub(r"\1", _USER.sub("//", location))
    text = _BOT.sub(rf"\1{_HIDDEN}", text.partition("#")[0]) if is_url else text
    pairs = _PAIR if is_url or ";" in text else _WORD
    return pairs.sub(_without_value, text)


def _without_value(pair: re.Match[str]) -> str:
    from urllib.parse import unquote  # noqa: PLC0415 most locations are paths

    before, name, equals, value = pair.groups()
    is_secret = _SECRET.search(unquote(name)) or _holds_secrets(unquote(value))
    return f"{before}{name}{equals}{_HIDDEN}" if is_secret else pair.group()


def _holds_secrets(value: str) -> bool:
    """Whether it is a location that has some itself."""
    return "://" in value and without_secrets(value) != value
