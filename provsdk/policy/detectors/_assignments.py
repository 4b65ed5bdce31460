"""Secrets that are told by what stands before them: names they are assigned to, headers, user information of URLs."""

from __future__ import annotations

import base64
import re
from math import log2
from typing import TYPE_CHECKING, Final

from provsdk.gate import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["assigned", "in_headers", "in_urls"]

_NAMES: Final = ("passw", "passphrase", "pwd", "secret", "token", "key", "credential")
"""Each is the beginning of a name's last word, in lower case."""

_OF_PASSWORDS: Final = frozenset({"passw", "passphrase", "pwd"})

_KEYS_OF: Final = re.compile(r"(?:api|access|account|auth|secret|private|encryption|signing|shared|master)[_ -]?\Z")
"""What stands before `key` where that opens something."""
_KEYS_OF_REACH: Final = 12

_GAP: Final = r"[ \t]{0,8}"
_BARE: Final = r"[^\s\"'`,;<>(){}\[\]&|]"
_REST: Final = re.compile(f"{_BARE}*")
_ASSIGNED: Final = re.compile(
    r"(?:passw(?:or)?d|passphrase|pwd|secret|token|key|credential)(?:_?[0-9]{1,2})?"
    rf"(?:\\?[\"'`])?\]?{_GAP}"
    rf"(?::{_GAP}(?:str|string|optional\[str\]){_GAP}={{1,3}}|:=|=>|={{1,3}}|:|>){_GAP}"
    r"(?:[a-z]{0,2}\\?(?P<quote>[\"'`])(?P<quoted>(?:(?!(?P=quote))[^\n\\]|\\(?!(?P=quote))[^\n]){4,512})\\?(?P=quote)"
    rf"|(?P<bare>{_BARE}{{8,128}}+)(?![({{\[]))"
)
"""In lower case: a name's last word, a sign that assigns, a value."""

_PLACEHOLDER: Final = re.compile(
    r"chang(?:e|ed)[-_ ]?(?:me|it|this)|your|example|sample|placeholder|dummy|redact|fixme|todo|replace|insert|xxx"
    r"|\*\*\*|\.\.\.|…|<|\$\{|\$\(|\{\{|%[(s{]|#\{|\{[a-z_.]*\}|environ|getenv|process\.env|secrets?[./:]|vault[:/]|://"
    r"|^(?:\$[a-z_]\w*|[a-z_][\w.]*\(.*\)|null|none|undefined|true|false|password1?|passwd|pass|secret|token|string|test|optional|required)$"
)
"""In lower case: stands where a secret will."""

_HASH: Final = re.compile(r"\$(?:2[abxy]|argon2\w*|pbkdf2\w*|[1567y])\$|pbkdf2_|\{s?sha|(?:sha\d{1,3}|md5)[:-]")
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ATTRIBUTE: Final = re.compile(r"[A-Za-z_$][\w$]*(?:(?:\.|->|::|\?\.)[A-Za-z_$][\w$]*)+[;,]?")
_LONG: Final = 40
_JUDGED: Final = 96
"""Characters of a value that are looked at."""
_PATH: Final = re.compile(r"[./~\\]")
_IDENTIFIER: Final = re.compile(
    r"(?=.*(?:passw|secret|token|key|sha\d|md5|base64|utf8|int\d\d|oauth2|digest|hash|value|param))[A-Za-z_]\w*",
    re.IGNORECASE,
)
"""The name of a variable, to judge by the words in it."""

_BITS_PER_LETTER: Final = 2.3
_MIN_BITS: Final = 18.0
"""Of the letters as they are shared out (Shannon): six different ones and more."""
_MIN_BITS_OF_TOKEN: Final = 56.0
"""What is called a token often opens nothing: a page, a word of a model. One that does is long."""

_AUTHORIZATION: Final = re.compile(
    r"authorization\\?[\"']?\]?\s{0,4}[:=,]\s{0,4}\\?[\"'`]?"
    r"(?:(?P<basic>basic)|bearer|token|apikey|api-key)\s{1,4}(?P<it>[a-z0-9._~+/=-]{8,}+)(?![(\[])"
)
_USER: Final = re.compile(
    r"://[^\s:/?#@\[\]\"'<>(){}|\\]*+:(?![0-9]{1,5}[/?#,;)\]}|\\&])"
    r"(?P<it>(?:[^\s@\"'<>/]|/(?!/)|@(?=[^\s@\"'<>/?#]*@))++)@(?=[\w.\[-])"
)
"""User information (RFC 3986, section 3.2.1); a password may hold a slash or an @ where nobody escaped
it, a port does not."""
_NO_PASSWORD: Final = re.compile(r"(?i)(?:pass(?:word|wd)?|pwd|secret|token|x+|\[.*\]|%s|\$[a-z_]\w*|\{.*\})\Z")


def in_urls(text: str) -> Iterator[Finding]:
    """Passwords in user information."""
    at = text.find("://")
    while at >= 0:
        match = _USER.match(text, at)
        if match is not None and not _is_placeholder(match["it"]) and _NO_PASSWORD.match(match["it"]) is None:
            yield Finding("url_password", *match.span("it"))
        at = text.find("://", at + 3)


def in_headers(text: str, lower: str) -> Iterator[Finding]:
    """Credentials of `Authorization` (RFC 9110, section 11.6.2); `lower` is the text in lower case."""
    at = lower.find("authorization")
    while at >= 0:
        match = _AUTHORIZATION.match(lower, at)
        if match is not None:
            value = text[match.start("it") : match.end("it")]
            if _is_basic(value) if match["basic"] else _is_bearer(value):
                yield Finding("basic_auth" if match["basic"] else "bearer_token", *match.span("it"))
        at = lower.find("authorization", match.end() if match is not None else at + 1)


def _is_basic(value: str) -> bool:
    try:
        return b":" in base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except ValueError:
        return False


def _is_bearer(value: str) -> bool:
    if _is_placeholder(value) or _is_attribute(value):
        return False
    return any(map(str.isdigit, value)) and _bits(value) >= _MIN_BITS


def assigned(text: str, lower: str) -> Iterator[Finding]:
    """Values that are assigned to a name such as `password`; `lower` is the text in lower case."""
    for name in _NAMES:
        at = lower.find(name)
        while at >= 0:
            match = _ASSIGNED.match(lower, at)
            end = _end_of_secret(text, match, name) if match is not None and _opens(lower, at, name) else None
            if match is not None and end is not None:
                start = match.start("bare" if match["quoted"] is None else "quoted")
                yield Finding("password" if name in _OF_PASSWORDS else "secret", start, end)
            at = lower.find(name, end or at + 1)


def _end_of_secret(text: str, match: re.Match[str], name: str) -> int | None:
    """Where the value ends; None where it is no secret."""
    is_quoted = match["quoted"] is not None
    start, end = match.span("quoted" if is_quoted else "bare")
    if not _is_secret(text[start : min(end, start + _JUDGED)], name, is_quoted=is_quoted):
        return None
    rest = None if is_quoted else _REST.match(text, end)
    return end if rest is None else rest.end()


def _opens(lower: str, at: int, name: str) -> bool:
    return name != "key" or _KEYS_OF.search(lower, max(0, at - _KEYS_OF_REACH), at) is not None


def _is_secret(value: str, name: str, *, is_quoted: bool) -> bool:
    if _is_placeholder(value) or _HASH.match(value.lower()) or any(map(str.isspace, value)):
        return False
    if _is_attribute(value):
        return False
    if not is_quoted and (_PATH.match(value) or _IDENTIFIER.fullmatch(value) or value.isdigit()):
        return False
    if name == "token" and (_UUID.fullmatch(value.lower()) or _bits(value) < _MIN_BITS_OF_TOKEN):
        return False
    return _is_mixed(value, is_quoted=is_quoted) and _bits(value) >= max(_MIN_BITS, len(value) * _BITS_PER_LETTER)


def _is_mixed(value: str, *, is_quoted: bool) -> bool:
    """No word of a language: it has digits, or in quotes signs that are neither letters nor parts of words."""
    has_digit = any(map(str.isdigit, value))
    if not is_quoted:
        return has_digit and any(map(str.isalpha, value))
    return has_digit or re.search(r"[A-Za-z][!@#$%^&*+=?~]|[!@#$%^&*+=~][A-Za-z]", value) is not None


def _is_attribute(value: str) -> bool:
    """Of something in a program; a token with dots in it is longer."""
    return len(value) < _LONG and _ATTRIBUTE.fullmatch(value) is not None


def _is_placeholder(value: str) -> bool:
    return _PLACEHOLDER.search(value.lower()) is not None


def _bits(value: str) -> float:
    """Shannon's entropy of its letters, all together."""
    size = len(value)
    return sum(-count * log2(count / size) for count in (value.count(letter) for letter in set(value)))
