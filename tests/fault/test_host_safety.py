"""A fault of ours changes nothing for the traced function: every hook of ours is made to fail, in every kind of call.

Each case breaks one thing that runs inside a traced call: a method of a port, a step of capture, a method of the span,
a user's rule. What the function returns or raises stays the same; the fault is logged once, counted, and leaves nothing
behind; the next call is traced as if nothing had happened. Interrupts are no faults: they go through, untouched.
"""

import asyncio
import contextlib
import gc
import hashlib
import logging
import multiprocessing
import os
import subprocess
import threading
import time
import traceback
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing.pool import ThreadPool

import pytest
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context.context import Context

from provsdk import (
    bind,
    declare_source,
    environment,
    extract,
    inject,
    traced_check,
    traced_model_call,
    traced_output,
    traced_source,
    traced_transform,
)
from provsdk.asgi import DeliveryMiddleware
from provsdk.capture import (
    _abandoned,
    _call,
    _checksum,
    _delivery,
    _facts,
    _flow,
    _guard,
    _origin,
    _otel,
    _plan,
    _pools,
    _processes,
    _reading,
    _scope,
    _session,
    _threads,
    _values,
    _verdict,
    handles,
    ports,
    propagation,
)
from provsdk.capture._binding import Signature
from provsdk.capture._prefix import Prefix
from provsdk.capture._reading import Reading
from provsdk.digest import JoinKey
from provsdk.errors import RecordNotSealed
from provsdk.gate import PROCEED
from provsdk.pipeline._private_spans import PrivateSpan, PrivateTracer

LONG = "a sentence that is long enough to link something"
INTERRUPTS = [KeyboardInterrupt, SystemExit, asyncio.CancelledError, GeneratorExit]


class Tracers:
    def __init__(self):
        self.begun, self.ended = [], []
        self._tracer = PrivateTracer(self.ended.append)

    def tracer(self):
        return self

    def start_span(self, *arguments, **named):
        span = self._tracer.start_span(*arguments, **named)
        self.begun.append(span)
        return span

    def announce(self, record_id):
        pass


class Ticket:
    def wait(self):
        return True

    def __await__(self):
        return True
        yield

    def leave(self):
        pass


class Durable:
    def __init__(self):
        self.facts, self.late_facts = [], []

    def ticket(self, span_context, facts):
        self.facts.append(facts)
        return Ticket()

    def late(self, span_context, facts):
        self.late_facts.append(facts)


class Emitter:
    id = "emi_test"

    def __init__(self):
        self.numbers = []

    def started(self, number, span_context, name):
        self.numbers.append(number)


class Gate:
    always_proceeds = False

    def _proceed(self, subject):
        return PROCEED

    async def _aproceed(self, subject):
        return PROCEED

    before_source = before_model = before_return = after_seal = on_chunk = on_end = _proceed
    abefore_source = abefore_model = abefore_return = aafter_seal = aon_chunk = _aproceed


class World:
    """Capture with ports of our own, and what has to be true of it between calls."""

    def __init__(self):
        self.tracers, self.durable, self.emitter, self.gate = Tracers(), Durable(), Emitter(), Gate()

    def plug(self, **settings):
        made = ports.Settings(join=JoinKey(b"k" * 32), spans_current=False, **settings)
        ports.plug(ports.Ports(self.tracers, self.gate, self.durable, self.emitter, made))

    def left_nothing_behind(self):
        assert _otel.current_activity() is None, "a call is still the current one"
        assert not trace.get_current_span().get_span_context().is_valid, "a span is still the current one"
        assert not _session._running, "an output still counts as running"
        _abandoned.abandon_all()  # a stream whose reader was interrupted is nobody's: it ends when it is collected
        until = time.monotonic() + 10
        while self._unended() and time.monotonic() < until:
            time.sleep(0.001)  # the thread of abandoned streams may be at it
        assert not self._unended(), "a span has not ended"

    def _unended(self):
        ended = {id(span) for span in self.tracers.ended}
        return [span.name for span in self.tracers.begun if id(span) not in ended]


@pytest.fixture
def world():
    made = World()
    made.plug()
    propagation.automatic(threads=True, processes=True)
    _guard.failures.clear()
    empty = otel_context.attach(Context())
    yield made
    otel_context.detach(empty)
    ports.unplug()
    propagation.automatic(threads=False, processes=False)
    _guard.failures.clear()
    _session._running.clear()


# What is traced: every kind of activity, by a function, a coroutine function, a block and an async block.

FACTS = {"version": lambda result: "1", "parameters": lambda text: {"n": 1}}


@traced_source(type="file", name=lambda text: "handbook", **FACTS)
def load(text):
    return [f"{text} {LONG}", f"{LONG} {text}"]


@traced_source("each", each=True, name=lambda item: "item", version=lambda item: "1")
def load_each(text):
    return [f"{text} {LONG}"]


@traced_transform
def prompt(passages):
    return " ".join(passages)


@traced_model_call(parameters=lambda text: {"temperature": 0})
def chat(text):
    return f"answer to {text}"


@traced_check(type="pii_scan")
def check(text):
    return True, ["looked at it"]


def steps(text):
    passages = load(text) + load_each(text)
    declare_source(f"declared {LONG}", version="1")
    answer = chat(prompt(passages))
    check(answer)
    return answer


@traced_source(type="file", **FACTS)
async def aload(text):
    return [f"{text} {LONG}"]


@traced_transform
async def aprompt(passages):
    return " ".join(passages)


@traced_model_call
async def achat(text):
    return f"answer to {text}"


@traced_check
async def acheck(text):
    return True


async def asteps(text):
    answer = await achat(await aprompt(await aload(text)))
    await acheck(answer)
    return answer


class Mine(Exception):
    """What the user's own function raises."""


def finish(answer, error):
    if error is not None:
        raise error
    return answer


@traced_output("function", session=lambda text: "s")
def by_function(text, error=None):
    return finish(steps(text), error)


@traced_output("coroutine", session=lambda text: "s")
async def acall(text, error=None):
    return finish(await asteps(text), error)


def by_coroutine(text, error=None):
    return asyncio.run(acall(text, error))


def by_block(text, error=None):
    with traced_output("block") as out:
        out.set(session="s")
        out.use(text)
        out.add_source("by hand", f"{text} {LONG} by hand", version="1")
        out.add_transformation("step", used=[text], result=f"{LONG} {text} step")
        out.add_model_call("model", prompt=text, response=f"{text} response {LONG}")
        out.add_check("check", result=True, reasons=["fine"])
        return out.set_result(finish(steps(text), error))


def by_async_block(text, error=None):
    async def run():
        async with traced_output("async block") as out:
            out.set(session="s")
            return out.set_result(finish(await asteps(text), error))

    return asyncio.run(run())


@traced_output("generator", session=lambda text: "s")
def chunks(text, error=None):
    token = otel_context.attach(otel_context.set_value("theirs", text))  # current for the reader as well
    yield "begin: "
    otel_context.detach(token)
    yield finish(steps(text), error)


def by_generator(text, error=None):
    return "".join(chunks(text, error))


@traced_output("async generator", session=lambda text: "s")
async def achunks(text, error=None):
    yield "begin: "
    yield finish(await asteps(text), error)


def by_async_generator(text, error=None):
    async def read():
        return "".join([chunk async for chunk in achunks(text, error)])

    return asyncio.run(read())


def by_message(text, error=None):
    """Some of it in a bound function, some as work of a message."""
    assert environment() == {}
    with traced_output("message") as out:
        message = {}
        inject(message)
        with extract(message):
            asked = steps(text)
        assert asked == bind(steps)(text)
        return out.set_result(finish(asyncio.run(bind(asteps)(text)), error))


async def receive():
    await asyncio.sleep(10)


def by_response(text, error=None, *, breaks_off=False):
    """Through a framework that reads ahead, and a web server."""
    taken = []

    async def application(scope, receive, send):
        for chunk in [chunk async for chunk in achunks(text, error)]:
            await send({"type": "http.response.body", "body": chunk.encode(), "more_body": True})
        if not breaks_off:
            await send({"type": "http.response.body", "body": b""})

    async def send(message):
        taken.append(message["body"])

    asyncio.run(DeliveryMiddleware(application)({"type": "http"}, receive, send))
    return b"".join(taken).decode()


def by_broken_response(text, error=None):
    return by_response(text, error, breaks_off=True)


@traced_source(checksum=f"sha256:{hashlib.sha256(LONG.encode()).hexdigest()}")
def load_checked(text):
    return LONG


@traced_output("elsewhere", capture_content="full")
def by_work_elsewhere(text, error=None):
    """In threads, pools and programs, which have us taken along by layers around their own functions."""
    found = []
    thread = threading.Thread(target=lambda: found.append(load_checked(text)))
    thread.start()
    thread.join()
    with ThreadPoolExecutor(1) as pool:
        found.append(pool.submit(chat, text).result())
    with ThreadPool(1) as pool:
        found += pool.map(chat, [text])
    assert subprocess.run(["true"], check=False).returncode == os.system("true") == 0
    with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
        found.append(pool.submit(str.upper, text).result())
    return finish(" ".join(found), error)


CALLS = {
    "function": by_function,
    "coroutine": by_coroutine,
    "block": by_block,
    "async block": by_async_block,
    "generator": by_generator,
    "async generator": by_async_generator,
    "message": by_message,
    "response": by_response,
    "broken response": by_broken_response,
}


ELSEWHERE = {"elsewhere": by_work_elsewhere}
"""An interrupt that is raised in another thread ends that thread, with us and without."""


# What is broken.


def _hooks():
    for port, method in [
        ("tracers", "tracer"),
        ("tracers", "start_span"),
        ("tracers", "announce"),
        ("emitter", "started"),
        ("durable", "ticket"),
        ("durable", "late"),
        ("gate", "always_proceeds"),
        ("gate", "before_source"),
        ("gate", "before_model"),
        ("gate", "before_return"),
        ("gate", "after_seal"),
        ("gate", "abefore_source"),
        ("gate", "abefore_model"),
        ("gate", "abefore_return"),
        ("gate", "aafter_seal"),
        ("gate", "on_chunk"),
        ("gate", "on_end"),
        ("gate", "aon_chunk"),
    ]:
        yield f"{port}.{method}", lambda world, port=port: type(getattr(world, port)), method
    yield "emitter.id", lambda _: Emitter, "id"
    yield "ticket.wait", lambda _: Ticket, "wait"
    yield "ticket.__await__", lambda _: Ticket, "__await__"
    for method in ["set_attribute", "set_status", "get_span_context"]:
        yield f"span.{method}", lambda _: PrivateSpan, method
    for owner, names in [
        (_plan.Plan, ["open", "conclude", "_say_fast", "_ask_waiting", "_conclude_each", "_available"]),
        (_plan._session, ["open_activity"]),
        (_plan, ["check", "put", "_ask", "_ask_item", "_asked_name"]),
        (_session.Activity, ["failed", "attach", "_leave_home_facts"]),
        (_values.Values, ["given", "made", "made_item", "_look_inside"]),
        (_scope.Scope, ["local_facts"]),
        (_session, ["write_facts"]),
        (_values, ["measure", "is_linkable", "look_into", "known_in"]),
        (_facts, ["_said"]),
        (_facts.SpanFacts, ["is_short"]),
        (_otel, ["attach", "above", "_context_with", "step_context", "leave_to_reader"]),
        (_otel, ["hold", "attach_held", "attach_origin", "current_origin", "stand_apart"]),
        (_otel.Held, ["hands_over", "headers"]),
        (_origin, ["read", "headers", "span_context_in", "as_variables", "is_told"]),
        (_processes, ["bound", "inherited_environment", "_asks_about_the_machine"]),
        (_threads, ["bound", "_lend", "_is_of_interpreters"]),
        (_pools, ["bound"]),
        (_values, ["encode"]),
        (_checksum, ["compare", "algorithm_of"]),
        (_delivery.Delivery, ["took", "carries", "since", "end", "lets_go"]),
        (_reading, ["current_delivery", "sent_of"]),
        (Reading, ["delivered", "cut_off"]),
        (_flow.Registry, ["find", "former", "enter"]),
        (_flow, ["measure", "children", "_safe_name"]),
        (Signature, ["pairs", "arguments"]),
        (_verdict, ["_read"]),
        (_call, ["current_activity", "verdict_of", "note_request", "note_response", "settle", "reap"]),
        (handles, ["_tell"]),
        (_plan.Plan, ["take_chunk", "conclude_stream"]),
        (Reading, ["_begin", "_begun", "_deliver", "_say_what_was_delivered"]),
        (Prefix, ["add", "measured", "content"]),
    ]:
        for name in names:
            label = f"{getattr(owner, '__name__', owner)}.{name}".removeprefix("provsdk.capture.")
            yield label, lambda _, owner=owner: owner, name


HOOKS = {label: (owner, name) for label, owner, name in _hooks()}


class Fault:
    """What stands in a hook's place: raises the same object at every call, and says whether it was called."""

    def __init__(self, error):
        self.error = error
        self.called = 0

    def __call__(self, *arguments, **named):
        self.called += 1
        raise self.error


class FailsWhenRead(Fault):
    """In place of an attribute: reading it fails."""

    def __get__(self, instance, owner=None):
        return self() if instance is not None else self


_VALUES = {"gate.always_proceeds", "emitter.id"}


@contextlib.contextmanager
def broken(world, label, error):
    owner, name = HOOKS[label]
    target = owner(world)
    before = getattr(target, name) if not isinstance(target, type) else target.__dict__[name]
    fault = (FailsWhenRead if label in _VALUES else Fault)(error)
    setattr(target, name, fault)
    gc.disable()  # a stream that an earlier test left would be ended in here, and what it raises is nobody's
    try:
        yield fault
    finally:
        setattr(target, name, before)
        gc.enable()


def tail(error):
    """The innermost frames of a traceback: where in the user's code it came from."""
    return [(frame.name, frame.line) for frame in traceback.extract_tb(error.__traceback__)][-2:]


def raised_by(call, error):
    with pytest.raises(Mine) as caught:
        call("a question", error)
    return caught.value, tail(caught.value)


@pytest.mark.parametrize("kind", [*CALLS, *ELSEWHERE])
@pytest.mark.parametrize("hook", HOOKS)
def test_a_fault_costs_the_function_nothing(world, hook, kind, caplog):
    call = (CALLS | ELSEWHERE)[kind]
    expected = call("a question")
    with broken(world, hook, ZeroDivisionError("secret")) as fault, caplog.at_level(logging.WARNING, "provsdk"):
        assert call("a question") == expected
        assert call("a question") == expected
    world.left_nothing_behind()
    if fault.called:
        assert sum(_guard.failures.values()) > 0, "the fault is counted"
        assert {failed for _, failed in _guard.failures} == {"ZeroDivisionError"}
        messages = [record.getMessage() for record in caplog.records]
        said = [message.partition(" (")[0] for message in messages]
        assert len(said) == len(set(said)) == len(_guard.failures), "logged once for each place"
        assert "secret" not in caplog.text
    counted, sealed = dict(_guard.failures), len(world.durable.facts)
    assert call("a question") == expected
    assert dict(_guard.failures) == counted
    assert len(world.durable.facts) == sealed + 1
    world.left_nothing_behind()


@pytest.mark.parametrize("kind", [*CALLS, *ELSEWHERE])
@pytest.mark.parametrize("hook", HOOKS)
def test_a_fault_leaves_the_functions_own_exception_alone(world, hook, kind):
    call, error = (CALLS | ELSEWHERE)[kind], Mine("mine")
    _, expected = raised_by(call, Mine("mine"))
    with broken(world, hook, ZeroDivisionError("secret")):
        caught, found = raised_by(call, error)
    assert caught is error
    assert found == expected
    assert caught.__cause__ is None
    assert caught.__context__ is None
    world.left_nothing_behind()


@pytest.mark.parametrize("kind", CALLS)
@pytest.mark.parametrize("interrupt", INTERRUPTS)
@pytest.mark.parametrize("hook", HOOKS)
def test_an_interrupt_that_comes_while_we_are_at_work_goes_through(world, hook, interrupt, kind):
    call, error = CALLS[kind], interrupt()
    expected = call("a question")
    with broken(world, hook, error) as fault:
        caught = None
        try:
            assert call("a question") == expected
        except interrupt as raised:
            caught = raised
        if fault.called:
            # asyncio makes a new CancelledError for whoever waits for the task
            assert caught is error or interrupt is asyncio.CancelledError
    assert not _guard.failures, "an interrupt is no fault of ours"
    world.left_nothing_behind()
    sealed = len(world.durable.facts)
    assert call("a question") == expected
    assert len(world.durable.facts) == sealed + 1
    world.left_nothing_behind()


def test_every_hook_is_on_the_way_of_some_call(world):
    """A hook that nothing calls any more would prove nothing above."""
    idle = set()
    for hook in HOOKS:
        called = 0
        for call in (*CALLS.values(), *ELSEWHERE.values(), with_late_work):
            with broken(world, hook, ZeroDivisionError()) as fault:
                call("a question")
                with contextlib.suppress(Mine):
                    call("a question", Mine())
            called += fault.called
        if not called:
            idle.add(hook)
    assert idle == set()


def with_late_work(text, error=None):
    """A step that ends when its output has returned already."""
    with traced_output("early"):
        late = traced_source("late")
        entered = late.__enter__()
    entered.set_result(text)
    late.__exit__(None, None, None)


def test_late_work_survives_a_durable_port_that_fails(world):
    with broken(world, "durable.late", ZeroDivisionError()) as fault:
        with_late_work("a question")
    assert fault.called
    assert _guard.failures["hand over a source", "ZeroDivisionError"] == 1


# Interrupts of the user's own.


@pytest.mark.parametrize("kind", CALLS)
@pytest.mark.parametrize("interrupt", INTERRUPTS)
def test_an_interrupt_in_the_function_goes_through_and_is_recorded_as_one(world, interrupt, kind):
    error = interrupt()
    with pytest.raises(interrupt) as caught:
        CALLS[kind]("a question", error)
    assert caught.value is error or interrupt is asyncio.CancelledError
    world.left_nothing_behind()
    (output,) = [span for span in world.tracers.ended if span.attributes["provsdk.kind"] == "output"]
    facts = output.attributes["provsdk.facts"]
    if interrupt is GeneratorExit and kind.endswith(("generator", "response")):
        assert '"status":"closed_early"' in facts, "in a generator it says that somebody closed it"
    else:
        assert '"status":"cancelled"' in facts
        assert f'"error":"{interrupt.__module__}.{interrupt.__qualname__}"' in facts
    assert not _guard.failures


def test_an_interrupt_while_the_result_is_noted_is_what_the_call_came_to(world):
    with broken(world, "Plan.conclude", KeyboardInterrupt()), pytest.raises(KeyboardInterrupt):
        by_function("a question")
    (output,) = [span for span in world.tracers.ended if span.attributes["provsdk.kind"] == "output"]
    assert '"status":"cancelled"' in output.attributes["provsdk.facts"]
    assert len(world.durable.facts) == 1


# What a fault costs the record.


@pytest.mark.parametrize(
    ("hook", "missing"),
    [
        ("Values.given", "arguments"),
        ("Values.made", "result"),
        ("gate.before_return", "policies"),
    ],
)
def test_the_record_says_what_a_fault_cost_it(world, hook, missing):
    with broken(world, hook, ZeroDivisionError()):
        by_function("a question")
    (output,) = [span for span in world.tracers.ended if span.attributes["provsdk.kind"] == "output"]
    assert f'["capture_failed","{missing}"]' in output.attributes["provsdk.facts"]


def test_an_output_whose_facts_cannot_be_written_is_handed_over_all_the_same(world):
    with broken(world, "_session.write_facts", ZeroDivisionError()):
        by_function("a question")
    (facts,) = world.durable.facts
    assert ("capture_failed", "close an output") in facts["missing"]


@pytest.mark.parametrize("kind", CALLS)
def test_a_span_that_nobody_could_take_is_handed_over_all_the_same(world, kind):
    expected = CALLS[kind]("a question")
    world.tracers._tracer = PrivateTracer(Fault(ZeroDivisionError()))
    assert CALLS[kind]("a question") == expected
    assert _otel.current_activity() is None
    assert not _session._running
    assert all(span.end_time is not None for span in world.tracers.begun)
    assert len(world.durable.facts) == 2


def test_a_number_that_could_not_be_counted_costs_no_record(world):
    with broken(world, "emitter.started", ZeroDivisionError()):
        by_function("a question")
    assert world.durable.facts[0]["number"] > 0


# Whoever asks for it gets it.


@pytest.mark.parametrize("kind", CALLS)
@pytest.mark.parametrize("hook", HOOKS)
def test_on_failure_raise_raises_and_still_leaves_nothing_behind(world, hook, kind):
    world.plug(on_failure="raise")
    with broken(world, hook, ZeroDivisionError()), contextlib.suppress(ZeroDivisionError):
        CALLS[kind]("a question")
    world.left_nothing_behind()
    CALLS[kind]("a question")
    world.left_nothing_behind()


@pytest.mark.parametrize("hook", ["Values.given", "Values.made", "durable.ticket", "gate.before_return"])
def test_on_failure_raise_raises_what_failed(world, hook):
    world.plug(on_failure="raise")
    error = ZeroDivisionError()
    with broken(world, hook, error), pytest.raises(ZeroDivisionError) as caught:
        by_function("a question")
    assert caught.value is error


@pytest.mark.parametrize("kind", CALLS.keys() - {"broken response"})  # nobody waits for that one's
def test_a_record_that_is_not_durable_is_no_fault_and_is_told(world, kind):
    error = RecordNotSealed("not durable")
    never = broken(world, "ticket.wait", error), broken(world, "ticket.__await__", error)
    with never[0], never[1], pytest.raises(RecordNotSealed) as caught:
        CALLS[kind]("a question")
    assert caught.value is error
    assert not _guard.failures


# The log line itself.


def test_a_filter_of_the_hosts_that_fails_costs_nothing(world):
    def fails(record):
        raise ZeroDivisionError

    logger = logging.getLogger("provsdk")
    logger.addFilter(fails)
    try:
        with broken(world, "durable.ticket", LookupError()):
            by_function("a question")
    finally:
        logger.removeFilter(fails)
    assert _guard.failures["hand over an output", "LookupError"] == 1


def test_kinds_of_failure_are_counted_within_a_bound(world):
    for number in range(_guard.MAX_KINDS + 50):
        _guard.count(f"do thing {number}", ZeroDivisionError())
    assert len(_guard.failures) == _guard.MAX_KINDS + 1
    assert sum(_guard.failures.values()) == _guard.MAX_KINDS + 50
