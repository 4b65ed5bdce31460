"""Keys, tokens and passwords in a text: where they stand, and of what kind they are."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Final

from provsdk.gate import Finding
from provsdk.policy.detectors._assignments import assigned, in_headers, in_urls
from provsdk.policy.detectors._forms import places
from provsdk.policy.detectors._pem import private_keys
from provsdk.policy.detectors._spans import apart
from provsdk.policy.detectors._tokens import MIN_LENGTH, NAMED, TOKENS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

__all__ = ["KINDS", "find"]

KINDS: Final = frozenset(
    {
        *(form.kind for form in TOKENS + NAMED),
        *("private_key", "gcp_private_key", "bearer_token", "basic_auth", "url_password", "password", "secret"),
    }
)
"""Everything that can be found."""

_SIFTED: Final = 65_536
"""Characters of a text whose words are looked at one by one; a longer one is searched for each form."""


def find(text: str, kinds: Collection[str] = KINDS) -> list[Finding]:
    """Where secrets stand in the text: by place, apart from each other, each from its first character to its last.

    Examples out of documentation are found, for they have the form. Placeholders are not.

    Args:
        text: That is searched.
        kinds: Of `KINDS`, what is looked for.

    >>> find("postgres://app:hunter2@db.internal/orders")
    [Finding(kind='url_password', start=15, end=22, place='')]
    >>> find("password = os.environ['DB_PASSWORD']")
    []
    """
    return apart(one for one in _found(text) if one.kind in kinds)


def _found(text: str) -> Iterator[Finding]:
    """What tells more comes first."""
    sifted = _long_words(text) if len(text) <= _SIFTED else text
    if "-----BEGIN" in text:
        yield from private_keys(text)
    for forms, where in ((TOKENS, sifted), (NAMED, text)) if sifted else ():
        for form in forms:
            if any(needle in where for needle in form.needles):
                yield from (Finding(form.kind, *span) for span in places(form, text))
    if "://" in text:
        yield from in_urls(text)
    lower = text.replace("İ", "i").lower()  # the one letter that would be two in lower case
    yield from chain(in_headers(text, lower), assigned(text, lower))


def _long_words(text: str) -> str:
    """Words that are long enough for a token."""
    return " ".join([word for word in text.split() if len(word) >= MIN_LENGTH])
