"""Traced streams: generators, async generators, and the stream objects that model clients return.

Thin proxies, one for each protocol and one for both, drive a `Reading`; for everybody else they are the stream itself.
"""

from __future__ import annotations

import inspect
import io
from contextlib import suppress
from functools import lru_cache
from types import AsyncGeneratorType, GeneratorType
from typing import TYPE_CHECKING, Any, Final

import wrapt

from provsdk import semconv
from provsdk.capture import _abandoned, _call, _gate, _guard
from provsdk.capture._awaited import await_later, is_coroutine
from provsdk.capture._likeness import Absent, has, like
from provsdk.capture._reading import NOTHING_YET, Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from provsdk.capture._delivery import Delivery
    from provsdk.capture._plan import Plan
    from provsdk.capture._session import Activity
    from provsdk.capture.ports import Ports, Ticket

__all__ = ["AsyncStream", "Stream", "adopt", "delivered", "not_delivered", "open_generator", "took"]


class _Proxy(wrapt.ObjectProxy):  # type: ignore[type-arg] # only new versions of wrapt take arguments
    """What is common to both protocols."""

    __copy__ = __deepcopy__ = Absent()  # no generator has them, and `itertools.tee` copies what seems copyable

    def __init__(self, stream: Any, reading: Reading) -> None:
        super().__init__(stream)
        self._self_reading = reading

    def __del__(self) -> None:
        reading = getattr(self, "_self_reading", None)
        if reading is None:
            return
        if reading.is_open:
            _abandoned.abandon(reading)
        if reading.is_owner and isinstance(self.__wrapped__, GeneratorType) and _is_alive(self.__wrapped__):
            reading.let_go(self.__wrapped__)

    @property
    def provsdk_reading(self) -> Reading:
        """How capture recognises a stream of its own among the arguments of a call."""
        return self._self_reading

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_self_"):  # of a proxy whose making was broken off
            raise AttributeError(name)
        found = getattr(self.__wrapped__, name)
        part = _PARTS.get(type(found))
        if part is not None:
            return _stood_for(part, found, self._self_reading)
        if callable(found):
            self._self_reading.may_be_read_otherwise = True
        return found

    def _self_itself(self, found: Any) -> Any:
        """The proxy, where the stream's own method answered the stream."""
        return self if found is self.__wrapped__ else found

    def _self_iterator(self, iterator: Any, part: type[_Proxy]) -> Any:
        """What the stream's own way to begin answered: the stream itself, or another iterator over the same."""
        if iterator is self.__wrapped__:
            return self
        begun = _stood_for(part, iterator, self._self_reading)
        begun._self_whole = self  # noqa: SLF001 a proxy of ours; else it would be dropped, and its reading with it
        return begun

    def _self_exit(self, error: tuple[Any, ...]) -> Any:
        """The end of a `with` block; its record is sealed when this returns."""
        reading = self._self_reading
        try:
            return self.__wrapped__.__exit__(*error)
        finally:
            _wait_quietly(reading.failed(error[1]) if error[1] is not None else reading.closed())

    async def _self_aexit(self, error: tuple[Any, ...]) -> Any:
        """The same of an `async with` block."""
        reading = self._self_reading
        try:
            return await self.__wrapped__.__aexit__(*error)
        finally:
            await _await_quietly(reading.failed(error[1]) if error[1] is not None else reading.closed(), error[1])

    def _self_call(self, *args: Any, **kwargs: Any) -> Any:
        return self.__wrapped__(*args, **kwargs)

    def _self_closed(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Closes the stream as it is closed; its record is sealed when this returns."""
        reading = self._self_reading
        entered = reading.enter() if reading.is_open else None
        try:
            try:
                result = self.__wrapped__.close(*args, **kwargs)
            except BaseException as error:
                reading.leave(entered)
                if not _is_alive(self.__wrapped__):  # else it was refused: another thread is reading it
                    _wait_quietly(reading.failed(error))
                raise
            reading.leave(entered)
        except BaseException:
            reading.leave_again(entered)
            raise
        if inspect.isawaitable(result):
            return self._self_aclosed(lambda: result)
        _wait(reading, reading.closed())
        return result

    async def _self_aclosed(self, close: Callable[[], Any]) -> Any:
        """The same where that is awaited."""
        reading = self._self_reading
        entered = reading.enter() if reading.is_open else None
        try:
            try:
                result = await close()
            except BaseException as error:
                reading.leave(entered)
                if not _is_alive(self.__wrapped__):  # as above
                    await _await_quietly(reading.failed(error), error)
                raise
            reading.leave(entered)
        except BaseException:
            reading.leave_again(entered)
            raise
        await _await(reading, reading.closed())
        return result

    def __reduce_ex__(self, protocol: Any) -> Any:
        """As the stream: a generator refuses, and what a client's stream gives is the stream without us."""
        return self.__wrapped__.__reduce_ex__(protocol)

    def _self_copy(self) -> Any:
        """Where the stream's class has a way of its own."""
        return self.__wrapped__.__copy__()

    def _self_deepcopy(self, memo: Any) -> Any:
        return self.__wrapped__.__deepcopy__(memo)

    def __repr__(self) -> str:
        return repr(self.__wrapped__)


def _stood_for(proxy: Any, stream: Any, reading: Reading) -> Any:
    """The proxy around a stream, with no more methods than that has."""
    return like(proxy, type(stream))(stream, reading)  # type: ignore[arg-type] # types are hashable


class Stream(_Proxy):
    """An iterator that is read in steps, each traced."""

    def __iter__(self) -> Any:
        return self._self_iterator(iter(self.__wrapped__), _StreamPart)

    def __contains__(self, value: object) -> bool:
        own = getattr(type(self.__wrapped__), "__contains__", None)
        if own is not None:
            return bool(own(self.__wrapped__, value))
        return any(one is value or one == value for one in self)

    def __bytes__(self) -> bytes:
        own = getattr(type(self.__wrapped__), "__bytes__", None)
        return bytes(list(self)) if own is None else bytes(self.__wrapped__)

    def __next__(self) -> Any:
        return self._self_step("__next__")

    def _self_send(self, *args: Any, **kwargs: Any) -> Any:
        """As the generator's."""
        return self._self_step("send", *args, **kwargs)

    def _self_throw(self, *args: Any, **kwargs: Any) -> Any:
        """As the generator's."""
        try:
            return self._self_step("throw", *args, **kwargs)
        finally:
            del args, kwargs  # the error holds this frame by its traceback: only the garbage collector would find them

    def _self_close(self, *args: Any, **kwargs: Any) -> Any:
        """As the stream's."""
        return self._self_closed(args, kwargs)

    def __enter__(self) -> Any:
        return self._self_itself(self.__wrapped__.__enter__())

    def __exit__(self, *error: Any) -> Any:  # noqa: PYI036 as it is passed on
        return self._self_exit(error)

    def _self_step(self, step: str, *args: Any, **kwargs: Any) -> Any:
        reading = self._self_reading
        if reading.gated and reading.pieces:
            chunk = reading.pieces.popleft()
            reading.took(chunk)
            return chunk
        entered = reading.enter()
        try:
            try:
                if reading.to_ask is not None:
                    self.__wrapped__ = reading.asked(self.__wrapped__)
                chunk = getattr(self.__wrapped__, step)(*args, **kwargs)
            except StopIteration as end:
                reading.leave(entered)
                if reading.gated:
                    return self._self_gated_end(end)
                _wait(reading, reading.completed(end.value))
                raise
            except BaseException as error:
                reading.leave(entered)
                if not _is_alive(self.__wrapped__):
                    _wait_quietly(reading.failed(error, may_go_on=_may_go_on(self.__wrapped__)))
                raise
            reading.leave(entered)
        except BaseException:
            reading.leave_again(entered)
            raise
        finally:
            del args, kwargs
        if reading.gated:
            chunk = self._self_passed(chunk)
            if chunk is NOTHING_YET:
                return self._self_go_on()
        reading.took(chunk)
        return chunk

    def _self_go_on(self) -> Any:
        """All that has come is held back: the next piece that leaves, without a frame for each that does not."""
        reading = self._self_reading
        if reading.goes_on:
            return NOTHING_YET
        reading.goes_on = True
        try:
            while (chunk := self._self_step("__next__")) is NOTHING_YET:
                pass
        finally:
            reading.goes_on = False
        return chunk

    def _self_gated_end(self, end: StopIteration) -> Any:
        """The rest that was held back, and after that the end."""
        reading = self._self_reading
        if (rest := self._self_rest(end.value)) is not None:
            return rest
        returned = reading.returned(end.value)
        _wait(reading, reading.completed(returned))
        if returned is end.value:
            raise end
        raise StopIteration(returned)

    def _self_rest(self, returned: Any) -> Any:
        reading = self._self_reading
        try:
            rest = reading.rest(returned)
        except BaseException as error:
            _wait_quietly(reading.failed(error))
            raise
        if rest is not None:
            reading.took(rest)
        return rest

    def _self_passed(self, chunk: Any) -> Any:
        reading = self._self_reading
        try:
            return reading.passed(chunk)
        except BaseException as error:
            stream, self.__wrapped__ = self.__wrapped__, iter(())  # whatever its close does: nothing more of it leaves
            entered = reading.enter()
            try:
                with suppress(Exception):
                    stream.close()
            finally:
                reading.leave(entered)
                _wait_quietly(reading.failed(error))
            raise


class AsyncStream(_Proxy):
    """An async iterator that is read in steps, each traced."""

    def __aiter__(self) -> Any:
        return self._self_iterator(self.__wrapped__.__aiter__(), _AsyncStreamPart)

    async def __anext__(self) -> Any:
        return await self._self_astep("__anext__")

    async def _self_asend(self, *args: Any, **kwargs: Any) -> Any:
        """As the generator's."""
        return await self._self_astep("asend", *args, **kwargs)

    async def _self_athrow(self, *args: Any, **kwargs: Any) -> Any:
        """As the generator's."""
        try:
            return await self._self_astep("athrow", *args, **kwargs)
        finally:
            del args, kwargs  # as above

    async def _self_aclose(self, *args: Any, **kwargs: Any) -> Any:
        """As the stream's; its record is sealed when this returns."""
        return await self._self_aclosed(lambda: self.__wrapped__.aclose(*args, **kwargs))

    def _self_close(self, *args: Any, **kwargs: Any) -> Any:
        """As the stream's: most are awaited, as model clients do, and some are not."""
        if inspect.iscoroutinefunction(type(self.__wrapped__).close):
            return self._self_aclosed(lambda: self.__wrapped__.close(*args, **kwargs))
        return self._self_closed(args, kwargs)

    async def __aenter__(self) -> Any:
        return self._self_itself(await self.__wrapped__.__aenter__())

    async def __aexit__(self, *error: Any) -> Any:  # noqa: PYI036 as above
        return await self._self_aexit(error)

    async def _self_astep(self, step: str, *args: Any, **kwargs: Any) -> Any:
        reading = self._self_reading
        if reading.gated and reading.pieces:
            chunk = reading.pieces.popleft()
            reading.took(chunk)
            return chunk
        entered = reading.enter()
        try:
            try:
                if reading.to_ask is not None:
                    self.__wrapped__ = await reading.aasked(self.__wrapped__)
                chunk = await getattr(self.__wrapped__, step)(*args, **kwargs)
            except StopAsyncIteration:
                reading.leave(entered)
                if reading.gated and (rest := await self._self_arest()) is not None:
                    return rest
                await _await(reading, reading.completed(None))
                raise
            except BaseException as error:
                reading.leave(entered)
                if not _is_alive(self.__wrapped__):
                    await _await_quietly(reading.failed(error, may_go_on=_may_go_on(self.__wrapped__)), error)
                raise
            reading.leave(entered)
        except BaseException:
            reading.leave_again(entered)
            raise
        finally:
            del args, kwargs
        if reading.gated:
            chunk = await self._self_apassed(chunk)
            if chunk is NOTHING_YET:
                return await self._self_ago_on()
        reading.took(chunk)
        return chunk

    async def _self_ago_on(self) -> Any:
        """As `Stream` does."""
        reading = self._self_reading
        if reading.goes_on:
            return NOTHING_YET
        reading.goes_on = True
        try:
            while (chunk := await self._self_astep("__anext__")) is NOTHING_YET:
                pass
        finally:
            reading.goes_on = False
        return chunk

    async def _self_arest(self) -> Any:
        reading = self._self_reading
        try:
            rest = reading.rest(None)
        except BaseException as error:
            await _await_quietly(reading.failed(error), error)
            raise
        if rest is not None:
            reading.took(rest)
        return rest

    async def _self_apassed(self, chunk: Any) -> Any:
        reading = self._self_reading
        try:
            return await reading.apassed(chunk)
        except BaseException as error:
            stream, self.__wrapped__ = self.__wrapped__, _NothingMore()  # as above
            entered = reading.enter()
            try:
                with suppress(Exception):
                    closed = (stream.aclose if hasattr(stream, "aclose") else stream.close)()
                    if inspect.isawaitable(closed):
                        await closed
            finally:
                reading.leave(entered)
                await _await_quietly(reading.failed(error), error)
            raise


class _NothingMore:
    """An async stream at its end."""

    def __aiter__(self) -> _NothingMore:
        return self

    async def __anext__(self) -> Any:
        raise StopAsyncIteration


class EitherStream(Stream, AsyncStream):
    """A stream that its reader may read either way: the steps say which one it was."""

    _self_close = AsyncStream._self_close  # noqa: SLF001 it is one or the other


class _StreamPart(Stream):
    """Another way to read the same stream, such as only its text: it ends the stream, and does not abandon it."""

    def __del__(self) -> None:
        """The stream itself is still there."""


class _AsyncStreamPart(AsyncStream):
    """As `_StreamPart`."""

    def __del__(self) -> None:
        """As above."""


class _EitherStreamPart(EitherStream):
    """As `_StreamPart`."""

    def __del__(self) -> None:
        """As above."""


_PARTS: Final = {GeneratorType: _StreamPart, AsyncGeneratorType: _AsyncStreamPart}
_PARTS_OF: Final[dict[Any, Any]] = {
    Stream: _StreamPart,
    AsyncStream: _AsyncStreamPart,
    EitherStream: _EitherStreamPart,
}


class _Manager(_Proxy):
    """What is common to both."""

    def _self_opened(self, stream: Any) -> Any:
        """Within the block, the manager is what may be abandoned."""
        self._self_reading.is_of_client(stream)
        proxy = _proxy_for(type(stream))  # type: ignore[arg-type] # types are hashable
        return stream if proxy is None else _stood_for(_PARTS_OF[proxy], stream, self._self_reading)


class StreamManager(_Manager):
    """A context manager of a model client that opens the stream."""

    def __enter__(self) -> Any:
        return self._self_opened(self.__wrapped__.__enter__())

    def __exit__(self, *error: Any) -> Any:  # noqa: PYI036 as above
        return self._self_exit(error)


class AsyncStreamManager(_Manager):
    """The same for an async one."""

    async def __aenter__(self) -> Any:
        return self._self_opened(await self.__wrapped__.__aenter__())

    async def __aexit__(self, *error: Any) -> Any:  # noqa: PYI036 as above
        return await self._self_aexit(error)


def _wait(reading: Reading, ticket: Ticket | None) -> None:
    if ticket is not None:
        _call.wait(ticket, reading.ports)
        if reading.gated:
            _gate.sealed(reading.ports, reading.record_id)


async def _await(reading: Reading, ticket: Ticket | None) -> None:
    if ticket is not None:
        await _call.await_(ticket, reading.ports)
        if reading.gated:
            await _gate.asealed(reading.ports, reading.record_id)


async def delivered(delivery: Delivery) -> None:
    """The response is about to end: whatever its streams made is in it. Their records are sealed when this returns.

    Raises:
        RecordNotSealed: one is not, and the configuration asks to be told.
    """
    for reading in _carried(delivery):
        await _await(reading, _ended(reading.delivered))


def not_delivered(delivery: Delivery) -> None:
    """The response came to no end: its streams hold what was delivered by then. Nothing where it did come to one."""
    for reading in _carried(delivery):
        _call.leave(_ended(reading.cut_off))


def took(delivery: Delivery, content: bytes) -> None:
    """The server has taken that content, or is about to take the last one."""
    try:
        delivery.took(content)
    except Exception as error:
        _guard.report("note what a server took", error)


def _carried(delivery: Delivery) -> list[Reading]:
    try:
        return delivery.end()
    except Exception as error:
        _guard.report("note the end of a response", error)
        return []


def _ended(end: Callable[[], Ticket | None]) -> Ticket | None:
    try:
        return end()
    except Exception as error:
        _guard.report("end a stream with its response", error)
        return None


def _wait_quietly(ticket: Ticket | None) -> None:
    if ticket is not None:
        _call.wait_quietly(ticket)


async def _await_quietly(ticket: Ticket | None, failure: BaseException | None) -> None:
    if ticket is not None:
        await _call.await_quietly(ticket, failure)


def _may_go_on(stream: Any) -> bool:
    """Whether a step that was interrupted may be tried again: a generator is over then, a client's stream is not."""
    return not (hasattr(stream, "gi_frame") or hasattr(stream, "ag_frame"))


def _is_alive(stream: Any) -> bool:
    """Whether a generator that raised goes on all the same: it was called wrongly, or is running in another thread."""
    frame = getattr(stream, "gi_frame", None) or getattr(stream, "ag_frame", None)
    return frame is not None


@lru_cache(maxsize=1024)
def _proxy_for(kind: type) -> type[Stream | AsyncStream] | None:
    """The proxy for streams of that type; None for everything that is no stream.

    A stream is an iterator that can be closed. Files and database cursors are more than that and stay what they are.
    """
    if issubclass(kind, io.IOBase) or has(kind, "fetchone"):
        return None
    if not (has(kind, "close") or has(kind, "aclose")):
        return None
    if has(kind, "__next__"):
        return EitherStream if has(kind, "__anext__") else Stream
    return AsyncStream if has(kind, "__anext__") else None


@lru_cache(maxsize=1024)
def _manager_for(kind: type) -> type[_Manager] | None:
    """The proxy for what opens a stream in a `with` block: known by its name, as anything may be a context manager."""
    if "Stream" not in kind.__name__:
        return None
    if has(kind, "__aenter__"):
        return AsyncStreamManager
    return StreamManager if has(kind, "__enter__") else None


def adopt(plan: Plan, activity: Activity, result: Any) -> Any:
    """The stream or coroutine that a traced function returned, as a traced one; None where the result is neither.

    The activity goes on until the stream ends.
    """
    proxy: Any = _proxy_for(type(result))  # type: ignore[arg-type] # types are hashable
    if proxy is None and plan.kind == semconv.KIND_MODEL_CALL:
        proxy = _manager_for(type(result))  # type: ignore[arg-type] # as above
    if proxy is None:
        return await_later(plan, activity, result) if is_coroutine(result) else None
    if plan.kind == semconv.KIND_POLICY_CHECK:
        return None
    activity.detach()
    activity.running(False)
    reading = Reading(plan, activity.ports, (None, (), {}), activity)
    if type(result) not in _PARTS:
        reading.is_of_client(result)
    return _stood_for(proxy, result, reading)


def open_generator(
    plan: Plan, ports: Ports, function: Any, generator: Any, given: tuple[Any, tuple[Any, ...], Mapping[str, Any]]
) -> Any:
    """A traced generator or async generator: nothing happens before its first step.

    Args:
        plan: what was said of the function.
        ports: what is plugged in.
        function: that made the generator, and makes another where the gate changes what it is given.
        generator: as the function made it.
        given: instance, positional and keyword arguments of the call.
    """
    proxy = _proxy_for(type(generator))  # type: ignore[arg-type] # as above
    if proxy is None:
        return generator
    reading = Reading(plan, ports, given)
    reading.is_owner = True
    if plan.kind == semconv.KIND_MODEL_CALL and reading.gated:
        reading.to_ask = function, given[1], given[2]
    return _stood_for(proxy, generator, reading)
