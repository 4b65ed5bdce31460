"""Entries before they are sealed: of records and their extensions, and of the emitter's life."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import structs

from provsdk import rfc3339
from provsdk.assembly.text import clean
from provsdk.records.codec import encode
from provsdk.records.parts import Part, split, split_extension
from provsdk.store.contract import Draft

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provsdk.assembly.assembler import Assembled
    from provsdk.pipeline._committer import Committer
    from provsdk.pipeline._emitter import Gap, ProcessEmitter
    from provsdk.pipeline._failures import Failures
    from provsdk.pipeline._revisions import Revision
    from provsdk.records.record import Extension

__all__ = ["closed_draft", "extension_draft", "gap_draft", "opened_draft", "record_draft", "recovered_draft"]


def record_draft(emitter_id: str, assembled: Assembled, revision: Revision) -> Draft:
    """The entry of a record."""
    record = assembled.record
    return Draft(
        kind="record.sealed",
        key=f"record/{record.record_id}/{revision.number}",
        actor=emitter_id,
        subject=record.record_id,
        time=_now(),
        parts=(*split(record), *assembled.contents),
        protected=revision.protected,
        record=record,
    )


def extension_draft(emitter_id: str, extension: Extension, revision: Revision) -> Draft:
    """The entry of what came too late for a record; kept and encrypted as the record is."""
    return Draft(
        kind="record.extended",
        key=f"record/{extension.record_id}/{revision.number}",
        actor=emitter_id,
        subject=extension.record_id,
        time=_now(),
        parts=split_extension(structs.replace(extension, revision=revision.number), revision.retention),
        protected=revision.protected,
    )


def opened_draft(emitter_id: str, environment: Mapping[str, str], *, slots: bool) -> Draft:
    """A process begins to make outputs, with slots for them or without."""
    return _emitter_draft(emitter_id, "opened", "opened", {"environment": dict(environment), "slots": slots})


def closed_draft(emitter: ProcessEmitter, committer: Committer, failures: Failures) -> Draft:
    """A process ends: how many outputs it started, how many are sealed, how many lost, and what we could not do."""
    started = emitter.started_count
    numbers = {
        "by": "exit",
        "started": started,
        "sealed": committer.sealed,
        "lost": committer.losses.count,
        "unaccounted": max(started - committer.sealed - committer.losses.count, 0),
        "failures": failures.said(),
        "untracked": emitter.untracked,
    }
    return _emitter_draft(emitter.id, "closed", "closed", numbers)


def recovered_draft(emitter_id: str, *, started: int, lost: int, untracked: int) -> Draft:
    """A process ended without saying so: what its slots said, once every gap that they show is in the log."""
    numbers = {"by": "recovery", "started": started, "lost": lost, "untracked": untracked}
    return _emitter_draft(emitter_id, "closed", "closed", numbers)


def gap_draft(emitter_id: str, gap: Gap) -> Draft:
    """An output without a record."""
    said = gap._replace(name=gap.name and clean(gap.name))
    return _emitter_draft(emitter_id, "gap", f"gap/{gap.number}", said._asdict())


def _emitter_draft(emitter_id: str, kind: str, key: str, said: Mapping[str, Any]) -> Draft:
    part = Part("emitter", "long_term", encode({"emitter_id": emitter_id, **said}))
    return Draft(
        kind=f"emitter.{kind}",
        key=f"emitter/{emitter_id}/{key}",
        actor=emitter_id,
        subject=emitter_id,
        time=_now(),
        parts=(part,),
        protected=False,
    )


def _now() -> str:
    return rfc3339.now()
