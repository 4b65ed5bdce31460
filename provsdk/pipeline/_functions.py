"""The digest of a traced function: of its source text, so that it is the same wherever the same text runs.

The text is what stands in the file from the first decorator to the end of the body, without common indentation and
trailing blanks, lines ended by a line feed, in UTF-8 (`docs/formats/records.md`). Where that text is not at hand, or
the file was changed after the function was loaded from it, the digest is of the compiled code, and says so: that one
differs between versions of Python.
"""

from __future__ import annotations

import inspect
import linecache
import sys
import textwrap
import tokenize
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING, Any

from provsdk.capture import _code

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["code_digest", "function_digest", "source_digest"]


def function_digest(number: int) -> tuple[str, str] | None:
    """Dotted name and digest of the traced function of that number: worked out once."""
    found = _code.traced(number)
    return None if found is None else _digest_of(found)


@cache
def _digest_of(found: _code.TracedCode) -> tuple[str, str]:
    text = _source(found)
    return f"{found.module}.{found.name}", source_digest(text) if text is not None else code_digest(found.code)


def source_digest(text: str) -> str:
    """`sha256:<hex>` of a function's source text."""
    lines = textwrap.dedent(text).rstrip().splitlines()
    return "sha256:" + sha256(("\n".join(line.rstrip() for line in lines) + "\n").encode()).hexdigest()


def code_digest(code: CodeType) -> str:
    """`<implementation and version>:sha256:<hex>` of compiled code: instructions, names, constants; no file or line."""
    digested = sha256()
    for piece in _pieces(code):
        digested.update(len(piece).to_bytes(8, "big") + piece)
    return f"{sys.implementation.cache_tag}:sha256:{digested.hexdigest()}"


def _source(found: _code.TracedCode) -> str | None:
    """The text that the function was loaded from; None where that cannot be told."""
    if found.modified_ns != _modified_ns(found.code.co_filename):
        return None  # what stands there now is not what runs here
    module = sys.modules.get(found.module)
    linecache.checkcache(found.code.co_filename)
    lines = linecache.getlines(found.code.co_filename, vars(module) if module is not None else None)
    try:
        # `inspect.getsource` does just this, after a search through all modules that takes a tenth of a second.
        return "".join(inspect.getblock(lines[found.code.co_firstlineno - 1 :])) or None
    except (SyntaxError, IndexError, tokenize.TokenError):  # text that is no Python: there is the code
        return None


def _modified_ns(path: str) -> int | None:
    try:
        return Path(path).stat().st_mtime_ns
    except (OSError, ValueError):
        return None


def _pieces(code: CodeType) -> Iterator[bytes]:
    yield code.co_code
    yield repr((code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)).encode()
    for names in (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars):
        yield repr(names).encode()
    for constant in code.co_consts:
        yield from _constant(constant)


def _constant(value: Any) -> Iterator[bytes]:
    if isinstance(value, CodeType):
        yield b"code"
        yield from _pieces(value)
    elif isinstance(value, tuple):
        yield f"tuple {len(value)}".encode()
        for item in value:
            yield from _constant(item)
    elif isinstance(value, frozenset):
        yield f"frozenset {len(value)}".encode()
        yield from sorted(repr(item).encode() for item in value)  # its own order differs from run to run
    else:
        yield f"{type(value).__name__} {value!r}".encode("utf-8", "surrogatepass")
