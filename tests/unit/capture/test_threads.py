"""Threads and thread pools work for the output that started them or handed them the job, or the record says so."""

import asyncio
import functools
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.pool import ThreadPool

import pytest
from opentelemetry.instrumentation.threading import ThreadingInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from provsdk import semconv, traced_output, traced_source, traced_transform
from provsdk.capture import propagation
from provsdk.capture._otel import current_activity
from provsdk.pipeline._timer import Timer

LONG = "a sentence that is long enough to link something"


@traced_source("load")
def load(_=None):
    return LONG


@traced_output("out")
def output(function, *args):
    return function(*args)


@pytest.fixture
def captured(plug, kept):
    propagation.automatic(threads=True, processes=False)
    yield kept
    propagation.automatic(threads=False, processes=False)


def started(thread):
    thread.start()
    thread.join()


def records_of(kept, name):
    return [span.attributes.get(semconv.RECORD_ID) for span in kept.spans if span.name == name]


def assert_linked(kept, count=1):
    """Every load is the output's, in its trace, and nothing is missing."""
    (out,) = records_of(kept, "out")
    assert records_of(kept, "load") == [out] * count
    assert {span.context.trace_id for span in kept.spans} == {kept.span("out").context.trace_id}
    assert [kept.missing(n) for n in range(len(kept.facts))] == [[]]


class Loading(threading.Thread):
    def run(self):
        load()


def in_own_pool(use):
    with ThreadPoolExecutor(1) as pool:
        use(pool)


def in_thread_pool(use):
    with ThreadPool(1) as pool:
        use(pool)


WAYS = {
    "a thread": lambda: started(threading.Thread(target=load)),
    "a class of thread": lambda: started(Loading()),
    "a timer": lambda: started(threading.Timer(0, load)),
    "submit": lambda: in_own_pool(lambda pool: pool.submit(load).result()),
    "submit with arguments": lambda: in_own_pool(lambda pool: pool.submit(load, _=1).result()),
    "map": lambda: in_own_pool(lambda pool: list(pool.map(load, [1]))),
    "run_in_executor": lambda: in_own_pool(lambda pool: asyncio.run(in_executor(pool))),
    "the loop's executor": lambda: asyncio.run(in_executor(None)),
    "to_thread": lambda: asyncio.run(asyncio.to_thread(load)),
    "apply": lambda: in_thread_pool(lambda pool: pool.apply(load)),
    "apply_async": lambda: in_thread_pool(lambda pool: pool.apply_async(load).get()),
    "pool.map": lambda: in_thread_pool(lambda pool: pool.map(load, [1])),
    "pool.map by name": lambda: in_thread_pool(lambda pool: pool.map(func=load, iterable=[1])),
    "starmap": lambda: in_thread_pool(lambda pool: pool.starmap(load, [(1,)])),
    "imap": lambda: in_thread_pool(lambda pool: list(pool.imap(load, [1]))),
    "imap_unordered": lambda: in_thread_pool(lambda pool: list(pool.imap_unordered(load, [1]))),
    "a thread in a job": lambda: in_own_pool(lambda pool: pool.submit(WAYS["a thread"]).result()),
    "a job in a thread": lambda: started(threading.Thread(target=WAYS["submit"])),
}


async def in_executor(pool):
    return await asyncio.get_running_loop().run_in_executor(pool, load)


@pytest.mark.parametrize("way", WAYS)
def test_what_runs_in_threads_belongs_to_the_output(captured, way):
    output(WAYS[way])

    assert_linked(captured)


@pytest.mark.parametrize("way", ["a thread", "submit"])
def test_without_spans_in_the_users_tracing_too(captured, plug, way):
    plug(spans_current=False)

    output(WAYS[way])

    assert_linked(captured)


@traced_output("inner")
def inner(_=None):
    return LONG


@pytest.mark.parametrize("way", ["a thread", "submit", "run_in_executor", "pool.map"])
def test_switched_off_an_output_there_is_not_linked_and_the_record_says_so(captured, way, monkeypatch):
    propagation.automatic(threads=False, processes=False)
    monkeypatch.setitem(globals(), "load", inner)

    output(WAYS[way] if way != "a thread" else lambda: started(threading.Thread(target=inner)))

    contexts = {span.name: span.context for span in captured.spans}
    assert contexts["inner"].trace_id != contexts["out"].trace_id
    position = captured.outputs.index(contexts["out"])
    assert captured.missing(position) == [("handed_over", "thread, not linked")]
    assert captured.missing(1 - position) == []


@pytest.mark.parametrize("way", WAYS)
def test_switched_off_it_is_not_taken_along_and_the_record_says_so(captured, way):
    propagation.automatic(threads=False, processes=False)

    output(WAYS[way])

    (out,) = records_of(captured, "out")
    (found,) = records_of(captured, "load")
    assert found == out or ("span_missing", "1 traced calls ran meanwhile outside any output") in captured.missing()
    assert (found == out) == (way == "to_thread")  # the language itself carries it there


@pytest.mark.parametrize("way", WAYS)
def test_outside_any_output_nothing_changes(captured, way):
    WAYS[way]()

    assert records_of(captured, "load") == [None]


@pytest.mark.parametrize("make", [ThreadPoolExecutor, ThreadPool])
def test_a_pool_that_was_first_used_in_one_output_works_for_the_next_one_as_well(captured, make):
    seen = []
    with make(1) as pool:
        apply = pool.apply if isinstance(pool, ThreadPool) else lambda function: pool.submit(function).result()
        output(apply, load)
        apply(lambda: seen.append(current_activity()))
        apply(load)
        output(apply, load)

    first, second = records_of(captured, "out")
    assert records_of(captured, "load") == [first, None, second]
    assert seen == [None]


def test_a_pool_that_was_made_in_an_output_does_not_stay_its(captured):
    made = []
    output(lambda: made.append(ThreadPool(1)))
    with made[0] as pool:
        pool.apply(load)

    assert records_of(captured, "load") == [None]


def test_what_a_job_leaves_open_is_not_current_in_the_next_one(captured):
    with ThreadPoolExecutor(1) as pool:
        output(lambda: pool.submit(lambda: traced_source("opened").__enter__()).result())
        pool.submit(load).result()

    assert records_of(captured, "load") == [None]


def test_jobs_of_many_outputs_at_once_each_go_to_their_own(captured):
    many = traced_output(name=lambda n: f"out-{n}")
    with ThreadPoolExecutor(8) as workers, ThreadPoolExecutor(8) as callers:

        @many
        def answer(n):
            return list(workers.map(load, range(5)))

        list(callers.map(answer, range(200)))

    by_record = {record_id: 0 for n in range(200) for record_id in records_of(captured, f"out-{n}")}
    for record_id in records_of(captured, "load"):
        by_record[record_id] += 1
    assert set(by_record.values()) == {5}
    assert len(by_record) == 200


def test_outputs_in_the_threads_of_an_output_are_all_nested_in_it(captured):
    @traced_output("inner")
    def inner(n):
        return f"{LONG} {n}"

    @traced_output("out")
    def answer():
        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(inner, range(400)))

    answer()

    assert len(set(captured.said("out")["nested"])) == 400


def test_steps_in_the_threads_of_a_step_are_all_known_to_it(captured):
    made = []

    @traced_transform("step")
    def step():
        with ThreadPoolExecutor(8) as pool:
            made.extend(pool.map(load_new, range(400)))
        return made[399]

    @traced_source("new")
    def load_new(n):
        return [f"{LONG} {n}"]

    output(step)

    assert len(captured.said("step")["returned"]) == 1


# -- threads that live longer


def test_what_a_thread_does_after_its_output_has_returned_comes_late(captured):
    may_load = threading.Event()
    thread = threading.Thread(target=lambda: (may_load.wait(10), load()))

    output(thread.start)
    may_load.set()
    thread.join()

    (out,) = records_of(captured, "out")
    assert records_of(captured, "load") == [out]
    assert [facts["record_id"] for facts in captured.late_facts] == [out]


def test_what_a_job_does_after_its_output_has_returned_comes_late(captured):
    may_load = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        output(pool.submit, lambda: (may_load.wait(10), load()))
        may_load.set()

    assert [facts["record_id"] for facts in captured.late_facts] == records_of(captured, "out")


def test_a_thread_of_an_earlier_output_that_works_while_another_one_runs_is_named_in_that_one(captured):
    jobs, done = [threading.Event(), threading.Event()], threading.Event()
    worker = threading.Thread(target=lambda: (jobs[0].wait(10), load(), done.set()))
    output(worker.start)  # a library, say, that starts its worker with its first job

    output(lambda: (jobs[0].set(), done.wait(10)))
    worker.join()

    assert captured.missing(0) == []
    assert captured.missing(1) == [
        ("span_missing", "1 traced calls ran meanwhile in tasks or threads of outputs that had ended")
    ]


def test_a_job_that_comes_late_is_no_concern_of_the_outputs_that_run_then(captured):
    may_load, done = threading.Event(), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        output(pool.submit, lambda: (may_load.wait(10), load(), done.set()))
        output(lambda: (may_load.set(), done.wait(10)))

    assert not any(reason == "span_missing" for n in range(2) for reason, _ in captured.missing(n))


# -- threads themselves stay what they are


def test_a_threads_run_is_its_classs_again_while_it_runs(captured):
    seen = []
    thread = threading.Thread(target=lambda: seen.append("run" in vars(threading.current_thread())))
    output(started, thread)

    assert seen == [False]


def test_a_run_that_somebody_set_on_a_thread_stays_there(captured):
    thread = threading.Thread()
    thread.run = load
    output(started, thread)

    assert thread.run is load
    assert_linked(captured)


def test_a_thread_that_cannot_be_started_raises_what_it_would_and_keeps_its_run(captured):
    thread = threading.Thread(target=load)
    output(started, thread)
    with pytest.raises(RuntimeError, match="threads can only be started once"):
        output(thread.start)

    assert "run" not in vars(thread)


def test_what_a_job_raises_comes_through(captured):
    def fails():
        raise LookupError("mine")

    with ThreadPoolExecutor(1) as pool, pytest.raises(LookupError, match="mine"):
        output(lambda: pool.submit(fails).result())


def test_submit_still_says_what_is_wrong_with_a_call(captured):
    with ThreadPoolExecutor(1) as pool, pytest.raises(TypeError, match="submit"):
        output(pool.submit)


def test_a_future_is_a_future(captured):
    with ThreadPoolExecutor(1) as pool:
        assert type(output(pool.submit, load)) is Future


def test_a_timer_of_ours_that_starts_in_an_output_works_for_none(captured):
    seen, ticked = [], threading.Event()

    def tick():
        seen.append(current_activity())
        ticked.set()

    timer = Timer(tick)
    output(lambda: (timer.kick(0.0), ticked.wait(10)))
    timer.stop()

    assert set(seen) == {None}


# -- beside others


@pytest.fixture
def theirs():
    """A provider of the user's, and what it exported."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield provider.get_tracer("theirs"), exporter
    provider.shutdown()


def test_a_thread_that_was_started_leaves_the_users_own_spans_what_they_were(captured, theirs):
    tracer, exporter = theirs

    def work():
        with tracer.start_as_current_span("theirs"):
            load()

    output(started, threading.Thread(target=work))

    (span,) = exporter.get_finished_spans()
    assert span.parent is None
    assert records_of(captured, "load") == records_of(captured, "out")
    assert captured.span("load").parent.span_id == span.context.span_id


def test_a_job_has_the_span_that_was_current_where_it_was_handed_in(captured, theirs):
    tracer, exporter = theirs

    def work():
        tracer.start_span("in the job").end()

    def hand_in():
        with tracer.start_as_current_span("around"), ThreadPoolExecutor(1) as pool:
            pool.submit(work).result()

    output(hand_in)

    job, around = exporter.get_finished_spans()
    assert job.parent.span_id == around.context.span_id
    assert around.parent.span_id == captured.span("out").context.span_id


def test_without_spans_in_the_users_tracing_a_job_has_none_either(captured, plug, theirs):
    tracer, exporter = theirs
    plug(spans_current=False)

    def hand_in():
        with tracer.start_as_current_span("around"), ThreadPoolExecutor(1) as pool:
            pool.submit(lambda: tracer.start_span("in the job").end()).result()

    output(hand_in)

    assert [span.parent for span in exporter.get_finished_spans()] == [None, None]


@pytest.fixture
def bare_layers(monkeypatch):
    """Thread and pool as nobody has touched them; what is put on in the test is gone after it."""
    import concurrent.futures.thread

    from provsdk.capture import _patches

    pairs = [
        (threading.Thread, "start"),
        (threading.Thread, "run"),
        (threading.Timer, "run"),
        (concurrent.futures.thread.ThreadPoolExecutor, "submit"),
    ]
    for owner, name in pairs:
        bare = vars(owner)[name]
        while hasattr(bare, "__wrapped__"):
            bare = bare.__wrapped__
        monkeypatch.setattr(owner, name, bare)
    monkeypatch.setattr(_patches, "_awaited", set())


@pytest.fixture
def ours_alone(plug, kept):
    yield kept
    propagation.automatic(threads=False, processes=False)


@pytest.fixture
def instrumentor():
    made = ThreadingInstrumentor()
    yield made
    if made.is_instrumented_by_opentelemetry:
        made.uninstrument()


def ours():
    propagation.automatic(threads=True, processes=False)


BOTH_ORDERS = pytest.mark.parametrize("ours_first", [True, False], ids=["ours first", "theirs first"])


@BOTH_ORDERS
@pytest.mark.parametrize("way", WAYS)
def test_beside_opentelemetrys_threading_instrumentor(bare_layers, ours_alone, instrumentor, ours_first, way):
    for put_on in (ours, instrumentor.instrument) if ours_first else (instrumentor.instrument, ours):
        put_on()

    output(WAYS[way])

    assert_linked(ours_alone)


@BOTH_ORDERS
def test_a_pool_beside_the_instrumentor_keeps_outputs_apart(bare_layers, ours_alone, instrumentor, ours_first):
    for put_on in (ours, instrumentor.instrument) if ours_first else (instrumentor.instrument, ours):
        put_on()

    with ThreadPoolExecutor(1) as pool:
        output(lambda: pool.submit(load).result())
        pool.submit(load).result()
        output(lambda: pool.submit(load).result())

    first, second = records_of(ours_alone, "out")
    assert records_of(ours_alone, "load") == [first, None, second]


@BOTH_ORDERS
def test_a_job_beside_the_instrumentor_has_the_innermost_span(
    bare_layers, ours_alone, instrumentor, theirs, ours_first
):
    tracer, exporter = theirs
    for put_on in (ours, instrumentor.instrument) if ours_first else (instrumentor.instrument, ours):
        put_on()

    def hand_in():
        with tracer.start_as_current_span("around"), ThreadPoolExecutor(1) as pool:
            pool.submit(lambda: tracer.start_span("in the job").end()).result()

    output(hand_in)

    job, around = exporter.get_finished_spans()
    assert job.parent.span_id == around.context.span_id


@BOTH_ORDERS
@pytest.mark.parametrize("way", ["a thread", "submit", "map"])
def test_when_the_instrumentor_goes_what_is_configured_next_is_whole(
    bare_layers, ours_alone, instrumentor, ours_first, way
):
    """It peels off whatever is outermost, be it ours; ours is put on again."""
    for put_on in (ours, instrumentor.instrument) if ours_first else (instrumentor.instrument, ours):
        put_on()
    instrumentor.uninstrument()
    ours()

    output(WAYS[way])

    assert_linked(ours_alone)


def by_assignment():
    """As Logfire does it: plain functions in place of what stood there, which copy the whole context."""
    import contextvars
    import functools

    before = ThreadPoolExecutor.submit

    @functools.wraps(before)
    def submit(self, fn, /, *args, **kwargs):
        return before(self, functools.partial(contextvars.copy_context().run, fn), *args, **kwargs)

    ThreadPoolExecutor.submit = submit


@BOTH_ORDERS
@pytest.mark.parametrize("way", ["submit", "map", "run_in_executor"])
def test_beside_a_patch_by_assignment(bare_layers, ours_alone, ours_first, way):
    for put_on in (ours, by_assignment) if ours_first else (by_assignment, ours):
        put_on()

    output(WAYS[way])

    assert_linked(ours_alone)


def test_under_a_patch_that_hides_it_our_layer_is_put_on_once(bare_layers, ours_alone):
    ours()
    by_assignment()
    outermost = vars(ThreadPoolExecutor)["submit"]
    for _ in range(3):
        ours()

    assert vars(ThreadPoolExecutor)["submit"] is outermost


# -- tasks


class Batcher:
    """A client that starts its worker at its first use, within somebody's output."""

    def __init__(self):
        self._worker = None

    async def get(self, n):
        if self._worker is None:
            self._jobs = asyncio.Queue()
            self._worker = asyncio.create_task(self._work())
        done = asyncio.get_running_loop().create_future()
        self._jobs.put_nowait((n, done))
        return await done

    async def _work(self):
        while True:
            n, done = await self._jobs.get()
            done.set_result(page(n))

    def stop(self):
        self._worker.cancel()


@traced_source("page")
def page(n):
    return f"{LONG} {n}"


def test_a_task_that_outlives_its_output_may_do_the_work_of_those_that_run_then(captured):
    async def main():
        batcher = Batcher()

        @traced_output("out")
        async def out(n):
            return f"Answer: {await batcher.get(n)}"

        for n in range(3):
            await out(n)
        batcher.stop()

    asyncio.run(main())
    said = ("span_missing", "1 traced calls ran meanwhile in tasks or threads of outputs that had ended")
    assert [said in captured.missing(position) for position in range(3)] == [False, True, True]


def test_what_another_output_has_loaded_and_a_cache_hands_on_is_missing_here(captured):
    cached = functools.lru_cache(page)

    @traced_transform("use")
    def use(text):
        return text.upper()

    returned = traced_output("returned")(lambda: cached(1))
    used = traced_output("used")(lambda: use(cached(1)))
    returned()
    returned()
    used()
    said = ("span_missing", "the source 'page' ran in another output, and what it made was used here")
    assert [said in captured.missing(position) for position in range(2)] == [False, True]
    assert list(said) in captured.said("use")["missing"]


def test_what_a_nested_output_has_loaded_is_known_around_it(captured):
    inner = traced_output("inner")(lambda: {"pages": [page(1)]})
    outer = traced_output("outer")(lambda: inner()["pages"][0])
    outer()
    assert captured.missing(1) == []


def test_what_a_returned_container_holds_is_linked_though_another_output_loaded_one_like_it(captured):
    pages = traced_source("pages")(lambda: [f"{LONG} {n}" for n in range(2)])
    traced_output("first")(lambda: pages() and LONG)()
    traced_output("second")(lambda: [page(0), page(1)])()
    assert [cause for _, cause, _ in captured.said("second")["derived"]] == [
        f"ent_{span.context.trace_id:032x}-{span.context.span_id:016x}-0"
        for span in captured.spans
        if span.name == "page"
    ]
