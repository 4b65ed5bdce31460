"""Which records are wanted: by what a summary says, and by what the whole record says. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Final, Protocol

from provsdk.errors import UsageError
from provsdk.records.record import PolicyCheck, ProvenanceRecord
from provsdk.vocabulary import CheckResult

__all__ = ["Filter", "Summarised"]

_RESULTS: Final = frozenset(result.value for result in CheckResult)


class Summarised(Protocol):
    """What is read of a record's summary; None where it is protected and its key is not reachable."""

    @property
    def name(self) -> str | None:
        """Of the output."""
        ...

    @property
    def status(self) -> str | None:
        """An `OutputStatus`."""
        ...

    @property
    def generated_at(self) -> str | None:
        """When the output was made."""
        ...

    @property
    def classification(self) -> str | None:
        """A `DataClassification`."""
        ...

    @property
    def complete(self) -> bool | None:
        """Whether the record says that nothing is missing from it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What a record has to be, all of it; None: whatever it is. Texts may be patterns (`*`, `?`, `[…]`)."""

    name: str | None = None
    """Of its output."""
    status: str | None = None
    classification: str | None = None
    since: datetime | None = None
    """When the output was made, at the earliest; with an offset."""
    until: datetime | None = None
    """And at the latest."""
    incomplete: bool = False
    """Only those that miss something."""
    source: str | None = None
    """Location or name of one of its sources."""
    model: str | None = None
    """That was asked for or answered, also as `provider/model`."""
    owner: str | None = None
    """Who answers for it, in any role."""
    check: str | None = None
    """A check by name or type, its result, or `NAME=RESULT`."""
    subject: str | None = None
    """Whom it concerns."""
    session: str | None = None

    def __post_init__(self) -> None:
        result = None if self.check is None or "=" not in self.check else self.check.rpartition("=")[2]
        if result is not None and result not in _RESULTS:
            raise UsageError(f"{result!r} is no result of a check; allowed: {', '.join(sorted(_RESULTS))}")
        if any(one is not None and one.tzinfo is None for one in (self.since, self.until)):
            raise UsageError("since and until need an offset, as datetime.now(UTC) has it")

    @property
    def reads_records(self) -> bool:
        """Whether a summary does not say enough."""
        asked = (self.source, self.model, self.owner, self.check, self.subject, self.session)
        return any(one is not None for one in asked)

    def fits_summary(self, summary: Summarised) -> bool:
        """Whether the record may be wanted, by its summary; of one that cannot be read nothing is known to fit."""
        return (
            _fits(self.name, [summary.name])
            and _fits(self.status, [summary.status])
            and _fits(self.classification, [summary.classification])
            and self._made_then(summary.generated_at)
            and not (self.incomplete and summary.complete is not False)
        )

    def _made_then(self, generated_at: str | None) -> bool:
        if self.since is None and self.until is None:
            return True
        if generated_at is None:
            return False
        made = datetime.fromisoformat(generated_at)
        return (self.since is None or made >= self.since) and (self.until is None or made <= self.until)

    def fits_record(self, record: ProvenanceRecord) -> bool:
        """Whether the record is wanted, as far as its summary does not say."""
        models = [
            name
            for call in record.model_calls
            for model in (call.model, call.response_model)
            if model is not None
            for name in (model, f"{call.provider}/{model}" if call.provider else model)
        ]
        return (
            _fits(self.source, (name for source in record.sources for name in (source.location, source.name)))
            and _fits(self.model, models)
            and _fits(self.owner, (owner.agent for owner in record.ownership))
            and _fits(self.subject, record.context.subjects)
            and _fits(self.session, [record.context.session])
            and (self.check is None or any(_is_check(self.check, check) for check in record.policy_checks))
        )


def _fits(wanted: str | None, found: Iterable[str | None]) -> bool:
    return wanted is None or any(one is not None and (one == wanted or fnmatchcase(one, wanted)) for one in found)


def _is_check(wanted: str, check: PolicyCheck) -> bool:
    if wanted in _RESULTS:
        return check.result == wanted
    name, sign, result = wanted.rpartition("=")
    return _fits(name if sign else wanted, [check.name, check.type]) and (not sign or check.result == result)
