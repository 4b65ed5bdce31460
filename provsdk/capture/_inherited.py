"""The environment that a child process inherits where nobody says otherwise: that of the C library.

`os.environ` is a copy of it that Python made at its start. What a library sets in C is missing there, and what
`os.unsetenv` takes away is there still.
"""

from __future__ import annotations

import os

__all__ = ["inherited_environment"]


def inherited_environment() -> dict[str, str]:
    """The variables by name; those of `os.environ` where the C library's cannot be read."""
    try:
        entries = _entries()
    except (ImportError, OSError, ValueError, AttributeError):  # no such library, symbol or module here
        return dict(os.environ)
    found: dict[str, str] = {}
    for entry in entries:
        name, sign, value = entry.partition(b"=")
        if sign and name:
            found.setdefault(os.fsdecode(name), os.fsdecode(value))  # of two the C library goes by the first
    return found


def _entries() -> list[bytes]:
    import ctypes  # noqa: PLC0415 only who starts child processes needs it

    pointer = ctypes.POINTER(ctypes.c_char_p).in_dll(ctypes.CDLL(None), "environ")
    entries: list[bytes] = []
    while (entry := pointer[len(entries)]) is not None:
        entries.append(entry)
    return entries
