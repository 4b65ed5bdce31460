"""The public decorators and contexts.

Each is a decorator with and without parentheses, a `with` block and an `async with` block:

    @traced_output                                   # the function's name names the output
    @traced_output("support-answer", owner="ana@example.org")
    with traced_output("support-answer") as out: ...
    async with traced_source("handbook", type="file", location=path) as source: ...

Facts may be values, or functions of the call: a function's parameters are named like those of the traced function, or
`result`. Not configured, the traced function is simply called.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partialmethod
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, overload

from provsdk import semconv
from provsdk.capture import _guard, ports
from provsdk.capture._binding import attribute
from provsdk.capture._callables import TracedFunction, kind_of, public_methods, traced_function
from provsdk.capture._declared import check_name
from provsdk.capture._late import Late
from provsdk.capture._plan import Plan
from provsdk.capture.handles import ActivityHandle, OutputHandle, by_hand
from provsdk.errors import UnsupportedCallable, UsageError

if TYPE_CHECKING:
    from types import TracebackType

    from provsdk.capture import _call
    from provsdk.capture._session import Activity
    from provsdk.capture.ports import Ticket
else:
    _call = Late("provsdk.capture._call")

__all__ = [
    "Traced",
    "declare_source",
    "derive",
    "traced_check",
    "traced_model_call",
    "traced_output",
    "traced_source",
    "traced_transform",
]

_MADE_CLASS_METHODS: Final = frozenset({"__init_subclass__", "__class_getitem__"})

F = TypeVar("F", bound="Callable[..., Any] | partialmethod[Any]")
T = TypeVar("T")
H = TypeVar("H", bound=ActivityHandle)


class Traced(Generic[H]):
    """A decorator, a `with` block and an `async with` block in one."""

    __slots__ = ("_each", "_entered", "_facts", "_first", "_handle", "_kind", "_name", "_plan")

    def __init__(
        self,
        kind: str,
        handle: type[H],
        first: str | None,
        facts: dict[str, Any],
        *,
        each: bool = False,
        name: Any = None,
    ) -> None:
        self._kind = kind
        self._handle = handle
        self._first = first
        self._name = name
        self._facts = facts
        self._each = each
        self._plan: Plan | None = None
        self._entered: list[tuple[Activity | None, H]] = []

    @overload
    def __call__(self, function: partialmethod[T]) -> partialmethod[T]: ...
    @overload
    def __call__(self, function: F) -> F: ...
    def __call__(self, function: Any) -> Any:
        """Decorates a function, generator, method, partial or callable object; of a class, all its public methods.

        Raises:
            UnsupportedCallable: something that cannot be called, or a check that would answer more than once.
            UsageError: a fact that does not fit the function.
        """
        kind = kind_of(function)
        if kind == "class":
            return self._decorate_class(function)
        if self._kind == semconv.KIND_POLICY_CHECK and "generator" in kind:
            raise UnsupportedCallable(f"{function.__qualname__}: a check answers once, so it cannot be a generator")
        if isinstance(function, staticmethod):
            return staticmethod(self(function.__func__))
        if attribute(function, "__name__") in _MADE_CLASS_METHODS and isinstance(function, FunctionType):
            function = classmethod(function)  # as the interpreter would, which knows only functions
        plan = Plan.of(self._kind, self._first, self._facts, function, each=self._each, name=self._name)
        wrapper: Any = _WRAPPERS[kind](plan)
        wrapper.plan = plan
        for name in ("__name__", "__qualname__"):  # a coroutine goes by the name of the function that made it
            if isinstance(own := attribute(function, name), str):
                setattr(wrapper, name, own)
        return traced_function(function, wrapper, self)

    def _decorate_class(self, cls: Any) -> Any:
        """The same class, with its own public methods traced; each goes by the given name and its own."""
        for name, method in public_methods(cls).items():
            first = f"{self._first}.{name}" if self._first is not None else None
            traced = Traced(self._kind, self._handle, first, self._facts, each=self._each, name=self._name)
            found = traced(method)
            setattr(cls, name, found)
            if isinstance(found, TracedFunction):
                found.__set_name__(cls, name)
        return cls

    def __reduce__(self) -> Any:
        """For a traced object that has to be made anew in another process."""
        return _again, (self._kind, self._handle, self._first, self._facts, self._each, self._name)

    def __enter__(self) -> H:
        """Begins the call that the block is."""
        plugged = ports.current()
        plan = self._block_plan()
        activity = _call.begin(plugged, plan, None, (), {}) if plugged is not None else None
        try:
            handle = self._handle(plan, activity)
            self._entered.append((activity, handle))
        except BaseException as interrupt:  # the block will not run, and nobody comes to its end
            for entry in tuple(self._entered):
                if entry[0] is activity:
                    self._entered.remove(entry)
            if activity is not None:
                _call.finish(activity, interrupt)
            raise
        return handle

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends the call; for an output, waits until its record is durable, within the bounds of the configuration."""
        try:
            ticket = self._end(error)
        except BaseException as interrupt:
            self._give_up(interrupt)
            raise
        if ticket is not None and error is not None:
            _call.wait_quietly(ticket)
        elif ticket is not None:
            _call.wait(ticket, ports.current())

    async def __aenter__(self) -> H:
        """As `__enter__`."""
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """As `__exit__`, without blocking the event loop."""
        try:
            ticket = self._end(error)
        except BaseException as interrupt:
            self._give_up(interrupt)
            raise
        if ticket is not None and error is not None:
            await _call.await_quietly(ticket, error)
        elif ticket is not None:
            await _call.await_(ticket, ports.current())

    def _block_plan(self) -> Plan:
        if self._plan is None:
            if self._first is None and not isinstance(self._name, str):
                raise UsageError(f"traced_{self._kind}: a with block has no function to take a name from; give it one")
            self._plan = Plan.of(self._kind, self._first, self._facts, None, each=self._each, name=self._name)
        return self._plan

    def _end(self, error: BaseException | None) -> Ticket | None:
        left: list[tuple[Activity | None, H]] = []
        try:
            return self._end_block(error, left)
        except BaseException as interrupt:
            if not left:
                left.append(self._entered.pop())
            activity, _ = left[0]
            if activity is not None:
                _call.finish(activity, interrupt)
            raise

    def _give_up(self, interrupt: BaseException) -> None:
        """Ends the block that is the current one still: the interrupt came before its end had begun."""
        current = _call.current()
        if current is not None and any(activity is current for activity, _ in tuple(self._entered)):
            self._leave([])
            _call.finish(current, interrupt)

    def _end_block(self, error: BaseException | None, left: list[tuple[Activity | None, H]]) -> Ticket | None:
        self._leave(left)
        activity, handle = left[0]
        if activity is None:
            return None
        if error is not None:
            return _call.fail(activity, error)
        if handle.has_result:
            return _call.end(self._block_plan(), activity, handle.finish())
        return _call.end_quietly(activity)

    def _leave(self, left: list[tuple[Activity | None, H]]) -> None:
        """Moves the block that ends to `left`: the caller's, as several threads and tasks may be in one."""
        entered = tuple(self._entered)
        if any(activity is not None for activity, _ in entered):
            entered = (*_around(_call.current(), entered), *reversed(entered))
        for entry in entered:
            left.append(entry)  # first, as an interrupt may come behind the removal
            try:
                self._entered.remove(entry)
            except ValueError:  # another thread has left it meanwhile
                left.pop()
            else:
                return


def _around(
    current: Activity | None, entered: Sequence[tuple[Activity | None, H]]
) -> Iterator[tuple[Activity | None, H]]:
    """The blocks that the current call is in, the innermost first."""
    while current is not None:
        yield from (entry for entry in entered if entry[0] is current)
        current = current.parent


def _wrapper(plan: Plan) -> Callable[..., Any]:
    def traced(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        plugged = ports.current()
        if plugged is None:
            return wrapped(*args, **kwargs)
        return _call.call(plan, plugged, wrapped, instance, args, kwargs)

    return traced


def _async_wrapper(plan: Plan) -> Callable[..., Any]:
    counts = plan.signature.counts()

    def traced(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        follow = _awaited if ports.current() is None else _call.acall
        is_plain = not kwargs and instance is None and len(args) in counts
        if not is_plain and not plan.signature.fits(instance, args, kwargs):
            wrapped = _called(wrapped, args, kwargs)  # wrong arguments raise here, as without us
        coroutine: Any = follow(plan, wrapped, instance, args, kwargs)
        coroutine.__name__, coroutine.__qualname__ = traced.__name__, traced.__qualname__
        return coroutine

    return traced


def _called(wrapped: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Callable[..., Any]:
    """The function, called at once; it gives what that came to, unless a policy has put other values in their place."""
    coroutine = wrapped(*args, **kwargs)

    def call(*given: Any, **named: Any) -> Any:
        as_before = map(operator.is_, (*given, *named.values()), (*args, *kwargs.values()))
        if len(given) == len(args) and list(named) == list(kwargs) and all(as_before):
            return coroutine
        coroutine.close()
        return wrapped(*given, **named)

    return call


async def _awaited(plan: Plan, wrapped: Callable[..., Any], instance: Any, args: Any, kwargs: Any) -> Any:
    """Nothing was plugged in when it was called; that may have changed when it is awaited."""
    if ports.current() is None:
        return await wrapped(*args, **kwargs)
    return await _call.acall(plan, wrapped, instance, args, kwargs)


def _generator_wrapper(plan: Plan) -> Callable[..., Any]:
    def traced(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        generator = wrapped(*args, **kwargs)
        plugged = ports.current()
        if plugged is None:
            return generator
        from provsdk.capture._streams import open_generator  # noqa: PLC0415 most programs have no streams

        return open_generator(plan, plugged, wrapped, generator, (instance, args, kwargs))

    return traced


_WRAPPERS: Final[dict[str, Callable[[Plan], Callable[..., Any]]]] = {
    "function": _wrapper,
    "coroutine": _async_wrapper,
    "generator": _generator_wrapper,
    "async generator": _generator_wrapper,
}


def _again(kind: str, handle: type[H], first: str | None, facts: dict[str, Any], each: bool, name: Any) -> Traced[H]:  # noqa: FBT001 as they were pickled
    return Traced(kind, handle, first, facts, each=each, name=name)


def _traced(kind: str, handle: type[H], first: Any, facts: dict[str, Any], *, each: bool = False) -> Any:
    """Without parentheses the decorator gets the function itself as its first argument, else a name or nothing."""
    name = facts.pop("name", None)
    for fact in facts:
        check_name(kind, fact)
    if first is None or isinstance(first, str):
        return Traced(kind, handle, first, facts, each=each, name=name)
    return Traced(kind, handle, None, facts, each=each, name=name)(first)


@overload
def traced_output(function: F, /) -> F: ...
@overload
def traced_output(
    first: str | None = None,
    /,
    *,
    name: Any = None,
    version: Any = None,
    tenant: Any = None,
    session: Any = None,
    subjects: Any = None,
    recipients: Any = None,
    purpose: Any = None,
    classification: Any = None,
    retention: Any = None,
    owner: Any = None,
    capture_content: Any = None,
    on_unavailable: Any = None,
) -> Traced[OutputHandle]: ...
def traced_output(first: Any = None, /, **facts: Any) -> Any:
    """Makes what a function returns an output: one call, one record, sealed before the caller has the value.

    Args:
        first: the function, or the name.
        name: what kind of output it is, or a function of the call; the function's qualified name where not given.
        version: of the code or prompt that makes it.
        tenant: whose it is; fixed when the call starts.
        session: conversation or request that it belongs to.
        subjects: whom it concerns, pseudonyms preferred; stays in the process and its store.
        recipients: who gets it; stays likewise.
        purpose: what it is for.
        classification: a `DataClassification`.
        retention: a `RetentionPeriod` or a number of days; never shorter than the classification asks for.
        owner: an agent, or agents by `OwnershipRole`.
        capture_content: `full` keeps the content of this output's values, encrypted, in the store; `none` keeps none;
            as configured where nothing is said. Fixed when the call starts.
        on_unavailable: `proceed` or `block`, where the configured one does not fit: whether the caller has the value,
            or `RecordNotSealed`, when the record is not durable in time. It is not part of the record.

    Raises:
        UsageError: a fact that outputs do not have, or a value that it does not take.
        UnsupportedCallable: something that cannot be called.
    """
    return _traced(semconv.KIND_OUTPUT, OutputHandle, first, facts)


@overload
def traced_source(function: F, /) -> F: ...
@overload
def traced_source(
    first: str | None = None,
    /,
    *,
    name: Any = None,
    type: Any = None,
    version: Any = None,
    location: Any = None,
    modified_at: Any = None,
    classification: Any = None,
    owner: Any = None,
    reliability: Any = None,
    checksum: Any = None,
    parameters: Any = None,
    capture_content: Any = None,
    each: bool = False,
) -> Traced[ActivityHandle]: ...
def traced_source(first: Any = None, /, *, each: bool = False, **facts: Any) -> Any:
    """Makes what a function returns a source: a document, rows, an answer of an API, what a user typed.

    Args:
        first: the function, or the name.
        name: what it is; may be a function of the call.
        type: a `SourceType`; `external` where nothing is said.
        version: etag, version id, commit, edition.
        location: path, URL, table.
        modified_at: when it last changed: a datetime with a zone, RFC 3339 text, or seconds since 1970.
        classification: a `DataClassification`.
        owner: who answers for it.
        reliability: from 0 to 1, where the type's default does not fit.
        checksum: what is stated of its bytes, as `sha256:<hex>` (also sha512, blake2b, md5); compared with what is
            returned: text (as UTF-8), bytes, or a path (its file). The record says what came of it.
        parameters: of the load, as a mapping.
        capture_content: whether the content of its values is kept; goes before what the output says.
        each: the function returns a list, and each item is a source of its own; rules may then want `item`.

    Raises:
        UsageError: a fact that sources do not have, or a value that it does not take.
        UnsupportedCallable: something that cannot be called.
    """
    return _traced(semconv.KIND_SOURCE, ActivityHandle, first, facts, each=each)


@overload
def traced_transform(function: F, /) -> F: ...
@overload
def traced_transform(
    first: str | None = None, /, *, name: Any = None, type: Any = None, version: Any = None, parameters: Any = None
) -> Traced[ActivityHandle]: ...
def traced_transform(first: Any = None, /, **facts: Any) -> Any:
    """Makes a function a transformation: it makes values out of values.

    Args:
        first: the function, or the name.
        name: what the step does.
        type: a `TransformationType`; `derive` where nothing is said.
        version: of the code or model behind it.
        parameters: its settings, as a mapping.

    Raises:
        UsageError: a fact that transformations do not have, or a value that it does not take.
        UnsupportedCallable: something that cannot be called.
    """
    return _traced(semconv.KIND_TRANSFORMATION, ActivityHandle, first, facts)


@overload
def traced_model_call(function: F, /) -> F: ...
@overload
def traced_model_call(
    first: str | None = None,
    /,
    *,
    name: Any = None,
    operation: Any = None,
    provider: Any = None,
    model: Any = None,
    response_model: Any = None,
    response_id: Any = None,
    version: Any = None,
    parameters: Any = None,
    input_tokens: Any = None,
    output_tokens: Any = None,
    cache_read_tokens: Any = None,
    cache_write_tokens: Any = None,
    reasoning_tokens: Any = None,
    time_to_first_chunk_s: Any = None,
    finish_reasons: Any = None,
    retries: Any = None,
    tool_calls: Any = None,
    prompt_template: Any = None,
) -> Traced[ActivityHandle]: ...
def traced_model_call(first: Any = None, /, **facts: Any) -> Any:
    """Makes a function a model call.

    What the function returns is read where it is the response of OpenAI's, Anthropic's or LiteLLM's API, or a dict of
    the same shape; settings such as `temperature` and `model` are read from its arguments. What is declared goes first.

    Args:
        first: the function, or the name.
        name: what it is called for.
        operation: `chat`, `text_completion`, `embeddings` or another word of OpenTelemetry's conventions.
        provider: whose API it speaks to.
        model: the model that was asked for.
        response_model: the model that answered.
        response_id: the provider's id of the answer.
        version: of the prompt or of the model.
        parameters: temperature, seed and the like, as a mapping.
        input_tokens: tokens of everything that was sent, cached ones included.
        output_tokens: tokens of everything that came back, reasoning included.
        cache_read_tokens: of those sent, the ones that were read from a cache.
        cache_write_tokens: of those sent, the ones that were written to a cache.
        reasoning_tokens: of those that came back, the ones spent on reasoning.
        time_to_first_chunk_s: seconds from the start of the call to the first chunk of a stream.
        finish_reasons: why each choice ended.
        retries: how often the call was tried again.
        tool_calls: tools that the model asked for, each with `name`, `id` and `arguments`; of the arguments, which stay
            in the process, the record holds the digest.
        prompt_template: a `Prompt`: name, version and text of the template that the prompt was made from.

    Raises:
        UsageError: a fact that model calls do not have, or a value that it does not take.
        UnsupportedCallable: something that cannot be called.
    """
    return _traced(semconv.KIND_MODEL_CALL, ActivityHandle, first, facts)


@overload
def traced_check(function: F, /) -> F: ...
@overload
def traced_check(
    first: str | None = None,
    /,
    *,
    name: Any = None,
    type: Any = None,
    version: Any = None,
    parameters: Any = None,
    result: Any = None,
    reasons: Any = None,
    blocking: Any = None,
) -> Traced[ActivityHandle]: ...
def traced_check(first: Any = None, /, **facts: Any) -> Any:
    """Makes a function a policy check: what it returns is recorded as its verdict, and nothing is withheld.

    The verdict is a bool, a `CheckResult` or its name, a pair of that and reasons, a mapping or an object with
    `result`, `passed` or `ok`; or what the rule `result` reads from it. A check that raises has the result `error`.

    Args:
        first: the function, or the name.
        name: what is checked.
        type: a `ComplianceCheckType`; `policy_compliance` where nothing is said.
        version: of the policy.
        parameters: its settings, as a mapping.
        result: the verdict, where the function's value does not say it.
        reasons: why; stays in the process and its store.
        blocking: whether a failure is meant to block; the type's default where nothing is said.

    Raises:
        UsageError: a fact that checks do not have, or a value that it does not take.
        UnsupportedCallable: something that cannot be called.
    """
    return _traced(semconv.KIND_POLICY_CHECK, ActivityHandle, first, facts)


def declare_source(value: T, *, name: str = "declared", **facts: Any) -> T:
    """Says that `value` came from elsewhere, and hands it back; takes the facts of `traced_source`.

    Inside an output it becomes a source of that output's record. Facts are values here, not functions.
    """
    return by_hand(semconv.KIND_SOURCE, name, facts, result=value)


def derive(value: T, *, from_: Iterable[Any], name: str = "derive", **facts: Any) -> T:
    """Says that `value` comes from each of the values `from_`, and hands it back; takes facts of `traced_transform`.

    For what nobody can see: a value that an index, a cache or another process made of others. Within an output it is a
    step of that output's record, and its edges are declared (`explicit`), not observed. A cause that cannot be told
    from others, such as a small number or a short word, has no edge; the record says so. A text is one cause.
    """
    return by_hand(semconv.KIND_TRANSFORMATION, name, facts, causes=from_, result=value)


def cite(
    output: T, source: Any, span: tuple[int, int] | None = None, *, source_span: tuple[int, int] | None = None
) -> T:
    """Says that `output`, or a place of it, rests on `source`, and hands it back; for citations that a program knows.

    Within an output the edge from one value to the other is declared (`explicit`). What it is said of may be the
    output's value to be, or a part that goes into it. Wrong places, and a source that the output does not know, are
    named in the record (`invalid_fact`). Citations in the responses of model APIs are read by themselves.

    Args:
        output: what cites.
        source: what is cited: a value that was loaded or made within the output.
        span: start and end in the text of `output`, in characters; all of it where nothing is said.
        source_span: the same in the text of `source`.
    """
    activity = _call.current()
    if activity is not None:
        try:
            _cite(activity, output, source, span, source_span)
        except Exception as error:
            activity.lacks("capture_failed", "cite")
            _guard.report("note a citation", error, activity.ports, about=activity.name)
    return output


def _cite(activity: Activity, output: Any, source: Any, span: Any, source_span: Any) -> None:
    of_output, of_source = _place(output, span), _place(source, source_span)
    if of_output is None or of_source is None:
        activity.lacks("invalid_fact", "cite: a span is two positions in the text, the first one before the second")
    elif span is None and source_span is None:
        activity.cites(output, source, ())
    else:
        activity.cites(output, source, ((*of_output, *of_source),))


def _place(value: Any, span: Any) -> tuple[int, int] | None:
    """Start and end of what is meant; None where it is no place in the value."""
    size = len(value) if isinstance(value, str) else 0
    if span is None:
        return 0, size
    match span:
        case (int(start), int(end)) if bool not in {type(start), type(end)} and 0 <= start < end <= size:
            return int(start), int(end)
    return None
