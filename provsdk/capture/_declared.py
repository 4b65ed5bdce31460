"""What users say about a call, checked: which facts each kind of activity takes, and what they must look like."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from enum import Enum
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from provsdk import rfc3339, semconv, vocabulary
from provsdk.errors import UsageError

if TYPE_CHECKING:
    from provsdk.capture._responses import ToolCall

__all__ = [
    "CAPTURE_CONTENT",
    "CHECKSUM",
    "FIXED_AT_START",
    "LOCAL_ONLY",
    "article",
    "check",
    "check_name",
    "refused",
]

CAPTURE_CONTENT: Final = "capture_content"
"""No fact of the record, but a setting of the call: whether the content of its values is kept."""

FIXED_AT_START: Final = frozenset({"tenant", CAPTURE_CONTENT})
"""What must be known before the first value is noted."""

LOCAL_ONLY: Final = frozenset(
    {
        "session", "subjects", "recipients", "purpose", "owner", "parameters", "on_unavailable",
        "reasons", "findings", "got", "expected",
    }
)  # fmt: skip
"""Facts that name people, may quote content, or say what this process is to do: they never go on a span."""

CHECKSUM: Final = "checksum"
"""Stays home like those, as short content can be guessed from it; but unlike those it may be said of each item."""

MAX_TEXT: Final = 4_096
MAX_TEXTS: Final = 1_000
MAX_DEPTH: Final = 8
MAX_ITEMS: Final = 10_000

Check = Callable[[Any], Any]


def _text(value: Any) -> str:
    if isinstance(value, (str, int, float)) and not isinstance(value, (bool, Enum)):
        return str(value)[:MAX_TEXT]
    if isinstance(value, (Enum, datetime)) or hasattr(value, "__fspath__") or type(value).__module__ == "uuid":
        return str(value.value if isinstance(value, Enum) else value)[:MAX_TEXT]
    raise TypeError("a str")


def _location(value: Any) -> str:
    from provsdk.capture._location import without_secrets  # noqa: PLC0415 its patterns are compiled where they are needed

    return without_secrets(_text(value))


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [_text(value)]
    if isinstance(value, Iterable) and not isinstance(value, (bytes, Mapping)):
        return [_text(item) for _, item in zip(range(MAX_TEXTS), value, strict=False)]
    raise TypeError("a str or several of them")


def _checksum(value: Any) -> str:
    """A checksum by a known algorithm; says what is wrong with it without quoting it."""
    if not isinstance(value, str):
        raise TypeError("text such as 'sha256:<64 hexadecimal digits>'")
    from provsdk import checksum  # noqa: PLC0415 most programs state none

    try:
        return checksum.parse(value)
    except ValueError as error:
        raise UsageError(str(error)) from None


def _count(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53:
        return value
    raise TypeError("a whole number from 0")


def _when_unavailable(value: Any) -> str:
    if value in ("proceed", "block"):
        return str(value)
    raise TypeError("'proceed' or 'block'")


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise TypeError("True or False")


def _score(value: Any) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1:
        return float(value)
    raise TypeError("a number from 0 to 1")


def _moment(value: Any) -> str:
    """A point in time as RFC 3339 in UTC; a time without a zone is refused rather than guessed."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = datetime.fromtimestamp(value, UTC)
    if isinstance(value, datetime) and value.tzinfo is not None:
        return rfc3339.of(value)
    raise TypeError("a datetime with a time zone, RFC 3339 text, or seconds since 1970")


def _one_of(enum: type[Enum]) -> Check:
    def checked(value: Any) -> str:
        return str(vocabulary.parse(enum, value).value)  # type: ignore[type-var]

    return checked


def _result(value: Any) -> str:
    if isinstance(value, bool):
        return (vocabulary.CheckResult.PASS if value else vocabulary.CheckResult.FAIL).value
    return str(vocabulary.parse(vocabulary.CheckResult, value).value)


def _word(*allowed: str) -> Check:
    def checked(value: Any) -> str:
        if isinstance(value, str) and value in allowed:
            return value
        raise TypeError(f"one of {', '.join(allowed)}")

    return checked


def _findings(value: Any) -> list[list[Any]]:
    """Places, each with its kind, start, end, and the field that it is in."""
    found = []
    for _, one in zip(range(MAX_TEXTS), value, strict=False):
        kind, start, end, place = (getattr(one, name) for name in ("kind", "start", "end", "place"))
        found.append([_text(kind), _count(start), _count(end), _text(place)])
    return found


def _retention(value: Any) -> str | int:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    return str(vocabulary.parse(vocabulary.RetentionPeriod, value).value)


def _owner(value: Any) -> dict[str, str]:
    """An agent who is the output's owner, or agents by their roles."""
    if not isinstance(value, Mapping):
        return {vocabulary.OwnershipRole.OUTPUT_OWNER.value: _text(value)}
    roles = vocabulary.OwnershipRole
    return {str(vocabulary.parse(roles, role).value): _text(agent) for role, agent in _items(value)}


def _mapping(value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return {str(key)[:MAX_TEXT]: _json(item, 1) for key, item in _items(value)}
    raise TypeError("a mapping")


def _items(value: Mapping[Any, Any]) -> list[tuple[Any, Any]]:
    """What a mapping holds, though its class may say of itself that it never ends."""
    found = list(islice(dict.items(value) if isinstance(value, dict) else value.items(), MAX_ITEMS + 1))
    if len(found) > MAX_ITEMS:
        raise TypeError(f"a mapping of at most {MAX_ITEMS:,} entries")
    return found


def _held(value: Any) -> list[Any]:
    """What a list, tuple or set holds, read as what it is, and not as its class may say."""
    kinds: tuple[Any, ...] = (list, tuple, set, frozenset)
    for kind in kinds:
        if isinstance(value, kind):
            return list(kind.__iter__(value))
    raise TypeError("a list, tuple or set")


def _json(value: Any, depth: int) -> Any:
    """A value that RFC 8785 can carry: numbers beyond 2^53 as text, foreign values as the name of their type."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, Enum):
        return _json(value.value, depth)
    if isinstance(value, int):
        return value if abs(value) < 2**53 else str(value)
    if isinstance(value, float):
        return value if value - value == 0 else str(value)
    if depth < MAX_DEPTH and isinstance(value, Mapping):
        return {str(key): _json(item, depth + 1) for key, item in _items(value)}
    if depth < MAX_DEPTH and isinstance(value, (list, tuple, set, frozenset)):
        return [_json(item, depth + 1) for item in _held(value)]
    return f"<{type(value).__module__}.{type(value).__qualname__}>"


def _capture_content(value: Any) -> str:
    if value == "redacted":
        raise UsageError("'redacted' needs a redactor, which comes with the policies; allowed: none, full")
    if isinstance(value, str) and value in {"none", "full"}:
        return value
    raise TypeError("none or full")


def _seconds(value: Any) -> float:
    """Seconds to the microsecond; whole ones as an int, which is what their canonical bytes read back as."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 2**31:
        return int(value) if value == int(value) else round(float(value), 6)
    raise TypeError("a number of seconds from 0")


def _prompt_template(value: Any) -> dict[str, Any]:
    """A `Prompt`, a mapping with its fields, or the prompt object of a prompt registry, which is shaped alike."""
    from provsdk.digest import peek  # noqa: PLC0415 whoever says no template digests nothing before the first call

    name, version = peek(value, "name"), peek(value, "version")
    template = peek(value, "template")
    if not isinstance(name, str) or not (version is None or type(version) in (str, int)):
        raise TypeError("a provsdk.Prompt, with a str for its name and a str or an int for its version")
    return {
        "name": _text(name),
        "version": None if version is None else _text(version),
        "template": peek(value, "prompt") if template is None else template,
    }


def _tool_calls(value: Any) -> list[ToolCall]:
    from provsdk.capture._responses import asked  # noqa: PLC0415 most programs have their tool calls read

    calls = [asked(each) for each in _held(value)] if isinstance(value, (list, tuple)) else []
    if not calls or any(call is None for call in calls):
        raise TypeError("a list of tool calls, each with a name, an id and arguments")
    return [call for call in calls if call is not None]


_MADE: Final[dict[str, Check]] = {"version": _text, "parameters": _mapping}

_KINDS: Final[dict[str, dict[str, Check]]] = {
    semconv.KIND_OUTPUT: {
        "version": _text,
        "tenant": _text,
        "session": _text,
        "subjects": _texts,
        "recipients": _texts,
        "purpose": _text,
        "classification": _one_of(vocabulary.DataClassification),
        "retention": _retention,
        "owner": _owner,
        CAPTURE_CONTENT: _capture_content,
        "on_unavailable": _when_unavailable,
    },
    semconv.KIND_SOURCE: {
        **_MADE,
        "type": _one_of(vocabulary.SourceType),
        "location": _location,
        "modified_at": _moment,
        "classification": _one_of(vocabulary.DataClassification),
        "owner": _text,
        "reliability": _score,
        CHECKSUM: _checksum,
        CAPTURE_CONTENT: _capture_content,
    },
    semconv.KIND_TRANSFORMATION: {**_MADE, "type": _one_of(vocabulary.TransformationType)},
    semconv.KIND_MODEL_CALL: {
        **_MADE,
        "operation": _text,
        "provider": _text,
        "model": _text,
        "response_model": _text,
        "response_id": _text,
        "input_tokens": _count,
        "output_tokens": _count,
        "cache_read_tokens": _count,
        "cache_write_tokens": _count,
        "reasoning_tokens": _count,
        "time_to_first_chunk_s": _seconds,
        "finish_reasons": _texts,
        "retries": _count,
        "tool_calls": _tool_calls,
        "prompt_template": _prompt_template,
    },
    semconv.KIND_POLICY_CHECK: {
        **_MADE,
        "type": _one_of(vocabulary.ComplianceCheckType),
        "result": _result,
        "reasons": _texts,
        "blocking": _boolean,
        "stage": _word("source", "model", "return", "chunk"),
        "mode": _word("block", "warn", "record"),
        "findings": _findings,
        "got": _text,
        "expected": _text,
    },
}


def check_name(kind: str, name: str) -> None:
    """Refuses a fact that this kind of activity does not take.

    Raises:
        UsageError: names the fact and the allowed ones.
    """
    checks = _KINDS[kind]
    if name not in checks:
        raise UsageError(f"{name}: no such fact of {article(kind)}; allowed: {', '.join(sorted(checks))}")


def check(kind: str, name: str, value: Any) -> Any:
    """The value of a fact as plain builtins.

    Raises:
        UsageError: there is no such fact for this kind, or the value is not what it takes; says what it takes.
    """
    check_name(kind, name)
    try:
        return _KINDS[kind][name](value)
    except UsageError as error:
        raise UsageError(f"{name} of {article(kind)}: {error}") from None
    except (TypeError, ValueError, OverflowError) as error:
        wanted = str(error) if isinstance(error, TypeError) else "text that can be read as that"
        raise UsageError(f"{name} of {article(kind)}: wants {wanted}, got {type(value).__name__}") from None


def refused(kind: str, name: str, value: Any) -> UsageError:
    """What to say of a value that a fact does not take, where the value is the data of a call: its type, no more."""
    return UsageError(f"{name} of {article(kind)}: cannot be what was said during the call, a {type(value).__name__}")


def article(kind: str) -> str:
    """A kind of activity as a sentence has it: `an output`, `a model call`."""
    words = kind.replace("_", " ")
    return f"an {words}" if words[0] in "aeiou" else f"a {words}"
