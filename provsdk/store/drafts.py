"""Files in the making: they have a name that nobody looks for until they are whole. A kill may leave one behind."""

import time
from contextlib import suppress
from pathlib import Path
from typing import Final

__all__ = ["ABANDONED_S", "drop_abandoned"]

ABANDONED_S: Final = 3_600.0
"""Making one takes milliseconds. Who takes longer makes it anew, or does without."""


def drop_abandoned(directory: Path, pattern: str) -> None:
    """Deletes the drafts there that are as old as that; what cannot be deleted stays."""
    with suppress(OSError):
        for path in directory.glob(pattern):
            with suppress(OSError):
                if time.time() - path.lstat().st_mtime > ABANDONED_S:
                    path.unlink()
