"""Child processes of the standard library are told whose work they do, and records say that work went there.

What is done in another process is another emitter's: an output there has a record of its own that names the activity
that sent it. Jobs take that along in their pickle, processes of `multiprocessing` on the process object, others in
environment variables, where the caller leaves the environment to us. Where a child cannot be told, or shall not, the
record says that it is not linked.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Final

from provsdk.capture import _guard, _origin, _otel, ports
from provsdk.capture._bound import PROCESS_POOL, bound
from provsdk.capture._callables import is_traced, remade
from provsdk.capture._inherited import inherited_environment
from provsdk.capture._patches import ALWAYS, Arguments, Layer, Prepare, Switch, layer, put_on

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from provsdk.capture._otel import Held

__all__ = ["NOT_LINKED", "PROCESSES", "UNTOLD", "finish_child", "says", "switch"]

PROCESSES: Final = Switch()
UNTOLD: Final = Switch()
"""On where children shall not be told."""

NOT_LINKED: Final = ", not linked"
"""After the way in which work was handed over: an output there does not name the activity that sent it."""

_SETTINGS_ATTRIBUTE: Final = "_provsdk_settings"

_LAST: Final = -1
"""Exit priority: after the queues of `multiprocessing` are flushed and its own children have ended."""

_ENV_POSITION: Final = 10
"""Of `env` among the arguments of `subprocess.Popen`."""

_ENV_POSITIONS: Final = {
    "posix_spawn": 2,
    "posix_spawnp": 2,
    "spawnve": 3,
    "spawnvpe": 3,
    "spawnv": None,
    "spawnvp": None,
}
"""The same of functions of `os`; None where the child inherits it, and nothing can be added for this call alone."""

_POOL_MODULES: Final = (
    "concurrent.futures.process",
    "loky.process_executor",
    "joblib.externals.loky.process_executor",
)
"""Of classes `ProcessPoolExecutor`: loky's, by itself or within joblib, is used by many outputs, one after another."""

_CLOUDPICKLE_MODULES: Final = ("cloudpickle.cloudpickle", "joblib.externals.cloudpickle.cloudpickle")

_ON_THE_WAY: Final = frozenset(["provsdk", "subprocess", "wrapt"])
_ABOUT_THE_MACHINE: Final = frozenset(["ctypes.util", "platform", "uuid"])
"""They start `uname`, `ldconfig` and the like, for nobody: model clients ask `platform` at their first request."""


def switch(*, on: bool) -> None:
    """Begins or stops to tell child processes; records speak of them in both cases."""
    PROCESSES.on = on
    UNTOLD.on = not on
    put_on(_LAYERS)


def says(way: str) -> Prepare:
    """What a layer does where the child shall not be told: the record says so."""

    def prepare(held: Held, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:  # noqa: ARG001
        held.hands_over(way + NOT_LINKED)
        return args, kwargs

    return prepare


def _submit(held: Held, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:  # noqa: ARG001
    """Of `ProcessPoolExecutor.submit`, and with it `map` and `loop.run_in_executor`."""
    held.hands_over(PROCESS_POOL)
    return (*(bound(function, held, PROCESS_POOL) for function in args[:1]), *args[1:]), kwargs


def _start(held: Held, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
    """Of `multiprocessing.Process.start`."""
    held.hands_over("process")
    setattr(instance, _origin.PROCESS_ATTRIBUTE, held.headers())
    return args, kwargs


def _start_untold(held: Held, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
    """Of the same. A child that is forked knows all the same, and the record says `fork`."""
    import multiprocessing  # noqa: PLC0415 whoever starts such a process has it

    if (getattr(instance, "_start_method", None) or multiprocessing.get_start_method()) == "fork":
        return args, kwargs
    return says("process")(held, instance, args, kwargs)


def _open(held: Held, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:  # noqa: ARG001
    """Of `subprocess.Popen`. An environment that the caller made is the caller's: nothing is added to it."""
    if _asks_about_the_machine():
        return args, kwargs
    given = args[_ENV_POSITION] if len(args) > _ENV_POSITION else kwargs.get("env")
    if given is None and PROCESSES.on:
        given = _environment_with(held)
        if len(args) > _ENV_POSITION:
            args = (*args[:_ENV_POSITION], given, *args[_ENV_POSITION + 1 :])
        else:
            kwargs = {**kwargs, "env": given}
    _say_whether_told(held, given)
    return args, kwargs


def _say_whether_told(held: Held, environment: Any) -> None:
    """Notes that work went to a program, which is linked where its environment says whose work it does."""
    held.hands_over("subprocess" if _origin.is_told(environment, held.headers()) else "subprocess" + NOT_LINKED)


def _environment_with(held: Held) -> dict[str, str]:
    """What a child would inherit, and whose work it does."""
    return {**inherited_environment(), **_origin.as_variables(held.headers())}


def _create(held: Held, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:  # noqa: ARG001
    """Of `asyncio.create_subprocess_exec` and `_shell`: a loop of somebody else's starts programs in its own way."""
    if kwargs.get("env") is None and PROCESSES.on:
        kwargs = {**kwargs, "env": _environment_with(held)}
    _say_whether_told(held, kwargs.get("env"))
    return args, kwargs


def _spawn(position: int | None) -> Prepare:
    """Of functions of `os` that start a program; they take no environment, or have to be given one."""

    def prepare(held: Held, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:  # noqa: ARG001
        given = None if position is None else args[position] if len(args) > position else kwargs.get("env")
        _say_whether_told(held, given)
        return args, kwargs

    return prepare


def _asks_about_the_machine() -> bool:
    """Whether the standard library starts the program to learn where it runs, not to have work done."""
    frame = sys._getframe(1)  # noqa: SLF001 a traceback would be built whole
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _ON_THE_WAY:
        frame = frame.f_back
    return frame.f_globals.get("__name__") in _ABOUT_THE_MACHINE


class _Inherited:
    """The configuration, on a process object: where that is pickled (spawn, forkserver), the child is configured.

    Args:
        settings: of `configure`.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings

    def __reduce__(self) -> Any:
        return _inherit, (self._settings,)


def _inherit(settings: Mapping[str, Any]) -> None:
    ports.inherit(settings)
    _finish_children()


def _configure_too(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Of `multiprocessing.Process.start`, and with it of all pools of processes."""
    current = ports.current() if PROCESSES.on else None
    if current is not None and current.settings.inherited is not None:
        try:
            setattr(instance, _SETTINGS_ATTRIBUTE, _Inherited(current.settings.inherited))
            _finish_children()
        except Exception as error:
            _guard.report("have a child process configured", error)
    return wrapped(*args, **kwargs)


def _reduce_traced(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:  # noqa: ARG001 wrapt's
    """Of cloudpickle's picklers, which take a function of `__main__` apart themselves, and would leave us behind."""
    function = args[0] if args else None
    if is_traced(function) and getattr(function, "__module__", None) == "__main__":
        return remade(function)
    return wrapped(*args, **kwargs)


def _finish_children() -> None:
    """What is pending in a child is sealed at its end: `multiprocessing` runs no exit handlers but those it knows."""
    global _finishing
    if not _finishing:
        from multiprocessing import util  # noqa: PLC0415 only who starts processes has it

        _finishing = True
        util.register_after_fork(_finish_at_exit, lambda call: call())


def finish_child() -> None:
    """In a child of `multiprocessing` that configures itself: the same, of what its parent had not configured."""
    process: Any = sys.modules.get("multiprocessing.process")
    if process is not None and process.parent_process() is not None:
        _finish_at_exit()


def _finish_at_exit() -> None:
    """In a child that begins, which has forgotten all finalizers."""
    from multiprocessing import util  # noqa: PLC0415 as above

    util.Finalize(None, ports.finish, exitpriority=_LAST)


_finishing = False

_LAYERS: Final = (
    *(layer((module, "ProcessPoolExecutor", "submit"), PROCESSES, _submit) for module in _POOL_MODULES),
    layer(("anyio.to_process", "", "run_sync"), PROCESSES, _submit, runs_apart=False),
    layer(("anyio.to_process", "", "run_sync"), UNTOLD, says(PROCESS_POOL), runs_apart=False),
    *(layer((module, "ProcessPoolExecutor", "submit"), UNTOLD, says(PROCESS_POOL)) for module in _POOL_MODULES),
    # The span stays current: in a forked child it is what other spans belong below.
    layer(("multiprocessing.process", "BaseProcess", "start"), PROCESSES, _start, from_span=False),
    layer(("multiprocessing.process", "BaseProcess", "start"), UNTOLD, _start_untold, runs_apart=False),
    layer(("subprocess", "Popen", "__init__"), ALWAYS, _open),
    *(
        layer((module, "", name), ALWAYS, _create, runs_apart=False)
        for module in ("asyncio", "asyncio.subprocess")
        for name in ("create_subprocess_exec", "create_subprocess_shell")
    ),
    *(
        layer(("os", "", name), ALWAYS, _spawn(position))
        for name, position in _ENV_POSITIONS.items()
        if hasattr(os, name)
    ),
    layer(("os", "", "system"), ALWAYS, _spawn(None)),
    Layer("multiprocessing.process", "BaseProcess", "start", _configure_too),
    *(Layer(module, "Pickler", "reducer_override", _reduce_traced) for module in _CLOUDPICKLE_MODULES),
)


# -- fork, which cannot be switched off: what a child finds current is its parent's


def _before_fork() -> None:
    activity = _otel.current_activity()
    if activity is not None:
        activity.hands_over("fork")


def _after_fork() -> None:
    """In the child: the activity in which it was forked is where all its work comes from."""
    _origin.forked_by(_otel.carried_origin())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork)
