"""Everything that one configuration runs: opened by `configure`, closed by `shutdown`, made anew in a forked child."""

from __future__ import annotations

import logging
import pickle
import sys
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from provsdk.assembly.assembler import assemble
from provsdk.assembly.processor import Keeper, from_readable
from provsdk.capture import _guard
from provsdk.capture._search import search
from provsdk.capture._texts import texts_of
from provsdk.capture.ports import Ports, Settings
from provsdk.digest import JoinKey
from provsdk.errors import FormatError, KeyUnusable
from provsdk.export.contract import load as load_exporter
from provsdk.gate import ALWAYS_PROCEED
from provsdk.ledger.keys import digest_key, log_key
from provsdk.pipeline._backlog import Backlog
from provsdk.pipeline._drafts import closed_draft, extension_draft, gap_draft, opened_draft, record_draft
from provsdk.pipeline._emitter import ProcessEmitter
from provsdk.pipeline._environment import Environment
from provsdk.pipeline._exports import Exports
from provsdk.pipeline._failures import Failures
from provsdk.pipeline._lane import Lane
from provsdk.pipeline._recovery import recover
from provsdk.pipeline._revisions import Revisions
from provsdk.pipeline._sealer import Sealer, Work
from provsdk.pipeline._tracers import OwnTracers
from provsdk.pipeline._unsaid import UNSAID, extension_of
from provsdk.records.codec import decode
from provsdk.store.open import open_store
from provsdk.store.spool_file import SUFFIX, OwnSpool
from provsdk.store.spools import directory_for, left_behind, spooling
from provsdk.vocabulary import DataClassification

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    from provsdk.capture._scope import Scope
    from provsdk.capture.ports import Gate
    from provsdk.config import Config
    from provsdk.errors import KeyConflict
    from provsdk.pipeline._claim import Claim
    from provsdk.store.contract import Draft, Sealed
    from provsdk.store.sqlite import SqliteStore

__all__ = ["Flushed", "Runtime"]

_log: Final = logging.getLogger("provsdk")

EXIT_S: Final = 5.0
"""How long the end of the process may be held up for what is pending."""

PUT_AWAY_S: Final = 1.0
"""And for writing to the spool what could not be sealed."""

EXPORT_S: Final = 0.1
"""What exporters have of a flush at least, however long sealing took."""

WAITING_TEXTS: Final = 32 * 1024 * 1024
"""Characters that are kept to be searched of an output, divided by how many others wait: of a full queue of 10,000, ten
times as many."""

FORK_WAIT_S: Final = 1.0
"""How long a fork waits for the store to be let go of."""


class LogIdentity(NamedTuple):
    """What has to be known of a log to spool for it, learnt while it could be asked."""

    origin: str
    seal_key: bytes
    spools: Path
    """Directory of the spools."""


@dataclass(frozen=True, slots=True)
class Flushed:
    """What is durable and what is not; true when nothing is left."""

    pending: int = 0
    """Outputs whose record is in memory only."""
    spooled: int = 0
    """Outputs whose record is durable in the spool and not in the log yet, and entries that others left there."""
    lost: int = 0
    """Outputs of this process that have a numbered gap in place of a record."""
    gaps: int = 0
    """Those of them whose gap is not in the log yet."""
    late_lost: int = 0
    """Calls that ended after their output, when too many waited, and that its record says are missing."""
    behind: dict[str, str] = field(default_factory=dict)
    """What each exporter said that could not take everything, by its name."""

    def __bool__(self) -> bool:
        return not (self.pending or self.spooled or self.gaps or self.behind)


class Runtime:
    """One configuration at work."""

    def __init__(self, config: Config, provider: TracerProvider | None, resource: Resource | None = None) -> None:
        self.config = config
        self._gate = _gate_of(config)
        self._provider = provider
        self._emitter = ProcessEmitter(Path(config.store), self._never_began)
        self._keeper = Keeper(self._forward_to)
        self._tracers = OwnTracers(self._keeper, provider, config.export_spans, config.record_unsampled, resource)
        self._defaults = _defaults(config)
        self._environment = Environment(config.service, self._tracers.resource)
        self._store: SqliteStore | None = None
        self._opening = threading.Lock()
        self._join: JoinKey | None = None
        self._log: LogIdentity | None = None
        self._opened = False
        self._opening_made: Draft | None = None
        self._stopped = False
        self._sealing_late = threading.Lock()
        """Held while the store is open for what is sealed after the end."""
        self._revisions = Revisions()
        self._failures = Failures()
        self._exports = Exports((), self.store, Path())
        self._inherited: object = None
        self._sealer = self._made_sealer(None)

    def _made_sealer(self, log: LogIdentity | None) -> Sealer:
        config = self.config
        work = Work(
            draft=self._draft,
            append=self._append,
            forget=self._keeper.take,
            gap_draft=lambda gap: gap_draft(self._emitter.id, self._emitter.described(gap)),
            on_sealed=self._something_sealed,
            settled=self._emitter.settled,
            replayed=self._replayed,
            is_held_here=self._keeper.is_held_here,
            is_placed=self._revisions.knows,
            place=lambda record_id: self._revisions.learn(record_id, self.store),
            keep_texts=self._keep_texts,
        )
        return Sealer(
            work,
            durability=config.durability,
            max_wait=config.max_wait,
            on_unavailable=config.on_unavailable,
            queue_size=config.queue_size,
            backlog=None if log is None or not config.spool_bytes else self._made_backlog(log),
        )

    def _made_backlog(self, log: LogIdentity) -> Backlog:
        emitter = self._emitter.id
        own = OwnSpool(
            log.spools / f"{emitter}{SUFFIX}", log.origin, emitter, log.seal_key, limit=self.config.spool_bytes
        )
        return Backlog(own, lambda: () if self._opened else (self._opening_draft(),))

    def _opening_draft(self) -> Draft:
        """Made once: it may go to the spool and to the store, and must say the same in both."""
        if self._opening_made is None:
            now = self._environment.now()
            self._opening_made = opened_draft(self._emitter.id, now, slots=self._emitter.has_slots)
        return self._opening_made

    # -- life

    def start(self) -> None:
        """Opens the store and seals `emitter.opened`, so that a store that cannot be written to is found out now.

        Raises:
            StoreError: the store cannot be opened or appended to.
            KeyUnusable: a key is damaged or missing.
            ConfigError: an exporter cannot be made.
        """
        try:
            self._start(self.config)
        except BaseException:
            self._emitter.end()
            self._let_go()
            raise

    def _start(self, config: Config) -> None:
        loaded = [load_exporter(one["name"], {k: v for k, v in one.items() if k != "name"}) for one in config.exporters]
        self.store()  # a new log brings its keys; an old one wants those that it was begun with
        self._join = JoinKey(digest_key(config.keys, create=False))
        self._refuse_other_digest_key(self._join)
        self._emitter.open()
        self._append((), max(config.max_wait, 5.0))
        self._log = self._identified()
        self._sealer = self._made_sealer(self._log)
        self._adopt(self._log)
        self._exports = Exports(loaded, self.store, self._transit())
        self._exports.something_sealed()

    def _refuse_other_digest_key(self, join: JoinKey) -> None:
        """A log names its digest key in entry 0: with another, what is recorded from now on would join nothing before.

        Raises:
            KeyUnusable: the key at hand is another one.
        """
        for part in self.store().parts(0):
            named = decode(part.content, dict[str, Any], "entry 0").get("digest_key_id") if part.content else None
            if part.path == "log" and isinstance(named, str) and named != join.key_id:
                raise KeyUnusable(
                    f"the digest key in {self.config.keys} is {join.key_id}, and the log at {self.config.store} was "
                    f"begun with {named}: put that digest.key back there, or set `keys` to where it is"
                )

    def _identified(self) -> LogIdentity | None:
        """What it takes to spool; None where files cannot be locked, so that nobody could tell whose a spool is."""
        if sys.platform == "win32":
            return None
        config, origin = self.config, self.store().origin
        seal_key = log_key(config.keys, origin, create=False).seal_key
        return LogIdentity(origin, seal_key, directory_for(config.spool, Path(config.store)))

    def _adopt(self, log: LogIdentity | None) -> None:
        """Takes over what processes that are gone left in their spools; sealed in the background."""
        backlog = self._sealer.committer.backlog
        if log is None or backlog is None:
            return
        left, problems = left_behind(log.spools, log.origin, log.seal_key)
        for problem in problems:
            _log.error("a spool cannot be replayed: %s", problem)
        if left:
            backlog.adopt(left)
            _log.warning("%d entries that were left in spools are being sealed", backlog.count)
            self._sealer.committer.wake()

    def before_fork(self) -> Callable[[], None]:
        """Ends our threads and lets go of the store until the fork is done; answers what ends that, in the parent.

        SQLite keeps locks by process: a child that opens a file which its parent had open at the fork believes that
        it has the parent's locks.
        """
        store, committer = self._store, self._sealer.committer
        wait = 0.0 if committer.is_hung else FORK_WAIT_S
        committer.rest(wait)
        is_held = store is not None and store.suspend(timeout=wait)
        is_late_held = self._sealing_late.acquire(timeout=wait)

        def resume() -> None:
            if is_late_held:
                self._sealing_late.release()
            if is_held and store is not None:
                store.resume()
            committer.resume()

        return resume

    def disown(self) -> None:
        """In a forked child: what it has in hand is the parent's."""
        self._sealer.committer.disown()
        self._keeper.forked()

    def forked(self) -> Runtime:
        """A runtime for the child: an emitter of its own, whose `emitter.opened` goes with its first record."""
        self.disown()
        child = Runtime(self.config, self._provider)
        child._join, child._log = self._join, self._log
        child._sealer = child._made_sealer(child._log)
        # A connection must not cross a fork, and closing it here would harm the parent: one that did is only kept.
        child._inherited = (self._store, self._inherited)
        child._exports = self._exports.forked(child.store)
        return child

    def after_the_end(self) -> Runtime:
        """A runtime for what still comes when the process has ended: it starts no thread and exports nothing.

        Each output is sealed before it is returned; what is not is a gap, as nobody closes the emitter.
        """
        config = replace(self.config, durability="sync", export_spans="none", exporters=())
        return Runtime(config, None, self._tracers.own_resource)

    @property
    def emitter(self) -> ProcessEmitter:
        """What counts the outputs of this configuration."""
        return self._emitter

    def ports(self) -> Ports:
        """What capture reaches us through."""
        config = self.config
        settings = Settings(
            join=self._join,
            tenant=config.tenant,
            defaults=_travelling(config),
            capture_content=config.capture_content,
            on_failure=config.on_failure,
            spans_current=config.export_spans == "all",
            max_value_bytes=config.max_value_bytes,
            owner=config.owner or None,
            gated=not self._gate.always_proceeds,
            search_bytes=config.search_bytes,
            search_seconds=config.search_seconds,
            inherited=_inherited(config),
            numbers=self._emitter.numbers,
        )
        self._tracers.tracer()  # a provider that is there already is watched from now on
        return Ports(self._tracers, self._gate, self._sealer, self._emitter, settings)

    @property
    def watches_others(self) -> bool:
        """Whether there is a provider of the user's, whose spans belong to the outputs that run."""
        return self._tracers.user is not None

    def hand_over(self) -> None:
        """Another runtime takes this one's place at the user's provider."""
        self._tracers.hand_over()

    def store(self) -> SqliteStore:
        """The store, opened on first use."""
        if self._store is not None:
            return self._store
        config = self.config
        with self._opening:
            if self._store is None:
                self._store = open_store(
                    config.store, keys=config.keys, state=config.state, origin=config.origin, create=True
                )
            return self._store

    @property
    def failures(self) -> dict[str, int]:
        """How often we could not do what, in this process: failures of ours that traced functions never saw."""
        return self._failures.by_name()

    def flush(self, timeout: float) -> Flushed:
        """Seals what is pending and hands it to the exporters."""
        if self.config.disabled:
            return Flushed()
        committer = self._sealer.committer
        deadline = time.monotonic() + timeout
        committer.drain(timeout)
        left = max(deadline - time.monotonic(), EXPORT_S)
        behind = self._exports.flush(left) if committer.sealed or self._opened else {}
        losses = committer.losses
        return Flushed(
            committer.pending, committer.spooled, losses.count, len(losses.gaps), losses.unsaid.count, behind
        )

    def stop(self) -> None:
        """Flushes within `EXIT_S`, seals `emitter.closed`, closes everything. Never raises."""
        if self.config.disabled:
            return
        try:
            flushed = self.flush(EXIT_S)
            if flushed.pending or flushed.gaps:
                self._sealer.committer.put_away(PUT_AWAY_S)
            self._say_what_is_left()
        except Exception as error:  # the guard around the host
            _guard.report("seal what was pending at the end", error)
        finally:
            self._sealer.stop()
            self._exports.close()
            self._stopped = True
            self._tracers.let_go()
            self._close_within(EXIT_S)
            self._emitter.leave_unless_ended()

    def _close_within(self, timeout: float) -> None:
        """A store that hangs is not touched; as it may begin to at the last moment, a lane does this too."""
        committer = self._sealer.committer
        if not committer.is_hung:
            closing = Lane("provsdk-close", self._close)
            closing.run(timeout)
            closing.stop()
        if committer.backlog is not None:
            committer.backlog.close()

    def _say_what_is_left(self) -> None:
        committer = self._sealer.committer
        if committer.pending:
            _log.error("%d outputs could not be sealed before the end; their records are lost", committer.pending)
        if committer.spooled:
            where = self._log.spools if self._log is not None else ""
            _log.warning("%d entries stay in %s; the next start here seals them", committer.spooled, where)

    def _close(self) -> None:
        committer = self._sealer.committer
        try:
            if not (committer.pending or committer.spooled or committer.losses.gaps):
                if self._opened:
                    self._append((closed_draft(self._emitter, committer, self._failures),), EXIT_S)
                self._emitter.end()
        except Exception as error:  # the guard around the host
            _guard.report("close the emitter", error)
        self._let_go()

    def _let_go(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            store.close()

    # -- from outputs to entries

    def _draft(self, claim: Claim, until: float) -> tuple[Draft, ...]:
        """A record, or an extension of one; nothing where the record has the late spans already."""
        spans = [from_readable(span) for span in self._keeper.take(claim.record_id)]
        facts = {
            **claim.facts,
            **self._found(claim, until),
            "environment": self._environment.now(claim.facts.get("code", ())),
            "defaults": self._defaults,
        }
        assembly = assemble(spans, {claim.record_id: facts})
        emitter_id, revisions = self._emitter.id, self._revisions
        drafts = [record_draft(emitter_id, one, revisions.sealing(one.record)) for one in assembly.records]
        extensions = [*assembly.extensions]
        if UNSAID in claim.facts:
            extensions.append(extension_of(claim.record_id, claim.facts[UNSAID]))
        drafts += [extension_draft(emitter_id, one, revisions.next(one.record_id, self.store)) for one in extensions]
        if not drafts and not claim.late:
            raise FormatError(f"{claim.record_id}: its spans make no record")
        return tuple(drafts)

    def _keep_texts(self, scope: Scope | None, facts: dict[str, Any], waiting: int) -> None:
        """Instead of an output's scope, its texts: the more outputs wait, the fewer of each."""
        if scope is None or not self.config.search_bytes:
            return
        try:
            facts["texts"] = texts_of(scope, min(self.config.search_bytes, WAITING_TEXTS // (waiting + 1)))
        except Exception as error:  # the guard around the host: the record is sealed without
            _guard.report("keep the texts of an output", error)
            facts["missing"] = [*facts["missing"], ("capture_failed", "texts of the scope")]

    def _found(self, claim: Claim, until: float) -> dict[str, Any]:
        """What the texts of an output show of its flow: looked for here, where nobody's event loop runs."""
        texts = claim.facts.pop("texts", None)
        if texts is None:
            return {}
        try:
            searched = search(texts, min(self.config.search_seconds, until - time.monotonic()))
        except Exception as error:  # the guard around the host: the record is sealed without
            _guard.report("search the texts of an output", error)
            return {"missing": [*claim.facts.get("missing", ()), ("capture_failed", "texts of the scope")]}
        if searched.is_whole:
            return {"found": searched.links}
        return {
            "found": searched.links,
            "missing": [*claim.facts.get("missing", ()), ("bound_reached", "texts of the scope")],
        }

    def _append(self, drafts: Sequence[Draft], timeout: float) -> list[Sealed | KeyConflict]:
        """Appends, with `emitter.opened` before the first; what was under way at the end is sealed after it."""
        if self._stopped:
            with self._sealing_late:
                try:
                    return self.store().append(drafts, timeout=timeout)
                finally:
                    self._let_go()
        if self._opened:
            return self.store().append(drafts, timeout=timeout)
        deadline = time.monotonic() + timeout
        answers = self.store().append((self._opening_draft(), *drafts), timeout=timeout)
        self._opened = True
        self._recover(deadline)
        self._adopt(self._log)
        return answers[1:]

    def _recover(self, deadline: float) -> None:
        """Sees to what dead processes left in slots, but for those whose spool is still there."""
        store, spool = Path(self.config.store), Path(self.config.spool)
        recover(self.store(), store, deadline, lambda: spooling(spool, store))

    def _replayed(self) -> None:
        """A spool that another process left is gone: what that process had begun and was not in it has no record."""
        if not self._stopped:
            self._recover(time.monotonic() + self.config.max_wait)

    def _never_began(self, number: int) -> None:
        self._sealer.never_began(number)

    def _something_sealed(self) -> None:
        self._exports.something_sealed()

    def _forward_to(self) -> Any:
        return self._tracers.forward_to()

    def _transit(self) -> Path:
        return Path(self.config.store) / "transit"


def _inherited(config: Config) -> dict[str, Any] | None:
    """What child processes that inherit no memory are configured with; None where their checks cannot be sent there."""
    settings = config.settings()
    if config.checks:
        try:
            pickle.dumps(settings["checks"])
        except Exception as error:
            _log.warning(
                "checks: not inherited by child processes that are spawned, which are not configured: %s; "
                "call provsdk.configure there", type(error).__name__,
            )  # fmt: skip
            return None
    return settings


def _gate_of(config: Config) -> Gate:
    """The gate that asks the configured checks; without any, the one that nobody has to ask."""
    if not config.checks:
        return ALWAYS_PROCEED
    from provsdk.policy.gate import PolicyGate  # noqa: PLC0415 most programs have no checks
    from provsdk.policy.load import rules  # noqa: PLC0415 as above

    return PolicyGate(rules(config.checks, config.sources.get("checks", "argument")))


def _defaults(config: Config) -> dict[str, Any]:
    """What applies to an output that declares nothing of its own."""
    found: dict[str, Any] = {"classification": config.classification.value}
    if config.owner:
        found["owner"] = dict(config.owner)
    if config.retention is not None:
        found["retention"] = config.retention
    return found


def _travelling(config: Config) -> dict[str, str | int]:
    """What a span has to say of the configuration: nothing, where it is the usual one."""
    found: dict[str, str | int] = {}
    if config.classification is not DataClassification.INTERNAL:
        found["classification"] = config.classification.value
    if config.retention is not None:
        found["retention"] = config.retention
    return found
