"""A coroutine that a plain function returned, as wrappers around coroutine functions do: the call goes on with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import wrapt

from provsdk.capture import _abandoned, _call, _guard, _process
from provsdk.capture._likeness import has, like
from provsdk.capture._reading import ABANDONED

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator

    from provsdk.capture._plan import Plan
    from provsdk.capture._session import Activity
    from provsdk.capture.ports import Ports

__all__ = ["Awaited", "await_later", "is_coroutine"]

_PROTOCOL: Final = ("__await__", "send", "throw", "close")


def is_coroutine(value: Any) -> bool:
    """Whether it has a coroutine's methods; asked of its class, as the object may answer anything."""
    return all(has(type(value), method) for method in _PROTOCOL)


def await_later(plan: Plan, activity: Activity, coroutine: Any) -> Awaited:
    """The coroutine as a traced one: the activity goes on until it has been awaited, closed or dropped."""
    activity.detach()
    activity.running(False)
    kind: type[Awaited] = like(Awaited, type(coroutine))  # type: ignore[arg-type] # types are hashable
    return kind(coroutine, _Rest(plan, activity))


class _Rest:
    """What remains of the call; taken once, by whoever awaits or when nobody does."""

    __slots__ = ("__weakref__", "_activity", "_once", "_plan")

    def __init__(self, plan: Plan, activity: Activity) -> None:
        self._plan = plan
        self._activity = activity
        self._once = [True]  # popping is one step of the interpreter
        _abandoned.watch(self)

    @property
    def ports(self) -> Ports:
        """What it was called under."""
        return self._activity.ports

    def _take(self) -> bool:
        try:
            return self._once.pop()
        except IndexError:
            return False

    async def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Awaits it as part of the call."""
        if not self._take():
            return await coroutine
        activity = self._activity
        try:
            activity.attach()
        except Exception as error:
            _guard.report("make a call current again", error)
        return await _call.acall(self._plan, lambda: coroutine, None, (), {}, begun=activity)

    def thrown(self, coroutine: Coroutine[Any, Any, Any], given: tuple[Any, ...]) -> Any:
        """An error came before anybody awaited it, as where its task is cancelled at once."""
        try:
            return coroutine.throw(*given)
        except BaseException as error:
            if self._take():
                _call.leave(_call.fail(self._activity, error))
            raise

    def closed(self) -> None:
        """It was closed before anybody awaited it."""
        if self._take():
            _call.leave(_call.fail(self._activity, GeneratorExit()))

    def stopped(self, reason: str, detail: str) -> None:
        """It may be awaited still, and nobody will note it."""
        if self._once and self._activity.scope is not None:
            self._activity.scope.missing.append((reason, detail))
        self.abandoned()

    def abandoned(self) -> None:
        """Nobody will await it."""
        if self._activity.process == _process.generation and self._take():
            self._activity.status = ABANDONED
            _call.leave(_call.end_quietly(self._activity))


class Awaited(wrapt.ObjectProxy):  # type: ignore[type-arg] # only new versions of wrapt take arguments
    """For everybody else the coroutine itself."""

    def __init__(self, coroutine: Any, rest: _Rest) -> None:
        super().__init__(coroutine)
        self._self_rest = rest
        self._self_running: Coroutine[Any, Any, Any] | None = None

    def _self_run(self) -> Coroutine[Any, Any, Any]:
        if self._self_running is None:
            self._self_running = self._self_rest.run(self.__wrapped__)
        return self._self_running

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._self_run().__await__()

    def send(self, value: Any) -> Any:
        """As the coroutine's."""
        return self._self_run().send(value)

    def throw(self, *args: Any, **kwargs: Any) -> Any:
        """As the coroutine's."""
        try:
            if self._self_running is None:
                return self._self_rest.thrown(self.__wrapped__, args)
            return self._self_running.throw(*args, **kwargs)
        finally:
            del args, kwargs  # the error holds this frame by its traceback

    async def __aenter__(self) -> Any:
        """Of one that is a block too: it is entered with what awaiting it would give."""
        return await self._self_rest.run(self.__wrapped__.__aenter__())

    async def __aexit__(self, *error: Any) -> Any:  # noqa: PYI036 as it is passed on
        return await self.__wrapped__.__aexit__(*error)

    def _self_call(self, *args: Any, **kwargs: Any) -> Any:
        return self.__wrapped__(*args, **kwargs)

    def __repr__(self) -> str:
        return repr(self.__wrapped__)

    def close(self) -> None:
        """As the coroutine's."""
        if self._self_running is not None:
            self._self_running.close()
        else:
            self._self_rest.closed()
            self.__wrapped__.close()

    def __del__(self) -> None:
        if getattr(self, "_self_running", self) is None:
            _abandoned.abandon(self._self_rest)
