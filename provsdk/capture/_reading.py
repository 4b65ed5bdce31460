"""One stream while it is read: begun at its first step, current while a step runs and at no other time, ended once.

It touches no stream itself: proxies drive it (`provsdk.capture._streams`). Every step of ours is guarded: when one
fails, the stream goes on as if we were not there.
"""

from __future__ import annotations

import weakref
from collections import deque
from time import time_ns
from typing import TYPE_CHECKING, Any, Final

from provsdk import semconv
from provsdk.capture import _abandoned, _call, _guard, _otel, _process
from provsdk.capture._chunks import Chunks
from provsdk.capture._delivery import as_it_is, current_delivery, is_looked_for, sent_of
from provsdk.capture._model import note_chunks, note_seen
from provsdk.capture._prefix import Prefix
from provsdk.capture._responses import retries_of_stream, whole_of
from provsdk.digest import MIN_LINKABLE_BYTES, Measured
from provsdk.errors import OutputBlocked
from provsdk.gate import Pieces
from provsdk.interrupts import is_cancellation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextvars import Token
    from types import GeneratorType

    from opentelemetry.context import Context

    from provsdk.capture._delivery import Delivery
    from provsdk.capture._plan import Plan
    from provsdk.capture._session import Activity
    from provsdk.capture.ports import Ports, Ticket

__all__ = ["ABANDONED", "NOTHING_YET", "Reading"]

NOTHING_YET: Final = object()
"""In place of a chunk: all that has come is held back."""

COMPLETED: Final = "completed"
CLOSED_EARLY: Final = "closed_early"
ABANDONED: Final = "abandoned"

_UNFINISHED: Final = frozenset({"cancelled", ABANDONED})

SEARCHED: Final = 1024 * 1024
"""Characters of a stream that are kept until its output has been searched for what came from what."""

MAX_WAITING: Final = 1_024
"""Chunks that wait for a response that held nothing of them so far."""

_READ_OTHERWISE: Final = "it may have been read by a method of its own"

GENERATOR: Final = "generator"
"""The boundary that was seen: chunks left the generator or the stream object."""
ASGI: Final = "asgi"
"""Chunks count as delivered when the server took them."""


class Reading:
    """One stream while it is read, by one thread or task at a time."""

    activity: Activity | None = None
    """The call; None before the first step."""

    def __init__(self, plan: Plan, ports: Ports, given: tuple[Any, Any, Any], activity: Activity | None = None) -> None:
        self._plan = plan
        self.ports = ports
        self._given = given
        self._called_in = _otel.current_context() if activity is None else None
        self._is_output = plan.kind == semconv.KIND_OUTPUT
        self.gated = _call.is_gated(ports)
        self._base = _otel.current_span()
        self._innermost: Activity | None = None
        """What is open within the stream between its steps; else the stream's own."""
        self._outside: Context | None = None
        self._inside: Context | None = None
        """What a step runs in, as long as what is current outside of it stays the same."""
        self._outlasted = False
        """It came to its end, and is ended with the response that it is delivered through."""
        self._returned: Any = None
        self._has_gone_on = False
        self._interrupted: type[BaseException] | None = None
        """What the last step was interrupted by, of a stream that may go on all the same. Its class: a traceback would
        hold on to whoever reads it."""
        self._once = [True]
        """Taken by whoever ends the stream: popping is one step of the interpreter."""
        self._over = False
        self._delivery: Delivery | None = None
        self._sent = 0
        self._waiting: list[Any] = []
        """Chunks that left the generator and that no server has taken yet."""
        self._first_ns: int | None = None
        self._clients: Callable[[], Any] | None = None
        self._retries: int | None = None
        """Answers the stream of a client while somebody has it; None where it is a generator."""
        self._chunks = Chunks() if plan.kind == semconv.KIND_MODEL_CALL else None
        self.to_ask: tuple[Any, tuple[Any, ...], Mapping[str, Any]] | None = None
        """A model call that the gate has yet to be asked about: function, and its arguments."""
        self.pieces: deque[Any] = deque()
        """What may leave, where the gate gave several pieces in place of a chunk."""
        self.goes_on = False
        """A step looks for the next piece that leaves."""
        self._rest_asked = False
        """The gate has said what it held back, and what it makes of the whole."""
        self.is_owner = False
        """Nobody else holds the generator."""
        self.may_be_read_otherwise = False
        """Somebody fetched a method of the stream, by which it may have been read past us."""
        self.entity_id: str | None = None
        """Of the stream's value; None until its first step, and outside any output."""
        if activity is not None:
            self._begun(activity)

    # -- the start

    def _begin(self) -> None:
        """Opens the activity: a generator's body runs at its first step, and not before."""
        token = _otel.attach_context(self._called_in) if self._called_in is not None else None
        try:
            activity = _call.open_quietly(self.ports, self._plan, *self._given)
        finally:
            if token is not None and self._called_in is not None:
                _otel.step_back(token, self._called_in)
        self._called_in = self._given = None  # type: ignore[assignment] # held no longer than needed
        if activity is None:
            self._over = True
            return
        try:
            self._begun(activity)
        except BaseException:
            self._over = True
            activity.abandon()
            raise

    def _begun(self, activity: Activity) -> None:
        settings = activity.ports.settings
        keep = settings.max_value_bytes if activity.keeps_content() else SEARCHED
        self.activity = activity
        self._process = _process.generation
        self._started_ns = time_ns()
        self.prefix = Prefix(max_bytes=settings.max_value_bytes, keep_bytes=keep)
        if activity.scope is not None:
            self.entity_id = activity.scope.output_id if self._is_output else f"ent_{activity.key}-0"
            self._delivery = current_delivery() if self._is_output and activity.parent is None else None
        if self._delivery is not None:
            self._sent = self._delivery.sent
            self._delivery.carries(self)
        _abandoned.watch(self)

    def is_of_client(self, stream: Any) -> None:
        """It is the stream object of a client, and not of the user's own code."""
        self._retries = retries_of_stream(stream) if self._chunks is not None else None
        try:
            self._clients = weakref.ref(stream)  # whoever drops it has it closed then, as without us
        except TypeError:
            self._clients = lambda: None

    @property
    def record_id(self) -> str:
        """Of an output's stream that has begun."""
        assert self.activity is not None  # noqa: S101 it has begun
        return f"rec_{self.activity.key}"

    def __del__(self) -> None:
        """Nobody can end it any more: whoever should have, failed."""
        if self.activity is not None and self._once:
            _abandoned.abandon(self)

    @property
    def is_open(self) -> bool:
        """It has begun, and not ended."""
        return self.activity is not None and not self._over and not self._outlasted

    # -- a step

    def enter(self) -> tuple[Token[Context], Context] | None:
        """Makes the stream current for one step; None where there is nothing to trace."""
        if self._over or self._outlasted:
            return None
        try:
            if self.activity is None:
                self._begin()
                if self.activity is None:
                    return None
            if self._waiting:
                self._take_delivered(self.activity)
            if self._is_output:
                self.activity.running(True)
            return self._attached(self.activity)
        except BaseException as error:
            if self._inside is not None and self._outside is not None and _otel.current_context() is self._inside:
                _otel.attach_context(self._outside)  # an interrupt, when it was attached and before anybody knew
            if self.activity is not None:
                self.activity.running(False)
            if not isinstance(error, Exception):
                raise
            _guard.report("make a stream current", error, self.ports)
            return None

    def _attached(self, activity: Activity) -> tuple[Token[Context], Context]:
        outside = _otel.current_context()
        if outside is not self._outside:
            self._inside = _otel.step_context(self._innermost or activity, self._base)
            self._outside = outside
        context = self._inside
        assert context is not None  # noqa: S101 made with `_outside`
        return _otel.attach_context(context), context

    def leave(self, entered: tuple[Token[Context], Context] | None) -> None:
        """Makes what was current before the step current again."""
        if entered is None:
            return
        token, context = entered
        now, activity = _otel.current_context(), self.activity
        _otel.step_back(token, context)
        try:
            if now is not context and activity is not None:
                self._innermost, self._outside = _otel.leave_to_reader(now, context, activity), None
        except Exception as error:
            _guard.report("leave to a reader what its stream made current", error)
        finally:
            if self._is_output and activity is not None:
                activity.running(False)

    def leave_again(self, entered: tuple[Token[Context], Context] | None) -> None:
        """The same where an interrupt may have come before, or in the middle of it."""
        if entered is not None and _otel.current_context() is entered[1]:
            _otel.step_back(*entered)
            if self.activity is not None:
                self.activity.running(False)

    def let_go(self, generator: GeneratorType[Any, Any, Any]) -> None:
        """Closes a generator that is dropped, as the interpreter would, in a step: what it takes back was ours then."""
        if self.activity is None or generator.gi_running:
            return
        entered = self._attached(self.activity)
        try:
            generator.close()
        finally:
            self.leave(entered)

    def took(self, chunk: Any) -> None:
        """Notes a chunk that leaves the stream."""
        activity = self.activity
        if self._over or self._outlasted or activity is None:
            self._goes_on()
            return
        try:
            if self._interrupted is not None:
                self._interrupted = None
                if activity.scope is not None:
                    activity.scope.interrupted.pop(self, None)
            if self._first_ns is None:
                self._first_ns = time_ns()
            if self._delivery is not None and self._is_carried(activity):
                self._waiting.append(as_it_is(chunk))
            else:
                self._deliver(activity, chunk)
        except Exception as error:
            activity.lacks("capture_failed", "stream")
            _guard.report("note a chunk", error, self.ports)

    def _goes_on(self) -> None:
        """A stream object that raised may be read on, when its end is recorded already: its output is told so."""
        scope = self.activity.scope if self.activity is not None else None
        if scope is not None and scope.open and not self._is_output and not self._has_gone_on:
            self._has_gone_on = True
            assert self.activity is not None  # noqa: S101 it has a scope
            scope.missing.append(("late_facts", f"{self.activity.name}: the stream was read on after an error"))

    def _deliver(self, activity: Activity, chunk: Any) -> None:
        self.prefix.add(chunk)
        if self._chunks is not None and type(chunk) is not str and self._chunks.add(chunk):
            return  # what it says is in the whole; by itself it is no value that flows
        if type(chunk) is not str or len(chunk) >= MIN_LINKABLE_BYTES or not chunk.isascii():
            self._plan.take_chunk(activity, chunk)

    def _take_delivered(self, activity: Activity) -> None:
        """What waited was delivered as far as the server has taken messages since."""
        delivery = self._delivery
        if delivery is not None and delivery.sent > self._sent:
            bodies, self._sent = delivery.since(self._sent), delivery.sent
            self._take_waiting(activity, sent_of(self._waiting, bodies, alone=delivery.streams == 1))

    def _is_carried(self, activity: Activity) -> bool:
        """Whether the response may hold what comes: not when it is over, nor when nothing of so much was in it."""
        delivery = self._delivery
        if delivery is None:
            return False
        if delivery.over or (len(self._waiting) >= MAX_WAITING and not self.prefix.chunks):
            self._leave_response(activity)
        return self._delivery is not None

    def _leave_response(self, activity: Activity) -> None:
        """It is no part of the response: what left it went to whoever reads it."""
        if self._delivery is not None:
            self._delivery.lets_go(self)
        self._delivery = None
        self._take_waiting(activity, len(self._waiting))

    def _take_waiting(self, activity: Activity, count: int) -> None:
        waiting, self._waiting = self._waiting[:count], self._waiting[count:]
        for chunk in waiting:
            self._deliver(activity, chunk)

    # -- the end

    def completed(self, returned: Any) -> Ticket | None:
        """The stream came to its end; `returned` is what the generator returned.

        Where something of it is still on its way to the server, the end comes with that of the response.
        """
        if self._outlasted:
            return None
        delivery = self._delivery
        if delivery is not None and self._waiting and self.is_open and not delivery.over:
            self._returned, self._outlasted = returned, True
            if not delivery.over:  # else it may have been too late for it
                return None
        return self._end(lambda activity: self._plan.conclude_stream(activity, returned), COMPLETED)

    def delivered(self) -> Ticket | None:
        """The response that carries it is about to end, and holds what can be told to be in it."""
        if not self._outlasted:
            return None

        def conclude(activity: Activity) -> None:  # what was sent was taken before
            if self.prefix.chunks and not any(map(is_looked_for, self._waiting)):
                self._take_waiting(activity, len(self._waiting))
            elif self._waiting:  # it cannot be told what of it is in there
                self._leave_response(activity)
            self._plan.conclude_stream(activity, self._returned)

        return self._end(conclude, COMPLETED)

    def cut_off(self) -> Ticket | None:
        """The response that carries it will not come to its end."""
        return self._end(lambda activity: self._plan.conclude_stream(activity, self._returned), CLOSED_EARLY)

    def closed(self) -> Ticket | None:
        """Whoever reads it closed it."""
        if self._interrupted is not None:
            return self.failed(self._interrupted)
        return None if self._outlasted else self._end(lambda it: self._plan.conclude_stream(it, None), CLOSED_EARLY)

    def failed(self, error: BaseException | type[BaseException], *, may_go_on: bool = False) -> Ticket | None:
        """A step raised.

        Args:
            error: what it raised.
            may_go_on: the stream can be read on after an interrupt; it ends with its output, or when it is dropped.
        """
        kind = error if isinstance(error, type) else type(error)
        if issubclass(kind, GeneratorExit):
            return self.closed()
        if may_go_on and is_cancellation(kind) and self.is_open and self.activity is not None:
            self._interrupted = kind
            if self.activity.scope is not None and not self._is_output:
                self.activity.scope.interrupted[self] = None
            return None
        return self._end(lambda activity: activity.failed(error), None)

    def stopped(self, reason: str, detail: str) -> None:
        """It may be read on, and nobody will note it."""
        if self.is_open and self.activity is not None and self.activity.scope is not None:
            self.activity.scope.missing.append((reason, detail))
        self.abandoned()

    def abandoned(self) -> None:
        """Nobody reads it any more."""
        if self.activity is not None and self._process == _process.generation:
            if self._interrupted is not None:
                _call.leave(self.failed(self._interrupted))
                return
            _call.leave(self._end(lambda activity: self._plan.conclude_stream(activity, None), ABANDONED))

    def _end(self, conclude: Callable[[Activity], None], status: str | None) -> Ticket | None:
        activity = self.activity
        if activity is None or self._over:
            self._over = True
            return None
        try:
            if not self._take():
                return None
            self._over = True
            self._conclude(activity, conclude, status)
            return _call.close(activity)
        except BaseException as error:
            if not self._once:
                self._over = True
                _call.finish(activity, error)
            raise

    def _take(self) -> bool:
        try:
            return self._once.pop()
        except IndexError:
            return False

    def _conclude(self, activity: Activity, conclude: Callable[[Activity], None], status: str | None) -> None:
        try:
            if self._delivery is not None:
                self._delivery.lets_go(self)
            if self._waiting:
                self._take_delivered(activity)
            _call.end_within(activity)
            if self.gated and self._is_output and not self._rest_asked:
                self._rest_asked = True
                _call.judge_the_end(activity)
            conclude(activity)
            if status is not None:
                activity.status = status
            self._say_what_was_delivered(activity)
            if self._chunks is not None:
                self._note_response(activity, self._chunks)
        except Exception as error:
            activity.lacks("capture_failed", "stream")
            _guard.report("end a stream", error, self.ports)

    def _note_response(self, activity: Activity, chunks: Chunks) -> None:
        whole = whole_of(self._clients()) if self._clients is not None else None
        said = note_chunks(activity, chunks, whole, is_digested=not self.may_be_read_otherwise)
        if self._retries is not None:
            note_seen(activity, {"retries": self._retries})
        if self._clients is not None and self.prefix.chunks and not said:
            activity.lacks("response_unread", "stream")

    def _say_what_was_delivered(self, activity: Activity) -> None:
        delivery = self._delivery
        said: dict[str, Any] = {"chunks": self.prefix.chunks, "boundary": GENERATOR if delivery is None else ASGI}
        if self._first_ns is not None:
            said["first_us"] = max(self._first_ns - self._started_ns, 0) // 1_000
        if delivery is not None:
            said["undelivered"] = len(self._waiting)
            said["disconnected"] = delivery.disconnected
            if delivery.disconnected and activity.status in _UNFINISHED:
                activity.status = CLOSED_EARLY  # by the client; how the server passed that on differs by server
        activity.extra["stream"] = said
        measured, content = self.prefix.measured(), self.prefix.content()
        if self.may_be_read_otherwise:
            # What was seen may not be all: its digest would pass for that of the whole.
            measured = Measured(None, measured.media_type, None, _READ_OTHERWISE)
            content = None
            if activity.status == CLOSED_EARLY and not self.prefix.chunks:
                activity.status = COMPLETED  # nothing was read by its steps, so leaving the block is no early end
        activity.made_stream(measured, content)

    # -- the gate

    def asked(self, generator: Any) -> Any:
        """The generator of a model call, or another one where the gate changed what the model is given.

        Raises:
            OutputBlocked: the model may not be called.
        """
        from provsdk.capture import _gate  # noqa: PLC0415 most programs have no policies

        (function, args, kwargs), self.to_ask = self.to_ask, None  # type: ignore[misc] # the caller asked
        if self.activity is None:
            return generator
        asked = _gate.enter(self.activity, (args, kwargs))
        return generator if asked[0] is args and asked[1] is kwargs else function(*asked[0], **asked[1])

    async def aasked(self, generator: Any) -> Any:
        """As `asked`, for async callers."""
        from provsdk.capture import _gate  # noqa: PLC0415 as above

        (function, args, kwargs), self.to_ask = self.to_ask, None  # type: ignore[misc] # as above
        if self.activity is None:
            return generator
        asked = await _gate.aenter(self.activity, (args, kwargs))
        return generator if asked[0] is args and asked[1] is kwargs else function(*asked[0], **asked[1])

    def rest(self, returned: Any) -> Any:
        """What the gate held back of a stream that has come to its end; None: nothing. Asked once.

        Raises:
            OutputBlocked: it may not leave.
        """
        if self._over or self.activity is None or self._rest_asked:
            return None
        from provsdk.capture import _gate  # noqa: PLC0415 most programs have no policies

        self._rest_asked, self._returned = True, returned
        return _gate.rest(self.activity)

    def returned(self, value: Any) -> Any:
        """What the stream's generator returned: it says so once, and after that what was held back was handed on."""
        return self._returned if value is None and self._rest_asked and self._is_output else value

    def passed(self, chunk: Any) -> Any:
        """The chunk, as it may leave.

        Raises:
            OutputBlocked: it may not.
        """
        if self._over or self.activity is None:
            return chunk
        from provsdk.capture import _gate  # noqa: PLC0415 most programs have no policies

        try:
            return self._first_of(_gate.chunk(self.activity, chunk))
        except OutputBlocked:
            self._rest_asked = True  # it has said all there is to say
            raise

    async def apassed(self, chunk: Any) -> Any:
        """As `passed`, for async callers."""
        if self._over or self.activity is None:
            return chunk
        from provsdk.capture import _gate  # noqa: PLC0415 as above

        try:
            return self._first_of(await _gate.achunk(self.activity, chunk))
        except OutputBlocked:
            self._rest_asked = True  # as above
            raise

    def _first_of(self, passed: Any) -> Any:
        """The piece that leaves now."""
        if type(passed) is not Pieces:
            return passed
        self.pieces.extend(passed)
        return self.pieces.popleft() if self.pieces else NOTHING_YET
