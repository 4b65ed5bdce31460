"""Where in the input something is wrong: each reader adds its own place to an error that comes from further inside."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from provsdk.errors import FormatError

__all__ = ["within"]

P = ParamSpec("P")
T = TypeVar("T")


def within(place: str, read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `read` answers; what it finds wrong, it finds wrong at `place`.

    Raises:
        FormatError: as `read` raised it, with the place before its message.
    """
    try:
        return read(*args, **kwargs)
    except FormatError as error:
        raise FormatError(f"{place}: {error}") from None
