"""Configuration: arguments beat `PROVSDK_*` environment variables, those beat a TOML file, that beats defaults.

The file is the one that `config=` or `PROVSDK_CONFIG` names, else the nearest `provsdk.toml`, or `pyproject.toml` with
a table `[tool.provsdk]`, in the directory of the start and upwards. Whatever is wrong is an error that names the key,
its place and what is allowed; nothing is guessed and nothing is ignored.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from provsdk.errors import ConfigError, UsageError
from provsdk.vocabulary import DataClassification, OwnershipRole, RetentionPeriod, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["DEFAULT_STORE", "KEYS", "Config", "load"]

DEFAULT_STORE: Final = ".provsdk"

MAX_SECONDS: Final = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What `configure` decided, with the place where each key was set."""

    store: str
    """Directory of the store, absolute."""
    service: str | None = None
    """Name of this program; None: as the OpenTelemetry resource says."""
    tenant: str = "default"
    origin: str | None = None
    """Name of the log that is made where there is none; None: a random one."""
    owner: Mapping[str, str] = field(default_factory=dict)
    """Agents by `OwnershipRole`, for outputs that name nobody."""
    classification: DataClassification = DataClassification.INTERNAL
    retention: RetentionPeriod | int | None = None
    """A period, or days; None: as the classification demands."""
    capture_content: Literal["none", "full"] = "none"
    durability: Literal["sync", "batch"] = "sync"
    max_wait: float = 2.0
    """Seconds that a caller waits for its record at most."""
    on_unavailable: Literal["proceed", "block"] = "proceed"
    on_failure: Literal["ignore", "raise"] = "ignore"
    export_spans: Literal["all", "ids", "none"] = "all"
    record_unsampled: Literal["all", "own"] = "own"
    """Whether spans of other instrumentations that the user's sampler drops are seen too."""
    checks: tuple[Any, ...] = ()
    """Names of checks, tables with a `check`, or objects of `provsdk.policy`."""
    exporters: tuple[Mapping[str, Any], ...] = ()
    """Each `{"name": …}` with the exporter's options beside it."""
    keys: Path
    """Directory of the signing, digest and encryption keys."""
    state: Path
    """Directory of what is remembered of stores outside of them."""
    spool: Path
    """Directory of what waits on disk for stores that do not answer."""
    spool_bytes: int = 256 * 1024 * 1024
    """Bytes that the spools of one store may take; 0: nothing is spooled."""
    queue_size: int = 10_000
    """Unsealed outputs that are kept in memory where the store is down and the spool takes nothing."""
    max_value_bytes: int = 256 * 1024 * 1024
    """Larger values are recorded with their size only."""
    search_bytes: int = 8 * 1024 * 1024
    """Characters of an output's texts that are searched for what came from what; 0: nothing is searched."""
    search_seconds: float = 1.0
    """How long that may take."""
    propagate_threads: bool = True
    """Threads and thread pools take the current output along."""
    propagate_processes: bool = True
    """Child processes are told whose work they do."""
    disabled: bool = False
    """Everything is a pass-through."""
    sources: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Where each key that is not a default was set, as a person would say it."""

    def settings(self) -> dict[str, Any]:
        """What `load` takes to come to the same in another process, as plain values that can be pickled."""
        return {key: _plain(getattr(self, key)) for key in KEYS}


def load(arguments: Mapping[str, Any], environ: Mapping[str, str], start: Path | None = None) -> Config:
    """The configuration of this process.

    Args:
        arguments: keys and values as given in code; `config` names the file. None means: not given.
        environ: environment variables; empty ones count as not set.
        start: directory where the search for a file begins and that relative paths are meant from, unless a file gives
            them; None: the working directory.

    Raises:
        ConfigError: a wrong key, type or value, or a file that cannot be read; names it, its place and what is allowed.
    """
    here = _working_directory() if start is None else start.absolute()
    home = environ.get("HOME") or environ.get("USERPROFILE")
    given = _Layer.of_arguments(arguments, here)
    variables = _Layer.of_environment(environ, here)
    file = _file_layer(given.values.get("config"), variables.values.get("config"), here, home)
    settled: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for layer in (given, variables, file):
        for key, value in layer.values.items():
            # Each value is checked, those that something stronger overrules too.
            checked = layer.checked(key, value, home)
            if key not in sources:
                settled[key], sources[key] = checked, layer.place(key)
    settled.pop("config", None)
    for key, default in _directories(environ, home, here):
        if key not in settled:
            settled[key] = default()
    settled.setdefault("spool", settled["state"] / "spool")
    return Config(**settled, sources=MappingProxyType(sources))


class _Layer(NamedTuple):
    """Values from one kind of place."""

    values: Mapping[str, Any]
    place: Callable[[str], str]
    base: Path | None
    """Relative paths are meant from here."""
    is_text: bool = False
    """Values are text, as environment variables are."""

    @classmethod
    def of_arguments(cls, arguments: Mapping[str, Any], base: Path | None) -> _Layer:
        for key in arguments:
            if key not in _CHECKS:
                raise ConfigError(f"{key} (argument): no such key{_instead(key, _CHECKS)}")
        values = {key: value for key, value in arguments.items() if value is not None}
        return cls(values, lambda _key: "argument", base)

    @classmethod
    def of_environment(cls, environ: Mapping[str, str], base: Path | None) -> _Layer:
        values = {}
        for variable, value in environ.items():
            if not variable.startswith(_PREFIX) or variable == _NO_SETTING:
                continue
            key = variable.removeprefix(_PREFIX).lower()
            if key not in _CHECKS or variable != _variable(key):
                raise ConfigError(f"{variable}: no such environment variable{_instead(variable, _VARIABLES)}")
            if value.strip():
                values[key] = value.strip()
        return cls(values, lambda key: f"environment variable {_variable(key)}", base, is_text=True)

    @classmethod
    def of_table(cls, table: Mapping[str, Any], text: str, path: Path, header: str) -> _Layer:
        def place(key: str) -> str:
            line = _line_of(key, text, header)
            where = f"{path}, [{header}]" if header else str(path)
            return where if line is None else f"{where}, line {line}"

        for key in table:
            if key not in _CHECKS or key == "config":
                raise ConfigError(f"{key} ({place(key)}): no such key{_instead(key, KEYS)}")
        return cls(table, place, path.parent)

    def checked(self, key: str, value: Any, home: str | None) -> Any:
        try:
            return _CHECKS[key](_Given(value, self.is_text, self.base, home))
        except (_Unfit, UsageError) as error:
            raise ConfigError(f"{key} ({self.place(key)}): {error}") from None


class _Given(NamedTuple):
    """One value as somebody wrote it."""

    value: Any
    is_text: bool
    base: Path | None
    home: str | None


class _Unfit(Exception):
    """A value that its key does not take; the message says what it takes."""


# Files.


def _file_layer(argument: Any, variable: Any, here: Path | None, home: str | None) -> _Layer:
    for value, place in ((argument, "argument"), (variable, f"environment variable {_variable('config')}")):
        if value is not None:
            try:
                path = _path(_Given(value, is_text=False, base=here, home=home))
            except _Unfit as error:
                raise ConfigError(f"config ({place}): {error}") from None
            return _named_file(path, place)
    for directory in () if here is None else (here, *here.parents):
        for name in ("provsdk.toml", "pyproject.toml"):
            found = _table(directory / name, needed=False)
            if found is not None:
                return found
    return _Layer({}, str, None)


def _named_file(path: Path, place: str) -> _Layer:
    found = _table(path, needed=True)
    if found is None:
        raise ConfigError(f"config ({place}): {path} has no table [{_TABLE}]")
    return found


def _table(path: Path, *, needed: bool) -> _Layer | None:
    """The layer of a file; None where there is no file that need be, or a `pyproject.toml` without our table."""
    text = _text_of(path, needed=needed)
    if text is None:
        return None
    import tomllib  # noqa: PLC0415 most processes have no file to read

    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None
    tool = document.get("tool")
    ours = tool.get("provsdk") if isinstance(tool, dict) else None
    if ours is None:
        return None if path.name == "pyproject.toml" else _Layer.of_table(document, text, path, "")
    if not isinstance(ours, dict):
        raise ConfigError(f"{path}: {_TABLE} is no table; write [{_TABLE}]")
    beside = [key for key in document if key != "tool"]
    if beside and path.name != "pyproject.toml":
        raise ConfigError(f"{path}: {beside[0]} stands outside of [{_TABLE}]; put every key into the table, or none")
    return _Layer.of_table(ours, text, path, _TABLE)


def _text_of(path: Path, *, needed: bool) -> str | None:
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        if needed:
            raise ConfigError(f"{path}: there is no such file") from None
        return None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        return data.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}, line {line}: not UTF-8") from None


def _line_of(key: str, text: str, header: str) -> int | None:
    """The line that sets a key: in our table, or as a dotted key; None where it is written in some rarer way."""
    assignment = re.compile(rf"""\s*(?:{re.escape(header)}\.)?["']?{re.escape(key)}["']?\s*[.=]""")
    table = re.compile(rf"\s*\[+\s*{re.escape(header + '.' if header else '')}{re.escape(key)}\s*\]")
    within = not header
    for number, line in enumerate(text.splitlines(), 1):
        if table.match(line):
            return number
        if line.lstrip().startswith("["):
            within = bool(header) and "".join(line.split("#")[0].split()) == f"[{header}]"
        elif assignment.match(line) and (within or header + "." in line):
            return number
    return None


# Values: each check takes what somebody wrote and gives what `Config` holds.


def _got(value: Any) -> str:
    if isinstance(value, (str, int, float, bool)):
        return repr(value)[:60]
    return f"a value of type {type(value).__name__}"


def _plain_text(given: _Given) -> str:
    value = given.value
    if not isinstance(value, str) or not value.strip() or len(value) > 256 or not value.isprintable():
        raise _Unfit(f"{_got(value)} is not allowed; allowed: printable text of 1 to 256 characters")
    return value


def _origin(given: _Given) -> str:
    value = _plain_text(given)
    # The rule for key names in signed notes (C2SP signed-note).
    if "+" in value or any(character.isspace() for character in value):
        raise _Unfit(f"{_got(value)} is not allowed; allowed: text without white space and without '+'")
    return value


def _one_of(*allowed: str) -> Callable[[_Given], str]:
    def check(given: _Given) -> str:
        value = given.value.lower() if given.is_text else given.value
        if not isinstance(value, str) or value not in allowed:
            raise _Unfit(f"{_got(given.value)} is not allowed; allowed: {', '.join(allowed)}")
        return value

    return check


def _content(given: _Given) -> str:
    if given.value == "redacted":
        raise _Unfit("'redacted' needs a redactor, which comes with the policies; allowed: none, full")
    return _one_of("none", "full")(given)


def _classification(given: _Given) -> DataClassification:
    return parse(DataClassification, given.value)


def _retention(given: _Given) -> RetentionPeriod | int:
    value = given.value
    if given.is_text and re.fullmatch(r"\d{1,6}", value):
        value = int(value)
    if type(value) is int and 0 < value < 1_000_000:
        return value
    if not isinstance(value, str):
        periods = ", ".join(RetentionPeriod)
        raise _Unfit(f"{_got(value)} is not allowed; allowed: a positive number of days, {periods}")
    try:
        return parse(RetentionPeriod, value)
    except UsageError as error:
        raise _Unfit(f"{error}, or a positive number of days") from None


def _owner(given: _Given) -> Mapping[str, str]:
    value = given.value
    if isinstance(value, str):
        value = _pairs(value) if given.is_text and "=" in value else {OwnershipRole.OUTPUT_OWNER: value}
    if not isinstance(value, Mapping):
        raise _Unfit(f"{_got(value)} is not allowed; allowed: an agent, or agents by role")
    return {parse(OwnershipRole, role).value: _plain_text(given._replace(value=agent)) for role, agent in value.items()}


def _pairs(text: str) -> dict[str, str]:
    pairs = {}
    for piece in text.split(","):
        role, equals, agent = piece.partition("=")
        if not equals:
            raise _Unfit(f"{_got(piece)} is not allowed; allowed: an agent, or role=agent,role=agent")
        pairs[role.strip()] = agent.strip()
    return pairs


def _seconds(given: _Given) -> float:
    value = given.value
    try:
        seconds = float(value) if given.is_text or type(value) in {int, float} else math.nan
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= MAX_SECONDS:
        raise _Unfit(f"{_got(value)} is not allowed; allowed: a number of seconds above 0, at most {MAX_SECONDS:,}")
    return seconds


def _count(given: _Given) -> int:
    value = given.value
    if given.is_text and re.fullmatch(r"\d{1,3}(_?\d{3})*|\d{1,18}", value):
        value = int(value)
    if type(value) is not int or not 0 < value < 2**53:
        raise _Unfit(f"{_got(value)} is not allowed; allowed: a whole number above 0")
    return value


def _count_or_none(given: _Given) -> int:
    value = given.value
    if value == "0" if given.is_text else (type(value) is int and value == 0):
        return 0
    try:
        return _count(given)
    except _Unfit:
        raise _Unfit(f"{_got(value)} is not allowed; allowed: a whole number from 0") from None


def _boolean(given: _Given) -> bool:
    value = given.value
    if given.is_text:
        value = _BOOLEANS.get(value.lower())
    if type(value) is not bool:
        raise _Unfit(f"{_got(given.value)} is not allowed; allowed: true, false")
    return value


_BOOLEANS: Final = {
    "1": True,
    "true": True,
    "yes": True,
    "on": True,
    "0": False,
    "false": False,
    "no": False,
    "off": False,
}


def _exporters(given: _Given) -> tuple[Mapping[str, Any], ...]:
    value = given.value
    if given.is_text:
        value = [name.strip() for name in value.split(",") if name.strip()]
    if not isinstance(value, (list, tuple)):
        raise _Unfit(f'{_got(value)} is not allowed; allowed: a list of names or of tables with a "name"')
    return tuple(_exporter(given, one) for one in value)


def _checks(given: _Given) -> tuple[Any, ...]:
    value = given.value
    if given.is_text:
        value = [name.strip() for name in value.split(",") if name.strip()]
    if not isinstance(value, (list, tuple)):
        raise _Unfit(f'{_got(value)} is not allowed; allowed: a list of names, of tables with a "check", or of checks')
    return tuple(MappingProxyType(dict(one)) if isinstance(one, Mapping) else one for one in value)


def _exporter(given: _Given, one: Any) -> Mapping[str, Any]:
    table = {"name": one} if isinstance(one, str) else one
    if not isinstance(table, Mapping) or not all(isinstance(key, str) for key in table):
        raise _Unfit(f'{_got(one)} is not allowed; allowed: names, or tables with a "name"')
    if "name" not in table:
        raise _Unfit('an exporter has no "name"')
    _plain_text(given._replace(value=table["name"]))
    return MappingProxyType(dict(table))


def _path(given: _Given) -> Path:
    value = given.value
    if isinstance(value, Path):
        value = str(value)
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise _Unfit(f"{_got(value)} is not allowed; allowed: a path")
    if value == "~" or value.startswith("~/"):
        if not given.home:
            raise _Unfit("there is no home directory; write the path in full")
        value = given.home + value[1:]
    path = Path(value)
    if not path.is_absolute():
        if given.base is None:
            raise _Unfit("the working directory is gone; write the path in full")
        path = given.base / path
    return path


def _store(given: _Given) -> str:
    value = given.value
    if isinstance(value, str) and (match := re.match(r"([a-zA-Z][a-zA-Z0-9+.-]+):(.*)", value, re.DOTALL)):
        given = given._replace(value=_sqlite_path(match[1].lower(), match[2]))
    return str(_path(given))


def _sqlite_path(scheme: str, rest: str) -> str:
    from urllib.parse import unquote  # noqa: PLC0415 only a URL needs it

    # The rest is not shown: other stores' URLs carry passwords.
    if scheme != "sqlite":
        raise _Unfit(f"a {scheme}: URL is not allowed; allowed: a directory, sqlite:directory, sqlite:///directory")
    if rest.startswith("//") and not rest.startswith("///"):
        raise _Unfit("a sqlite: URL with a host is not allowed; allowed: sqlite:directory, sqlite:///directory")
    return unquote(rest.removeprefix("//"))


_CHECKS: Final[Mapping[str, Callable[[_Given], Any]]] = {
    "store": _store,
    "service": _plain_text,
    "tenant": _plain_text,
    "origin": _origin,
    "owner": _owner,
    "classification": _classification,
    "retention": _retention,
    "capture_content": _content,
    "durability": _one_of("sync", "batch"),
    "max_wait": _seconds,
    "on_unavailable": _one_of("proceed", "block"),
    "on_failure": _one_of("ignore", "raise"),
    "export_spans": _one_of("all", "ids", "none"),
    "record_unsampled": _one_of("all", "own"),
    "checks": _checks,
    "exporters": _exporters,
    "keys": _path,
    "state": _path,
    "spool": _path,
    "spool_bytes": _count_or_none,
    "queue_size": _count,
    "max_value_bytes": _count,
    "search_bytes": _count_or_none,
    "search_seconds": _seconds,
    "propagate_threads": _boolean,
    "propagate_processes": _boolean,
    "disabled": _boolean,
    "config": _path,
}
_TABLE: Final = "tool.provsdk"
_PREFIX: Final = "PROVSDK_"
_NO_SETTING: Final = "PROVSDK_PARENT"
"""Tells a child process whose work it does (`provsdk.capture.propagation`)."""

KEYS: Final = tuple(key for key in _CHECKS if key != "config")
"""Every key, in the order of the documentation."""


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, Path | StrEnum) else value


def _variable(key: str) -> str:
    return _PREFIX + key.upper()


_VARIABLES: Final = tuple(_variable(key) for key in _CHECKS)


def _instead(word: str, allowed: Any) -> str:
    """What to write instead of a word that nobody knows."""
    from difflib import get_close_matches  # noqa: PLC0415 only for an error

    close = get_close_matches(word, list(allowed), n=1)
    meant = f"; did you mean {close[0]}?" if close else ""
    return f"{meant} Allowed: {', '.join(allowed)}" if meant else f"; allowed: {', '.join(allowed)}"


# Directories.


def _working_directory() -> Path | None:
    try:
        return Path.cwd()
    except OSError:
        return None


def _directories(
    environ: Mapping[str, str], home: str | None, here: Path | None
) -> Iterator[tuple[str, Callable[[], str | Path]]]:
    """The defaults that depend on where and for whom the process runs (XDG Base Directory Specification)."""

    def under(variable: str, *default: str) -> Path:
        chosen = environ.get(variable, "")
        if Path(chosen).is_absolute():
            return Path(chosen, "provsdk")
        if not home:
            raise ConfigError(f"keys, state: there is no home directory; set both, or {variable}")
        return Path(home, *default, "provsdk")

    def store() -> str:
        if here is None:
            raise ConfigError("store: the working directory is gone; set it to an absolute path")
        return str(here / DEFAULT_STORE)

    yield "store", store
    yield "keys", lambda: under("XDG_DATA_HOME", ".local", "share") / "keys"
    yield "state", lambda: under("XDG_STATE_HOME", ".local", "state")
