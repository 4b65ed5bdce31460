"""The checks of `doctor`: each looks at one thing and says what it found, in words that a newcomer can act on."""

import os
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from provsdk.cli.filesystem import Mount, mount_of, mounts, risk, writable
from provsdk.cli.place import WHEN_RECORDED
from provsdk.errors import ProvsdkError

if TYPE_CHECKING:
    from provsdk.config import Config
    from provsdk.store.contract import Store
    from provsdk.store.spools import Found

__all__ = ["VERIFIED_UP_TO", "Check", "State", "examine", "settings"]

State = Literal["ok", "note", "finding"]

VERIFIED_UP_TO: Final = 2_000
"""Entries that `doctor` verifies by itself; a larger store is left to `provsdk verify`."""


CLOCK_SLACK_S: Final = 300.0

_GIVEN_IN_CODE: Final = ("service", "owner", "tenant", "classification", "retention", "exporters")
"""Settings that programs often give in code."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    area: str
    state: State
    text: str
    remedy: str | None = None


def settings(config: "Config") -> dict[str, tuple[str, str]]:
    """Every setting with its value and where it comes from. Of exporters only names: options may hold secrets."""
    import dataclasses  # noqa: PLC0415 help needs none of it

    found = {}
    for field in dataclasses.fields(config):
        if field.name != "sources":
            value = getattr(config, field.name)
            shown = [_name_of(item) for item in value] if field.name in {"exporters", "checks"} else value
            found[field.name] = (_plain(shown), str(config.sources.get(field.name, "default")))
    return found


def _name_of(item: Any) -> str:
    """Of an exporter, or of a check."""
    if isinstance(item, Mapping):
        return str(item.get("check", item.get("name")))
    return str(getattr(item, "name", item))


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(item)}" for key, item in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value)) or "none"
    return "not set" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def examine(config: "Config", environ: Mapping[str, str]) -> Iterator[Check]:
    """All checks, in the order in which a person reads them."""
    path = Path(config.store)
    keys, state = Path(config.keys), Path(config.state)
    yield from _unseen(config)
    yield from _switches(config, environ)
    yield from _place("store", path, mounts())
    yield from _place("state", state, mounts(), "the memory of the log's size outside the store")
    yield from _keys(keys, path, mounts())
    yield from _store(config, path, keys, state)
    yield from _spools(Path(config.spool), path, config.spool_bytes)
    yield from _clock()
    yield from _captured(config)
    yield from _checks(config)


def _unseen(config: "Config") -> Iterator[Check]:
    """What is a default here may be set where a program begins."""
    defaults = [name for name in _GIVEN_IN_CODE if name not in config.sources]
    if defaults:
        text = f"{', '.join(defaults)}: defaults here; what a program gives provsdk.configure(...) is not visible here"
        yield Check("settings", "note", text)


def _switches(config: "Config", environ: Mapping[str, str]) -> Iterator[Check]:
    if config.disabled:
        yield Check("capture", "finding", "PROVSDK_DISABLED is set: nothing is recorded", "unset PROVSDK_DISABLED")
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        yield Check("capture", "note", "OTEL_SDK_DISABLED stops the export of spans; records are sealed all the same")
    if environ.get("PROVSDK_STORE"):
        yield Check("capture", "ok", "PROVSDK_STORE is set: programs record by themselves, provsdk.configure() or not")
    else:
        text = f"{WHEN_RECORDED}; a table [tool.provsdk] alone records nothing"
        yield Check(
            "capture", "note", text, "in a program that does none of these, call provsdk.configure() where it begins"
        )


def _place(area: str, path: Path, mounted: tuple[Mount, ...], what: str = "the log") -> Iterator[Check]:
    mount = mount_of(path, mounted)
    sits = "sits" if path.exists() else "is not there, and would sit"
    if mount is None:
        yield Check(area, "note", f"{path}: this system does not say what it sits on; not checked")
    elif danger := risk(mount):
        remedy = f"put {what} on a local disk that lasts: set `{area}` (PROVSDK_{area.upper()})"
        yield Check(area, "finding", f"{path} {sits} on {danger}", remedy)
    else:
        yield Check(area, "ok", f"{path} {sits} on {mount.kind}, mounted at {mount.point}")
    if (mount is not None and mount.read_only) or not writable(path):
        yield Check(
            area, "finding", f"{path} cannot be written", f"give this user the right to write there, or set `{area}`"
        )


def _keys(keys: Path, store: Path, mounted: tuple[Mount, ...]) -> Iterator[Check]:
    if os.path.realpath(keys).startswith(os.path.realpath(store) + os.sep) or os.path.realpath(
        keys
    ) == os.path.realpath(store):
        text = f"{keys} lies inside the store's directory: whoever copies the store copies its keys"
        yield Check("keys", "finding", text, "set `keys` (PROVSDK_KEYS) to a directory elsewhere")
    if not keys.is_dir():
        yield Check("keys", "note", f"{keys} is not there yet; it is made with the store")
        return
    yield from _place("keys", keys, mounted, "the keys")
    open_files = [path for path in [keys, *sorted(keys.rglob("*"))] if _open_to_others(path)]
    for path in open_files:
        mode = "700" if path.is_dir() else "600"
        yield Check("keys", "finding", f"{path} can be read by other users", f"chmod {mode} {path}")
    if not open_files:
        number = sum(path.is_file() for path in keys.rglob("*"))
        yield Check("keys", "ok", f"{number} key file{'' if number == 1 else 's'}, readable by this user only")


def _open_to_others(path: Path) -> bool:
    try:
        return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)
    except OSError:
        return False


def _store(config: "Config", path: Path, keys: Path, state: Path) -> Iterator[Check]:
    from provsdk.store.open import open_store  # noqa: PLC0415 help needs none of it

    try:
        log = open_store(config.store, keys=keys, state=state, read_only=True)
    except ProvsdkError as error:
        remedy = None
        if not (path / "log.db").exists():
            remedy = "provsdk init --new-log" if "--new-log" in str(error) else "provsdk init"
        yield Check("store", "finding", str(error), remedy)
        return
    try:
        yield from _health(log)
        yield from _absent(log, config)
        yield from _memory(log, path, state)
        yield from _signing_key(log, keys)
        yield from _failures(log)
    finally:
        log.close()


def _spools(spool: Path, store: Path, limit: int) -> Iterator[Check]:
    from provsdk.store.spools import directory_for, look  # noqa: PLC0415 help needs none of it

    if not limit:
        yield Check("spool", "note", "spool_bytes is 0: what the store does not take waits in memory only")
    directory = directory_for(spool, store)
    found = look(directory)
    for one in found:
        yield from _spool(one)
    if limit and not found:
        yield Check("spool", "ok", f"nothing waits in {directory}")


def _spool(one: "Found") -> Iterator[Check]:
    from provsdk.report.steps import counted  # noqa: PLC0415 help needs none of it

    entries = counted(one.frames, "entry")
    if one.problem is not None:
        yield Check("spool", "finding", f"{one.path}: {one.problem}", "keep that file; restore it if there is a copy")
    elif one.is_remains:
        text = f"{one.path}: {one.damaged:,} bytes could not be read; the rest of it was sealed"
        yield Check("spool", "finding", text, "outputs are missing in the log; delete the file once that is noted")
    elif one.damaged:
        text = f"{one.path}: {entries} to be sealed, and {one.damaged:,} bytes that cannot be read"
        yield Check("spool", "finding", text, "look at the disk that it is on")
    elif one.held:
        text = f"{entries} of a running process wait in {one.path}: its store does not take them"
        yield Check("spool", "finding", text, "look for what holds up the store; they are sealed as soon as it answers")
    else:
        text = f"{entries} of a process that has ended wait in {one.path}; they are not in the log yet"
        yield Check("spool", "finding", text, "start the program again, or run: provsdk store replay")


def _health(log: "Store") -> Iterator[Check]:
    from provsdk.report.steps import counted  # noqa: PLC0415 help needs none of it
    from provsdk.report.wording import size as size_of  # noqa: PLC0415 as above

    size, stats = log.size(), log.stats()
    text = f"{counted(size, 'entry')}, {counted(stats.records, 'record')}, {size_of(stats.bytes_total)}"
    if size > VERIFIED_UP_TO:
        yield Check("store", "note", f"{text}; opened, not recomputed", "provsdk verify")
        return
    from provsdk.store.verify import verify  # noqa: PLC0415 help needs none of it

    report = verify(log)
    if report.ok:
        yield Check("store", "ok", f"{text}; verified ({report.level.value})")
    else:
        where = f"entry {report.first_wrong[0]}: {report.first_wrong[1]}" if report.first_wrong else "see the steps"
        yield Check("store", "finding", f"{text}; verification FAILED, {where}", "provsdk verify")
    unchecked = sum(step.not_checked for step in report.steps)
    if unchecked:
        yield Check("store", "note", f"{unchecked:,} not checked; `provsdk verify` says what and why")


def _absent(log: "Store", config: "Config") -> Iterator[Check]:
    """Outputs without a record are no finding for ever: what can be mended is."""
    from provsdk.cli.gaps import absent_outputs  # noqa: PLC0415 help needs none of it
    from provsdk.report.gaps import headline, limits  # noqa: PLC0415 as above
    from provsdk.report.wording import moment  # noqa: PLC0415 as above

    try:
        found = absent_outputs(log, config)
    except ProvsdkError as error:
        yield Check("gaps", "finding", str(error))
        return
    if not found.gaps:
        yield Check("gaps", "ok", headline(found))
    else:
        newest = max(found.gaps, key=lambda gap: gap.started_at or "")
        text = f"the newest is {newest.name or 'one without a name'}, started {moment(newest.started_at) or 'unknown'}"
        yield Check("gaps", "note", f"{headline(found)}; {text}", "provsdk gaps")
    yield from (Check("gaps", "note", line) for line in limits(found))
    for problem in found.problems:
        yield Check("gaps", "finding", problem, "give this user the right to read it; a damaged file is of no use")
    yield from _slots_can_be_made(Path(config.store))


def _slots_can_be_made(path: Path) -> Iterator[Check]:
    from provsdk.store.emitters import DIRECTORY  # noqa: PLC0415 help needs none of it

    directory = path / DIRECTORY
    if directory.exists() and not (directory.is_dir() and os.access(directory, os.W_OK | os.X_OK)):
        text = f"{directory} cannot be written: outputs run without slots, a kill would leave no gap for them"
        yield Check("gaps", "finding", text, "give this user the right to write there")


def _memory(log: "Store", path: Path, state: Path) -> Iterator[Check]:
    from provsdk.store.memory import Memory  # noqa: PLC0415 help needs none of it

    try:
        known = Memory(state, path).of_path()
    except ProvsdkError as error:
        yield Check("state", "finding", str(error))
        return
    if known is None:
        text = f"nothing in {state} remembers this store: an older copy in its place would go unnoticed"
        yield Check("state", "finding", text, "set `state` (PROVSDK_STATE) as the program that writes has it")
    else:
        from provsdk.report.steps import counted  # noqa: PLC0415 help needs none of it

        text = f"{known.size:,} of {counted(log.size(), 'entry')} remembered outside: an older copy would be noticed"
        yield Check("state", "ok", text)


def _signing_key(log: "Store", keys: Path) -> Iterator[Check]:
    from provsdk.ledger.keys import log_key  # noqa: PLC0415 help needs none of it
    from provsdk.report.wording import moment  # noqa: PLC0415 as above

    try:
        log_key(keys, log.origin, create=False)
    except ProvsdkError as error:
        yield Check(
            "keys",
            "finding",
            f"the log {log.origin} cannot be appended to: {error}",
            "restore the key file, or set `keys`",
        )
    newest = next(iter(log.entries(max(log.size() - 1, 0))), None)
    if newest is not None and _age_s(newest.time) < -CLOCK_SLACK_S:
        text = f"the newest entry says {moment(newest.time)}, which this clock has not reached"
        yield Check("clock", "finding", text, "set the clock; let it be kept by NTP")


def _failures(log: "Store") -> Iterator[Check]:
    from provsdk.cli.failures import newest_ended  # noqa: PLC0415 help needs none of it
    from provsdk.report.wording import moment  # noqa: PLC0415 as above

    ended = newest_ended(log)
    if ended is None:
        return
    if not ended.failures:
        yield Check("host", "ok", f"the process that ended at {moment(ended.time)} had no failure of provsdk's own")
        return
    named = ", ".join(f"could not {one.where} ({one.kind}, {one.count:,} times)" for one in ended.failures[:5])
    more = f" and {len(ended.failures) - 5} other kinds" if len(ended.failures) > 5 else ""
    when = f"in the process that ended at {moment(ended.time)}"
    text = f"{when} provsdk {named}{more}; the traced functions were not affected"
    remedy = 'the logger `provsdk` says when each happened first; on_failure="raise" in a test shows where'
    yield Check("host", "finding", text, remedy)


def _age_s(text: str) -> float:
    from provsdk.report.steps import parse_time  # noqa: PLC0415 help needs none of it

    return time.time() - parse_time(text).timestamp()


def _clock() -> Iterator[Check]:
    import provsdk  # noqa: PLC0415 only its file's date is read

    behind = Path(str(provsdk.__file__)).stat().st_mtime - time.time()
    if behind > CLOCK_SLACK_S:
        text = f"the clock says {time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC, before provsdk was installed here"
        yield Check("clock", "finding", text, "set the clock; let it be kept by NTP")
    else:
        yield Check("clock", "ok", f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime())} UTC; nothing here is younger")


def _captured(config: "Config") -> Iterator[Check]:
    yield Check(
        "captured",
        "ok",
        "functions, generators, classes and blocks under traced_output, traced_source, traced_transform, "
        "traced_model_call, traced_check, "
        "and what declare_source names; how values flow between them, by identity, digest and content",
    )
    yield from _uncaptured_libraries()
    yield Check("not captured", "note", "what is put in other words; by equal content, what is shorter than 32 bytes")
    content = "kept, encrypted" if str(config.capture_content) == "full" else "not kept: digests and sizes only"
    yield Check("captured", "ok", f"content of values: {content} (capture_content = {config.capture_content})")
    yield from _answerable(config)


def _checks(config: "Config") -> Iterator[Check]:
    """What is asked before values move on."""
    from provsdk.errors import ConfigError  # noqa: PLC0415 help needs none of it
    from provsdk.policy.load import rules  # noqa: PLC0415 as above

    area = "checks"
    try:
        found = rules(config.checks, config.sources.get("checks", "argument"))
    except ConfigError as error:
        yield Check(area, "finding", str(error), "programs that are configured so do not start")
        return
    if not found:
        yield Check(area, "note", "none are configured here: no value is withheld, redacted or warned of")
    for one in found:
        stages, outputs = ", ".join(sorted(one.stages)), ", ".join(one.outputs)
        does = "redacts" if one.redact else {"block": "blocks", "warn": "warns", "record": "records"}[one.mode]
        yield Check(area, "ok", f"{one.check.name}, before {stages}, of outputs {outputs}: {does}")
        missing = [] if one.check.type != "pii_scan" else _missing_kinds(one.check)
        if missing:
            text = f"{one.check.name} does not find {', '.join(missing)} here"
            yield Check(area, "finding", text, 'pip install "provsdk[pii]"')


def _missing_kinds(check: Any) -> list[str]:
    """Kinds of personal data that want libraries which are not installed."""
    from provsdk.policy.detectors.pii import KINDS, available_kinds  # noqa: PLC0415 help needs none of it

    wanted = getattr(check, "kinds", ()) or KINDS
    return [kind for kind in KINDS if kind in wanted and kind not in available_kinds()]


def _answerable(config: "Config") -> Iterator[Check]:
    """Which questions the captured records can answer."""
    area = "questions"
    yield Check(area, "ok", "lineage, impact, stale, diff, recall: by digests and places, whatever is kept of content")
    if str(config.capture_content) == "full":
        yield Check(area, "ok", "why: from the content that is kept")
    else:
        text = "why: from a text that is given, compared with the record by its digest; content is not kept"
        yield Check(area, "note", text, "provsdk why RECORD --text FILE; or set capture_content = full")
    if not config.search_bytes:
        text = "texts are not searched for each other: why finds whole texts only, lineage follows identity and digest"
        yield Check(area, "note", text, "set search_bytes above 0")


def _uncaptured_libraries() -> Iterator[Check]:
    from provsdk.cli.project import FRAMEWORKS, installed  # noqa: PLC0415 help needs none of it

    versions = installed()
    there = [
        f"{framework.label} {versions[name]}"
        for framework in FRAMEWORKS
        if framework.role != "web"
        for name in framework.distributions[:1]
        if name in versions
    ]
    if there:
        text = f"calls of {', '.join(there)} made outside a decorated function: this version reads no library by itself"
        yield Check(
            "not captured", "note", text, "put @traced_model_call or @traced_source on the functions that call them"
        )
    instrumentations = sorted(
        name for name in versions if name.startswith(("opentelemetry-instrumentation-", "openinference-"))
    )
    if instrumentations:
        named = ", ".join(instrumentations)
        text = f"spans of {named}: counted and named in a record, not read as sources or model calls"
        yield Check("not captured", "note", text)
