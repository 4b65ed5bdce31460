"""What an exporter is, and how one is found by name.

An exporter is no store: by the time it sees a record, the record is sealed and on disk. `docs/guides/exporters.md`
builds one, and `delivery` hands the records over.
"""

import difflib
import hashlib
import inspect
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final, Protocol, runtime_checkable

from provsdk.errors import ConfigError
from provsdk.records.record import ProvenanceRecord

__all__ = ["GROUP", "Exporter", "Loaded", "SealedRecord", "available", "load", "load_all"]

GROUP: Final = "provsdk.exporters"
"""The entry point group that exporters are found in."""


@dataclass(frozen=True, slots=True)
class SealedRecord:
    """A record as an exporter gets it."""

    log: str
    """Id of the log's first entry: tells this log from every other, one started anew in its place too."""
    entry: int
    """Index of the entry that is being handed over: `record.sealed`, or a later `record.extended`."""
    revision: int
    """0 for the sealing, 1 and up for extensions. The highest one seen is the newest."""
    record: ProvenanceRecord
    """The record with every extension folded in that was in the log when it was read."""


@runtime_checkable
class Exporter(Protocol):
    """Takes sealed records somewhere else.

    Durability: what was in `batch` is durable, or in the hands of somebody who answers for it, when `export` returns.
    Retry: when `export` raises, whatever it raises, the same records come again later; and they may come again after it
    returned, if the process died before that was noted. So a record's id and revision name it, and an exporter, or
    whoever reads what it wrote, takes the second one for the first.
    Order: log order, one batch at a time; never two calls at once for one configured exporter, whatever the number of
    processes on the same store.
    Isolation: runs off the path of sealing. It may be slow or fail for as long as it likes; no caller waits for it.
    """

    def export(self, batch: Sequence[SealedRecord]) -> None:
        """Hands over the records; raises if it could not take all of them."""
        ...

    def close(self) -> None:
        """Lets go of files and connections. Called once, after the last `export`."""
        ...


@dataclass(frozen=True, slots=True)
class Loaded:
    """An exporter that is ready."""

    name: str
    identity: str
    """Names its cursor: the name, and where options were given, a short digest of them. Safe in a file name."""
    exporter: Exporter


def available() -> dict[str, EntryPoint]:
    """Entry points of the exporters that are installed, by name. Loads none of them."""
    return {point.name: point for point in sorted(entry_points(group=GROUP), key=lambda point: point.name)}


def load(name: str, options: Mapping[str, Any] | None = None) -> Loaded:
    """Loads and makes one exporter.

    The entry point *name* names a callable that is called with the options as keyword arguments. Its signature says
    which options there are.

    Raises:
        ConfigError: no exporter goes by that name, it cannot be imported, an option is unknown or missing, or what it
            made is no exporter. Also raised by the exporter's own callable, for values that it does not accept.
    """
    given = dict(options or {})
    factory = _factory(name)
    _check_options(name, factory, given)
    exporter = factory(**given)
    if not isinstance(exporter, Exporter):
        raise ConfigError(f"exporter {name!r}: {type(exporter).__qualname__} has no export() and close()")
    return Loaded(name=name, identity=_identity(name, given), exporter=exporter)


def load_all(configured: Iterable[Mapping[str, Any]]) -> list[Loaded]:
    """Loads exporters as the configuration lists them: each a `name` with its options beside it.

    Raises:
        ConfigError: as `load`.
    """
    return [load(str(item["name"]), {key: item[key] for key in item if key != "name"}) for item in configured]


def _factory(name: str) -> Callable[..., Any]:
    points = available()
    if name not in points:
        close = difflib.get_close_matches(name, points, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise ConfigError(f"no exporter named {name!r} is installed; there are: {', '.join(points) or 'none'}{hint}")
    try:
        factory = points[name].load()
    except Exception as error:  # whatever the other package's import raises
        raise ConfigError(f"exporter {name!r} ({points[name].value}) cannot be imported: {error}") from error
    if not callable(factory):
        raise ConfigError(f"exporter {name!r}: {points[name].value} is not callable")
    return factory  # type: ignore[no-any-return] # callable() does not narrow Any


def _check_options(name: str, factory: Callable[..., Any], options: Mapping[str, Any]) -> None:
    try:
        signature = inspect.signature(factory)
    except ValueError:  # a type written in C may have none; then the call itself is the check
        return
    try:
        signature.bind(**options)
    except TypeError as error:
        allowed = ", ".join(signature.parameters) or "none"
        raise ConfigError(f"exporter {name!r}: {error}; its options: {allowed}") from None


def _identity(name: str, options: Mapping[str, Any]) -> str:
    """Two exporters of one name with other options have a cursor each."""
    plain = "".join(character if character.isalnum() or character in "-_." else "_" for character in name)
    if not options and plain == name:
        return name
    text = json.dumps([name, options], sort_keys=True, default=str)
    return f"{plain}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
