"""Streams: current in their steps only, ended once, with what was delivered and how it ended."""

import asyncio
import collections.abc
import contextlib
import contextvars
import gc
import inspect
import threading
import time
import types
import weakref

import pytest
from client_stream import AsyncChunks, Chunks
from opentelemetry import context as otel_context
from opentelemetry import trace

from provsdk import traced_model_call, traced_output, traced_source, traced_transform
from provsdk.capture import _abandoned, _otel
from provsdk.capture._streams import Stream
from provsdk.digest import digest, plain
from provsdk.errors import OutputBlocked
from provsdk.gate import AlwaysProceed, Block, Replace

WORDS = ["the first ", "words of ", "an answer"]
LONG = "a sentence that is long enough to link something, number "


@traced_output("answer")
def answer(words=WORDS):
    yield from words


@traced_output("answer")
async def answer_later(words=WORDS):
    for word in words:
        await asyncio.sleep(0)
        yield word


def span_now():
    return trace.get_current_span().get_span_context().span_id


def delivered(kept, name="answer"):
    """(status, chunks, plain digest and size) of the output of that name."""
    said = kept.said(name)
    (size,) = [entity["size"] for entity in said["entities"] if entity["n"] == 0]
    context = kept.span(name).context
    facts = kept.facts[-1]["spans"][f"{context.trace_id:032x}-{context.span_id:016x}"]
    return said["status"], said["stream"]["chunks"], (plain(facts["plain"][0]), size)


def whole(*chunks):
    text = "".join(chunks)
    return plain(digest(text)), len(text.encode())


# -- how a stream ends


def test_a_stream_that_is_read_to_its_end_is_completed_with_the_digest_of_its_text(plug, kept):
    assert "".join(answer()) == "the first words of an answer"
    assert delivered(kept) == ("completed", 3, whole(*WORDS))


def test_a_stream_that_is_closed_holds_the_prefix_that_was_delivered(plug, kept):
    stream = answer()
    assert next(stream) == WORDS[0]
    stream.close()

    assert delivered(kept) == ("closed_early", 1, whole(WORDS[0]))


def test_a_stream_that_fails_holds_the_prefix_and_the_class_of_the_error(plug, kept):
    @traced_output("answer")
    def failing():
        yield WORDS[0]
        raise ValueError("a secret")

    with pytest.raises(ValueError, match="a secret"):
        list(failing())
    assert delivered(kept) == ("failed", 1, whole(WORDS[0]))
    assert kept.said("answer")["error"] == "builtins.ValueError"
    assert "a secret" not in str(kept.span("answer").attributes)


def test_a_stream_that_is_dropped_is_abandoned(plug, kept):
    stream = answer()
    next(stream)
    del stream
    gc.collect()
    _abandoned.reap()

    wait_for(lambda: kept.facts)
    assert delivered(kept) == ("abandoned", 1, whole(WORDS[0]))


def test_a_stream_that_is_left_by_a_break_within_an_output_is_part_of_it(plug, kept):
    @traced_model_call("model")
    def model():
        yield from WORDS

    @traced_output("outer")
    def outer():
        for word in model():
            return word
        return None

    assert outer() == WORDS[0]
    assert kept.said("model")["status"] == "abandoned"
    assert not kept.late_facts
    assert kept.missing() == []


def by_loop(model):
    for chunk in model():  # noqa: UP028 as the inner stream is dropped here, not closed
        yield chunk


def by_delegation(model):
    yield from model()


@pytest.mark.parametrize("relay", [by_loop, by_delegation])
@pytest.mark.parametrize("leave", ["close", "drop", "end"])
def test_what_a_stream_within_an_output_came_to_is_linked_to_it_however_it_was_left(plug, kept, relay, leave):
    @traced_model_call("model")
    def model():
        yield from [LONG[:20], LONG[20:], "and what nobody reads"]

    @traced_output("outer")
    def outer():
        for n, chunk in enumerate(relay(model), 1):
            yield chunk
            if leave == "end" and n == 2:
                return

    stream = outer()
    got = [next(stream), next(stream)]
    if leave == "close":
        stream.close()
    elif leave == "end":
        got += list(stream)
    del stream
    gc.collect()

    wait_for(lambda: kept.facts)
    model_made = f"ent_{key_of(kept, 'model')}-0"
    assert "".join(got) == LONG
    assert [model_made, "digest"] in [one[1:] for one in kept.said("outer")["derived"]]
    assert not kept.late_facts


def test_an_output_waits_for_whoever_is_ending_what_was_dropped_in_it(plug, kept, monkeypatch):
    @traced_model_call("model")
    def model():
        yield from [LONG, "and what nobody reads"]

    @traced_output("outer")
    def outer():
        for chunk in model():
            got = chunk
            break
        gc.collect()
        assert at_it.wait(10)
        return got

    at_it, end = threading.Event(), _abandoned._end

    def slowly(stream):
        at_it.set()
        time.sleep(0.2)
        end(stream)

    monkeypatch.setattr(_abandoned, "_end", slowly)
    outer()

    assert kept.said("model")["status"] == "abandoned"
    assert not kept.late_facts
    assert kept.missing() == []


def key_of(kept, name):
    context = kept.span(name).context
    return f"{context.trace_id:032x}-{context.span_id:016x}"


def test_a_stream_that_is_open_when_the_process_ends_is_abandoned(plug, kept):
    stream = answer()
    next(stream)
    _abandoned.abandon_all()

    assert delivered(kept) == ("abandoned", 1, whole(WORDS[0]))
    assert list(stream) == WORDS[1:]
    assert len(kept.facts) == 1


def test_a_list_takes_a_stream_by_plus_equals(plug, kept):
    parts, queue = [], collections.deque()
    parts += answer()
    queue += answer()

    assert parts == list(queue) == WORDS
    assert len(kept.facts) == 2
    with pytest.raises(TypeError):
        answer() + answer()


def test_what_reads_a_stream_without_a_loop_is_traced_too(plug, kept):
    @traced_output("numbers")
    def numbers():
        yield from (1, 2, 3)

    assert 2 in numbers()
    assert 4 not in numbers()
    assert bytes(numbers()) == b"\x01\x02\x03"
    assert len(kept.facts) == 3


class Tokens:
    """As the textbook has it: `iter` begins anew."""

    def __init__(self, words):
        self.words = words

    def __iter__(self):
        self.at = 0
        return self

    def __next__(self):
        if self.at == len(self.words):
            raise StopIteration
        self.at += 1
        return self.words[self.at - 1]

    def close(self):
        pass


class Shouted(Tokens):
    """Its `iter` gives other values than its `next`."""

    def __iter__(self):
        return (word.upper() for word in self.words)


class LaterTokens:
    def __init__(self, words):
        self.words = words

    def __aiter__(self):
        self.left = iter(self.words)
        return self

    async def __anext__(self):
        for word in self.left:
            return word
        raise StopAsyncIteration

    async def aclose(self):
        pass


def test_a_stream_object_is_asked_how_it_is_begun(plug, kept):
    stream = traced_output("answer")(lambda: Tokens(WORDS))()
    assert list(stream) == WORDS
    assert list(stream) == WORDS, "again, as without us"
    assert delivered(kept) == ("completed", 3, whole("".join(WORDS)))


def test_what_its_iterator_gives_is_what_was_delivered(plug, kept):
    shouted = traced_output("answer")(lambda: Shouted(WORDS))
    assert [word for word in shouted()] == [word.upper() for word in WORDS]  # noqa: C416 nothing else holds the stream
    assert delivered(kept) == ("completed", 3, whole("".join(WORDS).upper()))


async def test_an_async_stream_object_is_asked_too(plug, kept):
    stream = traced_output("answer")(lambda: LaterTokens(WORDS))()
    assert [word async for word in stream] == WORDS
    assert delivered(kept) == ("completed", 3, whole("".join(WORDS)))


def test_streams_may_begin_while_all_are_ended(plug, kept, monkeypatch):
    class Changing(list):
        def __init__(self):
            super().__init__(_abandoned._watch.open)
            self.changes = iter([True, False])

        def __iter__(self):
            if next(self.changes, False):
                raise RuntimeError("Set changed size during iteration")
            return super().__iter__()

        discard = list.remove

    stream = answer()
    next(stream)
    monkeypatch.setattr(_abandoned._watch, "open", Changing())
    _abandoned.abandon_all()

    assert delivered(kept) == ("abandoned", 1, whole(WORDS[0]))


async def test_a_cancelled_stream_is_cancelled_and_the_cancellation_goes_through(plug, kept):
    @traced_output("answer")
    async def waiting():
        yield WORDS[0]
        await asyncio.Event().wait()

    async def read():
        async for _ in waiting():
            started.set()

    started = asyncio.Event()
    task = asyncio.create_task(read())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert delivered(kept) == ("cancelled", 1, whole(WORDS[0]))


async def test_an_async_stream_ends_in_the_same_ways(plug, kept):
    assert [word async for word in answer_later()] == WORDS
    assert delivered(kept) == ("completed", 3, whole(*WORDS))

    kept.spans.clear()
    stream = answer_later()
    await anext(stream)
    await stream.aclose()
    assert delivered(kept) == ("closed_early", 1, whole(WORDS[0]))

    kept.spans.clear()
    stream = answer_later()
    await anext(stream)
    del stream
    gc.collect()
    wait_for(lambda: len(kept.facts) == 3)
    assert delivered(kept) == ("abandoned", 1, whole(WORDS[0]))


def test_what_never_began_leaves_nothing(plug, kept):
    answer()
    answer().close()
    gc.collect()

    assert (kept.spans, kept.started, kept.facts) == ([], [], [])


def test_the_record_is_handed_over_before_the_end_reaches_the_reader(plug, kept):
    stream = answer(["one"])
    next(stream)
    assert not kept.facts
    with pytest.raises(StopIteration):
        next(stream)
    assert len(kept.facts) == 1


def test_an_output_has_its_number_before_its_first_chunk_leaves(plug, kept):
    stream = answer()
    assert not kept.started
    next(stream)
    assert kept.started == [(kept.started[0][0], "answer")]
    stream.close()


# -- what a generator is


def test_a_traced_generator_is_a_generator(plug, kept):
    stream = answer()

    assert inspect.isgeneratorfunction(answer)
    assert inspect.isgenerator(stream)
    assert isinstance(stream, types.GeneratorType)
    assert iter(stream) is stream
    assert inspect.getgeneratorstate(stream) == inspect.GEN_CREATED
    assert not hasattr(stream, "__anext__")
    assert inspect.isasyncgenfunction(answer_later)
    assert inspect.isasyncgen(answer_later())


def test_send_throw_and_the_returned_value_pass_through(plug, kept):
    @traced_output("echo")
    def echo():
        got = yield "ready"
        try:
            yield got
        except KeyError as error:
            got = yield str(error)
        return got

    stream = echo()
    assert next(stream) == "ready"
    assert stream.send("hello") == "hello"
    assert stream.throw(KeyError("x")) == "'x'"
    with pytest.raises(StopIteration) as ended:
        stream.send("returned")
    assert ended.value.value == "returned"
    assert kept.said("echo")["stream"]["chunks"] == 3


async def test_asend_and_athrow_pass_through(plug, kept):
    @traced_output("echo")
    async def echo():
        got = yield "ready"
        try:
            yield got
        except KeyError as error:
            yield str(error)

    stream = echo()
    assert await anext(stream) == "ready"
    assert await stream.asend("hello") == "hello"
    assert await stream.athrow(KeyError("x")) == "'x'"
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


def test_yield_from_goes_through_a_traced_generator(plug, kept):
    def outer():
        return (yield from returning())

    @traced_output("answer")
    def returning():
        yield "a"
        return "b"

    stream = outer()
    assert next(stream) == "a"
    with pytest.raises(StopIteration) as ended:
        next(stream)
    assert ended.value.value == "b"


def test_calling_a_generator_wrongly_does_not_end_it(plug, kept):
    stream = answer()
    with pytest.raises(TypeError, match="just-started"):
        stream.send("too early")
    assert list(stream) == WORDS
    assert kept.said("answer")["status"] == "completed"


def test_a_generator_that_is_running_in_another_thread_is_not_ended_by_a_second_reader(plug, kept):
    entered, go = threading.Event(), threading.Event()

    @traced_output("answer")
    def slow():
        entered.set()
        go.wait(10)
        yield "one"

    stream = slow()
    reader = threading.Thread(target=lambda: list(stream))
    reader.start()
    entered.wait(10)
    with pytest.raises(ValueError, match="already executing"):
        next(stream)
    go.set()
    reader.join()
    assert kept.said("answer")["status"] == "completed"


def test_a_generator_that_ignores_close_raises_as_without_us(plug, kept):
    @traced_output("stubborn")
    def stubborn():
        with contextlib.suppress(GeneratorExit):
            yield "once"
        yield "and again"

    stream = stubborn()
    next(stream)
    with pytest.raises(RuntimeError, match="ignored GeneratorExit"):
        stream.close()


def test_streams_cannot_be_copied_or_pickled_as_generators_cannot(plug, kept):
    import copy
    import pickle

    for attempt in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            attempt(answer())


class Copyable:
    """A stream of numbers that stands at one of them; a module can find it, so it is pickled."""

    def __init__(self):
        self.at = 0

    def __iter__(self):
        return self

    def __next__(self):
        self.at += 1
        if self.at > 3:
            raise StopIteration
        return str(self.at)

    def close(self):
        pass


class CopyableInItsOwnWay(Copyable):
    def __copy__(self):
        twin = CopyableInItsOwnWay()
        twin.at = self.at
        return twin

    def __deepcopy__(self, memo):
        return self.__copy__()


@pytest.mark.parametrize("kind", [Copyable, CopyableInItsOwnWay])
@pytest.mark.parametrize("how", ["copy", "deepcopy", "pickle"])
def test_a_stream_object_is_copied_and_pickled_as_without_us(plug, kept, kind, how):
    import copy
    import pickle

    hows = {"copy": copy.copy, "deepcopy": copy.deepcopy, "pickle": lambda one: pickle.loads(pickle.dumps(one))}
    stream = traced_output("answer")(lambda: kind())()  # noqa: PLW0108 of a class, its methods would be traced
    assert next(stream) == "1"

    twin = hows[how](stream)

    assert type(twin) is kind
    assert list(twin) == ["2", "3"]
    assert list(stream) == ["2", "3"]
    assert delivered(kept) == ("completed", 3, whole("1", "2", "3"))


def test_a_stream_can_be_teed_as_generators_can(plug, kept):
    import itertools

    first, second = itertools.tee(answer())
    assert list(first) == list(second) == WORDS
    assert kept.said("answer")["stream"]["chunks"] == len(WORDS)


def test_unconfigured_a_generator_is_the_generator_itself(monkeypatch):
    monkeypatch.delenv("PROVSDK_STORE", raising=False)
    assert type(answer()) is types.GeneratorType


# -- current in its steps only


def test_the_span_is_current_while_a_step_runs_and_at_no_other_time(plug, kept):
    inside = []

    @traced_output("answer")
    def looking():
        for _ in range(2):
            inside.append(span_now())
            yield "x"

    before = otel_context.get_current()
    for _ in looking():
        assert otel_context.get_current() is before
        assert _otel.current_activity() is None
    assert inside == [kept.span("answer").context.span_id] * 2


OWN = trace.NonRecordingSpan(trace.SpanContext(1, 2, is_remote=False))
READERS = trace.NonRecordingSpan(trace.SpanContext(1, 3, is_remote=False))


def own_span_around_yields(seen):
    seen.append(("in", span_now()))
    with trace.use_span(OWN):
        yield "x"
        seen.append(("in", span_now()))
        yield "y"
    seen.append(("in", span_now()))
    yield "z"


def baggage_that_stays(seen):
    otel_context.attach(otel_context.set_value("theirs", 1))
    yield "x"
    seen.append(("in", otel_context.get_value("theirs")))
    yield "y"


def nested_spans_closed_one_by_one(seen):
    with trace.use_span(OWN):
        with trace.use_span(READERS):
            yield "x"
        yield "y"
    seen.append(("in", span_now()))
    yield "z"


def what_a_reader_sees(make, leaves_early):
    """In a context of its own: what is current between the steps of a stream, and after it."""

    def read():
        seen = []
        stream = make(seen)
        for _ in stream:
            seen.append(("out", span_now(), otel_context.get_value("theirs"), _otel.current_activity()))
            with trace.use_span(READERS):
                pass
            if leaves_early:
                break
        seen.append(("after", span_now(), _otel.current_activity()))
        stream.close()
        return [*seen, ("closed", span_now(), otel_context.get_value("theirs"), _otel.current_activity())]

    return contextvars.Context().run(read)


@pytest.mark.parametrize("leaves_early", [False, True])
@pytest.mark.parametrize("spans_current", [False, True])
@pytest.mark.parametrize("stream", [own_span_around_yields, baggage_that_stays, nested_spans_closed_one_by_one])
def test_the_readers_context_is_what_it_would_be_without_us(plug, kept, stream, spans_current, leaves_early):
    plug(spans_current=spans_current)
    without = what_a_reader_sees(stream, leaves_early)

    seen = what_a_reader_sees(traced_output("answer")(stream), leaves_early)

    ours = kept.span("answer").context.span_id
    if spans_current:  # within the stream, ours is current where none was
        seen = [("in", 0) if said == ("in", ours) else said for said in seen]
    assert seen == without
    assert kept.said("answer")["status"] == ("closed_early" if leaves_early else "completed")


def test_a_block_of_ours_that_is_open_around_a_yield_is_not_current_outside(plug, kept):
    @traced_output("answer")
    def looking():
        with traced_transform("step"):
            yield "x"
            inside.append(span_now())
            yield "y"

    inside = []
    for _ in looking():
        assert (span_now(), _otel.current_activity()) == (0, None)
    assert inside == [kept.span("step").context.span_id]
    assert kept.missing() == []


def test_a_stream_that_reads_another_one_leaves_it_where_it_was(plug, kept):
    inner = traced_transform("inner")(own_span_around_yields)

    @traced_output("outer")
    def outer(seen):
        for word in inner(seen):
            seen.append(("outer", span_now(), _otel.current_activity().span.get_span_context().span_id))
            yield word

    seen = []

    def read():
        outside = [(span_now(), _otel.current_activity()) for _ in outer(seen)]
        return [*outside, (span_now(), _otel.current_activity())]

    assert contextvars.Context().run(read) == [(2, None), (2, None), (0, None), (0, None)]
    ours = kept.span("outer").context.span_id
    assert [said[1:] for said in seen if said[0] == "outer"] == [(2, ours), (2, ours), (ours, ours)]


def test_a_stream_belongs_to_where_it_was_called_not_to_where_it_is_read(plug, kept):
    @traced_model_call("model")
    def model():
        yield LONG

    @traced_output("outer")
    def outer():
        return "".join(read_elsewhere(model()))

    def read_elsewhere(stream):
        found = []
        thread = threading.Thread(target=lambda: found.extend(stream))
        thread.start()
        thread.join()
        return found

    outer()
    assert kept.span("model").parent.span_id == kept.span("outer").context.span_id
    assert kept.missing() == []


def test_calls_between_the_steps_of_a_stream_are_not_taken_for_its_own(plug, kept):
    @traced_transform("unrelated")
    def unrelated():
        return LONG

    for _ in answer():
        unrelated()
    assert "provsdk.parent" not in kept.spans[0].attributes
    assert kept.missing() == []


async def test_interleaved_streams_of_one_task_do_not_mix(plug, kept, caplog):
    @traced_output("left")
    async def left():
        for _ in range(3):
            await asyncio.sleep(0)
            yield span_now()

    @traced_output("right")
    async def right():
        for _ in range(3):
            await asyncio.sleep(0)
            yield span_now()

    first, second = left(), right()
    seen = [(await anext(first), await anext(second)) for _ in range(3)]
    await second.aclose()
    await first.aclose()

    ids = kept.span("left").context.span_id, kept.span("right").context.span_id
    assert seen == [ids] * 3
    assert not caplog.records


async def test_a_stream_that_is_read_by_one_task_and_closed_by_another_logs_nothing(plug, kept, caplog):
    stream = answer_later()
    await asyncio.create_task(anext_of(stream))
    await asyncio.create_task(anext_of(stream))
    await asyncio.create_task(stream.aclose())

    assert delivered(kept) == ("closed_early", 2, whole(*WORDS[:2]))
    assert not caplog.records


async def anext_of(stream):
    return await anext(stream)


# -- what flows


def test_an_output_that_passes_a_models_stream_on_comes_from_it(plug, kept):
    @traced_model_call("model")
    def model(question):
        yield from [LONG[:30], LONG[30:]]

    @traced_output("outer")
    def outer(question):
        yield from model(question)

    assert "".join(outer(LONG + "1")) == LONG
    assert kept.said("outer")["derived"] == [["out", kept.id_of("model"), "digest"]]


def test_a_joined_stream_is_known_as_the_streams_value(plug, kept):
    @traced_model_call("model")
    def model():
        yield from [LONG[:20], LONG[20:]]

    @traced_output("outer")
    def outer():
        return "".join(model())

    outer()
    assert kept.said("outer")["derived"] == [["out", kept.id_of("model"), "digest"]]


def test_a_step_that_is_given_a_stream_used_it(plug, kept):
    @traced_model_call("model")
    def model():
        yield from WORDS

    @traced_transform("shout")
    def shout(words):
        for word in words:
            yield word.upper()

    @traced_output("outer")
    def outer():
        return "".join(shout(model()))

    outer()
    assert kept.said("shout")["used"] == [[kept.id_of("model"), "identity"]]


def test_items_that_a_source_streams_are_known_where_they_go(plug, kept):
    @traced_source("shelf", type="file")
    def shelf():
        for n in range(3):
            yield LONG + str(n)

    @traced_transform("pick")
    def pick(items):
        return [items[1]]

    @traced_output("outer")
    def outer():
        return pick(list(shelf()))[0]

    outer()
    elements = [each for each in kept.said("shelf")["entities"] if each["role"] == "element"]
    assert [each["of"] for each in elements] == [0, 0, 0]
    assert kept.said("outer")["derived"] == [["out", kept.id_of("shelf", 2), "identity"]]


def test_with_each_every_item_of_a_stream_is_a_source(plug, kept):
    @traced_source("shelf", type="file", each=True, location=lambda item: f"shelf/{item[-1]}")
    def shelf():
        for n in range(2):
            yield LONG + str(n)

    @traced_output("outer")
    def outer():
        return list(shelf())

    outer()
    said = kept.said("shelf")
    assert [item["location"] for item in said["items"]] == ["shelf/0", "shelf/1"]
    assert said["each"] is True
    assert [each["role"] for each in said["entities"]] == ["result", "result"]


def test_a_rule_that_wants_the_result_gets_what_the_generator_returned(plug, kept):
    @traced_output("answer", version=lambda result: result["version"])
    def versioned():
        yield "x"
        return {"version": "7"}

    list(versioned())
    assert kept.said("answer")["declared"]["version"] == "7"


def test_captured_content_of_a_stream_is_what_was_delivered(plug, kept):
    plug(capture_content="full")
    list(answer())

    (facts,) = kept.facts[-1]["spans"].values()
    assert (0, "text/plain", b"the first words of an answer") in facts["content"]


# -- stream objects


@traced_model_call("model")
def create(chunks=WORDS):
    return Chunks(chunks)


def test_a_stream_object_stays_what_it_is_and_is_traced_to_its_end(plug, kept):
    stream = create()

    assert isinstance(stream, Chunks)
    assert stream.response == "what else it carries"
    assert not kept.spans
    assert list(stream) == WORDS
    assert kept.said("model")["stream"]["chunks"] == 3
    assert kept.said("model")["status"] == "completed"


def test_a_stream_object_in_a_with_block_is_closed_early_when_the_block_is_left(plug, kept):
    with create() as stream:
        assert isinstance(stream, Stream)
        assert next(stream) == WORDS[0]
    assert stream.closed
    assert kept.said("model")["status"] == "closed_early"


def test_a_with_block_of_a_stream_object_that_raises_fails(plug, kept):
    with pytest.raises(KeyError), create() as stream:
        raise KeyError(next(stream))
    assert kept.said("model")["error"] == "builtins.KeyError"


async def test_async_stream_objects_are_streams_too(plug, kept):
    @traced_model_call("model")
    async def create_later():
        return AsyncChunks(WORDS)

    async with await create_later() as stream:
        assert [word async for word in stream] == WORDS
    assert kept.said("model")["status"] == "completed"


def test_files_and_cursors_are_no_streams(plug, kept, tmp_path):
    import sqlite3

    path = tmp_path / "x"
    path.write_text("a\nb\n")

    @traced_source("file")
    def opened():
        return path.open()

    @traced_source("rows")
    def rows(connection):
        return connection.execute("SELECT 1")

    with opened() as file:
        assert not isinstance(file, Stream)
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        assert type(rows(connection)) is sqlite3.Cursor


# -- the gate


class Chunkwise(AlwaysProceed):
    always_proceeds = False

    def __init__(self, answer):
        self.answer = answer
        self.seen = []

    def on_chunk(self, subject):
        self.seen.append((subject.stage, subject.value))
        return self.answer(subject.value)

    async def aon_chunk(self, subject):
        return self.on_chunk(subject)

    def after_seal(self, record_id):
        self.seen.append(("sealed", record_id))

    async def aafter_seal(self, record_id):
        self.after_seal(record_id)

    def before_model(self, subject):
        return Replace((("changed",), {}))

    async def abefore_model(self, subject):
        return self.before_model(subject)


def blocks_the_second(chunk):
    return Block(("not that",)) if chunk == WORDS[1] else Replace(chunk.upper())


def test_a_blocked_stream_stops_before_the_chunk_leaves(plug, kept):
    gate = Chunkwise(blocks_the_second)
    plug(gate)
    stream = answer()

    assert next(stream) == WORDS[0].upper()
    with pytest.raises(OutputBlocked):
        next(stream)
    assert gate.seen == [("chunk", WORDS[0]), ("chunk", WORDS[1])]
    assert delivered(kept) == ("blocked", 1, whole(WORDS[0].upper()))
    assert list(stream) == []


async def test_a_blocked_async_stream_stops_as_well(plug, kept):
    plug(Chunkwise(blocks_the_second))
    stream = answer_later()

    assert await anext(stream) == WORDS[0].upper()
    with pytest.raises(OutputBlocked):
        await anext(stream)
    assert delivered(kept)[:2] == ("blocked", 1)


async def test_the_gate_is_told_when_a_stream_is_sealed(plug, kept):
    gate = Chunkwise(Replace)
    plug(gate)
    list(answer(["one"]))
    assert [word async for word in answer_later(["one"])] == ["one"]

    keys = [f"rec_{span.context.trace_id:032x}-{span.context.span_id:016x}" for span in kept.spans]
    assert gate.seen == [("chunk", "one"), ("sealed", keys[0]), ("chunk", "one"), ("sealed", keys[1])]


async def test_a_model_that_streams_is_called_with_what_the_gate_lets_through(plug, kept):
    plug(Chunkwise(Replace))

    @traced_model_call("model")
    def model(prompt):
        yield prompt

    @traced_model_call("model")
    async def model_later(prompt):
        yield prompt

    assert list(model("given")) == ["changed"]
    assert [each async for each in model_later("given")] == ["changed"]


# -- host safety


def test_a_fault_of_ours_in_a_stream_changes_nothing_for_its_reader(plug, kept, monkeypatch, caplog):
    def broken(*_):
        raise RuntimeError("ours")

    monkeypatch.setattr("provsdk.capture._prefix.Prefix.add", broken)
    assert list(answer()) == WORDS
    assert "capture_failed" in str(kept.said("answer")["missing"])
    assert "ours" not in caplog.text


def test_a_stream_that_cannot_be_begun_is_just_read(plug, kept, monkeypatch):
    def broken(*_):
        raise RuntimeError("ours")

    monkeypatch.setattr("provsdk.capture._plan.Plan.open", broken)
    assert list(answer()) == WORDS
    assert not kept.facts


def wait_for(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_thread_for_abandoned_streams_ends_when_none_is_open_and_is_there_again_for_the_next(plug, kept):
    def running():
        return [thread for thread in threading.enumerate() if thread.name == "provsdk-streams"]

    for _ in range(2):
        stream = answer()
        next(stream)
        assert len(running()) == 1
        stream.close()
        del stream
        gc.collect()
        wait_for(lambda: not running())


def test_a_word_to_the_thread_before_does_not_end_the_next_one(plug, kept):
    """A fork tells the thread to rest, and it may have seen by itself that it is not wanted."""
    _abandoned.rest()
    _abandoned._watch._bell.put(False)
    stream = answer()
    next(stream)
    wait_for(_abandoned._watch._bell.empty)
    del stream
    gc.collect()

    wait_for(lambda: kept.facts)
    assert delivered(kept) == ("abandoned", 1, whole(WORDS[0]))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_for_abandoned_streams_that_an_interrupt_ended_is_followed_by_another(plug, kept):

    class Interrupted:
        ports, asked = None, 0

        def abandoned(self):
            self.asked += 1
            if self.asked == 1:
                raise SystemExit

    one, other = Interrupted(), Interrupted()
    other.asked = 1
    _abandoned.watch(one)
    _abandoned.abandon(one)
    wait_for(lambda: one.asked == 1 and _abandoned._watch._thread is None)
    _abandoned.watch(other)
    _abandoned.abandon(other)

    wait_for(lambda: other.asked == 2)
    assert (one.asked, other.asked) == (2, 2)
    assert not _abandoned._watch.left


def test_no_thread_for_abandoned_streams_runs_at_a_fork(plug, kept):
    stream = answer()
    next(stream)
    _abandoned.rest()
    assert not any(thread.name == "provsdk-streams" for thread in threading.enumerate())
    _abandoned.go_on()
    del stream
    gc.collect()
    wait_for(lambda: kept.facts)


def test_a_stream_that_may_have_been_read_past_us_claims_no_digest(plug, kept):
    class Helpful(Chunks):
        def until_done(self):
            list(self.chunks)

    @traced_model_call("model")
    def helped():
        return Helpful(WORDS)

    with traced_output("outer"):
        stream = helped()
        next(stream)
        stream.until_done()
        stream.close()

    said = kept.said("model")
    assert said["stream"]["chunks"] == 1
    assert ["value_not_digestible", "stream: it may have been read by a method of its own"] in said["missing"]
    assert "join" not in said["entities"][0]


# -- what others see of it


def test_a_clients_stream_of_which_nothing_could_be_read_says_so(plug, kept):
    def missing_of(**facts):
        @traced_model_call("model", **facts)
        def client():
            return Chunks(WORDS)

        with traced_output("outer"):
            list(client())
        return kept.said("model").get("missing", [])

    assert missing_of() == [["response_unread", "stream"]]
    kept.spans.clear()
    assert missing_of(output_tokens=7) == []


def test_a_clients_stream_that_is_dropped_is_gone_at_once_as_without_us(plug, kept):
    @traced_model_call("model")
    def client():
        return Chunks(WORDS)

    stream = client()
    next(stream)
    held = weakref.ref(stream.__wrapped__)
    del stream

    assert held() is None


def test_a_clients_stream_of_a_class_without_weak_references_is_traced(plug, kept):
    class Slotted:
        __slots__ = ("chunks",)

        def __init__(self):
            self.chunks = iter(WORDS)

        def __iter__(self):
            return self

        def __next__(self):
            return next(self.chunks)

        def close(self):
            pass

    assert list(traced_model_call("model")(lambda: Slotted())()) == WORDS  # noqa: PLW0108 a class would have its methods traced
    assert kept.said("model")["stream"]["chunks"] == 3


def test_a_generator_that_streams_a_models_text_is_asked_for_nothing_more(plug, kept):
    @traced_model_call("model")
    def model():
        yield from WORDS

    with traced_output("outer"):
        list(model())

    assert "missing" not in kept.said("model")


def test_a_traced_stream_is_of_no_more_kinds_than_the_stream():
    @traced_output("answer")
    async def asynchronous():
        yield "x"

    kinds = (collections.abc.Iterable, collections.abc.Sized, contextlib.AbstractContextManager)
    one = asynchronous()
    assert not any(isinstance(one, kind) for kind in kinds)
    assert isinstance(one, collections.abc.AsyncGenerator)
    assert not hasattr(one, "close")
    other = answer()
    assert isinstance(other, collections.abc.Generator)
    assert not any(isinstance(other, kind) for kind in kinds[1:])
    assert not hasattr(other, "aclose")
    with pytest.raises(TypeError):
        iter(one)


def test_a_close_that_is_refused_ends_nothing(plug, kept):
    entered, go = threading.Event(), threading.Event()

    @traced_output("answer")
    def slow():
        yield "one"
        entered.set()
        go.wait(10)
        yield "two"

    stream = slow()
    reader = threading.Thread(target=lambda: list(stream))
    reader.start()
    entered.wait(10)
    with pytest.raises(ValueError, match="already executing"):
        stream.close()
    go.set()
    reader.join()
    assert delivered(kept) == ("completed", 2, whole("one", "two"))


class Either:
    """A client's stream that is read in either way."""

    def __init__(self, chunks):
        self.chunks = iter(chunks)

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.chunks)

    def __aiter__(self):
        return self

    async def __anext__(self):
        try:
            return next(self.chunks)
        except StopIteration:
            raise StopAsyncIteration from None

    def close(self):
        pass

    async def aclose(self):
        pass


class EitherClosedLater(Either):
    async def close(self):
        pass


@pytest.fixture
def either():
    return traced_output("answer")(lambda kind: kind(WORDS))


@pytest.mark.parametrize("kind", [Either, EitherClosedLater])
@pytest.mark.parametrize("way", ["for", "async for"])
async def test_a_stream_that_may_be_read_in_either_way_is(plug, kept, either, kind, way):
    stream = either(kind)
    assert isinstance(stream, collections.abc.Iterator)
    assert isinstance(stream, collections.abc.AsyncIterator)

    assert (list(stream) if way == "for" else [chunk async for chunk in stream]) == WORDS
    assert delivered(kept) == ("completed", 3, whole(*WORDS))


async def test_one_with_a_plain_close_is_closed_at_once(plug, kept, either):
    stream = either(Either)
    next(stream)
    stream.close()
    assert delivered(kept) == ("closed_early", 1, whole(WORDS[0]))


@pytest.mark.parametrize("close", ["close", "aclose"])
async def test_one_with_an_async_close_is_closed_when_that_was_awaited(plug, kept, either, close):
    stream = either(EitherClosedLater)
    await anext(stream)
    await getattr(stream, close)()
    assert delivered(kept) == ("closed_early", 1, whole(WORDS[0]))


class Resumable:
    """A client's stream, whose steps may be interrupted and tried again."""

    def __init__(self, chunks):
        self.chunks = list(chunks)

    def __aiter__(self):
        return self

    async def __anext__(self):
        if not self.chunks:
            raise StopAsyncIteration
        if self.chunks[0] is None:
            self.chunks.pop(0)
            await asyncio.sleep(30)
        return self.chunks.pop(0)

    async def close(self):
        pass


async def test_a_clients_stream_goes_on_after_an_interrupt(plug, kept):
    @traced_output("answer")
    def ask():
        return Resumable(["one ", None, "two ", "three"])

    stream, got = ask(), []
    got.append(await anext(stream))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(stream), 0.01)
    assert not kept.facts
    got += [chunk async for chunk in stream]

    assert delivered(kept) == ("completed", 3, whole(*got))


async def test_one_that_was_read_on_and_outlives_its_output_is_not_ended_with_it(plug, kept):
    @traced_model_call("model")
    def ask():
        return Resumable(["one ", None, "two ", "three"])

    @traced_output("answer")
    async def answering():
        stream = ask()
        await anext(stream)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(stream), 0.01)
        await anext(stream)
        left.append(stream)

    left = []
    await answering()
    assert kept.facts
    assert [chunk async for chunk in left.pop()] == ["three"]
    assert (kept.said("model")["status"], kept.said("model")["stream"]["chunks"]) == ("completed", 3)
    assert kept.late_facts


async def test_one_that_nobody_reads_on_was_cancelled(plug, kept):
    @traced_model_call("model")
    def ask():
        return Resumable(["one ", None])

    @traced_output("answer")
    async def answering():
        stream = ask()
        await anext(stream)
        await anext(stream)

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(answering(), 0.05)
    said = kept.said("model")
    assert (said["status"], said["stream"]["chunks"]) == ("cancelled", 1)
    assert kept.missing() == []


def test_what_its_reader_makes_current_between_steps_is_current_in_the_next_one(plug, kept):
    def looking(seen):
        with trace.use_span(OWN):
            yield "x"
            seen.append((otel_context.get_value("theirs"), span_now()))
            yield "y"

    def read(make):
        seen = []
        stream = make(seen)
        next(stream)
        token = otel_context.attach(otel_context.set_value("theirs", 1))
        with trace.use_span(READERS):
            next(stream)
        otel_context.detach(token)
        stream.close()
        return seen

    without = contextvars.Context().run(read, looking)
    assert contextvars.Context().run(read, traced_output("answer")(looking)) == without == [(1, 3)]


def test_a_block_of_ours_that_ends_in_a_later_step_leaves_its_readers_context_alone(plug, kept):
    @traced_output("answer")
    def looking():
        with traced_transform("step"):
            yield "x"
        yield "y"

    def read():
        stream = looking()
        next(stream)
        otel_context.attach(otel_context.set_value("theirs", 1))
        next(stream)
        return otel_context.get_value("theirs"), _otel.current_activity()

    assert contextvars.Context().run(read) == (1, None)


def test_a_span_of_the_users_around_a_block_of_ours_is_its_readers_too(plug, kept):
    @traced_output("answer")
    def looking():
        with trace.use_span(OWN), traced_transform("step"):
            yield "x"

    def read():
        stream = looking()
        next(stream)
        seen = span_now(), _otel.current_activity()
        stream.close()
        return seen, span_now(), _otel.current_activity()

    assert contextvars.Context().run(read) == ((2, None), 0, None)


async def test_a_step_that_another_task_made_leaves_nothing_current_in_the_next_one(plug, kept):
    @traced_output("answer")
    async def looking():
        with traced_transform("step"):
            yield "x"
        yield "y"

    stream = looking()
    await asyncio.create_task(anext(stream))
    await anext(stream)
    assert (span_now(), _otel.current_activity()) == (0, None)
    await stream.aclose()


def test_an_interrupt_that_comes_as_a_step_becomes_current_leaves_nothing_so(plug, kept, monkeypatch):
    """It comes within OpenTelemetry, when the context is attached and nobody knows its token."""

    @traced_output("words")
    def words():
        yield from WORDS

    def attached_and_interrupted(context):
        attach(context)
        raise KeyboardInterrupt

    attach, stream, before = _otel.attach_context, words(), _otel.current_context()
    next(stream)
    monkeypatch.setattr(_otel, "attach_context", attached_and_interrupted)
    with pytest.raises(KeyboardInterrupt):
        next(stream)
    monkeypatch.undo()
    assert _otel.current_activity() is None
    assert _otel.current_context() == before


class ClosedAtOnce(AsyncChunks):
    """As clients whose `close` is not awaited."""

    def close(self, code=0, *, reason=None):
        self.closed = code, reason
        return code


async def test_an_async_stream_that_is_closed_without_being_awaited_is_closed_then(plug, kept):
    stream = traced_model_call("model")(lambda: ClosedAtOnce(WORDS))()
    assert await anext(stream) == WORDS[0]

    assert stream.close(3, reason="enough") == 3
    assert stream.closed == (3, "enough")
    assert kept.said("model")["status"] == "closed_early"


class ClosedLater(AsyncChunks):
    """As clients whose plain `close` hands back what is to be awaited."""

    def close(self):
        return super().close()


async def test_a_close_that_answers_what_is_to_be_awaited_ends_the_stream_when_it_is(plug, kept):
    stream = traced_model_call("model")(lambda: ClosedLater(WORDS))()
    await anext(stream)
    closing = stream.close()
    assert not kept.spans

    await closing
    assert kept.said("model")["status"] == "closed_early"


class Called(Chunks):
    """With what iterators may have beside."""

    def close(self, code=0, *, reason=None):
        self.closed = code, reason
        return code

    def __call__(self, more):
        return more

    def __repr__(self):
        return "<as it says itself>"


def test_a_stream_object_is_no_generator_and_takes_what_its_own_methods_take(plug, kept):
    stream = traced_model_call("model")(lambda: Called(WORDS))()

    assert not isinstance(stream, collections.abc.Generator)
    assert isinstance(stream, collections.abc.Iterator)
    assert not hasattr(stream, "send")
    assert (stream(3), repr(stream)) == (3, "<as it says itself>")
    assert stream.close(2, reason="enough") == 2
    assert stream.closed == (2, "enough")


def test_a_generator_is_one(plug, kept):
    stream = answer()

    assert isinstance(stream, collections.abc.Generator)
    assert isinstance(answer_later(), collections.abc.AsyncGenerator)
    assert repr(stream) == repr(stream.__wrapped__)


class AnswersAnything(type):
    def __getattr__(cls, name):
        return lambda *given, **named: None


class Odd(metaclass=AnswersAnything):
    """Its class seems to have every method."""


def test_a_value_whose_metaclass_answers_anything_is_what_it_is(plug, kept):
    value = Odd()

    assert traced_output("odd")(lambda given: given)(value) is value
    assert kept.said("odd")["status"] == "completed"


@pytest.mark.parametrize("way", ["stream", "awaited"])
def test_what_a_generator_held_is_let_go_when_an_error_that_was_thrown_in_is_over(plug, kept, way):
    log = []

    @traced_transform("inner")
    def inner():
        try:
            yield 1
        finally:
            log.append("closed")

    def outer():
        held = inner()
        yield next(held)

    def wrapper():
        return types.coroutine(outer)()

    made = traced_output("outer")(outer if way == "stream" else wrapper)()
    made.send(None)
    gc.collect()
    gc.disable()
    try:
        with contextlib.suppress(ValueError):
            made.throw(ValueError())
        assert log == ["closed"]
    finally:
        gc.enable()
